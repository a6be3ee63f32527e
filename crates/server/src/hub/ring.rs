//! The newest events of all rooms, encoded, and the head of every room: what coming back is mostly served from.
//!
//! One ring for the whole node, bounded by count and bytes; the oldest event of any room goes first. A room's events
//! in the ring are always its newest ones without a hole, so a page that begins inside is complete.

use super::pages::Paged;
use socketio::Stamped;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use store::log::Head;

/// How many events the ring keeps.
pub const MAX_EVENTS: usize = 20_000;

/// How many bytes of frames the ring keeps.
pub const MAX_BYTES: usize = 16 << 20;

/// A place in a room: the number of an event and its commit time in milliseconds. `(0, 0)` before the first event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// Number in the room.
    pub seq: i64,
    /// Commit time, milliseconds since the Unix epoch.
    pub at_ms: i64,
}

/// An event as the ring keeps it.
#[derive(Debug)]
pub struct Kept {
    /// Where in its room.
    pub position: Position,
    /// Where in the whole log.
    pub pos: i64,
    /// Whether all clients know its name.
    pub is_for_all: bool,
    /// The event, encoded once for everybody.
    pub frame: Stamped,
    /// How many bytes it counts for.
    pub bytes: usize,
}

impl From<&Kept> for Paged {
    fn from(kept: &Kept) -> Paged {
        Paged {
            seq: kept.position.seq,
            frame: kept.frame.clone(),
        }
    }
}

/// See the module.
#[derive(Debug)]
pub struct Ring {
    rooms: HashMap<Arc<str>, Room>,
    /// The room of each kept event, in `pos` order.
    order: VecDeque<Arc<str>>,
    /// Up to where the log was delivered.
    cursor: Head,
    /// The newest place in the log whose event may be missing here.
    lost_pos: i64,
    bytes: usize,
    max_events: usize,
    max_bytes: usize,
}

#[derive(Debug, Default)]
struct Room {
    head: Position,
    events: VecDeque<Kept>,
}

impl Ring {
    /// An empty ring over a log that was delivered up to `cursor` and rooms whose heads are known.
    pub fn new(
        cursor: Head,
        heads: impl IntoIterator<Item = (Arc<str>, Position)>,
        max_events: usize,
        max_bytes: usize,
    ) -> Ring {
        let rooms = heads
            .into_iter()
            .map(|(name, head)| {
                (
                    name,
                    Room {
                        head,
                        events: VecDeque::new(),
                    },
                )
            })
            .collect();
        Ring {
            rooms,
            order: VecDeque::new(),
            cursor,
            lost_pos: cursor.number,
            bytes: 0,
            max_events,
            max_bytes,
        }
    }

    /// Up to where the log was delivered.
    pub fn cursor(&self) -> Head {
        self.cursor
    }

    /// The log is delivered up to here.
    pub fn advance(&mut self, cursor: Head) {
        self.cursor = cursor;
    }

    /// The position of the newest event that was delivered to the room.
    pub fn head(&self, room: &str) -> Position {
        self.rooms
            .get(room)
            .map(|room| room.head)
            .unwrap_or_default()
    }

