//! What a tab can see, and what it remembers of it.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use serde_json::Value;

/// A room's name, shared by what was seen of it.
pub type Room = Rc<str>;

/// A place in a room: `seq`, and its commit time in milliseconds.
pub type Position = (i64, i64);

/// One thing that was seen.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Milliseconds since the round began.
    pub at: u64,
    /// On which of the tab's connections.
    pub connection: u32,
    /// What.
    pub what: What,
}

/// What can be seen.
#[derive(Debug, Clone)]
pub enum What {
    /// CONNECT was sent with these claims.
    Asked(BTreeMap<Room, Position>),
    /// CONNECT was answered to a stock client; whether its session goes on.
    Greeted(bool),
    /// A stock client whose session goes on has all that it missed: the answer came to what it asked when it was greeted.
    Replayed,
    /// `ready`: the heads of the socket's rooms.
    Ready(BTreeMap<Room, Position>),
    /// `resumed`: which rooms were recovered, and where they are live from.
    Resumed(BTreeMap<Room, (bool, Position)>),
    /// `joined`.
    Joined(Room, Position),
    /// `left`.
    Left(Room),
    /// A numbered event: where it stands, its name, a hash of its payload.
    Event(Room, Position, Rc<str>, u64),
    /// The connection ended.
    Closed(String),
}

/// What became of a room that the tab claimed a position in, until `resumed` says so.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) arrived: Vec<Position>,
}

#[derive(Default)]
pub(super) struct State {
    /// Where the tab stands in each room it may hear.
    pub(super) positions: HashMap<Room, Position>,
    /// A stock client's session: its `pid`, and the offset of the newest event that had one.
    pub(super) session: Option<String>,
    pub(super) offset: Option<String>,
    /// Rooms whose claim is not judged yet.
    pub(super) waiting: HashMap<Room, Waiting>,
    /// The newest absolute number of proposals that wait; none before the first, or when the room has to be fetched anew.
    pub(super) pending_total: Option<i64>,
    pub(super) history: Vec<Seen>,
    pub(super) breaches: Vec<Breach>,
    pub(super) is_caught_up: bool,
}

/// A rule that was broken in front of a client.
#[derive(Debug, Clone)]
pub struct Breach {
    /// Milliseconds since the round began.
    pub at: u64,
    /// Where.
    pub room: Room,
    /// How.
    pub what: String,
}

pub(super) fn position(of: &Value) -> Position {
    let number = |index: usize| of[index].as_i64().unwrap_or_default();
    (number(0), number(1))
}

pub(super) fn positions(of: &Value) -> BTreeMap<Room, Position> {
    let rooms = of.as_object().into_iter().flatten();
    rooms
        .map(|(room, at)| (room.as_str().into(), position(at)))
        .collect()
}
