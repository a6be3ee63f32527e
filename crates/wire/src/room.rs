//! Rooms: who hears what. The only place where a room's name is spelled.

use crate::{ChannelId, UserId};
use std::fmt;

/// A set of sockets that hear the same events. Its `Display` is the name on the wire and in the log.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Room {
    /// Every socket of a person who may use the workspace: presence, people.
    Everyone,
    /// Every tab and device of one person: badges, read markers, progress of answers.
    User(UserId),
    /// Everyone who may read a channel, a group or a direct conversation.
    Channel(ChannelId),
}

impl fmt::Display for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Room::Everyone => f.write_str("everyone"),
            Room::User(id) => write!(f, "user:{id}"),
            Room::Channel(id) => write!(f, "channel:{id}"),
        }
    }
}

impl Room {
    /// The room that has this name, if any.
    #[must_use]
    pub fn parse(name: &str) -> Option<Room> {
        if name == "everyone" {
            return Some(Room::Everyone);
        }
        let (kind, id) = name.split_once(':')?;
        match (kind, id.is_empty()) {
            ("user", false) => Some(Room::User(id.into())),
            ("channel", false) => Some(Room::Channel(id.into())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_as_the_room_it_names() {
        for room in [
            Room::Everyone,
            Room::User("u1".into()),
            Room::Channel("c:1".into()),
        ] {
            assert_eq!(Room::parse(&room.to_string()), Some(room));
        }
        for name in ["", "user:", "channel", "doc_x", "everyone:else"] {
            assert_eq!(Room::parse(name), None, "{name}");
        }
    }
}
