//! How far each person has read: one number per channel and person, moved forwards by reading, anywhere by command.
//!
//! Reading tells of itself with every keystroke, so wishes are gathered: the greatest wins, at most one write a second
//! for a channel and person, all that are due in one job. What was written goes to the person's tabs as a state.

use crate::access;
use crate::app::App;
use crate::auth::Actor;
use crate::error::Error;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use store::{Tx, channels, members};
use tokio::sync::Notify;
use tokio::time::Instant;
use wire::events::{ReadMarker, ServerEvent};
use wire::{ChannelId, Room, UserId};

/// The least time between two writes of one marker.
const INTERVAL: Duration = Duration::from_secs(1);
/// How many markers may be waited for. One more is refused as busy.
const MAX_SLOTS: usize = 100_000;
/// How many markers one job writes.
const PER_JOB: usize = 500;

type Key = (ChannelId, UserId);

/// Markers that are to be written, and those written within the last second.
#[derive(Default)]
pub struct Markers {
    slots: Mutex<HashMap<Key, Slot>>,
    wake: Notify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Slot {
    wanted: Option<i64>,
    /// Not written before this.
    next_at: Instant,
}

impl Markers {
    fn slots(&self) -> std::sync::MutexGuard<'_, HashMap<Key, Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a marker to be at least `read_no`. Answers false when too many wait.
    fn want(&self, key: Key, read_no: i64, now: Instant) -> bool {
        let mut slots = self.slots();
        if slots.len() >= MAX_SLOTS && !slots.contains_key(&key) {
            return false;
        }
        let slot = slots.entry(key).or_insert(Slot {
            wanted: None,
            next_at: now,
        });
        slot.wanted = slot.wanted.max(Some(read_no));
        drop(slots);
        self.wake.notify_one();
        true
    }

    /// Forgets what was asked for: a command has set the marker.
    fn forget(&self, key: &Key) {
        if let Some(slot) = self.slots().get_mut(key) {
            slot.wanted = None;
        }
    }

    /// Takes some of what is wanted, due or not.
    fn take_some(&self) -> Vec<(Key, i64)> {
        let mut slots = self.slots();
        let wanted = slots
            .iter_mut()
            .filter_map(|(key, slot)| Some((key.clone(), slot.wanted.take()?)));
        wanted.take(PER_JOB).collect()
    }

