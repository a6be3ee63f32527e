//! The vocabulary of Tidings: ids, rooms, every event in both directions, HTTP bodies.
//!
//! Only types. Nothing here reads a clock, a socket or a database, and no rule is decided here. The schemas derived
//! from these types make `docs/openapi.json`, `docs/asyncapi.json` and the TypeScript types, so the front end cannot
//! drift. Field names and units are those of the protocol we are compatible with; see `docs/compatibility.md`.

pub mod channels;
pub mod chats;
pub mod commands;
pub mod errors;
pub mod events;
mod ids;
pub mod memory;
pub mod messages;
pub mod people;
mod room;

pub use ids::{ChannelId, ChatId, MessageId, TaskId, UserId};
pub use room::Room;

/// Nanoseconds since the Unix epoch, as the contract's channels and messages count time.
///
/// A stored millisecond times 10^6, plus at most 999,999 so that times of one channel strictly increase.
pub type TimestampNs = i64;

/// Seconds since the Unix epoch, as the contract's users, chats and tasks count time.
pub type TimestampS = i64;
