//! Which rooms are a person's, and up to where in the log that is known.
//!
//! The rooms of a socket are read from the database and entered in a step of the hub. A change of rights that is
//! delivered in between would find the socket in no room yet, so a step enters only if nothing about the person was
//! delivered since the place that was read; else the rooms are asked for again.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use store::Effect;
use wire::{Room, UserId};

/// How many newest changes are remembered: people share them by hash, and are asked once too often for it.
const SLOTS: usize = 1024;

/// The rooms of the log that are a person's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    /// Which.
    pub rooms: HashSet<Room>,
    /// The place in the log that they were read at.
    pub as_of: i64,
}

/// Where in the log rights changed last.
pub(super) struct Changes {
    of_people: Vec<i64>,
    of_all: i64,
}

impl Changes {
    /// Nothing was delivered yet.
    pub(super) fn new() -> Changes {
        Changes {
            of_people: vec![0; SLOTS],
            of_all: 0,
        }
    }

    /// An effect is applied at this place.
    pub(super) fn note(&mut self, effect: &Effect, pos: i64) {
        match effect {
            Effect::Join { user_id, .. } | Effect::Leave { user_id, .. } => {
                self.of_people[slot(user_id)] = pos;
            }
            Effect::JoinAll { .. } | Effect::Empty { .. } => self.of_all = pos,
            // These reach every socket of the person, in rooms or not.
            Effect::EndSession { .. } | Effect::EndUser { .. } | Effect::RenewUser { .. } => {}
        }
    }

    /// Whether what was read of a person may have changed by what was delivered since.
    pub(super) fn have_come_since(&self, user_id: &UserId, as_of: i64) -> bool {
        self.of_all.max(self.of_people[slot(user_id)]) > as_of
    }
}

fn slot(user_id: &UserId) -> usize {
    let mut hasher = DefaultHasher::new();
    user_id.hash(&mut hasher);
    usize::try_from(hasher.finish() % SLOTS as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_read_again() {
        let mut changes = Changes::new();
        let (ada, bob) = (UserId::from("ada"), UserId::from("bob"));
        let room = Room::Channel("c".into());
        let leave = Effect::Leave {
            user_id: ada.clone(),
            room: room.clone(),
        };
        changes.note(&leave, 7);
        assert!(changes.have_come_since(&ada, 6));
        assert!(!changes.have_come_since(&ada, 7));
        assert!(!changes.have_come_since(&bob, 6));
        changes.note(&Effect::Empty { room }, 9);
        assert!(changes.have_come_since(&bob, 8));
    }
}
