//! Who is in which room. The only file that changes room tables.
//!
//! A room's members stand in chunks that are shared with whoever walks the room: a walk takes the chunks under a short
//! lock and then holds none, however large the room; a change meanwhile copies the one chunk it touches. A member knows
//! its place as a small number, so leaving never searches. Who comes takes the lowest place there is, and a chunk that
//! was left gives its memory back, so that a crowd that has gone is not paid for by those who stay.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, PoisonError, atomic::Ordering},
};

use crate::{
    flush::Gathering,
    socket::Socket,
    sync::{AtomicUsize, Mutex, MutexGuard, RwLock},
    tables,
};

const CHUNK: usize = 64;

/// Up to [`CHUNK`] places; those behind the last member are not there.
type Chunk = Vec<Option<Socket>>;

/// One room. It exists while it has members.
#[derive(Debug, Default)]
pub(crate) struct Room {
    name: Box<str>,
    members: Mutex<Members>,
    count: AtomicUsize,
    /// What was broadcast to it and leaves together.
    pub(crate) gathering: Gathering,
}

#[derive(Debug, Default)]
struct Members {
    chunks: Vec<Arc<Chunk>>,
    /// Chunks that somebody left and that have not been full since.
    left: BTreeSet<usize>,
}

impl Members {
    /// Puts a socket into the first chunk that has a place.
    fn add(&mut self, socket: Socket) -> u32 {
        let number = self.left.first().copied();
        let number = number.unwrap_or_else(|| self.last_with_a_place());
        let chunk = Arc::make_mut(&mut self.chunks[number]);
        let at = match chunk.iter().position(Option::is_none) {
            Some(at) => at,
            None => {
                // Most rooms are small: the first chunk grows as it must, the others are made whole.
                if chunk.is_empty() {
                    chunk.reserve_exact(if number == 0 { 1 } else { CHUNK });
                }
                chunk.push(None);
                chunk.len() - 1
            }
        };
        chunk[at] = Some(socket);
        if chunk.len() == CHUNK && chunk.iter().all(Option::is_some) {
            self.left.remove(&number);
        }
        (number * CHUNK + at) as u32
    }

    fn last_with_a_place(&mut self) -> usize {
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Arc::default());
        }
        self.chunks.len() - 1
    }

    /// Takes out the socket at a place.
    fn take(&mut self, place: u32) -> Option<Socket> {
        let (number, at) = (place as usize / CHUNK, place as usize % CHUNK);
        let chunk = Arc::make_mut(self.chunks.get_mut(number)?);
        let socket = chunk.get_mut(at)?.take()?;
        let used = chunk.iter().rposition(Option::is_some);
        chunk.truncate(used.map_or(0, |last| last + 1));
        tables::shrink_vec(chunk);
        let used = self.chunks.iter().rposition(|chunk| !chunk.is_empty());
        self.chunks.truncate(used.map_or(0, |last| last + 1));
        tables::shrink_vec(&mut self.chunks);
        while self
            .left
            .last()
            .is_some_and(|last| *last >= self.chunks.len())
        {
            self.left.pop_last();
        }
        if number < self.chunks.len() {
            self.left.insert(number);
        }
        Some(socket)
    }
}

/// The members of a room at one moment.
pub(crate) struct Walk(Vec<Arc<Chunk>>);

impl Walk {
    pub(crate) fn each(&self, mut see: impl FnMut(&Socket)) {
        self.0
            .iter()
            .flat_map(|chunk| chunk.iter())
            .flatten()
            .for_each(&mut see);
    }
}

impl Room {
    pub(crate) fn new(name: &str) -> Room {
        Room {
            name: name.into(),
            ..Room::default()
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a socket and answers its place.
    pub(crate) fn add(&self, socket: Socket) -> u32 {
        let mut members = self.members();
        self.count.fetch_add(1, Ordering::Relaxed);
        members.add(socket)
    }

    /// Takes out the socket at a place. Answers whether the room is empty now.
    pub(crate) fn remove(&self, place: u32) -> bool {
        let mut members = self.members();
        let Some(_socket) = members.take(place) else {
            return false;
        };
        self.count.fetch_sub(1, Ordering::Relaxed) == 1
    }

    /// Places that memory is held for.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        let members = self.members();
        let places = members.chunks.iter().map(|chunk| chunk.capacity());
        places.sum::<usize>() + members.chunks.capacity()
    }

    /// The members as they are now.
    pub(crate) fn walk(&self) -> Walk {
        Walk(self.members().chunks.clone())
    }
}

/// The rooms of one namespace by name.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    by_name: RwLock<HashMap<Box<str>, Arc<Room>>>,
}

#[cfg(test)]
impl FromIterator<Arc<Room>> for Rooms {
    fn from_iter<T: IntoIterator<Item = Arc<Room>>>(rooms: T) -> Rooms {
        let by_name = rooms.into_iter().map(|room| (room.name().into(), room));
        Rooms {
            by_name: RwLock::new(by_name.collect()),
        }
    }
}

impl Rooms {
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Room>> {
        self.by_name
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }

    /// Enters a socket into a room, made if it does not exist.
    pub(crate) fn join(&self, name: &str, socket: &Socket) -> (Arc<Room>, u32) {
        // The table is locked while the socket enters, so that nobody drops the room as empty between the two steps.
        let table = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(room) = table.get(name) {
            return (room.clone(), room.add(socket.clone()));
        }
        drop(table);
        let mut table = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        let room = table
            .entry(name.into())
            .or_insert_with(|| Arc::new(Room::new(name)))
            .clone();
        let place = room.add(socket.clone());
        (room, place)
    }

    /// Takes a socket out of a room, which ends if it was the last.
    pub(crate) fn leave(&self, room: &Arc<Room>, place: u32) {
        if !room.remove(place) {
            return;
        }
        let mut table = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        let same = table
            .get(room.name())
            .is_some_and(|current| Arc::ptr_eq(current, room));
        if same && room.count() == 0 {
            table.remove(room.name());
            tables::shrink(&mut table);
        }
    }

    /// Rooms that memory is held for.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        let table = self.by_name.read().unwrap_or_else(PoisonError::into_inner);
        table.capacity()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_name
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}
