//! What is shown of channels: the sidebar's rows, one channel, its people, pages of its messages.

use super::open::{self, Audience};
use crate::access::{self, Readable};
use crate::app::App;
use crate::auth::Actor;
use crate::error::Error;
use crate::http::as_of::{AsOf, Snapshot};
use std::collections::HashMap;
use store::members::Person;
use store::{Conn, members, messages, users};
use wire::channels::{ChannelDetail, ChannelKind, ChannelRow, ChannelUser, ReadPosition};
use wire::messages::Message;
use wire::people::UserSummaries;
use wire::{ChannelId, MessageId, Room, UserId};

/// Most messages of one page.
pub const MAX_PAGE: u32 = 200;

/// The rows of the caller's sidebar. A standard channel seen here for the first time has nothing unread.
///
/// # Errors
/// When the database does not answer.
pub async fn list(app: &App, actor: &Actor) -> Result<Snapshot<Vec<ChannelRow>>, Error> {
    let (caller, person) = (actor.clone(), actor.user.id.clone());
    let (found, people, as_of) = app
        .store
        .read(move |conn| {
            let role = access::may_use_channels(conn, &caller)?;
            let found = open::visible(conn, &person, role)?;
            let rooms = found
                .iter()
                .map(|listed| Room::Channel(listed.stored.channel.id.clone()));
            let rooms = rooms.chain([Room::User(person.clone()), Room::Everyone]);
            let rooms: Vec<Room> = rooms.collect();
            let as_of = AsOf::read(conn, rooms)?;
            Ok::<_, Error>((found, members::direct_people(conn, &person)?, as_of))
        })
        .await?;
    let unseen: Vec<ChannelId> = found
        .iter()
        .filter(|listed| listed.position.is_none())
        .map(|listed| listed.stored.channel.id.clone())
        .collect();
    note_seen(app, actor, unseen, false).await;

    let mut people_of: HashMap<ChannelId, Vec<Person>> = HashMap::new();
    for person in people {
        people_of
            .entry(person.channel_id.clone())
            .or_default()
            .push(person);
    }
    let rows = found.into_iter().map(|listed| {
        let is_direct = listed.stored.channel.kind == Some(ChannelKind::Dm);
        let people = is_direct.then(|| {
            people_of
                .remove(&listed.stored.channel.id)
                .unwrap_or_default()
        });
        let position = listed
            .position
            .unwrap_or_else(|| all_read(listed.stored.last_no));
        ChannelRow {
            user_ids: people.as_ref().map(|people| ids(people)),
            users: people.map(|people| shown(app, people)),
            last_message_at: listed.stored.last_message_at,
            unread_count: position.unread(),
            position,
            channel: listed.stored.channel,
        }
    });
    Ok(Snapshot {
        body: rows.collect(),
        as_of,
    })
}

/// Gives the caller their marker in channels they see for the first time. If that cannot be written, the next look does it.
async fn note_seen(app: &App, actor: &Actor, unseen: Vec<ChannelId>, is_reading: bool) {
    if unseen.is_empty() {
        return;
    }
    let (person, now_ms) = (actor.user.id.clone(), app.clock.now_ms());
    app.note("first looks at channels", move |tx| {
        unseen.iter().try_for_each(|channel| {
            members::saw(tx, channel, &person, is_reading, now_ms).map(drop)
        })
    })
    .await;
}

fn all_read(last_no: i64) -> ReadPosition {
    ReadPosition {
        last_no,
        read_no: last_no,
        read_version: 0,
    }
}

/// One channel with the caller's rights in it.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`].
pub async fn detail(
    app: &App,
    actor: &Actor,
    id: &ChannelId,
) -> Result<Snapshot<ChannelDetail>, Error> {
    let (caller, id) = (actor.clone(), id.clone());
    let (readable, people, user_count, as_of) = app
        .store
        .read(move |conn| {
            let readable = access::may_read(conn, &caller, &id)?;
            let channel = &readable.stored.channel;
            let people = channel
                .kind
                .map(|_| members::people(conn, &id))
                .transpose()?;
            let user_count = match &people {
                Some(people) => count(people.len()),
                None => match open::audience(conn, channel)? {
                    Audience::Everybody => users::search(conn, "", 1)?.1,
                    Audience::People(people) => count(people.len()),
                },
            };
            let as_of = AsOf::read(conn, [Room::Channel(id.clone())])?;
            Ok::<_, Error>((readable, people, user_count, as_of))
        })
        .await?;
    let Readable {
        stored,
        membership,
        rights,
    } = readable;
    let position = membership.as_ref().map_or_else(
        || all_read(stored.last_no),
        |own| ReadPosition {
            last_no: stored.last_no,
            read_no: own.read_no,
            read_version: own.read_version,
        },
    );
    let body = ChannelDetail {
        is_manager: rights.manage,
        write_access: rights.write,
        user_count,
        user_ids: people.as_ref().map(|people| ids(people)),
        users: people.map(|people| shown(app, people)),
        last_read_at: membership.and_then(|own| own.member.last_read_at),
        unread_count: position.unread(),
        position,
        channel: stored.channel,
    };
    Ok(Snapshot { body, as_of })
}

