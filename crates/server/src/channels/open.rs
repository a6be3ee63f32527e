//! Which channels a person has, and who has a channel: the contract's rule (2.3), with `read.user_ids` honoured and
//! admins reading every standard channel. Lists, rooms and the sockets that enter at a change all ask here.

use super::members::PEOPLE_PER_JOB;
use crate::access;
use store::{Conn, Effect, Tx, channels, users};
use wire::channels::Channel;
use wire::events::{ChannelEvent, ChannelPush, ChannelSeen, ServerEvent};
use wire::people::Role;
use wire::{ChannelId, Room, UserId};

/// Every channel that a person has: standard ones they may read, groups and direct conversations they have not hidden.
///
/// # Errors
/// When the database does not answer.
pub fn visible(
    conn: &Conn,
    person: &UserId,
    role: Role,
) -> Result<Vec<channels::Listed>, store::Error> {
    if role == Role::Pending {
        return Ok(Vec::new());
    }
    let mut found = channels::of_member(conn, person)?;
    let standard = channels::standard(conn, person)?;
    found.extend(
        standard
            .into_iter()
            .filter(|listed| access::rights(&listed.stored.channel, false, person, role).read),
    );
    Ok(found)
}

/// Those of the standard channels that a person may read.
pub fn readable<'a>(
    standard: &'a [channels::Standard],
    person: &'a UserId,
    role: Role,
) -> impl Iterator<Item = &'a ChannelId> {
    standard
        .iter()
        .filter(move |one| {
            access::in_standard(&one.user_id, one.access_control.as_ref(), person, role).read
        })
        .map(|one| &one.id)
}

/// Who may read a standard channel.
pub enum Audience {
    /// All who use the workspace.
    Everybody,
    /// Its maker, those it names, and the admins.
    People(Vec<UserId>),
}

/// Who may read a standard channel.
///
/// # Errors
/// When the database does not answer.
pub fn audience(conn: &Conn, channel: &Channel) -> Result<Audience, store::Error> {
    let Some(access) = &channel.access_control else {
        return Ok(Audience::Everybody);
    };
    let mut people = vec![channel.user_id.clone()];
    people.extend(
        access
            .read
            .iter()
            .flat_map(|list| list.user_ids.iter().cloned()),
    );
    people.extend(users::admins(conn)?);
    let mut seen = std::collections::HashSet::new();
    people.retain(|person| seen.insert(person.clone()));
    Ok(Audience::People(people))
}

/// The sockets of all who may read a standard channel enter it and hear of it.
pub fn open_to_audience(tx: &mut Tx<'_>, channel: &Channel) -> Result<(), store::Error> {
    let room = Room::Channel(channel.id.clone());
    match audience(tx, channel)? {
        Audience::Everybody => tx.effect(Effect::JoinAll {
            of: Room::Everyone,
            room: room.clone(),
        }),
        Audience::People(people) => {
            for user_id in people {
                tx.effect(Effect::Join {
                    user_id,
                    room: room.clone(),
                });
            }
        }
    }
    tx.emit(
        room,
        ServerEvent::ChannelAdded(ChannelSeen {
            channel_id: channel.id.clone(),
        }),
    );
    Ok(())
}

/// A person's sockets enter a channel, and the person hears of it, also in the contract's words.
pub fn welcome(tx: &mut Tx<'_>, channel: &ChannelId, person: &UserId) {
    appear(tx, channel, person);
    announce(tx, person);
}

/// A person's sockets enter a channel that was not in their sidebar.
pub fn appear(tx: &mut Tx<'_>, channel: &ChannelId, person: &UserId) {
    tx.effect(Effect::Join {
        user_id: person.clone(),
        room: Room::Channel(channel.clone()),
    });
    let added = ServerEvent::ChannelAdded(ChannelSeen {
        channel_id: channel.clone(),
    });
    tx.emit(Room::User(person.clone()), added);
}

/// The same for many: all enter, and as many as one job may tell hear of it. The others meet the channel with its next
/// event.
pub fn appear_to_many(tx: &mut Tx<'_>, channel: &ChannelId, people: &[UserId]) {
    let told = people.len().min(PEOPLE_PER_JOB);
    for person in &people[..told] {
        appear(tx, channel, person);
    }
    for person in &people[told..] {
        tx.effect(Effect::Join {
            user_id: person.clone(),
            room: Room::Channel(channel.clone()),
        });
    }
}

/// The contract's word for "fetch your list of channels again".
pub fn announce(tx: &mut Tx<'_>, person: &UserId) {
    let created = ServerEvent::Channel(ChannelPush::Created {
        data: ChannelEvent::Created,
    });
    tx.emit(Room::User(person.clone()), created);
}

/// A person's sockets leave a channel: after this they hear nothing of it.
pub fn vanish(tx: &mut Tx<'_>, channel: &ChannelId, person: &UserId) {
    tx.effect(Effect::Leave {
        user_id: person.clone(),
        room: Room::Channel(channel.clone()),
    });
    let removed = ServerEvent::ChannelRemoved(ChannelSeen {
        channel_id: channel.clone(),
    });
    tx.emit(Room::User(person.clone()), removed);
}

/// A person who uses the workspace.
///
/// # Errors
/// None is [`crate::error::Error::NotFound`].
pub fn person(conn: &Conn, id: &UserId) -> Result<users::User, crate::error::Error> {
    users::by_id(conn, id)?
        .filter(|user| user.role != Role::Pending)
        .ok_or(crate::error::Error::NotFound("person"))
}
