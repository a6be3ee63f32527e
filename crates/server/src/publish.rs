//! The door for what is not numbered: states, signals and pieces. Numbered events leave through the hub alone.

use crate::live;
use socketio::{Class, Frame, Namespace};
use std::hash::{DefaultHasher, Hash, Hasher};
use wire::Room;
use wire::events::ServerEvent;

/// Sends unnumbered events to the sockets of a room.
#[derive(Clone)]
pub struct Publish {
    io: Namespace,
}

impl Publish {
    /// Publishes on a namespace.
    #[must_use]
    pub fn new(io: Namespace) -> Publish {
        Publish { io }
    }

    /// A current value: the newest per key wins on a slow connection.
    pub fn state(&self, room: &Room, key: impl Hash, event: &ServerEvent) {
        let mut hasher = DefaultHasher::new();
        (event.name(), key).hash(&mut hasher);
        self.send(room, Class::Keyed(hasher.finish()), event);
    }

    /// Something with a short life, like typing: dropped on a slow connection.
    pub fn signal(&self, room: &Room, event: &ServerEvent) {
        self.send(room, Class::Droppable, event);
    }

    /// A part of a streaming answer: never dropped singly.
    pub fn piece(&self, room: &Room, event: &ServerEvent) {
        self.send(room, Class::Reliable, event);
    }

    fn send(&self, room: &Room, class: Class, event: &ServerEvent) {
        let flags = if event.is_in_contract() {
            0
        } else {
            live::OPTED_IN
        };
        match Frame::event("/", event.name(), event) {
            Ok(frame) => {
                self.io
                    .to(&room.to_string())
                    .with_flags(flags)
                    .class(class)
                    .send(&frame);
            }
            Err(error) => {
                tracing::error!(event = event.name(), %error, "an event could not be encoded")
            }
        }
    }
}