    /// Takes what is due, and says when to ask again.
    fn take_due(&self, now: Instant) -> (Vec<(Key, i64)>, Option<Instant>) {
        let mut slots = self.slots();
        slots.retain(|_, slot| slot.wanted.is_some() || slot.next_at > now);
        let mut due = Vec::new();
        for (key, slot) in slots.iter_mut().filter(|(_, slot)| slot.next_at <= now) {
            if due.len() == PER_JOB {
                return (due, Some(now));
            }
            if let Some(read_no) = slot.wanted.take() {
                due.push((key.clone(), read_no));
                slot.next_at = now + INTERVAL;
            }
        }
        (due, slots.values().map(|slot| slot.next_at).min())
    }
}

/// The caller has read a channel up to `read_no`, or all of it. Never moves the marker back.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`]; busy when too many markers wait.
pub async fn mark_read(
    app: &App,
    actor: &Actor,
    id: &ChannelId,
    read_no: Option<i64>,
) -> Result<(), Error> {
    let (reader, channel) = (actor.clone(), id.clone());
    let readable = app
        .store
        .read(move |conn| access::may_read(conn, &reader, &channel))
        .await?;
    let last_no = readable.stored.last_no;
    let read_no = read_no.unwrap_or(last_no).clamp(0, last_no);
    let is_new = readable
        .membership
        .is_none_or(|own| own.read_no < read_no || own.member.last_read_at.is_none());
    if is_new
        && !app
            .markers
            .want((id.clone(), actor.user.id.clone()), read_no, Instant::now())
    {
        return Err(Error::Store(store::Error::Busy));
    }
    Ok(())
}

/// Sets the caller's marker, backwards too: "mark unread".
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`].
pub async fn move_marker(
    app: &App,
    actor: &Actor,
    id: &ChannelId,
    read_no: i64,
) -> Result<ReadMarker, Error> {
    let (actor, id, now_ms) = (actor.clone(), id.clone(), app.clock.now_ms());
    let (person, key) = (actor.user.id.clone(), (id.clone(), actor.user.id.clone()));
    let caller = actor.clone();
    let job = move |tx: &mut Tx<'_>| {
        let readable = access::may_read(tx, &actor, &id)?;
        let read_no = read_no.clamp(0, readable.stored.last_no);
        if readable.membership.is_none() {
            members::saw(tx, &id, &actor.user.id, true, now_ms)?;
        }
        members::move_marker(tx, &id, &actor.user.id, read_no, now_ms)?
            .ok_or(Error::NotFound("channel"))
    };
    let app_in_task = app.clone();
    app.to_the_end(async move {
        app_in_task.markers.forget(&key);
        let marker = app_in_task.command(&caller, job).await?;
        publish(&app_in_task, &person, marker.clone());
        Ok(marker)
    })
    .await
}

/// Writes markers as they fall due, until the server stops.
pub async fn flush_markers(app: App) {
    loop {
        let (due, next_at) = app.markers.take_due(Instant::now());
        if !due.is_empty() {
            flush(&app, due).await;
            continue;
        }
        let sleep = tokio::time::sleep_until(
            next_at.unwrap_or_else(|| Instant::now() + Duration::from_secs(3_600)),
        );
        tokio::select! {
            () = sleep => {}
            () = app.markers.wake.notified() => {}
            () = app.stopping.cancelled() => return,
        }
    }
}

/// Writes all that is waited for, due or not: the server stops.
pub async fn flush_all_markers(app: &App) {
    loop {
        let rest = app.markers.take_some();
        if rest.is_empty() {
            return;
        }
        flush(app, rest).await;
    }
}

async fn flush(app: &App, due: Vec<(Key, i64)>) {
    let now_ms = app.clock.now_ms();
    let job = move |tx: &mut Tx<'_>| {
        let mut moved = Vec::new();
        for ((channel, person), read_no) in due {
            if let Some(marker) = advance(tx, &channel, &person, read_no, now_ms)? {
                moved.push((person, marker));
            }
        }
        Ok::<_, store::Error>(moved)
    };
    match app.store.write_soft(job).await {
        Ok(moved) => moved
            .into_iter()
            .for_each(|(person, marker)| publish(app, &person, marker)),
        Err(error) if error.is_said() => {}
        Err(error) => {
            tracing::warn!(%error, "read markers were not written; the next reading writes them")
        }
    }
}

/// Moves a marker forwards; none if it is there already, or the channel or the person's place in it is gone.
fn advance(
    tx: &mut Tx<'_>,
    channel: &ChannelId,
    person: &UserId,
    read_no: i64,
    now_ms: i64,
) -> Result<Option<ReadMarker>, store::Error> {
    let Some(stored) = channels::by_id(tx, channel)? else {
        return Ok(None);
    };
    let read_no = read_no.min(stored.last_no);
    match members::of(tx, channel, person)? {
        Some(own) if own.read_no >= read_no && own.member.last_read_at.is_some() => {
            return Ok(None);
        }
        Some(own) => {
            return members::move_marker(tx, channel, person, read_no.max(own.read_no), now_ms);
        }
        None if stored.channel.kind.is_some() => return Ok(None),
        None => {}
    }
    members::saw(tx, channel, person, true, now_ms)?;
    members::move_marker(tx, channel, person, read_no, now_ms)
}

/// Tells all tabs of a person where their marker is.
pub fn publish(app: &App, person: &UserId, marker: ReadMarker) {
    let key = marker.channel_id.clone();
    app.publish
        .state(&Room::User(person.clone()), key, &ServerEvent::Read(marker));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(person: &str) -> Key {
        ("c".into(), person.into())
    }

    #[test]
    fn one_write_a_second_and_the_greatest_wins() {
        let (markers, start) = (Markers::default(), Instant::now());
        assert!(markers.want(key("ada"), 3, start));
        assert!(markers.want(key("ada"), 2, start));
        assert_eq!(
            markers.take_due(start),
            (vec![(key("ada"), 3)], Some(start + INTERVAL))
        );

        let soon = start + INTERVAL / 2;
        markers.want(key("ada"), 5, soon);
        assert_eq!(markers.take_due(soon), (vec![], Some(start + INTERVAL)));
        let later = start + INTERVAL;
        assert_eq!(
            markers.take_due(later),
            (vec![(key("ada"), 5)], Some(later + INTERVAL))
        );
        assert_eq!(markers.take_due(later + INTERVAL), (vec![], None));
    }

    #[test]
    fn a_command_overrules_what_waits() {
        let (markers, start) = (Markers::default(), Instant::now());
        markers.want(key("ada"), 3, start);
        markers.forget(&key("ada"));
        assert_eq!(markers.take_due(start), (vec![], None));
    }
}
