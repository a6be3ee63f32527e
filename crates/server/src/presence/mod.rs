//! Who is here: a person is online while at least one of their sockets is open.
//!
//! Changes are pushed as states to `everyone`, those of a quarter of a second in one frame: when everybody comes back after
//! a restart, telling all of them about each would cost more than letting them in. The last socket's end is told only after a short grace, so that a reload
//! does not blink. Nothing is stored: after a restart people come back as their sockets do.

mod http;

pub use http::routes;

use crate::app::App;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use wire::events::{Presence as Change, ServerEvent};
use wire::{Room, UserId};

/// How long a person may be without a socket before others see them go, in milliseconds.
pub const GRACE_MS: i64 = 3_000;
/// For how long after their last request the contract's lists show a person as active, in milliseconds.
pub const ACTIVE_MS: i64 = 180_000;

/// The open sockets of every person.
#[derive(Debug, Default)]
pub struct Presence {
    people: Mutex<People>,
}

#[derive(Debug, Default)]
struct People {
    here: HashMap<UserId, Here>,
    /// Who has come and nobody was told of.
    told_next: Vec<Change>,
    version: i64,
}

/// One who is online. Without a socket they are on their way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Here {
    Sockets(usize),
    LeavingAt(i64),
}

impl Presence {
    fn people(&self) -> MutexGuard<'_, People> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A socket opened. Answers with what to tell, if the person was not online.
    #[must_use]
    pub fn opened(&self, person: &UserId, now_ms: i64) -> Option<Change> {
        let mut people = self.people();
        let sockets = match people.here.get(person) {
            Some(Here::Sockets(sockets)) => *sockets,
            Some(Here::LeavingAt(_)) | None => 0,
        };
        let before = people
            .here
            .insert(person.clone(), Here::Sockets(sockets + 1));
        before
            .is_none()
            .then(|| people.change(person, true, now_ms))
    }

    /// A socket ended.
    pub fn closed(&self, person: &UserId, now_ms: i64) {
        if let Some(here) = self.people().here.get_mut(person) {
            *here = match *here {
                Here::Sockets(sockets @ 2..) => Here::Sockets(sockets - 1),
                Here::Sockets(_) => Here::LeavingAt(now_ms + GRACE_MS),
                leaving @ Here::LeavingAt(_) => leaving,
            };
        }
    }

    /// Keeps what [`Presence::opened`] said for the next [`Presence::changes`].
    pub fn to_be_told(&self, change: Change) {
        self.people().told_next.push(change);
    }

    /// What to tell everyone now: who has come, then who has gone.
    #[must_use]
    pub fn changes(&self, now_ms: i64) -> Vec<Change> {
        let mut changes = std::mem::take(&mut self.people().told_next);
        changes.extend(self.let_go(now_ms));
        changes
    }

    /// Lets those go whose grace is over, and answers with what to tell.
    #[must_use]
    fn let_go(&self, now_ms: i64) -> Vec<Change> {
        let mut people = self.people();
        let is_gone = |here: &Here| matches!(here, Here::LeavingAt(at_ms) if *at_ms <= now_ms);
        let gone: Vec<UserId> = people
            .here
            .iter()
            .filter(|(_, here)| is_gone(here))
            .map(|(person, _)| person.clone())
            .collect();
        gone.iter()
            .map(|person| {
                people.here.remove(person);
                people.change(person, false, now_ms)
            })
            .collect()
    }

    /// Whether the person is online.
    #[must_use]
    pub fn is_online(&self, person: &UserId) -> bool {
        self.people().here.contains_key(person)
    }

    /// Everyone who is online, in the order of their ids, and the version of the newest change that is in it.
    #[must_use]
    pub fn online(&self) -> (Vec<UserId>, i64) {
        let people = self.people();
        let mut online: Vec<UserId> = people.here.keys().cloned().collect();
        let version = people.version;
        drop(people);
        online.sort_unstable();
        (online, version)
    }

    /// What the contract's lists call active: online, or a request within the last three minutes.
    #[must_use]
    pub fn is_active(&self, person: &UserId, last_active_at_ms: i64, now_ms: i64) -> bool {
        self.is_online(person) || last_active_at_ms >= now_ms - ACTIVE_MS
    }
}

impl People {
    /// Versions grow over restarts too, because they begin at the time.
    fn change(&mut self, person: &UserId, online: bool, now_ms: i64) -> Change {
        self.version = (self.version + 1).max(now_ms);
        Change {
            user_id: person.clone(),
            online,
            version: self.version,
        }
    }
}

/// Tells everyone.
pub fn publish(app: &App, changes: Vec<Change>) {
    let key = |change: &Change| change.user_id.clone();
    let states = changes
        .into_iter()
        .map(|change| (key(&change), ServerEvent::Presence(change)));
    app.publish.states(&Room::Everyone, states.collect());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(change: Option<Change>) -> Option<(String, bool)> {
        change.map(|change| (change.user_id.0, change.online))
    }

    #[test]
    fn a_person_is_online_from_the_first_socket_to_the_end_of_the_grace() {
        let (presence, ada) = (Presence::default(), UserId::from("ada"));
        assert_eq!(told(presence.opened(&ada, 0)), Some(("ada".into(), true)));
        assert_eq!(told(presence.opened(&ada, 0)), None);
        presence.closed(&ada, 10);
        assert!(presence.let_go(10_000).is_empty());
        presence.closed(&ada, 10_000);
        assert!(presence.let_go(10_000 + GRACE_MS - 1).is_empty() && presence.is_online(&ada));
        let gone = presence.let_go(10_000 + GRACE_MS);
        assert_eq!(
            gone.into_iter()
                .map(|change| told(Some(change)))
                .collect::<Vec<_>>(),
            [Some(("ada".into(), false))]
        );
        assert!(!presence.is_online(&ada));
    }

    #[test]
    fn a_reload_is_not_told() {
        let (presence, ada) = (Presence::default(), UserId::from("ada"));
        assert!(presence.opened(&ada, 0).is_some());
        presence.closed(&ada, 100);
        assert_eq!(told(presence.opened(&ada, 200)), None);
        assert!(presence.let_go(100_000).is_empty());
        presence.closed(&ada, 100_000);
        presence.closed(&ada, 100_000);
        assert_eq!(presence.let_go(200_000).len(), 1);
    }

    #[test]
    fn versions_grow() {
        let presence = Presence::default();
        let version = |change: Option<Change>| change.unwrap().version;
        let first = version(presence.opened(&"ada".into(), 1_000));
        let second = version(presence.opened(&"bob".into(), 1_000));
        let third = version(presence.opened(&"eve".into(), 500));
        assert!(first < second && second < third, "{first} {second} {third}");
    }
}
