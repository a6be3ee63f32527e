//! The event log: what is in it, how the last step of a batch numbers it, and how it is read.
//!
//! `pos` is contiguous over the whole log, `seq` contiguous per room. Numbers are given in the transaction that stores
//! the change, log head first, then the room heads in the order of their names, so heads cannot deadlock on a database
//! with more than one lane. An [`Effect`] is a row of the log too: every node applies it at its `pos`.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use wire::{Room, UserId};

use crate::conn::{json_list, place, sql};
use crate::retention::FEWEST_PER_ROOM;
use crate::{Conn, Error};

/// The name under which effects stand in the log. No event is called so.
const EFFECT: &str = "effect";

/// The most effects that one who comes back is judged by: a few milliseconds of a reading connection.
pub const MOST_EFFECTS: i64 = 2_000;

/// One row of the log, as the hub gets it: in `pos` order, without holes.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Place in the whole log, from 1.
    pub pos: i64,
    /// Commit time, milliseconds since 1970.
    pub at_ms: i64,
    /// An event to deliver or an effect to apply.
    pub what: What,
}

/// What a row of the log asks of the hub.
#[derive(Debug, Clone)]
pub enum What {
    /// Deliver to a room.
    Event(Event),
    /// Change open sockets.
    Effect(Effect),
}

/// A numbered event of a room.
#[derive(Debug, Clone)]
pub struct Event {
    /// The room's name, as in `channel:X`.
    pub room: Arc<str>,
    /// Place in the room, from 1.
    pub seq: i64,
    /// The event's name on the wire.
    pub name: Arc<str>,
    /// The payload: the emitted object with `room`, `seq` and `at` at its top level.
    pub payload: Arc<RawValue>,
}

/// A change of open sockets that goes with the change of a right; applied by the hub at its `pos`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Effect {
    /// All sockets of the person enter the room.
    Join {
        /// Who.
        user_id: UserId,
        /// Which.
        #[serde(with = "room_name")]
        room: Room,
    },
    /// All sockets of one room enter another: a channel opens to everybody.
    JoinAll {
        /// The room whose sockets enter.
        #[serde(with = "room_name")]
        of: Room,
        /// The room they enter.
        #[serde(with = "room_name")]
        room: Room,
    },
    /// All sockets of the person leave the room.
    Leave {
        /// Who.
        user_id: UserId,
        /// Which.
        #[serde(with = "room_name")]
        room: Room,
    },
    /// All sockets leave the room: its resource is gone, or who may read it changed.
    Empty {
        /// Which.
        #[serde(with = "room_name")]
        room: Room,
    },
    /// The sockets that were opened with one session's token are disconnected: it was signed out or revoked.
    EndSession {
        /// The token's `jti`, or the id of an API key.
        session_id: String,
    },
    /// All sockets of the person are disconnected and stay away: signed out everywhere, disabled or deleted.
    EndUser {
        /// Who.
        user_id: UserId,
    },
    /// The transports of all sockets of the person are closed, so that they come back with the rights they have now.
    RenewUser {
        /// Who.
        user_id: UserId,
    },
}

impl Effect {
    /// Whether a person to whom these rooms belong now may have lost another one by it. Of a room that was emptied, and of
    /// a role that changed, the log does not say who lost what. The index `event_effects` has the kinds that may.
    fn may_have_taken(&self, person: &UserId, rooms: &HashSet<Room>) -> bool {
        match self {
            Effect::Leave { user_id, room } => user_id == person && !rooms.contains(room),
            Effect::Empty { room } => !rooms.contains(room),
            Effect::RenewUser { user_id } => user_id == person,
            Effect::Join { .. }
            | Effect::JoinAll { .. }
            | Effect::EndSession { .. }
            | Effect::EndUser { .. } => false,
        }
    }
}

/// Rooms in the log's JSON: their name.
mod room_name {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};
    use wire::Room;

    pub(super) fn serialize<S: Serializer>(room: &Room, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(room)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Room, D::Error> {
        let name = String::deserialize(from)?;
        Room::parse(&name).ok_or_else(|| D::Error::custom(format!("no room is called {name}")))
    }
}

/// What a job emitted, before it has a number.
pub(crate) enum Unnumbered {
    Event {
        room: Arc<str>,
        name: Arc<str>,
        payload: String,
    },
    Effect(Effect),
}

/// The head of the log or of a room: its newest number and that one's time. `(0, 0)` before the first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The newest `pos` or `seq`.
    pub number: i64,
    /// Its commit time, milliseconds since 1970.
    pub at_ms: i64,
}

