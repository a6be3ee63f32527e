//! A channel is made, changed, deleted.

use super::{checks, direct, members, open};
use crate::access;
use crate::app::App;
use crate::auth::Actor;
use crate::error::Error;
use std::collections::HashSet;
use store::channels::NewChannel;
use store::{Effect, Tx};
use wire::channels::{AccessControl, Channel, ChannelKind, CreateChannel, UpdateChannel};
use wire::events::{ChannelChange, ChannelDeleted, ChannelSeen, ServerEvent};
use wire::{ChannelId, Room, UserId};

/// Makes a channel for everybody or those it names, a group, or a direct conversation (or finds the one there is).
///
/// # Errors
/// [`Error::RoleForbids`] for a standard channel of one who is no admin; people who do not exist; bounds.
pub async fn create(app: &App, actor: &Actor, form: CreateChannel) -> Result<Channel, Error> {
    match form.kind.as_deref() {
        None | Some("") => create_standard(app, actor, checks::create(form)?).await,
        Some("group") => create_group(app, actor, checks::create(form)?).await,
        Some("dm") => {
            let people = checks::create(form)?.user_ids.unwrap_or_default();
            direct::direct_with(app, actor, people).await
        }
        Some(_) => Err(Error::refused(
            "channel_type_unknown",
            "the type of a channel is group, dm, or none for a standard channel",
        )),
    }
}

async fn create_standard(app: &App, actor: &Actor, form: CreateChannel) -> Result<Channel, Error> {
    let (maker, now_ms) = (actor.clone(), app.clock.now_ms());
    app.command(actor, move |tx| {
        access::may_make_standard_channels(tx, &maker)?;
        let new = NewChannel {
            access_control: form.access_control.clone(),
            ..common(&form, None)
        };
        let channel = store::channels::insert(tx, &maker.user.id, &new, now_ms)?.channel;
        store::members::saw(tx, &channel.id, &maker.user.id, false, now_ms)?;
        open::open_to_audience(tx, &channel)?;
        Ok(channel)
    })
    .await
}

/// The members beyond what one job may tell are added by jobs of their own.
async fn create_group(app: &App, actor: &Actor, form: CreateChannel) -> Result<Channel, Error> {
    let mut people: Vec<UserId> = vec![actor.user.id.clone()];
    people.extend(form.user_ids.clone().unwrap_or_default());
    let mut seen = HashSet::new();
    people.retain(|person| seen.insert(person.clone()));
    let rest = people.split_off(people.len().min(members::PEOPLE_PER_JOB));

    let (author, later, now_ms) = (actor.clone(), rest.clone(), app.clock.now_ms());
    let first = if rest.is_empty() {
        actor.clone()
    } else {
        actor.step("group")
    };
    let channel: Channel = app
        .command(&first, move |tx| {
            access::may_use_channels(tx, &author)?;
            let channel = store::channels::insert(
                tx,
                &author.user.id,
                &common(&form, Some(ChannelKind::Group)),
                now_ms,
            )?
            .channel;
            // A group is made whole or not at all.
            for person in people.iter().chain(&later) {
                open::person(tx, person)?;
            }
            for person in &people {
                store::members::add(tx, &channel.id, person, &author.user.id, now_ms)?;
                open::welcome(tx, &channel.id, person);
            }
            Ok(channel)
        })
        .await?;
    if rest.is_empty() {
        return Ok(channel);
    }
    members::add_members(app, &actor.step("members"), &channel.id, rest).await?;
    app.command(actor, |_| Ok(channel)).await
}

fn common(form: &CreateChannel, kind: Option<ChannelKind>) -> NewChannel {
    NewChannel {
        kind,
        name: form.name.clone(),
        description: form.description.clone(),
        is_private: form.is_private,
        data: form.data.clone(),
        meta: form.meta.clone(),
        access_control: None,
        direct_key: None,
    }
}

