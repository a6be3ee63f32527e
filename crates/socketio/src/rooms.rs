//! Who is in which room. The only file that changes room tables.
//!
//! A room's members stand in chunks that are shared with whoever walks the room: a walk takes the chunks under a short
//! lock and then holds none, however large the room; a change meanwhile copies the one chunk it touches. A member knows
//! its place as a small number, so leaving never searches.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, atomic::Ordering},
};

use crate::{
    flush::Gathering,
    socket::Socket,
    sync::{AtomicUsize, Mutex, MutexGuard, RwLock},
};

const CHUNK: usize = 64;

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
    /// Places that were left, to be taken again.
    free: Vec<u32>,
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
        if let Some(place) = members.free.pop() {
            let (chunk, at) = split(place);
            Arc::make_mut(&mut members.chunks[chunk])[at] = Some(socket);
            return place;
        }
        match members
            .chunks
            .last_mut()
            .filter(|chunk| chunk.len() < CHUNK)
        {
            Some(chunk) => Arc::make_mut(chunk).push(Some(socket)),
            None => {
                // Most rooms are small: the first chunk grows as it must, the others are made whole.
                let capacity = if members.chunks.is_empty() { 1 } else { CHUNK };
                let mut chunk = Vec::with_capacity(capacity);
                chunk.push(Some(socket));
                members.chunks.push(Arc::new(chunk));
            }
        }
        let last = members.chunks.len() - 1;
        (last * CHUNK + members.chunks[last].len() - 1) as u32
    }

    /// Takes out the socket at a place. Answers whether the room is empty now.
    pub(crate) fn remove(&self, place: u32) -> bool {
        let mut members = self.members();
        let (chunk, at) = split(place);
        let Some(slot) = members
            .chunks
            .get_mut(chunk)
            .and_then(|chunk| Arc::make_mut(chunk).get_mut(at))
        else {
            return false;
        };
        if slot.take().is_none() {
            return false;
        }
        members.free.push(place);
        if self.count.fetch_sub(1, Ordering::Relaxed) > 1 {
            return false;
        }
        *members = Members::default();
        true
    }

    /// The members as they are now.
    pub(crate) fn walk(&self) -> Walk {
        Walk(self.members().chunks.clone())
    }
}

fn split(place: u32) -> (usize, usize) {
    (place as usize / CHUNK, place as usize % CHUNK)
}

/// The rooms of one namespace by name.
#[derive(Debug, Default)]
pub(crate) struct Rooms {
    by_name: RwLock<HashMap<Box<str>, Arc<Room>>>,
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
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.by_name
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}
