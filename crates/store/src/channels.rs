//! Channels, groups and direct conversations: their rows and the numbers their messages take.
//!
//! Who may see or change one is decided by the server; who is in one is in [`crate::members`].

use rusqlite::{Row, params};
use wire::channels::{AccessControl, Channel, ChannelKind, ReadPosition};
use wire::{ChannelId, TimestampNs, UserId};

use crate::columns::{json, json_text};
use crate::conn::sql;
use crate::{Conn, Error, Tx, new_id};

/// A channel with the numbers that the wire's [`Channel`] does not carry.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The channel as it is shown.
    pub channel: Channel,
    /// `no` of the newest top-level message; 0 before the first.
    pub last_no: i64,
    /// When that was posted.
    pub last_message_at: Option<TimestampNs>,
    /// The newest time given to any of its messages.
    pub newest_at: TimestampNs,
}

/// A channel as one person's sidebar shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// The channel.
    pub stored: Stored,
    /// The person's numbers; none if they have never seen it (standard channels only).
    pub position: Option<ReadPosition>,
}

/// What a new channel is made of.
#[derive(Debug, Clone, Default)]
pub struct NewChannel {
    /// None for a standard channel.
    pub kind: Option<ChannelKind>,
    /// As shown.
    pub name: String,
    /// One line on what it is for.
    pub description: Option<String>,
    /// Kept as given.
    pub is_private: Option<bool>,
    /// Free for clients.
    pub data: Option<serde_json::Value>,
    /// Free for clients.
    pub meta: Option<serde_json::Value>,
    /// Of a standard channel: who may; none is everybody.
    pub access_control: Option<AccessControl>,
    /// Of a direct conversation: its people, from [`direct_key`].
    pub direct_key: Option<String>,
}

/// What makes a direct conversation the only one between these people: their ids, sorted, without repetitions.
#[must_use]
pub fn direct_key(people: &[UserId]) -> String {
    let mut ids: Vec<&str> = people.iter().map(UserId::as_str).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.join(" ")
}

/// The channel with this id.
pub fn by_id(conn: &Conn, id: &ChannelId) -> Result<Option<Stored>, Error> {
    conn.first(sql!("channels/by_id"), [id.as_str()], stored)
}

/// The direct conversation of these people, if they have had one.
pub fn direct(conn: &Conn, direct_key: &str) -> Result<Option<Stored>, Error> {
    conn.first(sql!("channels/direct"), [direct_key], stored)
}

/// Every standard channel, oldest first, with one person's numbers. Whether they may read it is not looked at.
pub fn standard(conn: &Conn, for_person: &UserId) -> Result<Vec<Listed>, Error> {
    conn.all(sql!("channels/standard"), [for_person.as_str()], listed)
}

/// A standard channel with what says who may read it.
#[derive(Debug, Clone)]
pub struct Standard {
    /// Which.
    pub id: ChannelId,
    /// Who made it.
    pub user_id: UserId,
    /// Whom it names; none is everybody.
    pub access_control: Option<AccessControl>,
}

/// Every standard channel, in no order.
pub fn standard_access(conn: &Conn) -> Result<Vec<Standard>, Error> {
    conn.all(sql!("channels/standard_access"), [], |row| {
        Ok(Standard {
            id: ChannelId(row.get(0)?),
            user_id: UserId(row.get(1)?),
            access_control: json(row, 2)?,
        })
    })
}

/// The groups and direct conversations that one person is in and has not hidden, oldest first.
pub fn of_member(conn: &Conn, person: &UserId) -> Result<Vec<Listed>, Error> {
    conn.all(sql!("channels/of_member"), [person.as_str()], listed)
}

/// Makes a channel without members. A second one with the same `direct_key` is an [`Error::Conflict`].
pub fn insert(
    tx: &mut Tx<'_>,
    by: &UserId,
    new: &NewChannel,
    now_ms: i64,
) -> Result<Stored, Error> {
    let id = ChannelId(new_id());
    tx.run(
        sql!("channels/insert"),
        params![
            id.as_str(),
            by.as_str(),
            kind_text(new.kind),
            new.name,
            new.description,
            new.is_private,
            json_text(new.data.as_ref())?,
            json_text(new.meta.as_ref())?,
            json_text(new.access_control.as_ref())?,
            new.direct_key,
            now_ms * 1_000_000,
        ],
    )?;
    tx.one(sql!("channels/by_id"), [id.as_str()], stored)
}

/// Stores the channel's name, description, access and what clients keep in it, as `to` has them.
pub fn update(tx: &mut Tx<'_>, to: &Channel) -> Result<(), Error> {
    tx.run(
        sql!("channels/update"),
        params![
            to.id.as_str(),
            to.name,
            to.description,
            to.is_private,
            json_text(to.data.as_ref())?,
            json_text(to.meta.as_ref())?,
            json_text(to.access_control.as_ref())?,
            to.updated_at,
            to.updated_by.as_ref().map(UserId::as_str),
        ],
    )?;
    Ok(())
}

/// Removes a channel with its members and messages.
pub fn delete(tx: &mut Tx<'_>, id: &ChannelId) -> Result<(), Error> {
    tx.run(sql!("channels/delete"), [id.as_str()])?;
    Ok(())
}

/// Takes the time for a new message, later than any other of the channel, and for a top-level one the next number.
pub(crate) fn take_numbers(
    tx: &mut Tx<'_>,
    channel: &mut Stored,
    is_top_level: bool,
    now_ms: i64,
) -> Result<(Option<i64>, TimestampNs), Error> {
    let params = params![
        channel.channel.id.as_str(),
        now_ms * 1_000_000,
        i64::from(is_top_level)
    ];
    let (last_no, at) = tx.one(sql!("channels/posted"), params, |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    channel.last_no = last_no;
    channel.newest_at = at;
    if is_top_level {
        channel.last_message_at = Some(at);
    }
    Ok((is_top_level.then_some(last_no), at))
}

fn kind_text(kind: Option<ChannelKind>) -> &'static str {
    match kind {
        None => "standard",
        Some(ChannelKind::Group) => "group",
        Some(ChannelKind::Dm) => "dm",
    }
}

fn listed(row: &Row<'_>) -> rusqlite::Result<Listed> {
    let stored = stored(row)?;
    let position = match (row.get(15)?, row.get(16)?) {
        (Some(read_no), Some(read_version)) => Some(ReadPosition {
            last_no: stored.last_no,
            read_no,
            read_version,
        }),
        _ => None,
    };
    Ok(Listed { stored, position })
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let kind: String = row.get(2)?;
    let channel = Channel {
        id: ChannelId(row.get(0)?),
        user_id: UserId(row.get(1)?),
        kind: match kind.as_str() {
            "group" => Some(ChannelKind::Group),
            "dm" => Some(ChannelKind::Dm),
            _ => None,
        },
        name: row.get(3)?,
        description: row.get(4)?,
        is_private: row.get(5)?,
        data: json(row, 6)?,
        meta: json(row, 7)?,
        access_control: json(row, 8)?,
        created_at: row.get(9)?,
        updated_at: row.get(10)?,
        updated_by: row.get::<_, Option<String>>(11)?.map(UserId),
        archived_at: None,
        archived_by: None,
        deleted_at: None,
        deleted_by: None,
    };
    Ok(Stored {
        channel,
        last_no: row.get(12)?,
        last_message_at: row.get(13)?,
        newest_at: row.get(14)?,
    })
}
