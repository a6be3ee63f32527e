//! Messages of channels: posted once, numbered without holes, edited, deleted down to their number.
//!
//! A message is recognised by who wrote it, where, under which `temp_id`, so a retry is the same message for ever, even
//! after it was deleted.

use rusqlite::{Row, params};
use serde_json::Value;
use wire::messages::{Message, MessageRow, PostMessage};
use wire::people::UserRef;
use wire::{ChannelId, MessageId, TimestampNs, UserId};

use crate::columns::{json, json_text};
use crate::conn::sql;
use crate::{Conn, Error, Tx, channels, new_id};

/// A message's row with its author.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The row as it is shown.
    pub row: MessageRow,
    /// Who wrote it; none if the account is gone.
    pub author: Option<UserRef>,
    /// Answers in its thread that are not deleted.
    pub reply_count: i64,
    /// When its thread was answered last.
    pub latest_reply_at: Option<TimestampNs>,
    /// Only its number is left.
    pub is_deleted: bool,
}

/// The message with this id, deleted or not.
pub fn by_id(conn: &Conn, id: &MessageId) -> Result<Option<Stored>, Error> {
    conn.first(sql!("messages/by_id"), [id.as_str()], stored)
}

/// The message that its author posted under this name of their own, deleted or not.
pub fn by_temp_id(
    conn: &Conn,
    channel: &ChannelId,
    author: &UserId,
    temp_id: &str,
) -> Result<Option<Stored>, Error> {
    conn.first(
        sql!("messages/by_temp_id"),
        [channel.as_str(), author.as_str(), temp_id],
        stored,
    )
}

/// Top-level messages, newest first; of their `data` only whether there is any.
pub fn page(
    conn: &Conn,
    channel: &ChannelId,
    skip: u32,
    limit: u32,
) -> Result<Vec<Message>, Error> {
    let found = conn.all(
        sql!("messages/page"),
        params![channel.as_str(), limit, skip],
        stored,
    )?;
    found
        .into_iter()
        .map(|message| Ok(without_data(whole(conn, message)?)))
        .collect()
}

/// The answers in a thread, newest first; of their `data` only whether there is any.
pub fn thread(conn: &Conn, root: &MessageId, skip: u32, limit: u32) -> Result<Vec<Message>, Error> {
    let found = conn.all(
        sql!("messages/thread"),
        params![root.as_str(), limit, skip],
        stored,
    )?;
    found
        .into_iter()
        .map(|message| Ok(without_data(whole(conn, message)?)))
        .collect()
}

/// A message with what hangs on it; the message it quotes comes along, one level deep, unless it is deleted.
pub fn whole(conn: &Conn, message: Stored) -> Result<Message, Error> {
    let quoted = match &message.row.reply_to_id {
        Some(id) => by_id(conn, id)?.filter(|quoted| !quoted.is_deleted),
        None => None,
    };
    let quoted = quoted.map(|quoted| Box::new(without_data(alone(quoted))));
    Ok(Message {
        reply_to_message: quoted,
        ..alone(message)
    })
}

fn alone(message: Stored) -> Message {
    Message {
        row: message.row,
        user: message.author,
        reply_to_message: None,
        latest_reply_at: message.latest_reply_at,
        reply_count: message.reply_count,
        reactions: Vec::new(),
    }
}

/// The same message with `data` as lists show it: true if there is any.
#[must_use]
pub fn without_data(mut message: Message) -> Message {
    let has_data = match &message.row.data {
        None | Some(Value::Null | Value::Bool(false)) => false,
        Some(Value::Object(keys)) => !keys.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Bool(true) | Value::Number(_)) => true,
    };
    message.row.data = Some(Value::Bool(has_data));
    message
}

/// Stores a new message with the channel's next number and time; an answer is counted at the root of its thread.
///
/// A `temp_id` that the author has used here before is an [`Error::Conflict`]: ask [`by_temp_id`] first.
pub fn insert(
    tx: &mut Tx<'_>,
    channel: &mut channels::Stored,
    author: &UserId,
    draft: &PostMessage,
    now_ms: i64,
) -> Result<Stored, Error> {
    let id = new_id();
    let (no, at) = channels::take_numbers(tx, channel, draft.parent_id.is_none(), now_ms)?;
    tx.run(
        sql!("messages/insert"),
        params![
            id,
            channel.channel.id.as_str(),
            author.as_str(),
            no,
            draft.parent_id.as_ref().map(MessageId::as_str),
            draft.reply_to_id.as_ref().map(MessageId::as_str),
            draft.temp_id,
            draft.content,
            json_text(draft.data.as_ref())?,
            json_text(draft.meta.as_ref())?,
            at,
        ],
    )?;
    if let Some(root) = &draft.parent_id {
        tx.run(sql!("messages/replied"), params![root.as_str(), at])?;
    }
    tx.one(sql!("messages/by_id"), [id], stored)
}

/// Replaces a message's text and what clients keep in it.
pub fn edit(
    tx: &mut Tx<'_>,
    id: &MessageId,
    content: &str,
    data: Option<&Value>,
    meta: Option<&Value>,
    at: TimestampNs,
) -> Result<Stored, Error> {
    let params = params![id.as_str(), content, json_text(data)?, json_text(meta)?, at];
    tx.run(sql!("messages/edit"), params)?;
    tx.one(sql!("messages/by_id"), [id.as_str()], stored)
}

/// Takes a message's content away; its number stays. An answer is no longer counted at the root of its thread.
pub fn delete(tx: &mut Tx<'_>, message: &Stored, by: &UserId, now_ms: i64) -> Result<(), Error> {
    let params = params![message.row.id.as_str(), now_ms * 1_000_000, by.as_str()];
    tx.run(sql!("messages/delete"), params)?;
    if let Some(root) = &message.row.parent_id {
        tx.run(sql!("messages/reply_deleted"), [root.as_str()])?;
    }
    Ok(())
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let user_id = UserId(row.get(1)?);
    let author = match (row.get(14)?, row.get(15)?) {
        (Some(name), Some(role)) => Some(UserRef {
            id: user_id.clone(),
            name,
            role,
        }),
        _ => None,
    };
    let deleted_at: Option<TimestampNs> = row.get(13)?;
    let message = MessageRow {
        id: MessageId(row.get(0)?),
        user_id,
        channel_id: ChannelId(row.get(2)?),
        reply_to_id: row.get::<_, Option<String>>(3)?.map(MessageId),
        parent_id: row.get::<_, Option<String>>(4)?.map(MessageId),
        is_pinned: false,
        pinned_by: None,
        pinned_at: None,
        content: row.get(5)?,
        data: json(row, 6)?,
        meta: json(row, 7)?,
        created_at: row.get(8)?,
        updated_at: row.get(9)?,
        no: row.get(10)?,
    };
    Ok(Stored {
        row: message,
        author,
        reply_count: row.get(11)?,
        latest_reply_at: row.get(12)?,
        is_deleted: deleted_at.is_some(),
    })
}
