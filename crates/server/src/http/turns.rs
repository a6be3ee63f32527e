//! One at a time: the same command under the same key, sent twice at the same moment, waits for itself.
//!
//! Most commands are one job, and the second job finds what the first remembered. One that begins with something else
//! (a model is asked, a password hashed) takes its [`Turn`] first, so that the second sees the answer of the first.

use super::command::Key;
use crate::app::App;
use crate::auth::Actor;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OwnedMutexGuard;
use wire::UserId;

/// Whose command, and which.
type Name = (UserId, String);
type UnderWay = HashMap<Name, Arc<tokio::sync::Mutex<()>>>;

/// The commands that are under way. There are no more than there are requests.
#[derive(Clone, Default)]
pub struct Turns(Arc<Mutex<UnderWay>>);

/// A command's turn, until it is dropped.
pub struct Turn {
    turns: Turns,
    name: Name,
    held: Option<OwnedMutexGuard<()>>,
}

impl App {
    /// Waits until no other request is at the caller's command; none without a key.
    pub async fn turn(&self, actor: &Actor) -> Option<Turn> {
        let key = actor.command.as_deref()?;
        Some(self.turns.take((actor.id().clone(), Key::name(key))).await)
    }
}

impl Turns {
    async fn take(&self, name: Name) -> Turn {
        let turn = self.under_way().entry(name.clone()).or_default().clone();
        let mut taken = Turn {
            turns: self.clone(),
            name,
            held: None,
        };
        taken.held = Some(turn.lock_owned().await);
        taken
    }

    fn under_way(&self) -> MutexGuard<'_, UnderWay> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut under_way = self.turns.under_way();
        self.held = None;
        // Whoever waits has it too.
        let is_last = |turn: &Arc<_>| Arc::strong_count(turn) == 1;
        if under_way.get(&self.name).is_some_and(is_last) {
            under_way.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn the_same_command_waits_and_nothing_is_left_of_it() {
        let turns = Turns::default();
        let name = |key: &str| (UserId::from("ada"), key.to_owned());
        let first = turns.take(name("k1")).await;
        assert!(turns.take(name("k2")).now_or_never().is_some());
        let second = turns.take(name("k1"));
        tokio::pin!(second);
        assert!(second.as_mut().now_or_never().is_none());
        // One that hangs up while it waits.
        assert!(turns.take(name("k1")).now_or_never().is_none());
        drop(first);
        drop(second.await);
        assert!(turns.under_way().is_empty());
    }
}