/// Changes name, description and access. Who loses the right hears nothing more of the channel.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`]; bounds.
pub async fn update(
    app: &App,
    actor: &Actor,
    id: &ChannelId,
    form: UpdateChannel,
) -> Result<Channel, Error> {
    let form = checks::update(form)?;
    let (caller, id, now_ms) = (actor.clone(), id.clone(), app.clock.now_ms());
    app.command(actor, move |tx| {
        let before = access::may_manage(tx, &caller, &id)?.stored.channel;
        let access_control = match form.access_control {
            Some(access) if before.kind.is_none() => access,
            _ => before.access_control.clone(),
        };
        let after = Channel {
            name: form.name,
            description: form.description,
            is_private: form.is_private,
            data: form.data,
            meta: form.meta,
            access_control,
            updated_at: (now_ms * 1_000_000).max(before.updated_at + 1),
            updated_by: Some(caller.user.id),
            ..before.clone()
        };
        store::channels::update(tx, &after)?;
        change_audience(tx, &before, &after)?;
        let change = ChannelChange {
            channel: Box::new(after.clone()),
        };
        tx.emit(Room::Channel(id), ServerEvent::ChannelUpdated(change));
        Ok(after)
    })
    .await
}

/// Moves sockets where the access changed: who gains it enters; if anyone loses it, all leave and the rest come back.
fn change_audience(tx: &mut Tx<'_>, before: &Channel, after: &Channel) -> Result<(), store::Error> {
    if before.access_control == after.access_control {
        return Ok(());
    }
    let room = Room::Channel(after.id.clone());
    if loses_anyone(
        before.access_control.as_ref(),
        after.access_control.as_ref(),
    ) {
        let removed = ServerEvent::ChannelRemoved(ChannelSeen {
            channel_id: after.id.clone(),
        });
        tx.emit(room.clone(), removed);
        tx.effect(Effect::Empty { room });
    }
    open::open_to_audience(tx, after)
}

fn loses_anyone(before: Option<&AccessControl>, after: Option<&AccessControl>) -> bool {
    let readers = |access: &AccessControl| -> HashSet<UserId> {
        access
            .read
            .iter()
            .flat_map(|list| list.user_ids.iter().cloned())
            .collect()
    };
    match (before, after) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(before), Some(after)) => !readers(before).is_subset(&readers(after)),
    }
}

/// Deletes a channel with all its messages, for ever.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`].
pub async fn delete(app: &App, actor: &Actor, id: &ChannelId) -> Result<(), Error> {
    let (caller, id) = (actor.clone(), id.clone());
    app.command(actor, move |tx| {
        access::may_manage(tx, &caller, &id)?;
        store::channels::delete(tx, &id)?;
        let room = Room::Channel(id.clone());
        tx.emit(
            room.clone(),
            ServerEvent::ChannelDeleted(ChannelDeleted { channel_id: id }),
        );
        tx.effect(Effect::Empty { room });
        Ok(())
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::channels::AccessList;

    #[test]
    fn access_is_lost_when_a_reader_is_no_longer_named() {
        let open_to = |ids: &[&str]| {
            let user_ids = ids.iter().map(|id| (*id).into()).collect();
            Some(AccessControl {
                read: Some(AccessList {
                    group_ids: Vec::new(),
                    user_ids,
                }),
                write: None,
            })
        };
        let check =
            |before: &Option<AccessControl>, after: &Option<AccessControl>, expected: bool| {
                assert_eq!(
                    loses_anyone(before.as_ref(), after.as_ref()),
                    expected,
                    "{before:?} to {after:?}"
                );
            };
        check(&None, &open_to(&["ada"]), true);
        check(&open_to(&["ada"]), &None, false);
        check(&open_to(&["ada"]), &open_to(&["ada", "bob"]), false);
        check(&open_to(&["ada", "bob"]), &open_to(&["ada"]), true);
    }
}