/// The head of the whole log: `number` is a `pos`.
pub fn head(conn: &Conn) -> Result<Head, Error> {
    conn.one(sql!("log/head"), [], |row| {
        Ok(Head {
            number: row.get(0)?,
            at_ms: row.get(1)?,
        })
    })
}

/// The head of a room: `number` is a `seq`. Read it in the transaction that reads the rows it vouches for.
pub fn room_head(conn: &Conn, room: &str) -> Result<Head, Error> {
    let found = conn.first(sql!("log/room_head"), [room], |row| {
        Ok(Head {
            number: row.get(0)?,
            at_ms: row.get(1)?,
        })
    })?;
    Ok(found.unwrap_or(Head {
        number: 0,
        at_ms: 0,
    }))
}

/// The head of every room that ever had an event.
pub fn room_heads(conn: &Conn) -> Result<Vec<(Arc<str>, Head)>, Error> {
    conn.all(sql!("log/room_heads"), [], |row| {
        let head = Head {
            number: row.get(1)?,
            at_ms: row.get(2)?,
        };
        Ok((row.get(0)?, head))
    })
}

/// What the log still knows of a place in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptAt {
    /// Asked for place 0, and the room's first event is still kept, or there is none yet.
    Start,
    /// This event is kept, and so is everything after it.
    Event {
        /// Its commit time, milliseconds since 1970.
        at_ms: i64,
    },
    /// Pruned, or never there.
    Gone,
}

/// For each room and `seq`, whether a reader who has it can go on from there.
pub fn kept_at(conn: &Conn, places: &[(String, i64)]) -> Result<Vec<KeptAt>, Error> {
    let mut kept = vec![KeptAt::Gone; places.len()];
    conn.while_some(sql!("log/kept_at"), [json_list(places)?], |row| {
        let index = place(row)?;
        let (tail_seq, at_ms): (Option<i64>, Option<i64>) = (row.get(1)?, row.get(2)?);
        if let (Some(kept), Some((_, seq))) = (kept.get_mut(index), places.get(index)) {
            *kept = match (seq, at_ms) {
                (0, _) if tail_seq.unwrap_or(1) <= 1 => KeptAt::Start,
                (1.., Some(at_ms)) => KeptAt::Event { at_ms },
                _ => KeptAt::Gone,
            };
        }
        Ok(Some(()))
    })?;
    Ok(kept)
}

/// How much is read at once.
#[derive(Debug, Clone, Copy)]
pub struct Most {
    /// Events in all rooms.
    pub events: usize,
    /// Bytes of their payloads.
    pub bytes: usize,
}

/// A room's events after `seq`, oldest first: no more than `most`, but one in any case.
pub fn events_after(
    conn: &Conn,
    room: &str,
    seq: i64,
    most: Most,
) -> Result<Vec<Committed>, Error> {
    let limit = i64::try_from(most.events).unwrap_or(i64::MAX);
    let (mut events, mut bytes) = (Vec::new(), 0);
    conn.while_some(
        sql!("log/of_room_after"),
        params![room, seq, limit],
        |row| {
            bytes += row.get_ref(4)?.as_bytes()?.len();
            if bytes > most.bytes && !events.is_empty() {
                return Ok(None);
            }
            events.push(committed(row)?);
            Ok(Some(()))
        },
    )?;
    Ok(events)
}

/// The whole log after `pos`, in order, at most `limit` rows.
pub fn all_after(conn: &Conn, pos: i64, limit: u32) -> Result<Vec<Committed>, Error> {
    conn.all(sql!("log/after"), params![pos, limit], committed)
}

/// What some rooms got after one place of the log.
#[derive(Debug, Clone)]
pub struct Missed {
    /// The events in `pos` order, none missing.
    pub events: Vec<Committed>,
    /// The newest `pos` at that moment: what comes later is not in it.
    pub up_to: i64,
}

