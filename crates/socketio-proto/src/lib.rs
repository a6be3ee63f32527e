//! Engine.IO 4 and Socket.IO 5 as pure code: bytes and time in, packets and deadlines out.
//!
//! There is no input or output here, no clock and no runtime; the `socketio` crate drives it. [`engine`] is the session
//! below, [`socket`] the packets and namespaces above it, [`websocket`] the frames that one of the transports uses.
//! Nothing a peer sends can make it panic, and every decoder takes time linear in its input.

pub mod engine;
pub mod socket;
pub mod websocket;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
