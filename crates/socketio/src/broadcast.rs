//! Sending to many sockets, and acting on all sockets of a room.

use serde::Serialize;

use crate::{Class, Frame, Namespace, Sid, Socket};

/// An event on its way to many sockets: choose whom, then [`emit`](Broadcast::emit) or [`send`](Broadcast::send).
#[derive(Debug, Clone)]
#[must_use = "a broadcast does nothing until it is emitted"]
pub struct Broadcast {
    namespace: Namespace,
    class: Class,
}

impl Broadcast {
    pub(crate) fn new(namespace: Namespace) -> Broadcast {
        Broadcast {
            namespace,
            class: Class::Reliable,
        }
    }

    /// Also to the sockets in this room. A socket in several of the rooms gets the event once.
    pub fn to(self, _room: &str) -> Broadcast {
        self
    }

    /// Not to this socket: the one whose event caused the broadcast.
    pub fn except(self, _sid: &Sid) -> Broadcast {
        self
    }

    /// Not to the sockets in this room.
    pub fn except_room(self, _room: &str) -> Broadcast {
        self
    }

    /// Only to sockets that have all of these flag bits.
    pub fn with_flags(self, _mask: u32) -> Broadcast {
        self
    }

    /// What happens to it at a long queue; reliable if not said.
    pub fn class(mut self, class: Class) -> Broadcast {
        self.class = class;
        self
    }

    /// Sends an event with one argument. Answers the number of sockets it was queued for.
    pub fn emit(self, name: &str, arg: &(impl Serialize + ?Sized)) -> usize {
        match Frame::event(self.namespace.name(), name, arg) {
            Ok(frame) => self.send(&frame),
            Err(_) => 0,
        }
    }

    /// Sends a frame that is encoded already. Answers the number of sockets it was queued for.
    pub fn send(self, _frame: &Frame) -> usize {
        0
    }
}

/// All sockets of one room, to act on.
#[derive(Debug, Clone)]
#[must_use = "an operator does nothing until one of its methods is called"]
pub struct Operator {
    namespace: Namespace,
    room: Box<str>,
}

impl Operator {
    pub(crate) fn new(namespace: Namespace, room: &str) -> Operator {
        Operator {
            namespace,
            room: room.into(),
        }
    }

    /// The sockets in the room now.
    pub fn sockets(&self) -> Vec<Socket> {
        Vec::new()
    }

    /// How many sockets are in the room now.
    pub fn count(&self) -> usize {
        let _ = (&self.namespace, &self.room);
        0
    }

    /// Lets all of them enter another room.
    pub fn join(&self, _room: &str) {}

    /// Lets all of them leave a room.
    pub fn leave(&self, _room: &str) {}

    /// Disconnects all of them; see [`Socket::disconnect`].
    pub fn disconnect(&self, close: bool) {
        self.sockets()
            .iter()
            .for_each(|socket| socket.disconnect(close));
    }
}
