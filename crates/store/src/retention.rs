//! How much of the log is kept: by age, by number per room, by bytes in all. Pruned from the left edge in small
//! batches, each a job of the lane between others; heads are never forgotten, and `tail_seq` says what a room still has.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::{Row, params};

use crate::conn::sql;
use crate::{Conn, Error, Tx};

/// The most rows one batch removes: a few milliseconds of the lane.
const BATCH: u32 = 500;

/// The smallest [`Retention::per_room`] that a server may be given.
pub const FEWEST_PER_ROOM: usize = 100;

/// What the log keeps at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Events older than this are removed.
    pub age: Duration,
    /// The newest events that a room keeps.
    pub per_room: i64,
    /// Bytes of payloads in all rooms.
    pub bytes: i64,
}

impl Default for Retention {
    fn default() -> Self {
        Retention {
            age: Duration::from_secs(7 * 24 * 3600),
            per_room: 10_000,
            bytes: 2 << 30,
        }
    }
}

/// A row that may be removed.
struct Old {
    pos: i64,
    room_id: Option<i64>,
    seq: Option<i64>,
    bytes: i64,
    at_ms: i64,
}

/// Removes one batch of what is kept no longer. Answers how many rows; call again while it is not 0.
pub fn prune(tx: &mut Tx<'_>, keep: Retention, now_ms: i64) -> Result<usize, Error> {
    let doomed = doomed(tx, keep, now_ms)?;
    let mut tails: BTreeMap<i64, i64> = BTreeMap::new();
    let mut freed = 0;
    for old in &doomed {
        tx.run(sql!("log/forget"), [old.pos])?;
        freed += old.bytes;
        if let (Some(room_id), Some(seq)) = (old.room_id, old.seq) {
            let tail = tails.entry(room_id).or_insert(0);
            *tail = (*tail).max(seq + 1);
        }
    }
    for (room_id, tail) in tails {
        tx.run(sql!("log/move_tail"), params![room_id, tail])?;
    }
    if freed > 0 {
        tx.run(sql!("log/grow"), [-freed])?;
    }
    Ok(doomed.len())
}

/// The next rows to remove, from the left edge of the whole log or of a crowded room.
fn doomed(conn: &Conn, keep: Retention, now_ms: i64) -> Result<Vec<Old>, Error> {
    let age_ms = i64::try_from(keep.age.as_millis()).unwrap_or(i64::MAX);
    let oldest_at_ms = now_ms.saturating_sub(age_ms);
    let held: i64 = conn.one(sql!("log/kept_bytes"), [], |row| row.get(0))?;
    let mut over = held - keep.bytes;
    let mut doomed = Vec::new();
    for old in conn.all(sql!("log/oldest"), [BATCH], old)? {
        if old.at_ms >= oldest_at_ms && over <= 0 {
            break;
        }
        over -= old.bytes;
        doomed.push(old);
    }
    if !doomed.is_empty() {
        return Ok(doomed);
    }
    let crowded = conn.all(sql!("log/crowded"), [keep.per_room], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(2)?))
    })?;
    for (room_id, head_seq) in crowded {
        // A batch may hold one room's share more than its size; the next call goes on.
        let room = params![room_id, head_seq - keep.per_room, BATCH];
        doomed.extend(conn.all(sql!("log/oldest_of_room"), room, old)?);
        if doomed.len() >= BATCH as usize {
            break;
        }
    }
    Ok(doomed)
}

fn old(row: &Row<'_>) -> rusqlite::Result<Old> {
    Ok(Old {
        pos: row.get(0)?,
        room_id: row.get(1)?,
        seq: row.get(2)?,
        bytes: row.get(3)?,
        at_ms: row.get(4)?,
    })
}
