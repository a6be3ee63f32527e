//! Memory blocks and proposals: an agent proposes a new text, a person decides. Every change of state is one
//! transaction with its event, and every count in an event is absolute.

mod actions;
pub mod http;
