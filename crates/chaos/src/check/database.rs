//! Everything that the checker needs of a database, read at once and without the server's own code.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use anyhow::{Context, Result};
use rusqlite::{Connection, Row};
use serde_json::Value;

use crate::tab::{Position, Room};

/// One numbered event of the log.
#[derive(Debug, Clone)]
pub struct Logged {
    /// Room.
    pub room: Room,
    /// Place in the room.
    pub position: Position,
    /// Its name on the wire.
    pub name: Rc<str>,
    /// A hash of the payload's text.
    pub hash: u64,
    /// What it says.
    pub payload: Value,
}

/// A message's row.
#[derive(Debug, Clone)]
pub struct Message {
    /// Id.
    pub id: String,
    /// Channel's id.
    pub channel_id: String,
    /// Author's id.
    pub user_id: String,
    /// Number in its channel, none in a thread.
    pub no: Option<i64>,
    /// As its author called it.
    pub temp_id: Option<String>,
    /// Text.
    pub content: String,
    /// It was deleted.
    pub is_deleted: bool,
}

/// A proposal's row.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// Id.
    pub id: String,
    /// Whose memory.
    pub user_id: String,
    /// The tag of the command that made it.
    pub reasoning: String,
    /// `pending`, `approved`, ...
    pub status: String,
}

/// What a database holds.
#[derive(Debug, Default)]
pub struct Database {
    /// `head_pos` of the log.
    pub head_pos: i64,
    /// `pos` and time of every row of the log, effects too, in order.
    pub places: Vec<(i64, i64)>,
    /// Events in the order of `pos`.
    pub events: Vec<Logged>,
    /// Heads of rooms.
    pub heads: BTreeMap<Room, Position>,
    /// By id.
    pub messages: HashMap<String, Message>,
    /// `last_no` by channel.
    pub last_no: HashMap<String, i64>,
    /// `read_no` by channel and person.
    pub members: HashMap<(String, String), i64>,
    /// All.
    pub proposals: Vec<Proposal>,
    /// Every text that a block ever had: block, version, text.
    pub versions: Vec<(String, i64, String)>,
    /// What SQLite's own check said.
    pub integrity: String,
}

impl Database {
    /// Reads everything in one transaction.
    ///
    /// # Errors
    /// SQLite's, or a payload that is no JSON.
    pub fn read(database: &Connection) -> Result<Database> {
        database.execute_batch("BEGIN")?;
        let read = Database::read_all(database);
        database.execute_batch("COMMIT")?;
        read
    }

    fn read_all(database: &Connection) -> Result<Database> {
        let events = events(database)?;
        let heads = all(
            database,
            "SELECT name, head_seq, head_at_ms FROM room",
            |row| {
                Ok((
                    Room::from(row.get::<_, String>(0)?),
                    (row.get(1)?, row.get(2)?),
                ))
            },
        )?;
        let messages = all(
            database,
            "SELECT id, channel_id, user_id, no, temp_id, content, deleted_at_ns IS NOT NULL FROM message",
            message,
        )?;
        Ok(Database {
            head_pos: database.query_row("SELECT head_pos FROM log", [], |row| row.get(0))?,
            places: all(
                database,
                "SELECT pos, at_ms FROM event ORDER BY pos",
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?,
            events,
            heads: heads.into_iter().collect(),
            messages: messages
                .into_iter()
                .map(|one| (one.id.clone(), one))
                .collect(),
            last_no: all(database, "SELECT id, last_no FROM channel", |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?
            .into_iter()
            .collect(),
            members: all(
                database,
                "SELECT channel_id, user_id, read_no FROM channel_member",
                |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)),
            )?
            .into_iter()
            .collect(),
            proposals: all(
                database,
                "SELECT id, user_id, reasoning, status FROM proposal",
                |row| {
                    Ok(Proposal {
                        id: row.get(0)?,
                        user_id: row.get(1)?,
                        reasoning: row.get(2)?,
                        status: row.get(3)?,
                    })
                },
            )?,
            versions: all(
                database,
                "SELECT block_id, version, body FROM memory_version",
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )?,
            integrity: database.query_row("PRAGMA integrity_check", [], |row| row.get(0))?,
        })
    }
}

/// The log's events in the order of `pos`.
fn events(database: &Connection) -> Result<Vec<Logged>> {
    let mut events = Vec::new();
    let rows: Vec<(String, i64, String, String, i64)> = all(
        database,
        "SELECT r.name, e.seq, e.name, e.payload, e.at_ms FROM event e JOIN room r ON r.id = e.room_id ORDER BY e.pos",
        |row| {
            Ok((
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
            ))
        },
    )?;
    for (room, seq, name, payload, at) in rows {
        let mut hasher = DefaultHasher::new();
        payload.as_str().hash(&mut hasher);
        events.push(Logged {
            room: room.into(),
            position: (seq, at),
            name: name.into(),
            hash: hasher.finish(),
            payload: serde_json::from_str(&payload).context("an odd payload")?,
        });
    }
    Ok(events)
}

fn message(row: &Row<'_>) -> rusqlite::Result<Message> {
    Ok(Message {
        id: row.get(0)?,
        channel_id: row.get(1)?,
        user_id: row.get(2)?,
        no: row.get(3)?,
        temp_id: row.get(4)?,
        content: row.get(5)?,
        is_deleted: row.get(6)?,
    })
}

fn all<T>(
    database: &Connection,
    sql: &str,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut statement = database.prepare(sql)?;
    let rows = statement.query_map([], read)?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}
