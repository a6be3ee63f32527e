//! The rooms of one socket, and its place in each.

use std::{collections::HashMap, sync::Arc};

use crate::rooms::{Room, Rooms};

/// Up to so many rooms are searched; a socket in more of them has an index.
const SEARCHED: usize = 32;

/// The rooms of one socket. Takes a word for each, and no memory for none.
#[derive(Debug, Default)]
pub(super) struct Joined {
    rooms: Vec<(Arc<Room>, u32)>,
    /// Where each room stands, by its address: entering the last of thousands is as quick as entering the first.
    #[expect(
        clippy::box_collection,
        reason = "a word for each idle socket, not six"
    )]
    index: Option<Box<HashMap<usize, usize>>>,
}

impl Joined {
    pub(super) fn len(&self) -> usize {
        self.rooms.len()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.rooms.iter().map(|(room, _)| room.name())
    }

    /// Where the room of this name stands. `table` is that of the namespace: a room that has a member is found there.
    fn find(&self, name: &str, table: &Rooms) -> Option<usize> {
        match &self.index {
            Some(index) => index.get(&address(&*table.get(name)?)).copied(),
            None => self.names().position(|joined| joined == name),
        }
    }

    pub(super) fn has(&self, name: &str, table: &Rooms) -> bool {
        self.find(name, table).is_some()
    }

    /// Adds a room that it is not in yet.
    pub(super) fn add(&mut self, room: Arc<Room>, place: u32) {
        if self.rooms.is_empty() {
            self.rooms.reserve_exact(1);
        }
        let at = self.rooms.len();
        if let Some(index) = &mut self.index {
            index.insert(address(&room), at);
        }
        self.rooms.push((room, place));
        if self.index.is_none() && self.rooms.len() > SEARCHED {
            let numbered = self.rooms.iter().enumerate();
            let index = numbered.map(|(at, (room, _))| (address(room), at));
            self.index = Some(Box::new(index.collect()));
        }
    }

    /// Takes a room out.
    pub(super) fn remove(&mut self, name: &str, table: &Rooms) -> Option<(Arc<Room>, u32)> {
        let at = self.find(name, table)?;
        let (room, place) = self.rooms.swap_remove(at);
        if let Some(index) = &mut self.index {
            index.remove(&address(&room));
            if let Some((moved, _)) = self.rooms.get(at) {
                index.insert(address(moved), at);
            }
        }
        if self.rooms.len() < SEARCHED / 2 {
            self.index = None;
        }
        Some((room, place))
    }

    /// Takes all of them out.
    pub(super) fn take(&mut self) -> Vec<(Arc<Room>, u32)> {
        self.index = None;
        std::mem::take(&mut self.rooms)
    }
}

/// A room stays where it is as long as anybody holds it.
fn address(room: &Room) -> usize {
    std::ptr::from_ref(room).addr()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    /// A table in which every room has a member, as those that a socket is in do.
    fn rooms(count: usize) -> (Rooms, Vec<Arc<Room>>) {
        let rooms: Vec<_> = (0..count)
            .map(|number| Arc::new(Room::new(&format!("room {number}"))))
            .collect();
        (rooms.iter().cloned().collect(), rooms)
    }

    #[test]
    fn a_socket_knows_its_rooms_however_many_they_are() {
        let (table, rooms) = rooms(10 * SEARCHED);
        let mut joined = Joined::default();
        let mut model = HashMap::new();
        let mut state = 1u64;
        let mut most = 0;
        for step in 0..20_000u32 {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let room = &rooms[(state >> 33) as usize % rooms.len()];
            // It gathers rooms, and then leaves them.
            let is_joining = (state >> 60 < 12) == (step / 2_000 % 2 == 0);
            let has = joined.has(room.name(), &table);
            assert_eq!(has, model.contains_key(room.name()));
            if is_joining && !has {
                joined.add(room.clone(), step);
                model.insert(room.name().to_owned(), step);
            } else if !is_joining {
                let removed = joined.remove(room.name(), &table).map(|(_, place)| place);
                assert_eq!(removed, model.remove(room.name()));
            }
            assert_eq!(joined.len(), model.len());
            most = most.max(joined.len());
            let is_searched = joined.index.is_none();
            assert!(!is_searched || joined.len() <= SEARCHED);
        }
        assert!(most > 5 * SEARCHED && joined.len() < most / 2);
        let mut left: Vec<_> = joined.take().into_iter().map(|(_, place)| place).collect();
        let mut expected: Vec<_> = model.into_values().collect();
        left.sort_unstable();
        expected.sort_unstable();
        assert_eq!(left, expected);
    }
}
