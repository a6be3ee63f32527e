//! The rooms that a socket is behind in, and how far it is in each. Most often it is one, of which a tree would take ten
//! times the memory.

use std::sync::Arc;

/// How far a socket is in a room.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// Number of the newest event it was given.
    pub cursor: i64,
    /// It was removed from the room: nothing above this number is its.
    pub until: Option<i64>,
    /// It was let in again after that.
    pub is_back: bool,
    /// The log does not reach back to the cursor any more: the client fetches anew.
    pub is_lost: bool,
}

impl Place {
    /// Behind from here.
    pub fn at(cursor: i64) -> Place {
        Place {
            cursor,
            until: None,
            is_back: false,
            is_lost: false,
        }
    }
}

/// Places by room, in the order of the rooms' names.
#[derive(Debug, Default)]
pub struct Places(Vec<(Arc<str>, Place)>);

impl Places {
    fn find(&self, room: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| (**other).cmp(room))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The room that is fed next.
    pub fn first(&self) -> Option<&(Arc<str>, Place)> {
        self.0.first()
    }

    pub fn get_mut(&mut self, room: &str) -> Option<&mut Place> {
        let at = self.find(room).ok()?;
        self.0.get_mut(at).map(|(_, place)| place)
    }

    /// Keeps the place of a room that is here already.
    pub fn insert(&mut self, room: Arc<str>, place: Place) {
        if let Err(at) = self.find(&room) {
            self.0.insert(at, (room, place));
        }
    }

    pub fn remove(&mut self, room: &str) {
        if let Ok(at) = self.find(room) {
            self.0.remove(at);
        }
    }

    pub fn rooms(&self) -> Vec<Arc<str>> {
        self.0.iter().map(|(room, _)| room.clone()).collect()
    }
}

impl IntoIterator for Places {
    type Item = (Arc<str>, Place);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<(Arc<str>, Place)> for Places {
    /// As [`Places::insert`] of each, without moving the others for it.
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Place)>>(places: I) -> Places {
        let mut places: Vec<_> = places.into_iter().collect();
        places.sort_by(|(one, _), (other, _)| one.cmp(other));
        places.dedup_by(|later, earlier| later.0 == earlier.0);
        Places(places)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_has_one_place_and_the_first_stays() {
        let place = |room: &str, cursor| (Arc::from(room), Place::at(cursor));
        let mut places = Places::from_iter([place("b", 1), place("c", 2), place("b", 3)]);
        places.insert("a".into(), Place::at(4));
        places.insert("c".into(), Place::at(5));
        assert_eq!(places.rooms(), ["a".into(), "b".into(), "c".into()]);
        assert_eq!(places.first().map(|(_, place)| place.cursor), Some(4));
        let cursor = |places: &mut Places, room: &str| places.get_mut(room).map(|at| at.cursor);
        assert_eq!(cursor(&mut places, "b"), Some(1));
        assert_eq!(cursor(&mut places, "c"), Some(2));
        places.remove("b");
        places.remove("d");
        assert_eq!(cursor(&mut places, "b"), None);
        assert_eq!(places.into_iter().count(), 2);
    }
}
