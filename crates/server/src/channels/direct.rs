//! Direct conversations: between two people, or a note to oneself. There is one for the same people, found or made.

use super::open;
use crate::access;
use crate::app::App;
use crate::auth::Actor;
use crate::error::Error;
use std::collections::HashSet;
use store::channels::NewChannel;
use wire::UserId;
use wire::channels::{Channel, ChannelKind};

/// The caller's direct conversation with one other, or with themselves; made if there is none, and back in the
/// caller's sidebar if they had hidden it.
///
/// # Errors
/// [`Error::NotFound`] for a person who does not exist; more than one other is refused.
pub async fn direct_with(app: &App, actor: &Actor, others: Vec<UserId>) -> Result<Channel, Error> {
    let mut people = vec![actor.user.id.clone()];
    people.extend(others);
    let mut seen = HashSet::new();
    people.retain(|person| seen.insert(person.clone()));
    if people.len() > 2 {
        return Err(Error::refused(
            "direct_for_two",
            "a direct conversation is between two people; make a group for more",
        ));
    }
    let (caller, now_ms) = (actor.clone(), app.clock.now_ms());
    app.command(actor, move |tx| {
        access::may_use_channels(tx, &caller)?;
        for person in &people {
            open::person(tx, person)?;
        }
        let direct_key = store::channels::direct_key(&people);
        let found = store::channels::direct(tx, &direct_key)?;
        let channel = if let Some(found) = found {
            if store::members::show(tx, &found.channel.id, &caller.user.id, now_ms)? {
                open::appear(tx, &found.channel.id, &caller.user.id);
            }
            found.channel
        } else {
            let new = NewChannel {
                kind: Some(ChannelKind::Dm),
                direct_key: Some(direct_key),
                ..NewChannel::default()
            };
            let made = store::channels::insert(tx, &caller.user.id, &new, now_ms)?.channel;
            for person in &people {
                store::members::add(tx, &made.id, person, &caller.user.id, now_ms)?;
                open::appear(tx, &made.id, person);
            }
            made
        };
        for person in &people {
            open::announce(tx, person);
        }
        Ok(channel)
    })
    .await
}