/// The events of these rooms after `from`, in the order of the whole log. None in doubt: the log has no such place at
/// that time (it is another database's, or one that was restored), something after it was pruned, or it is too much.
pub fn missed_after(
    conn: &Conn,
    rooms: &[String],
    from: Head,
    most: Most,
) -> Result<Option<Missed>, Error> {
    let head = head(conn)?;
    let is_here = match from.number {
        0 if from.at_ms != 0 => false,
        0 if head.number == 0 => true,
        0 => conn.first(sql!("log/at_pos"), [1], |_| Ok(()))?.is_some(),
        pos if pos == head.number => from.at_ms == head.at_ms,
        pos => {
            let at_ms = conn.first(sql!("log/at_pos"), [pos], |row| row.get::<_, i64>(0))?;
            at_ms == Some(from.at_ms)
        }
    };
    if !is_here {
        return Ok(None);
    }
    let (mut events, mut bytes) = (Vec::new(), 0);
    let limit = i64::try_from(most.events + 1).unwrap_or(i64::MAX);
    for room in rooms {
        let before = events.len();
        let mut oldest_seq = 1;
        let room = params![room, limit];
        conn.while_some(sql!("log/of_room_from_head"), room, |row| {
            if row.get::<_, i64>(0)? <= from.number {
                oldest_seq = 1;
                return Ok(None);
            }
            let event = committed(row)?;
            if let What::Event(event) = &event.what {
                oldest_seq = event.seq;
                bytes += event.payload.get().len();
            }
            events.push(event);
            Ok((events.len() <= most.events && bytes <= most.bytes).then_some(()))
        })?;
        // What is gone before the oldest was at the log's left edge, and so before `from`, unless the room is crowded.
        let is_crowded = events.len() - before >= FEWEST_PER_ROOM;
        if oldest_seq > 1 && is_crowded {
            return Ok(None);
        }
    }
    if events.len() > most.events || bytes > most.bytes {
        return Ok(None);
    }
    events.sort_unstable_by_key(|event| event.pos);
    Ok(Some(Missed {
        events,
        up_to: head.number,
    }))
}

/// Whether a person to whom these rooms belong now may have lost another one after `pos`. What came in that one before it
/// was lost is not among [`missed_after`] in the rooms of now, and never will be, even if the room is the person's again.
/// Where there is more to judge by than [`MOST_EFFECTS`], they may.
pub fn may_have_lost_a_room_after(
    conn: &Conn,
    person: &UserId,
    rooms: &HashSet<Room>,
    pos: i64,
) -> Result<bool, Error> {
    let (mut has_lost, mut judged) = (false, 0);
    // Those that name the person, then those that name nobody.
    for named in [Some(person.as_str()), None] {
        let after = params![named, pos, MOST_EFFECTS + 1];
        conn.while_some(sql!("log/effects_after"), after, |row| {
            let text = row.get_ref(0)?.as_str()?;
            let effect: Effect = serde_json::from_str(text).map_err(wrong_json)?;
            judged += 1;
            has_lost = judged > MOST_EFFECTS || effect.may_have_taken(person, rooms);
            Ok((!has_lost).then_some(()))
        })?;
        if has_lost {
            break;
        }
    }
    Ok(has_lost)
}

/// Times of events never go back: after a clock that was fast they stand until it is that late. An older copy of the
/// database, restored meanwhile, would give the same numbers the same times, and clients could not tell the two histories
/// apart. So whoever begins to write then goes on at another time, up to so much later.
const OTHER_TIME_MS: u64 = 60_000;

/// Before which time a lane that begins now commits no event.
pub(crate) fn not_before_ms(conn: &Conn, now_ms: i64) -> Result<i64, Error> {
    let head = head(conn)?;
    if now_ms >= head.at_ms {
        return Ok(now_ms);
    }
    let (random, _) = uuid::Uuid::new_v4().as_u64_pair();
    let later = i64::try_from(random % OTHER_TIME_MS).unwrap_or(0);
    Ok(head.at_ms + 1 + later)
}

