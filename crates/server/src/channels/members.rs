//! People come into a group, leave it, are removed; a conversation is hidden and shown again.

use super::{checks, open};
use crate::access::{self, Readable};
use crate::app::App;
use crate::auth::Actor;
use crate::error::Error;
use store::Tx;
use wire::channels::{ChannelKind, Member};
use wire::events::{MemberJoined, MemberLeft, ServerEvent};
use wire::{ChannelId, Room, UserId};

/// How many people one job adds or removes: each hears of it in a room of their own.
pub const PEOPLE_PER_JOB: usize = 90;

/// Adds people to a group; answers with those who were not in it.
///
/// # Errors
/// [`Error::NotFound`] for the channel or a person, [`Error::Forbidden`]; what is no group has no members to add.
pub async fn add_members(
    app: &App,
    actor: &Actor,
    id: &ChannelId,
    user_ids: Vec<UserId>,
) -> Result<Vec<Member>, Error> {
    checks::people(&user_ids)?;
    let mut added = Vec::new();
    for (step, some) in steps(actor, &user_ids) {
        let (caller, id, some, now_ms) =
            (actor.clone(), id.clone(), some.to_vec(), app.clock.now_ms());
        let job = move |tx: &mut Tx<'_>| {
            group(access::may_manage(tx, &caller, &id)?)?;
            let mut added = Vec::new();
            for user_id in some {
                let person = open::person(tx, &user_id)?;
                let Some(new) = store::members::add(tx, &id, &user_id, &caller.user.id, now_ms)?
                else {
                    continue;
                };
                open::welcome(tx, &id, &user_id);
                let joined = MemberJoined {
                    channel_id: id.clone(),
                    user: person.summary(false),
                };
                tx.emit(Room::Channel(id.clone()), ServerEvent::MemberJoined(joined));
                added.push(new.member);
            }
            Ok(added)
        };
        added.extend(app.command(&step, job).await?);
    }
    Ok(added)
}

/// Removes people from a group; how many were in it. They hear nothing of it from then on.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`]; what is no group has no members to remove.
pub async fn remove_members(
    app: &App,
    actor: &Actor,
    id: &ChannelId,
    user_ids: Vec<UserId>,
) -> Result<usize, Error> {
    checks::people(&user_ids)?;
    let mut removed = 0;
    for (step, some) in steps(actor, &user_ids) {
        let (caller, id, some) = (actor.clone(), id.clone(), some.to_vec());
        let job = move |tx: &mut Tx<'_>| {
            group(access::may_manage(tx, &caller, &id)?)?;
            let mut removed = 0;
            for user_id in some {
                removed += usize::from(take_out(tx, &id, &user_id)?);
            }
            Ok(removed)
        };
        removed += app.command(&step, job).await?;
    }
    Ok(removed)
}

/// The people a job each, with the caller's command for it: the whole command's for the last, so that it counts as done
/// when all are through.
fn steps<'a>(actor: &Actor, user_ids: &'a [UserId]) -> impl Iterator<Item = (Actor, &'a [UserId])> {
    let last = user_ids.len().div_ceil(PEOPLE_PER_JOB).saturating_sub(1);
    let jobs = user_ids.chunks(PEOPLE_PER_JOB).enumerate();
    jobs.map(move |(number, some)| {
        let step = if number == last {
            actor.clone()
        } else {
            actor.step(number)
        };
        (step, some)
    })
}

/// The caller leaves a group; a direct conversation is only hidden, until the next message.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`]; a standard channel cannot be left.
pub async fn leave(app: &App, actor: &Actor, id: &ChannelId) -> Result<(), Error> {
    let (caller, id, now_ms) = (actor.clone(), id.clone(), app.clock.now_ms());
    app.command(actor, move |tx| {
        match access::may_read(tx, &caller, &id)?.stored.channel.kind {
            Some(ChannelKind::Group) => {
                take_out(tx, &id, &caller.user.id)?;
            }
            Some(ChannelKind::Dm) => hide(tx, &id, &caller.user.id, now_ms)?,
            None => {
                return Err(no_members(
                    "standard channels cannot be left: who may read one is in it",
                ));
            }
        }
        Ok(())
    })
    .await
}

/// Hides a group or direct conversation from the caller's sidebar until the next message, or shows it again.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`]; a standard channel cannot be hidden.
pub async fn set_active(
    app: &App,
    actor: &Actor,
    id: &ChannelId,
    is_active: bool,
) -> Result<(), Error> {
    let (caller, id, now_ms) = (actor.clone(), id.clone(), app.clock.now_ms());
    app.command(actor, move |tx| {
        if access::may_read(tx, &caller, &id)?
            .stored
            .channel
            .kind
            .is_none()
        {
            return Err(no_members("standard channels cannot be hidden"));
        }
        if !is_active {
            hide(tx, &id, &caller.user.id, now_ms)?;
        } else if store::members::show(tx, &id, &caller.user.id, now_ms)? {
            open::appear(tx, &id, &caller.user.id);
        }
        Ok(())
    })
    .await
}

fn hide(tx: &mut Tx<'_>, id: &ChannelId, person: &UserId, now_ms: i64) -> Result<(), Error> {
    if store::members::hide(tx, id, person, now_ms)? {
        open::vanish(tx, id, person);
    }
    Ok(())
}

/// The one who goes hears that they went, and nothing after it.
fn take_out(tx: &mut Tx<'_>, id: &ChannelId, person: &UserId) -> Result<bool, Error> {
    if !store::members::remove(tx, id, person)? {
        return Ok(false);
    }
    let left = MemberLeft {
        channel_id: id.clone(),
        user_id: person.clone(),
    };
    tx.emit(Room::Channel(id.clone()), ServerEvent::MemberLeft(left));
    open::vanish(tx, id, person);
    Ok(true)
}

/// Takes a person whose account is deleted out of every channel; to be called in the job that deletes it. As many groups
/// as one job may tell hear of it.
///
/// # Errors
/// When the database does not answer.
pub fn forget_person(tx: &mut Tx<'_>, person: &UserId) -> Result<(), store::Error> {
    let groups = store::members::forget_person(tx, person)?;
    for channel_id in groups.into_iter().take(PEOPLE_PER_JOB) {
        let room = Room::Channel(channel_id.clone());
        let left = MemberLeft {
            channel_id,
            user_id: person.clone(),
        };
        tx.emit(room, ServerEvent::MemberLeft(left));
    }
    Ok(())
}

fn group(channel: Readable) -> Result<Readable, Error> {
    match channel.stored.channel.kind {
        Some(ChannelKind::Group) => Ok(channel),
        Some(ChannelKind::Dm) | None => Err(no_members(
            "only groups have members to add or remove; a standard channel has its access instead",
        )),
    }
}

fn no_members(why: &'static str) -> Error {
    Error::refused("not_a_group", why)
}
