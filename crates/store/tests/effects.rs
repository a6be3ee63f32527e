//! Effects by which one who comes back may have lost a room: which they are, and how many are looked at.

#![allow(clippy::unwrap_used)] // in the helpers too, not only in the tests

use std::collections::HashSet;

use store::log::{self, MOST_EFFECTS};
use store::{Effect, Error, Options, Store, system_clock};
use wire::{Room, UserId};

/// A store with the person who comes back, and the one room that is theirs.
struct Away {
    store: Store,
    ada: UserId,
    here: Room,
    _folder: tempfile::TempDir,
}

fn away() -> Away {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    Away {
        store: Store::open_beside(&path, &Options::default(), system_clock()).unwrap(),
        ada: "ada".into(),
        here: Room::Channel("here".into()),
        _folder: folder,
    }
}

impl Away {
    /// Stores effects; answers the place before them.
    async fn store(&self, effects: impl IntoIterator<Item = Effect>) -> i64 {
        let effects: Vec<Effect> = effects.into_iter().collect();
        let stored = self.store.write(move |tx| {
            let before = log::head(tx)?.number;
            effects.into_iter().for_each(|effect| tx.effect(effect));
            Ok::<_, Error>(before)
        });
        stored.await.unwrap()
    }

    /// Whether ada may have lost a room after a place.
    async fn may_have_lost_after(&self, pos: i64) -> bool {
        let (ada, rooms) = (self.ada.clone(), HashSet::from([self.here.clone()]));
        let read =
            move |conn: &store::Conn| log::may_have_lost_a_room_after(conn, &ada, &rooms, pos);
        self.store.read(read).await.unwrap()
    }
}

fn times(effect: Effect, times: i64) -> impl Iterator<Item = Effect> {
    std::iter::repeat_n(effect, usize::try_from(times).unwrap())
}

fn leave(user_id: &UserId, room: &Room) -> Effect {
    Effect::Leave {
        user_id: user_id.clone(),
        room: room.clone(),
    }
}

fn empty(room: &Room) -> Effect {
    Effect::Empty { room: room.clone() }
}

#[tokio::test]
async fn a_stored_effect_counts_for_whom_it_may_have_taken_a_room_from() {
    let t = away();
    let (ada, bob, here) = (t.ada.clone(), UserId::from("bob"), t.here.clone());
    let gone = Room::Channel("gone".into());
    let renew = |user_id: &UserId| Effect::RenewUser {
        user_id: user_id.clone(),
    };
    let join = Effect::Join {
        user_id: ada.clone(),
        room: gone.clone(),
    };
    let join_all = Effect::JoinAll {
        of: here.clone(),
        room: gone.clone(),
    };
    let end_session = Effect::EndSession {
        session_id: "ada".into(),
    };
    let end_user = Effect::EndUser {
        user_id: ada.clone(),
    };
    for (effect, expected) in [
        (leave(&ada, &gone), true),
        (leave(&ada, &here), false),
        (leave(&bob, &gone), false),
        (empty(&gone), true),
        (empty(&here), false),
        (renew(&ada), true),
        (renew(&bob), false),
        (join, false),
        (join_all, false),
        (end_session, false),
        (end_user, false),
    ] {
        let before = t.store([effect.clone()]).await;
        let may_have_lost = t.may_have_lost_after(before).await;
        assert_eq!(may_have_lost, expected, "{effect:?}");
        assert!(!t.may_have_lost_after(before + 1).await, "{effect:?}");
    }
}

#[tokio::test]
async fn what_others_lost_and_what_anybody_gained_costs_nobody_their_session_however_much_it_is() {
    let t = away();
    let gone = Room::Channel("gone".into());
    let join = |user_id: UserId| Effect::Join {
        user_id,
        room: gone.clone(),
    };
    let more = MOST_EFFECTS + 1;
    let gained = (0..more).map(|number| join(format!("member {number}").as_str().into()));
    let before = t.store(gained).await;
    t.store(times(join(t.ada.clone()), more)).await;
    t.store(times(leave(&"bob".into(), &gone), more)).await;
    assert!(!t.may_have_lost_after(before).await);
    // It does look: what comes behind all of them is found.
    t.store([leave(&t.ada, &gone)]).await;
    assert!(t.may_have_lost_after(before).await);
}

#[tokio::test]
async fn who_would_be_judged_by_more_effects_than_are_looked_at_is_in_doubt() {
    let t = away();
    // None of them takes a room that is not ada's again.
    let named = MOST_EFFECTS / 2;
    let before = t.store(times(leave(&t.ada, &t.here), named)).await;
    t.store(times(empty(&t.here), MOST_EFFECTS - named)).await;
    assert!(!t.may_have_lost_after(before).await);
    t.store([empty(&t.here)]).await;
    assert!(t.may_have_lost_after(before).await);
    assert!(!t.may_have_lost_after(before + 1).await);
}