    /// Keeps an event that is being delivered; it is its room's new head.
    pub fn push(&mut self, name: &Arc<str>, kept: Kept) {
        self.bytes += kept.bytes;
        let room = self.rooms.entry(name.clone()).or_default();
        room.head = kept.position;
        room.events.push_back(kept);
        self.order.push_back(name.clone());
        while self.order.len() > self.max_events || self.bytes > self.max_bytes {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(name) = self.order.pop_front() else {
            return;
        };
        let Some(room) = self.rooms.get_mut(&name) else {
            return;
        };
        if let Some(oldest) = room.events.pop_front() {
            self.bytes -= oldest.bytes;
            self.lost_pos = self.lost_pos.max(oldest.pos);
        }
        if room.events.is_empty() {
            room.events = VecDeque::new();
        }
    }

    /// The commit time of one event, if the ring has it.
    pub fn at(&self, room: &str, seq: i64) -> Option<i64> {
        let events = &self.rooms.get(room)?.events;
        let first = events.front()?.position.seq;
        let index = usize::try_from(seq.checked_sub(first)?).ok()?;
        events.get(index).map(|kept| kept.position.at_ms)
    }

    /// A room's events up to `seq` that are still here, the newest first.
    pub fn newest_first(&self, room: &str, seq: i64) -> impl Iterator<Item = &Stamped> {
        let events = self.rooms.get(room).map(|room| room.events.iter().rev());
        let events = events.into_iter().flatten();
        events
            .skip_while(move |kept| kept.position.seq > seq)
            .map(|kept| &kept.frame)
    }

    /// The events of these rooms after one place of the log that all clients know, in its order; `None` if the ring does
    /// not reach back so far.
    pub fn after_pos(&self, rooms: &[String], pos: i64) -> Option<Vec<Stamped>> {
        if pos < self.lost_pos {
            return None;
        }
        let known = rooms
            .iter()
            .filter_map(|room| self.rooms.get(room.as_str()));
        let newer =
            known.flat_map(|room| room.events.iter().rev().take_while(|kept| kept.pos > pos));
        let mut newer: Vec<&Kept> = newer.filter(|kept| kept.is_for_all).collect();
        newer.sort_unstable_by_key(|kept| kept.pos);
        Some(newer.into_iter().map(|kept| kept.frame.clone()).collect())
    }

    /// A room's events after `seq`, at most `limit`, oldest first; `None` if the ring does not reach back so far.
    pub fn after(&self, room: &str, seq: i64, limit: usize) -> Option<Vec<Paged>> {
        let room = self.rooms.get(room)?;
        if seq >= room.head.seq {
            return Some(Vec::new());
        }
        let first = room.events.front()?.position.seq;
        let skip = usize::try_from((seq + 1).checked_sub(first)?).ok()?;
        let page = room.events.iter().skip(skip).take(limit);
        Some(page.map(Paged::from).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use socketio::Frame;

    const START: Head = Head {
        number: 0,
        at_ms: 0,
    };

    fn kept(seq: i64) -> Kept {
        kept_at(seq, seq)
    }

    fn kept_at(pos: i64, seq: i64) -> Kept {
        Kept {
            position: Position {
                seq,
                at_ms: seq * 10,
            },
            pos,
            is_for_all: true,
            frame: Stamped::new(Frame::event_json("/", "e", "{}"), pos.to_string()),
            bytes: 10,
        }
    }

    fn seqs(page: Option<Vec<Paged>>) -> Option<Vec<i64>> {
        page.map(|page| page.iter().map(|event| event.seq).collect())
    }

    #[test]
    fn a_page_is_complete_or_absent() {
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let mut ring = Ring::new(
            START,
            [(a.clone(), Position { seq: 6, at_ms: 60 })],
            4,
            usize::MAX,
        );
        for seq in 7..=9 {
            ring.push(&a, kept(seq));
        }
        assert_eq!(seqs(ring.after("a", 6, 100)), Some(vec![7, 8, 9]));
        assert_eq!(seqs(ring.after("a", 7, 1)), Some(vec![8]));
        assert_eq!(seqs(ring.after("a", 9, 100)), Some(vec![]));
        assert_eq!(
            seqs(ring.after("a", 5, 100)),
            None,
            "6 was never in the ring"
        );
        ring.push(&b, kept(1));
        ring.push(&b, kept(2));
        assert_eq!(
            seqs(ring.after("a", 6, 100)),
            None,
            "7 was the oldest of five"
        );
        assert_eq!(
            (
                seqs(ring.after("a", 7, 100)),
                ring.at("a", 8),
                ring.at("a", 7)
            ),
            (Some(vec![8, 9]), Some(80), None)
        );
    }

    #[test]
    fn what_came_after_a_place_of_the_log_is_complete_and_in_its_order() {
        let (a, b): (Arc<str>, Arc<str>) = ("a".into(), "b".into());
        let mut ring = Ring::new(
            Head {
                number: 10,
                at_ms: 0,
            },
            [],
            3,
            usize::MAX,
        );
        let after = |ring: &Ring, pos| {
            let rooms = ["a".to_owned(), "b".to_owned(), "none".to_owned()];
            let events = ring.after_pos(&rooms, pos)?;
            Some(
                events
                    .iter()
                    .map(|event| event.offset().to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!((after(&ring, 9), after(&ring, 10)), (None, Some(vec![])));
        ring.push(&a, kept_at(11, 1));
        ring.push(&b, kept_at(12, 1));
        ring.push(&"c".into(), kept_at(13, 1));
        assert_eq!(after(&ring, 10), Some(vec!["11".into(), "12".into()]));
        ring.push(&a, kept_at(15, 2));
        assert_eq!(after(&ring, 10), None, "11 was the oldest of four");
        assert_eq!(after(&ring, 11), Some(vec!["12".into(), "15".into()]));
    }

    #[test]
    fn bytes_bound_the_ring_and_heads_stay() {
        let a: Arc<str> = "a".into();
        let mut ring = Ring::new(START, [], 100, 25);
        for seq in 1..=5 {
            ring.push(&a, kept(seq));
        }
        assert_eq!(
            (ring.order.len(), ring.bytes, ring.head("a").seq),
            (2, 20, 5)
        );
        assert_eq!(
            (ring.head("elsewhere"), seqs(ring.after("elsewhere", 0, 9))),
            (Position::default(), None)
        );
    }
}
