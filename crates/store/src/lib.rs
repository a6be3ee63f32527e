//! Tidings' database: migrations, SQL and the event log. The only crate that knows SQL.
//!
//! [`Store::write`] runs a job on the one *lane*: jobs are grouped into commits, their events are numbered as the last
//! step, and only then handed on and answered ([`Tx::emit`] is the only way to make an event). [`Store::read`] runs on
//! a few reading connections. Resources are modules of plain functions: they read through a [`Conn`] and write through
//! a [`Tx`]; their SQL stands in `sql/<resource>/*.sql`, one text for every database. Not here: who may do what.

#![warn(missing_docs)]

pub mod channels;
pub mod chats;
mod checkpoint;
mod columns;
pub mod commands;
mod conn;
mod error;
#[cfg(feature = "faults")]
pub mod fault;
mod lane;
pub mod log;
pub mod members;
pub mod memory;
pub mod messages;
mod migrations;
mod open;
mod readers;
pub mod retention;
pub mod sessions;
pub mod settings;
mod store;
pub mod tokens;
mod tx;
pub mod users;

pub use conn::Conn;
pub use error::{Error, OpenError};
pub use log::{Committed, Effect, Event, What};
pub use open::{Options, Synchronous};
pub use store::{Clock, Store, system_clock};
pub use tx::{MAX_PAYLOAD_BYTES, MAX_ROOMS_PER_JOB, Tx};

/// A new random id (UUID version 4, lower case with hyphens), for people, channels, messages and chats.
pub fn new_id() -> String {
    uuid::Uuid::new_v4().to_string()
}
