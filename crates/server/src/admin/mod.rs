//! What an admin does to other people's accounts: approve, role, name, address, password, disable, delete.
//!
//! Each change is a function on a transaction, so the command line does exactly the same. One rule stands over all: an
//! admin who can sign in always remains.

pub mod actions;
pub mod http;
