//! A namespace: its handlers, its sockets and its rooms. Handlers belong to the namespace, not to a socket, so an idle
//! socket owns no closure.

use std::future::Future;

use serde::Serialize;
use serde_json::Value;

use crate::{Broadcast, ConnectError, DisconnectReason, Event, Frame, Operator, Socket};

/// What [`Namespace::on_full`] decides about a reliable frame that meets a long queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// Queue it all the same; the hard limit still holds.
    Queue,
    /// Do not queue it: the owner sends it again after [`Namespace::on_drain`].
    Refuse,
    /// Close the connection, so that the client comes back.
    Close,
}

/// A namespace. A cheap handle: clone it freely.
#[derive(Debug, Clone)]
pub struct Namespace {
    name: Box<str>,
}

impl Namespace {
    pub(crate) fn new(name: &str) -> Namespace {
        Namespace { name: name.into() }
    }

    /// Its name, such as `/`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs for every client before its CONNECT is answered, with the client's `auth` value: it may join rooms, set
    /// data and emit (which goes out right after the answer), or refuse. Replaces an earlier one.
    pub fn on_connect<F, Fut>(&self, _handler: F) -> &Self
    where
        F: Fn(Socket, Option<Value>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), ConnectError>> + Send + 'static,
    {
        self
    }

    /// Runs for every event with this name. The events of one connection are handled one after the other, in order;
    /// acknowledgements and pongs are processed while a handler runs.
    pub fn on<F, Fut>(&self, _event: &str, _handler: F) -> &Self
    where
        F: Fn(Socket, Event) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self
    }

    /// Runs for every event that [`Namespace::on`] has no handler for.
    pub fn on_any<F, Fut>(&self, _handler: F) -> &Self
    where
        F: Fn(Socket, Event) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self
    }

    /// Runs when a socket that was connected is gone, after its last event was handled. Its rooms are left already;
    /// its data is still there.
    pub fn on_disconnect<F, Fut>(&self, _handler: F) -> &Self
    where
        F: Fn(Socket, DisconnectReason) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self
    }

    /// Called when a reliable frame would go behind
    /// [`Limits::queue_soft_bytes`](crate::Limits::queue_soft_bytes) of queue. Must not block, and must not send to the socket.
    pub fn on_full<F>(&self, _handler: F) -> &Self
    where
        F: Fn(&Socket, &Frame) -> Full + Send + Sync + 'static,
    {
        self
    }

    /// Called once when, after a refusal, the queue is short again
    /// ([`Limits::queue_low_bytes`](crate::Limits::queue_low_bytes)). Must not block; may send.
    pub fn on_drain<F>(&self, _handler: F) -> &Self
    where
        F: Fn(&Socket) + Send + Sync + 'static,
    {
        self
    }

    /// To the sockets in a room, or to the one socket with this id.
    pub fn to(&self, room: &str) -> Broadcast {
        Broadcast::new(self.clone()).to(room)
    }

    /// To every socket of the namespace; narrow it with [`Broadcast::except`] and the like.
    pub fn broadcast(&self) -> Broadcast {
        Broadcast::new(self.clone())
    }

    /// Sends an event to every socket of the namespace. Answers the number of sockets.
    pub fn emit(&self, name: &str, arg: &(impl Serialize + ?Sized)) -> usize {
        self.broadcast().emit(name, arg)
    }

    /// Acts on all sockets of a room.
    pub fn in_room(&self, room: &str) -> Operator {
        Operator::new(self.clone(), room)
    }

    /// The socket with this id, if it is connected here.
    pub fn socket(&self, _sid: &str) -> Option<Socket> {
        None
    }

    /// All sockets connected now.
    pub fn sockets(&self) -> Vec<Socket> {
        Vec::new()
    }

    /// How many sockets are connected now.
    pub fn count(&self) -> usize {
        0
    }
}
