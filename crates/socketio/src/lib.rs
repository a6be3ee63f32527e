//! A Socket.IO server over axum and hyper: long polling, WebSocket, upgrade, rooms, acks and back-pressure.
//!
//! Start at [`Server`]; a client in a namespace is a [`Socket`]; sending to many is a [`Broadcast`]. What may come in
//! which order is decided in the `socketio-proto` crate, which does no input or output; this crate drives it.

mod broadcast;
mod config;
mod error;
mod event;
mod frame;
mod namespace;
mod reason;
mod server;
mod socket;

pub use broadcast::{Broadcast, Operator};
pub use config::{Config, Cors, Dialect, Limits};
pub use error::{AckError, ArgError, ConnectError};
pub use event::{Ack, AckReply, Args, Event};
pub use frame::{Class, Frame};
pub use namespace::{Full, Namespace};
pub use reason::DisconnectReason;
pub use server::Server;
pub use socket::{Handshake, Sid, Socket};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