fn count(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

fn ids(people: &[Person]) -> Vec<UserId> {
    people.iter().map(|person| person.id.clone()).collect()
}

fn shown(app: &App, people: Vec<Person>) -> Vec<ChannelUser> {
    let now_ms = app.clock.now_ms();
    let shown = people.into_iter().map(|person| ChannelUser {
        is_active: app
            .presence
            .is_active(&person.id, person.last_active_at_ms, now_ms),
        id: person.id,
        name: person.name,
        status_emoji: None,
        status_message: None,
        status_expires_at: None,
    });
    shown.collect()
}

/// How the people of a channel are listed.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Only those whose name contains this.
    pub query: String,
    /// Backwards by name.
    pub descending: bool,
    /// From 1; 30 each.
    pub page: i64,
}

/// A page of the people who may read a channel.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`].
pub async fn members_page(
    app: &App,
    actor: &Actor,
    id: &ChannelId,
    listing: Listing,
) -> Result<Snapshot<UserSummaries>, Error> {
    let (caller, id) = (actor.clone(), id.clone());
    let ((found, total), as_of) = app
        .store
        .read(move |conn| {
            let channel = access::may_read(conn, &caller, &id)?.stored.channel;
            let as_of = AsOf::read(conn, [Room::Channel(id.clone()), Room::Everyone])?;
            let people = match channel.kind {
                Some(_) => members::user_ids(conn, &id)?,
                None => match open::audience(conn, &channel)? {
                    Audience::Everybody => {
                        let found = users::search(conn, &listing.query, listing.page)?;
                        return Ok::<_, Error>((found, as_of));
                    }
                    Audience::People(people) => people,
                },
            };
            Ok((page_of(conn, people, &listing)?, as_of))
        })
        .await?;
    let now_ms = app.clock.now_ms();
    let summary = |user: users::User| {
        user.summary(
            app.presence
                .is_active(&user.id, user.last_active_at_ms, now_ms),
        )
    };
    let body = UserSummaries {
        users: found.into_iter().map(summary).collect(),
        total,
    };
    Ok(Snapshot { body, as_of })
}

fn page_of(
    conn: &Conn,
    people: Vec<UserId>,
    listing: &Listing,
) -> Result<(Vec<users::User>, i64), Error> {
    let wanted = listing.query.trim().to_lowercase();
    let mut found = Vec::new();
    for id in people {
        found.extend(
            users::by_id(conn, &id)?.filter(|user| user.name.to_lowercase().contains(&wanted)),
        );
    }
    found.sort_by_cached_key(|user| (user.name.to_lowercase(), user.id.clone()));
    if listing.descending {
        found.reverse();
    }
    let total = count(found.len());
    let skip = usize::try_from((listing.page.max(1) - 1).saturating_mul(users::PAGE))
        .unwrap_or(usize::MAX);
    let page = usize::try_from(users::PAGE).unwrap_or(usize::MAX);
    Ok((found.into_iter().skip(skip).take(page).collect(), total))
}

/// Top-level messages, newest first. Whoever reads a standard channel first has nothing unread in it.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`].
pub async fn message_page(
    app: &App,
    actor: &Actor,
    id: &ChannelId,
    skip: u32,
    limit: u32,
) -> Result<Snapshot<Vec<Message>>, Error> {
    let (caller, channel) = (actor.clone(), id.clone());
    let (is_new, page) = app
        .store
        .read(move |conn| {
            let readable = access::may_read(conn, &caller, &channel)?;
            let page = Snapshot {
                body: messages::page(conn, &channel, skip, limit.min(MAX_PAGE))?,
                as_of: AsOf::read(conn, [Room::Channel(channel.clone())])?,
            };
            Ok::<_, Error>((readable.membership.is_none(), page))
        })
        .await?;
    if is_new {
        note_seen(app, actor, vec![id.clone()], true).await;
    }
    Ok(page)
}

/// The answers of a thread, newest first, and its root after the oldest.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`].
pub async fn thread_page(
    app: &App,
    actor: &Actor,
    id: &ChannelId,
    root: &MessageId,
    skip: u32,
    limit: u32,
) -> Result<Snapshot<Vec<Message>>, Error> {
    let (caller, id, root) = (actor.clone(), id.clone(), root.clone());
    app.store
        .read(move |conn| {
            let (_, message) = access::may_read_message(conn, &caller, &id, &root)?;
            let limit = limit.min(MAX_PAGE);
            let mut page = messages::thread(conn, &root, skip, limit)?;
            if page.len() < limit as usize {
                page.push(messages::without_data(messages::whole(conn, message)?));
            }
            Ok(Snapshot {
                body: page,
                as_of: AsOf::read(conn, [Room::Channel(id)])?,
            })
        })
        .await
}

/// One message with all its data.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`].
pub async fn message(
    app: &App,
    actor: &Actor,
    id: &ChannelId,
    message: &MessageId,
) -> Result<Snapshot<Message>, Error> {
    let (caller, id, message) = (actor.clone(), id.clone(), message.clone());
    app.store
        .read(move |conn| {
            let (_, stored) = access::may_read_message(conn, &caller, &id, &message)?;
            Ok(Snapshot {
                body: messages::whole(conn, stored)?,
                as_of: AsOf::read(conn, [Room::Channel(id)])?,
            })
        })
        .await
}
