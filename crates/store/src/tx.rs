//! A job's transaction: everything a [`Conn`] reads, plus writing and the only way to make an event.
//!
//! What is emitted waits here without a number; the lane numbers it after the last job of the batch, so a job that fails
//! leaves no hole. Mistakes of `emit` are kept and fail the job at its end, so that actions need no `?` for them.

use std::collections::HashSet;
use std::ops::Deref;
use std::sync::Arc;

use wire::Room;
use wire::events::ServerEvent;

use crate::log::{Effect, Unnumbered};
use crate::{Conn, Error};

/// The largest payload of an event, in bytes. What is larger goes by reference.
pub const MAX_PAYLOAD_BYTES: usize = 1 << 20;

/// How many rooms one job may emit to. Wider audiences have a room of their own (`everyone`, `channel:`).
pub const MAX_ROOMS_PER_JOB: usize = 100;

/// The transaction of one job.
pub struct Tx<'a> {
    conn: &'a Conn,
    at_ms: i64,
    emitted: Vec<Unnumbered>,
    rooms: HashSet<Arc<str>>,
    mistake: Option<Error>,
}

impl<'a> Tx<'a> {
    pub(crate) fn new(conn: &'a Conn, at_ms: i64) -> Tx<'a> {
        Tx {
            conn,
            at_ms,
            emitted: Vec::new(),
            rooms: HashSet::new(),
            mistake: None,
        }
    }

    /// The time of the batch in milliseconds since 1970, by the store's clock: what the job's events will carry as `at`,
    /// unless the log's newest event is later.
    pub fn at_ms(&self) -> i64 {
        self.at_ms
    }

    /// Reports to a room what this job changes. `room`, `seq` and `at` (commit time, ms) are added at the payload's top
    /// level when the number is known. A payload that cannot be stored fails the job.
    pub fn emit(&mut self, room: Room, event: ServerEvent) {
        let room = self.known_room(&room.to_string());
        match checked_payload(&event) {
            Ok(payload) => self.emitted.push(Unnumbered::Event {
                room,
                name: event.name().into(),
                payload,
            }),
            Err(mistake) => self.mistake = self.mistake.take().or(Some(mistake)),
        }
    }

    /// Asks the hub to change open sockets at this place in the log: before the events that are emitted after it.
    pub fn effect(&mut self, effect: Effect) {
        self.emitted.push(Unnumbered::Effect(effect));
    }

    fn known_room(&mut self, name: &str) -> Arc<str> {
        if let Some(room) = self.rooms.get(name) {
            return room.clone();
        }
        let room: Arc<str> = name.into();
        self.rooms.insert(room.clone());
        if self.rooms.len() > MAX_ROOMS_PER_JOB {
            self.mistake = Some(Error::TooManyRooms);
        }
        room
    }

    pub(crate) fn finish(self) -> Result<Vec<Unnumbered>, Error> {
        match self.mistake {
            Some(mistake) => Err(mistake),
            None => Ok(self.emitted),
        }
    }
}

impl Deref for Tx<'_> {
    type Target = Conn;

    fn deref(&self) -> &Conn {
        self.conn
    }
}

fn checked_payload(event: &ServerEvent) -> Result<String, Error> {
    let refused = |why: String| Error::Payload {
        name: event.name().into(),
        why,
    };
    let text = serde_json::to_string(event).map_err(|error| refused(error.to_string()))?;
    if !text.starts_with('{') {
        return Err(refused("it is not a JSON object".into()));
    }
    if text.len() > MAX_PAYLOAD_BYTES {
        return Err(refused(format!(
            "it is {} bytes, at most {MAX_PAYLOAD_BYTES} are allowed",
            text.len()
        )));
    }
    Ok(text)
}
