//! What is known of one socket: who it belongs to, how much it may send, until when it may stay.

use crate::auth::Actor;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wire::UserId;

/// Events that a socket without a person may send at once.
const ANONYMOUS_BURST: i64 = 30;
/// The time after which such a socket may send one more, in milliseconds.
const ANONYMOUS_EVERY_MS: i64 = 1_000;

/// Kept with each socket from CONNECT to its end.
#[derive(Debug)]
pub struct Session {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    actor: Option<Arc<Actor>>,
    /// For whom the socket counts as open.
    present: Option<UserId>,
    /// When the socket is ended: its token's time is over, or it had no person for too long.
    ends_at_ms: Option<i64>,
    noted_active_at_ms: i64,
    /// Time up to which an anonymous socket has used what it may send.
    spent_until_ms: i64,
}

impl Session {
    /// A socket that belongs to nobody yet.
    #[must_use]
    pub fn anonymous() -> Session {
        Session {
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who the socket belongs to.
    #[must_use]
    pub fn actor(&self) -> Option<Arc<Actor>> {
        self.state().actor.clone()
    }

    /// Gives the socket to a person, or to nobody; answers with whose it was.
    pub fn belongs_to(&self, actor: Option<Arc<Actor>>) -> Option<Arc<Actor>> {
        std::mem::replace(&mut self.state().actor, actor)
    }

    /// Sets for whom the socket counts as open; answers with for whom it did.
    pub fn counts_for(&self, person: Option<UserId>) -> Option<UserId> {
        std::mem::replace(&mut self.state().present, person)
    }

    /// Sets when the socket ends; answers with what was set before.
    pub fn ends_at(&self, ends_at_ms: Option<i64>) -> Option<i64> {
        std::mem::replace(&mut self.state().ends_at_ms, ends_at_ms)
    }

    /// Whether it is time to note again that the person is active.
    #[must_use]
    pub fn is_activity_due(&self, now_ms: i64, interval_ms: i64) -> bool {
        let mut state = self.state();
        let is_due = now_ms - state.noted_active_at_ms > interval_ms;
        if is_due {
            state.noted_active_at_ms = now_ms;
        }
        is_due
    }

    /// Whether the socket may send one more event. Those of a person are bounded by the transport alone.
    #[must_use]
    pub fn may_send(&self, now_ms: i64) -> bool {
        let mut state = self.state();
        if state.actor.is_some() {
            return true;
        }
        let spent = state.spent_until_ms.max(now_ms) + ANONYMOUS_EVERY_MS;
        let may = spent <= now_ms + ANONYMOUS_BURST * ANONYMOUS_EVERY_MS;
        if may {
            state.spent_until_ms = spent;
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_without_a_person_may_send_little() {
        let session = Session::anonymous();
        let sent = (0..100).filter(|_| session.may_send(1_000_000)).count();
        assert_eq!(sent, 30);
        assert!(session.may_send(1_001_000));
        assert!(!session.may_send(1_001_000));
    }
}
