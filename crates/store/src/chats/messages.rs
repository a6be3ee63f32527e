//! The messages of chats, as rows: a tree by `parent_id`, in the order in which they appeared.

use rusqlite::{Row, params};
use serde_json::{Map, Value};
use wire::{ChatId, MessageId};

use super::Stored as Chat;
use crate::columns::{json, json_text};
use crate::conn::sql;
use crate::{Conn, Error, Tx};

/// How many messages a chat may have; more are not read.
pub const MAX_MESSAGES: i64 = 10_000;

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Chosen by the client; unique in its chat.
    pub id: MessageId,
    /// Order of appearance in the chat, from 1; 0 before it is stored.
    pub no: i64,
    /// The message it answers; may be missing in the chat.
    pub parent_id: Option<MessageId>,
    /// `user`, `assistant` or `system`.
    pub role: String,
    /// Markdown.
    pub content: String,
    /// Who answered.
    pub model: Option<String>,
    /// Nothing is generated into it any more.
    pub is_done: bool,
    /// `{content: sentence, code?, kept?}` of a failed answer.
    pub error: Option<Value>,
    /// The other keys that clients keep in it.
    pub extra: Map<String, Value>,
    /// When it appeared.
    pub created_at_ms: i64,
    /// When it changed last.
    pub updated_at_ms: i64,
}

/// All messages of a chat, oldest first.
pub fn of_chat(conn: &Conn, chat: &ChatId) -> Result<Vec<Stored>, Error> {
    let params = params![chat.as_str(), MAX_MESSAGES];
    conn.all(sql!("chat_messages/of_chat"), params, stored)
}

/// One message of a chat.
pub fn by_id(conn: &Conn, chat: &ChatId, id: &MessageId) -> Result<Option<Stored>, Error> {
    let params = [chat.as_str(), id.as_str()];
    conn.first(sql!("chat_messages/by_id"), params, stored)
}

/// Stores a message, new (then it takes the chat's next number) or changed. The chat's own row is the caller's to store.
pub fn put(tx: &mut Tx<'_>, chat: &mut Chat, message: &mut Stored) -> Result<(), Error> {
    if message.no == 0 {
        chat.last_no += 1;
        message.no = chat.last_no;
    }
    tx.run(
        sql!("chat_messages/put"),
        params![
            chat.id.as_str(),
            message.id.as_str(),
            message.no,
            message.parent_id.as_ref().map(MessageId::as_str),
            message.role,
            message.content,
            message.model,
            message.is_done,
            json_text(message.error.as_ref())?,
            Value::Object(message.extra.clone()).to_string(),
            message.created_at_ms,
            message.updated_at_ms,
        ],
    )?;
    Ok(())
}

/// Removes one message; those that answered it answer its parent from now on.
pub fn delete(tx: &mut Tx<'_>, chat: &ChatId, message: &Stored) -> Result<(), Error> {
    let parent = message.parent_id.as_ref().map(MessageId::as_str);
    tx.run(
        sql!("chat_messages/reparent"),
        params![chat.as_str(), message.id.as_str(), parent],
    )?;
    tx.run(
        sql!("chat_messages/delete"),
        [chat.as_str(), message.id.as_str()],
    )?;
    Ok(())
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        id: MessageId(row.get(0)?),
        no: row.get(1)?,
        parent_id: row.get::<_, Option<String>>(2)?.map(MessageId),
        role: row.get(3)?,
        content: row.get(4)?,
        model: row.get(5)?,
        is_done: row.get(6)?,
        error: json(row, 7)?,
        extra: json(row, 8)?.unwrap_or_default(),
        created_at_ms: row.get(9)?,
        updated_at_ms: row.get(10)?,
    })
}
