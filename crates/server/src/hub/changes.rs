//! Where in the log the rights of people changed last, as far as the hub has applied it: rooms that were read before such
//! a change must be asked for again. A change between the question and the entering met the socket outside.
//!
//! Bounded: people share buckets, and whoever shares one is asked for once more than needed.

use std::hash::{DefaultHasher, Hash, Hasher};
use store::Effect;
use wire::UserId;

const BUCKETS: usize = 1_024;

/// The newest place by bucket, and of what concerns everybody.
pub struct Changes {
    buckets: Vec<i64>,
    all: i64,
}

impl Default for Changes {
    fn default() -> Changes {
        Changes {
            buckets: vec![0; BUCKETS],
            all: 0,
        }
    }
}

impl Changes {
    /// An effect is applied at this place.
    pub fn note(&mut self, effect: &Effect, pos: i64) {
        let place = match effect {
            Effect::Join { user_id, .. }
            | Effect::Leave { user_id, .. }
            | Effect::EndUser { user_id }
            | Effect::RenewUser { user_id } => self.bucket(user_id.as_str()),
            Effect::EndSession { session_id } => self.bucket(session_id),
            Effect::JoinAll { .. } | Effect::Empty { .. } => &mut self.all,
        };
        *place = pos;
    }

    /// Everything up to this place concerns everybody.
    pub fn of_all(&mut self, pos: i64) {
        self.all = pos;
    }

    /// The newest place at which the rights of a person or a session may have changed.
    pub fn newest(&self, user_id: &UserId, session_id: &str) -> i64 {
        let of = |name: &str| self.buckets[index(name)];
        self.all.max(of(user_id.as_str())).max(of(session_id))
    }

    fn bucket(&mut self, name: &str) -> &mut i64 {
        &mut self.buckets[index(name)]
    }
}

fn index(name: &str) -> usize {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    usize::try_from(hasher.finish() % BUCKETS as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::Room;

    #[test]
    fn a_change_concerns_its_person_its_session_or_everybody() {
        let mut changes = Changes::default();
        let (ada, bob) = (UserId::from("ada"), UserId::from("bob"));
        let leave = |user_id: &UserId| Effect::Leave {
            user_id: user_id.clone(),
            room: Room::Everyone,
        };
        changes.note(&leave(&ada), 5);
        assert_eq!(changes.newest(&ada, "s1"), 5);
        assert_eq!(changes.newest(&bob, "s2"), 0);
        let session_id = "s2".to_owned();
        changes.note(&Effect::EndSession { session_id }, 6);
        assert_eq!(changes.newest(&bob, "s2"), 6);
        let room = Room::Everyone;
        changes.note(&Effect::Empty { room }, 7);
        assert_eq!(changes.newest(&ada, "s1"), 7);
    }
}
