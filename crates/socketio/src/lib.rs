//! A Socket.IO server over axum and hyper: long polling, WebSocket, upgrade, rooms, acks and back-pressure.
//!
//! Start at [`Server`]; a client in a namespace is a [`Socket`]; sending to many is a [`Broadcast`]. What may come in
//! which order is decided in the `socketio-proto` crate, which does no input or output; this crate drives it.
//! Inside: `http` is the door, `driver` the one task of a connection, `conn` what its senders share with it.

mod acks;
mod admission;
mod broadcast;
mod config;
mod conn;
mod cors;
mod dispatch;
mod driver;
mod engine;
mod error;
mod event;
mod flush;
mod forwarded;
mod frame;
mod handshake;
mod http;
mod namespace;
mod outgoing;
mod polling;
mod queue;
mod rate;
mod raw_websocket;
mod reason;
mod recovery;
mod rooms;
mod runtime;
mod server;
mod sid;
mod socket;
mod sync;
mod tables;
mod timed_stream;
mod upgrade;
mod websocket;
mod window;

pub use admission::network;
pub use broadcast::{Broadcast, Operator};
pub use config::{Compression, Config, Cors, Dialect, Limits};
pub use engine::{EngineMessage, EngineServer, EngineSocket};
pub use error::{AckError, ArgError, ConnectError};
pub use event::{Ack, AckReply, Args, Event};
pub use forwarded::Forwarded;
pub use frame::{Class, Frame};
pub use handshake::Handshake;
pub use namespace::{Full, Namespace};
pub use raw_websocket::{NotAWebSocket, RawWebSocket};
pub use reason::DisconnectReason;
pub use recovery::{RecoveryRequest, RecoveryWindow, Stamped};
pub use server::Server;
pub use sid::Sid;
pub use socket::Socket;
pub use timed_stream::TimedStream;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
