//! Who is in a channel, whose sidebar shows it, and how far each has read.
//!
//! In a standard channel a row only holds the marker of one who has seen it; whether they may read it is the server's
//! to decide.

use rusqlite::{Row, params};
use wire::channels::Member;
use wire::events::ReadMarker;
use wire::{ChannelId, TimestampNs, UserId};

use crate::conn::{json_list, place, sql};
use crate::{Conn, Error, Tx, new_id};

/// A member's row.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// The row as it is shown.
    pub member: Member,
    /// `no` of the last message read.
    pub read_no: i64,
    /// Grows with every move of the marker.
    pub read_version: i64,
}

/// A person in a channel, as lists show them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Where.
    pub channel_id: ChannelId,
    /// Who.
    pub id: UserId,
    /// The name shown; a deleted account keeps it.
    pub name: String,
    /// When they last did anything, milliseconds.
    pub last_active_at_ms: i64,
}

/// The row of one person in one channel.
pub fn of(conn: &Conn, channel: &ChannelId, person: &UserId) -> Result<Option<Stored>, Error> {
    conn.first(
        sql!("members/of"),
        [channel.as_str(), person.as_str()],
        stored,
    )
}

/// The people of a group or a direct conversation, in the order they joined.
pub fn user_ids(conn: &Conn, channel: &ChannelId) -> Result<Vec<UserId>, Error> {
    conn.all(sql!("members/user_ids"), [channel.as_str()], |row| {
        Ok(UserId(row.get(0)?))
    })
}

/// The people of a group or a direct conversation, in the order they joined.
pub fn people(conn: &Conn, channel: &ChannelId) -> Result<Vec<Person>, Error> {
    conn.all(sql!("members/people"), [channel.as_str()], person)
}

/// The people of all direct conversations that one person has not hidden.
pub fn direct_people(conn: &Conn, of: &UserId) -> Result<Vec<Person>, Error> {
    conn.all(sql!("members/direct_people"), [of.as_str()], person)
}

/// Adds a person, invited by another or by themselves; their marker starts at the newest message. None if they are in
/// already.
pub fn add(
    tx: &mut Tx<'_>,
    channel: &ChannelId,
    person: &UserId,
    by: &UserId,
    now_ms: i64,
) -> Result<Option<Stored>, Error> {
    let now = now_ms * 1_000_000;
    insert(tx, channel, person, Some((now, by)), now, Some(now))
}

/// Gives a person who sees a standard channel for the first time their marker, at the newest message.
///
/// `is_reading`: they have it before their eyes; otherwise they only saw its name in a list.
pub fn saw(
    tx: &mut Tx<'_>,
    channel: &ChannelId,
    person: &UserId,
    is_reading: bool,
    now_ms: i64,
) -> Result<Option<Stored>, Error> {
    let now = now_ms * 1_000_000;
    insert(tx, channel, person, None, now, is_reading.then_some(now))
}

fn insert(
    tx: &mut Tx<'_>,
    channel: &ChannelId,
    person: &UserId,
    invited: Option<(TimestampNs, &UserId)>,
    joined_at: TimestampNs,
    last_read_at: Option<TimestampNs>,
) -> Result<Option<Stored>, Error> {
    let params = params![
        new_id(),
        channel.as_str(),
        person.as_str(),
        invited.map(|(at, _)| at),
        invited.map(|(_, by)| by.as_str()),
        joined_at,
        last_read_at,
    ];
    if tx.run(sql!("members/insert"), params)? == 0 {
        return Ok(None);
    }
    of(tx, channel, person)
}

/// Removes a person; whether they were in.
pub fn remove(tx: &mut Tx<'_>, channel: &ChannelId, person: &UserId) -> Result<bool, Error> {
    Ok(tx.run(sql!("members/remove"), [channel.as_str(), person.as_str()])? > 0)
}

/// Removes a person whose account is deleted from every channel, and says from which groups. Their messages stay, and
/// direct conversations keep both their people.
pub fn forget_person(tx: &mut Tx<'_>, person: &UserId) -> Result<Vec<ChannelId>, Error> {
    let groups = tx.all(sql!("members/groups_of"), [person.as_str()], |row| {
        Ok(ChannelId(row.get(0)?))
    })?;
    tx.run(sql!("members/forget_person"), [person.as_str()])?;
    Ok(groups)
}

