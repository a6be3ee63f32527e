//! Commands that happen once: a command with a key is remembered in the job that does it, with its answer.

use rusqlite::params;
use wire::UserId;

use crate::conn::sql;
use crate::{Conn, Error, Tx};

/// How long a command is remembered, milliseconds: 7 days. Clients ask before they send one again that is older than 6.
pub const REMEMBERED_MS: i64 = 7 * 24 * 3_600_000;

/// Who sent a command, about what, under which key.
#[derive(Debug, Clone, Copy)]
pub struct Sent<'a> {
    /// Who.
    pub user_id: &'a UserId,
    /// What the command is about.
    pub resource: &'a str,
    /// The sender's key.
    pub key: &'a str,
}

/// A command that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    /// What tells its body from another's: SHA-256, hex.
    pub body_hash: String,
    /// The answer it got, JSON.
    pub answer: String,
}

/// The command, if it was done.
pub fn recall(conn: &Conn, sent: Sent<'_>) -> Result<Option<Done>, Error> {
    conn.first(
        sql!("commands/recall"),
        [sent.user_id.as_str(), sent.resource, sent.key],
        |row| {
            Ok(Done {
                body_hash: row.get(0)?,
                answer: row.get(1)?,
            })
        },
    )
}

/// A command that ran, found by its key alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// What it was about.
    pub resource: String,
    /// The answer it got, JSON.
    pub answer: String,
    /// When, milliseconds.
    pub at_ms: i64,
}

/// A person's command of this key: the newest, if the key was used for several.
pub fn find(conn: &Conn, user_id: &UserId, key: &str) -> Result<Option<Ran>, Error> {
    conn.first(sql!("commands/find"), [user_id.as_str(), key], |row| {
        Ok(Ran {
            resource: row.get(0)?,
            answer: row.get(1)?,
            at_ms: row.get(2)?,
        })
    })
}

/// Remembers a command in the job that does it.
pub fn remember(tx: &mut Tx<'_>, sent: Sent<'_>, done: &Done, now_ms: i64) -> Result<(), Error> {
    let params = params![
        sent.user_id.as_str(),
        sent.resource,
        sent.key,
        done.body_hash,
        done.answer,
        now_ms
    ];
    tx.run(sql!("commands/remember"), params).map(|_| ())
}

/// Forgets what is older than [`REMEMBERED_MS`], at most `limit`; how many were forgotten.
pub fn prune(tx: &mut Tx<'_>, now_ms: i64, limit: u32) -> Result<usize, Error> {
    tx.run(
        sql!("commands/forget"),
        params![now_ms - REMEMBERED_MS, limit],
    )
}

/// Forgets the commands of a person whose account is deleted: their answers hold what was theirs.
pub fn delete_of_user(tx: &mut Tx<'_>, user_id: &UserId) -> Result<(), Error> {
    tx.run(sql!("commands/delete_of_user"), [user_id.as_str()])
        .map(drop)
}
