//! The door for what is not numbered: states, signals and pieces. Numbered events leave through the hub alone.

use crate::live;
use socketio::{Class, Frame, Namespace};
use std::hash::{DefaultHasher, Hash, Hasher};
use wire::Room;
use wire::events::ServerEvent;

/// States in one frame.
const STATES_PER_FRAME: usize = 64;

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

    /// A current value: the newest per key wins on a slow connection. Sockets that are behind in the room get it too:
    /// it has a version, and no place among the events.
    pub fn state(&self, room: &Room, key: impl Hash, event: &ServerEvent) {
        self.send(
            &live::crowd_of(room),
            Class::Keyed(key_of(event, key)),
            event,
        );
    }

    /// Many current values: they leave in a few frames, in this order.
    pub fn states<K: Hash>(&self, room: &Room, states: Vec<(K, ServerEvent)>) {
        if let [(key, event)] = states.as_slice() {
            return self.state(room, key, event);
        }
        for states in states.chunks(STATES_PER_FRAME) {
            let frames = states.iter().filter_map(|(_, event)| encode(event));
            if let (Some(frame), Some((_, event))) = (Frame::bundle(frames), states.first()) {
                // Of the same keys, so that only newer values of all of them take its place.
                let keys: Vec<&K> = states.iter().map(|(key, _)| key).collect();
                let class = Class::Keyed(key_of(event, keys));
                self.deliver(&live::crowd_of(room), class, event, &frame);
            }
        }
    }

    /// Something with a short life, like typing: dropped on a slow connection.
    pub fn signal(&self, room: &Room, event: &ServerEvent) {
        self.send(&room.to_string(), Class::Droppable, event);
    }

    /// A part of a streaming answer: never dropped singly.
    pub fn piece(&self, room: &Room, event: &ServerEvent) {
        self.send(&room.to_string(), Class::Reliable, event);
    }

    fn send(&self, room: &str, class: Class, event: &ServerEvent) {
        if let Some(frame) = encode(event) {
            self.deliver(room, class, event, &frame);
        }
    }

    fn deliver(&self, room: &str, class: Class, event: &ServerEvent, frame: &Frame) {
        let flags = if event.is_in_contract() {
            0
        } else {
            live::OPTED_IN
        };
        self.io.to(room).with_flags(flags).class(class).send(frame);
    }
}

fn key_of(event: &ServerEvent, key: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    (event.name(), key).hash(&mut hasher);
    hasher.finish()
}

fn encode(event: &ServerEvent) -> Option<Frame> {
    Frame::event("/", event.name(), event)
        .inspect_err(|error| {
            tracing::error!(event = event.name(), %error, "an event could not be encoded");
        })
        .ok()
}