/// Takes the channel out of a member's sidebar; whether it was in it.
pub fn hide(
    tx: &mut Tx<'_>,
    channel: &ChannelId,
    person: &UserId,
    now_ms: i64,
) -> Result<bool, Error> {
    let params = params![channel.as_str(), person.as_str(), now_ms * 1_000_000];
    Ok(tx.run(sql!("members/hide"), params)? > 0)
}

/// Puts the channel back into a member's sidebar; whether it was hidden.
pub fn show(
    tx: &mut Tx<'_>,
    channel: &ChannelId,
    person: &UserId,
    now_ms: i64,
) -> Result<bool, Error> {
    let params = params![channel.as_str(), person.as_str(), now_ms * 1_000_000];
    Ok(tx.run(sql!("members/show"), params)? > 0)
}

/// Puts the channel back into the sidebars of all who had hidden it, and says whose. Nobody else's row is written.
pub fn show_to_all(
    tx: &mut Tx<'_>,
    channel: &ChannelId,
    now_ms: i64,
) -> Result<Vec<UserId>, Error> {
    tx.all(
        sql!("members/show_all"),
        params![channel.as_str(), now_ms * 1_000_000],
        |row| Ok(UserId(row.get(0)?)),
    )
}

/// The most groups and direct conversations of one person that are looked up.
const MOST_SHOWN: usize = 10_000;

/// The groups and direct conversations that some people are in and have not hidden, in the order of the people.
pub fn shown_ids_of(conn: &Conn, people: &[UserId]) -> Result<Vec<Vec<ChannelId>>, Error> {
    let mut shown = vec![Vec::new(); people.len()];
    let limit = i64::try_from(people.len() * MOST_SHOWN).unwrap_or(i64::MAX);
    let asked = params![json_list(people)?, limit];
    conn.while_some(sql!("members/shown_ids_of"), asked, |row| {
        if let Some(of_person) = shown.get_mut(place(row)?) {
            of_person.push(ChannelId(row.get(1)?));
        }
        Ok(Some(()))
    })?;
    Ok(shown)
}

/// The markers of some people that moved since a time of each, in nanoseconds; for each question the newest first, at
/// most `limit`.
pub fn moved_since_of(
    conn: &Conn,
    asked: &[(UserId, i64)],
    limit: usize,
) -> Result<Vec<Vec<ReadMarker>>, Error> {
    let mut moved = vec![Vec::new(); asked.len()];
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let asked = params![json_list(asked)?, limit];
    conn.while_some(sql!("members/moved_since_of"), asked, |row| {
        let of_person: Option<&mut Vec<ReadMarker>> = moved.get_mut(place(row)?);
        if let Some(of_person) = of_person {
            of_person.push(ReadMarker {
                channel_id: ChannelId(row.get(1)?),
                read_no: row.get(2)?,
                mentions: 0,
                version: row.get(3)?,
            });
        }
        Ok(Some(()))
    })?;
    Ok(moved)
}

/// Sets the marker, backwards too. None if the person has no row.
pub fn move_marker(
    tx: &mut Tx<'_>,
    channel: &ChannelId,
    person: &UserId,
    read_no: i64,
    now_ms: i64,
) -> Result<Option<ReadMarker>, Error> {
    let params = params![
        channel.as_str(),
        person.as_str(),
        read_no,
        now_ms * 1_000_000
    ];
    tx.first(sql!("members/move_marker"), params, |row| {
        Ok(ReadMarker {
            channel_id: channel.clone(),
            read_no: row.get(0)?,
            mentions: 0,
            version: row.get(1)?,
        })
    })
}

fn stored(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let hidden_at: Option<TimestampNs> = row.get(3)?;
    let member = Member {
        id: row.get(0)?,
        channel_id: ChannelId(row.get(1)?),
        user_id: UserId(row.get(2)?),
        role: None,
        status: "joined".into(),
        is_active: hidden_at.is_none(),
        is_channel_muted: false,
        is_channel_pinned: false,
        data: None,
        meta: None,
        invited_at: row.get(4)?,
        invited_by: row.get::<_, Option<String>>(5)?.map(UserId),
        joined_at: row.get(6)?,
        left_at: None,
        last_read_at: row.get(9)?,
        created_at: row.get(10)?,
        updated_at: row.get(11)?,
    };
    Ok(Stored {
        member,
        read_no: row.get(7)?,
        read_version: row.get(8)?,
    })
}

fn person(row: &Row<'_>) -> rusqlite::Result<Person> {
    Ok(Person {
        channel_id: ChannelId(row.get(0)?),
        id: UserId(row.get(1)?),
        name: row.get(2)?,
        last_active_at_ms: row.get(3)?,
    })
}
