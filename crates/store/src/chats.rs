//! Chats with models: their rows. Their messages are in [`messages`], the generations in them in [`runs`].
//!
//! A chat belongs to one person. What its clients keep in it under keys of their own (`params`, `files`, ...) is kept in
//! `extra`, so that an old client finds it again.

use rusqlite::{Row, params};
use serde_json::{Map, Value};
use wire::chats::ChatRow;
use wire::{ChatId, MessageId, UserId};

use crate::columns::json;
use crate::conn::sql;
use crate::{Conn, Error, Tx};

pub mod messages;
pub mod runs;

/// A chat without its messages.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Which.
    pub id: ChatId,
    /// Whose.
    pub user_id: UserId,
    /// Its title.
    pub title: String,
    /// The last message of the branch that is shown.
    pub current_id: Option<MessageId>,
    /// `no` of its newest message; 0 without any.
    pub last_no: i64,
    /// The other keys of the contract's document: `models`, `params`, ...
    pub extra: Map<String, Value>,
    /// Free for clients.
    pub meta: Value,
    /// When it was pinned, if it is.
    pub pinned_at_ms: Option<i64>,
    /// When it was archived, if it is.
    pub archived_at_ms: Option<i64>,
    /// When it was made.
    pub created_at_ms: i64,
    /// When it or one of its messages changed last.
    pub updated_at_ms: i64,
}

/// Which of a person's chats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Not archived; pinned ones too.
    All,
    /// Neither archived nor pinned.
    Unpinned,
    /// Pinned and not archived.
    Pinned,
    /// Archived.
    Archived,
}

/// Makes a chat without messages.
pub fn insert(
    tx: &mut Tx<'_>,
    id: &ChatId,
    user_id: &UserId,
    title: &str,
    extra: &Map<String, Value>,
    now_ms: i64,
) -> Result<Stored, Error> {
    let extra = Value::Object(extra.clone()).to_string();
    let none: Option<&str> = None;
    tx.run(
        sql!("chats/insert"),
        params![id.as_str(), user_id.as_str(), title, none, extra, now_ms],
    )?;
    tx.one(sql!("chats/by_id"), [id.as_str()], stored)
}

/// The chat with this id, whoever it belongs to.
pub fn by_id(conn: &Conn, id: &ChatId) -> Result<Option<Stored>, Error> {
    conn.first(sql!("chats/by_id"), [id.as_str()], stored)
}

/// A person's chats, what changed last first.
pub fn page(
    conn: &Conn,
    user_id: &UserId,
    which: Which,
    skip: u32,
    limit: u32,
) -> Result<Vec<ChatRow>, Error> {
    let is_archived = which == Which::Archived;
    let is_pinned = match which {
        Which::All | Which::Archived => None,
        Which::Pinned => Some(true),
        Which::Unpinned => Some(false),
    };
    let params = params![user_id.as_str(), is_archived, is_pinned, limit, skip];
    conn.all(sql!("chats/page"), params, |row| {
        Ok(ChatRow {
            id: ChatId(row.get(0)?),
            title: row.get(1)?,
            updated_at: row.get::<_, i64>(2)? / 1000,
            created_at: row.get::<_, i64>(3)? / 1000,
            pinned: row.get(4)?,
        })
    })
}

/// Stores everything of the chat that can change, as `chat` has it.
pub fn update(tx: &mut Tx<'_>, chat: &Stored) -> Result<(), Error> {
    tx.run(
        sql!("chats/update"),
        params![
            chat.id.as_str(),
            chat.title,
            chat.current_id.as_ref().map(MessageId::as_str),
            chat.last_no,
            Value::Object(chat.extra.clone()).to_string(),
            chat.meta.to_string(),
            chat.pinned_at_ms,
            chat.archived_at_ms,
            chat.updated_at_ms,
        ],
    )?;
    Ok(())
}

/// Removes a chat with its messages and runs.
pub fn delete(tx: &mut Tx<'_>, id: &ChatId) -> Result<(), Error> {
    tx.run(sql!("chats/delete"), [id.as_str()])?;
    Ok(())
}

/// Removes all chats of a person; answers which they were.
pub fn delete_of_user(tx: &mut Tx<'_>, user_id: &UserId) -> Result<Vec<ChatId>, Error> {
    tx.all(sql!("chats/delete_of_user"), [user_id.as_str()], |row| {
        Ok(ChatId(row.get(0)?))
    })
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        id: ChatId(row.get(0)?),
        user_id: UserId(row.get(1)?),
        title: row.get(2)?,
        current_id: row.get::<_, Option<String>>(3)?.map(MessageId),
        last_no: row.get(4)?,
        extra: json(row, 5)?.unwrap_or_default(),
        meta: json(row, 6)?.unwrap_or_default(),
        pinned_at_ms: row.get(7)?,
        archived_at_ms: row.get(8)?,
        created_at_ms: row.get(9)?,
        updated_at_ms: row.get(10)?,
    })
}