/// Numbers and stores what a batch emitted, as its last step before the commit.
pub(crate) fn append(
    conn: &Conn,
    emitted: Vec<Unnumbered>,
    now_ms: i64,
) -> Result<Vec<Committed>, Error> {
    if emitted.is_empty() {
        return Ok(Vec::new());
    }
    let count = i64::try_from(emitted.len()).unwrap_or(i64::MAX);
    let (head_pos, at_ms): (i64, i64) =
        conn.one(sql!("log/advance"), params![count, now_ms], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let mut next = advance_rooms(conn, &emitted, at_ms)?;
    let first_pos = head_pos + 1 - count;
    let mut numbered = Vec::with_capacity(emitted.len());
    let mut bytes = 0;
    for (pos, one) in (first_pos..).zip(emitted) {
        let what = match one {
            Unnumbered::Event {
                room,
                name,
                payload,
            } => {
                let place = next.get_mut(&room).ok_or(rusqlite::Error::InvalidQuery)?;
                let seq = place.next_seq;
                place.next_seq += 1;
                let payload = with_position(&payload, &room, seq, at_ms)?;
                conn.run(
                    sql!("log/insert"),
                    params![pos, place.room_id, seq, name, payload.get(), at_ms],
                )?;
                bytes += payload.get().len();
                What::Event(Event {
                    room,
                    seq,
                    name,
                    payload: payload.into(),
                })
            }
            Unnumbered::Effect(effect) => {
                let text =
                    serde_json::to_string(&effect).map_err(|error| unreadable(EFFECT, &error))?;
                conn.run(
                    sql!("log/insert"),
                    params![pos, None::<i64>, None::<i64>, EFFECT, text, at_ms],
                )?;
                bytes += text.len();
                What::Effect(effect)
            }
        };
        numbered.push(Committed { pos, at_ms, what });
    }
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    conn.run(sql!("log/grow"), [bytes])?;
    Ok(numbered)
}

/// Where a room's next event goes.
struct Place {
    room_id: i64,
    next_seq: i64,
}

fn advance_rooms(
    conn: &Conn,
    emitted: &[Unnumbered],
    at_ms: i64,
) -> Result<BTreeMap<Arc<str>, Place>, Error> {
    let mut counts: BTreeMap<Arc<str>, i64> = BTreeMap::new();
    for one in emitted {
        if let Unnumbered::Event { room, .. } = one {
            *counts.entry(room.clone()).or_default() += 1;
        }
    }
    let mut places = BTreeMap::new();
    for (room, count) in counts {
        let place = conn.one(
            sql!("log/advance_room"),
            params![room, count, at_ms],
            |row| {
                let head_seq: i64 = row.get(1)?;
                Ok(Place {
                    room_id: row.get(0)?,
                    next_seq: head_seq + 1 - count,
                })
            },
        )?;
        places.insert(room, place);
    }
    Ok(places)
}

/// The emitted object with `room`, `seq` and `at` as its first members.
fn with_position(payload: &str, room: &str, seq: i64, at_ms: i64) -> Result<Box<RawValue>, Error> {
    let room_json = serde_json::to_string(room).map_err(|error| unreadable(room, &error))?;
    let rest = payload.strip_prefix('{').unwrap_or(payload);
    let comma = if rest.trim_start().starts_with('}') {
        ""
    } else {
        ","
    };
    let text = format!("{{\"room\":{room_json},\"seq\":{seq},\"at\":{at_ms}{comma}{rest}");
    RawValue::from_string(text).map_err(|error| unreadable(room, &error))
}

fn committed(row: &Row<'_>) -> rusqlite::Result<Committed> {
    let (pos, room, seq): (i64, Option<Arc<str>>, Option<i64>) =
        (row.get(0)?, row.get(1)?, row.get(2)?);
    let (name, payload): (Arc<str>, String) = (row.get(3)?, row.get(4)?);
    let what = match (room, seq) {
        (Some(room), Some(seq)) => {
            let payload = RawValue::from_string(payload).map_err(wrong_json)?;
            What::Event(Event {
                room,
                seq,
                name,
                payload: payload.into(),
            })
        }
        _ => What::Effect(serde_json::from_str(&payload).map_err(wrong_json)?),
    };
    Ok(Committed {
        pos,
        at_ms: row.get(5)?,
        what,
    })
}

fn wrong_json(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(4, rusqlite::types::Type::Text, Box::new(error))
}

fn unreadable(name: &str, error: &serde_json::Error) -> Error {
    Error::Payload {
        name: name.into(),
        why: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_is_added_at_the_top_level() {
        let text = |payload: &str| {
            with_position(payload, "channel:a\"b", 7, 12)
                .unwrap()
                .get()
                .to_owned()
        };
        assert_eq!(
            text(r#"{"x":1}"#),
            r#"{"room":"channel:a\"b","seq":7,"at":12,"x":1}"#
        );
        assert_eq!(text("{}"), r#"{"room":"channel:a\"b","seq":7,"at":12}"#);
    }

    #[test]
    fn a_person_may_lose_a_room_by_leaving_it_by_its_end_or_by_another_role() {
        let (ada, bob) = (UserId::from("ada"), UserId::from("bob"));
        let (here, gone) = (Room::Channel("here".into()), Room::Channel("gone".into()));
        let rooms = HashSet::from([here.clone()]);
        let leave = |user_id: &UserId, room: &Room| Effect::Leave {
            user_id: user_id.clone(),
            room: room.clone(),
        };
        let empty = |room: &Room| Effect::Empty { room: room.clone() };
        let renew = |user_id: &UserId| Effect::RenewUser {
            user_id: user_id.clone(),
        };
        let join = Effect::Join {
            user_id: ada.clone(),
            room: gone.clone(),
        };
        for (effect, expected) in [
            (leave(&ada, &gone), true),
            (leave(&ada, &here), false),
            (leave(&bob, &gone), false),
            (empty(&gone), true),
            (empty(&here), false),
            (renew(&ada), true),
            (renew(&bob), false),
            (join, false),
        ] {
            let may_have_taken = effect.may_have_taken(&ada, &rooms);
            assert_eq!(may_have_taken, expected, "{effect:?}");
        }
    }
}
