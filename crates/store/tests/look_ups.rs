//! What is looked up for many at once: each gets its own answer, in its own place.

#![allow(clippy::unwrap_used)] // in the helpers too, not only in the tests

use store::log::{self, KeptAt, Most};
use store::users::{self, NewUser, User};
use store::{
    Committed, Error, Options, Store, Tx, What, channels, members, sessions, system_clock,
};
use wire::channels::ChannelKind;
use wire::events::{ChannelSeen, ServerEvent};
use wire::people::Role;
use wire::{ChannelId, Room, UserId};

fn open(folder: &tempfile::TempDir) -> Store {
    let file = folder.path().join("t.db");
    Store::open_beside(&file, &Options::default(), system_clock()).unwrap()
}

fn person(tx: &Tx<'_>, name: &str) -> Result<User, Error> {
    let new = NewUser {
        email: format!("{name}@example.com"),
        name: name.into(),
        role: Role::User,
        password_hash: "hash".into(),
    };
    users::insert(tx, &new, 0)
}

fn channel(tx: &mut Tx<'_>, by: &UserId, kind: Option<ChannelKind>) -> Result<ChannelId, Error> {
    let new = channels::NewChannel {
        kind,
        name: "a channel".into(),
        description: None,
        is_private: None,
        data: None,
        meta: None,
        access_control: None,
        direct_key: None,
    };
    Ok(channels::insert(tx, by, &new, 0)?.channel.id)
}

fn emit(tx: &mut Tx<'_>, room: &Room, count: usize) {
    for number in 0..count {
        let channel_id = format!("channel {number}").as_str().into();
        tx.emit(
            room.clone(),
            ServerEvent::ChannelAdded(ChannelSeen { channel_id }),
        );
    }
}

#[tokio::test]
async fn sessions_are_found_with_their_people_and_those_that_ended_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let found = store.write(|tx| {
        let (ada, bob) = (person(tx, "ada")?, person(tx, "bob")?);
        sessions::start(tx, "desk", &ada.id, 0, None)?;
        sessions::start(tx, "phone", &ada.id, 0, Some(50))?;
        sessions::start(tx, "over", &bob.id, 0, Some(10))?;
        sessions::start(tx, "bob's", &bob.id, 0, None)?;
        let asked = ["phone", "none", "over", "desk", "desk", "bob's", "\"]"];
        let mut found: Vec<(String, String)> =
            sessions::users_of(tx, &asked.map(str::to_owned), 20)?
                .into_iter()
                .map(|(session, user)| (session, user.name))
                .collect();
        found.sort();
        users::set_disabled(tx, &bob.id, true, 30)?;
        let of_disabled = sessions::users_of(tx, &["bob's".to_owned()], 40)?;
        Ok::<_, Error>((found, of_disabled.len()))
    });
    let pair = |session: &str, name: &str| (session.to_owned(), name.to_owned());
    let expected = vec![
        pair("bob's", "bob"),
        pair("desk", "ada"),
        pair("phone", "ada"),
    ];
    assert_eq!(found.await.unwrap(), (expected, 0));
}

#[tokio::test]
async fn rooms_and_markers_of_many_are_those_of_each() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let looked_up = store.write(|tx| {
        let people = ["ada", "bob", "eve"].map(|name| person(tx, name).unwrap().id);
        let [ada, bob, eve] = &people;
        let group = channel(tx, ada, Some(ChannelKind::Group))?;
        let hidden = channel(tx, ada, Some(ChannelKind::Group))?;
        let standard = channel(tx, ada, None)?;
        for (of, who) in [(&group, ada), (&group, bob), (&hidden, bob)] {
            members::add(tx, of, who, ada, 1)?;
        }
        members::hide(tx, &hidden, bob, 2)?;
        members::saw(tx, &standard, bob, true, 2)?;
        members::move_marker(tx, &group, bob, 7, 5)?;
        let shown = members::shown_ids_of(tx, &[eve.clone(), bob.clone(), ada.clone()])?;
        let asked = [(bob, 5_000_000), (ada, 0), (bob, 0), (bob, 6_000_000)];
        let asked = asked.map(|(who, since)| (who.clone(), since));
        let moved = members::moved_since_of(tx, &asked, 2)?;
        let moved = moved.iter().map(Vec::len).collect::<Vec<_>>();
        let newest = members::moved_since_of(tx, &asked[2..3], 1)?;
        let is_newest = newest[0][0].channel_id == group && newest[0][0].read_no == 7;
        let expected = vec![vec![], vec![group.clone()], vec![group]];
        Ok::<_, Error>((shown == expected, moved, is_newest))
    });
    assert_eq!(looked_up.await.unwrap(), (true, vec![1, 1, 2, 0], true));
}

#[tokio::test]
async fn each_gets_their_newest_markers_however_many_another_has() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let looked_up = store.write(|tx| {
        let (ada, bob) = (person(tx, "ada")?.id, person(tx, "bob")?.id);
        let mut newest = Vec::new();
        for number in 0..620 {
            let of = channel(tx, &ada, None)?;
            members::saw(tx, &of, &ada, true, 1)?;
            // Each second one moves in the order of the rows, the others against it.
            let at = if number % 2 == 0 {
                number
            } else {
                620 - number
            };
            members::move_marker(tx, &of, &ada, number, 10 + at)?;
            newest.push((at, number));
        }
        let of = channel(tx, &bob, None)?;
        members::saw(tx, &of, &bob, true, 1)?;
        members::move_marker(tx, &of, &bob, 3, 2)?;
        // Those that moved at the same time: the later row first.
        newest.sort_unstable_by(|one, other| other.cmp(one));
        let newest: Vec<i64> = newest.into_iter().map(|(_, number)| number).collect();
        let asked = [(ada.clone(), 0), (bob, 0), (ada, 600_000_000)];
        let moved = members::moved_since_of(tx, &asked, 500)?;
        let read = |of: usize| moved[of].iter().map(|marker| marker.read_no).collect();
        let read: [Vec<i64>; 3] = [read(0), read(1), read(2)];
        Ok::<_, Error>((newest, read))
    });
    let (newest, [ada, bob, ada_later]) = looked_up.await.unwrap();
    assert_eq!(ada, newest[..500]);
    assert_eq!(bob, [3]);
    assert_eq!(ada_later, newest[..ada_later.len()]);
    assert_eq!(ada_later.len(), 30);
}

#[tokio::test]
async fn places_of_many_rooms_are_judged_each_for_itself() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let [one, two] = ["1", "\"2\""].map(|id| Room::Channel(id.into()));
    let (first, second) = (one.to_string(), two.to_string());
    let emitted = store.write(move |tx| {
        emit(tx, &one, 3);
        emit(tx, &two, 1);
        Ok::<_, Error>(())
    });
    emitted.await.unwrap();
    let asked = [
        (first.clone(), 3),
        ("channel:none".to_owned(), 0),
        (second.clone(), 1),
        (second, 0),
        (first.clone(), 4),
        ("channel:none".to_owned(), 1),
        (first, -1),
    ];
    let kept = store.read(move |conn| log::kept_at(conn, &asked));
    let is_event = |kept: &KeptAt| matches!(kept, KeptAt::Event { .. });
    let kept = kept.await.unwrap();
    assert!(is_event(&kept[0]) && is_event(&kept[2]), "{kept:?}");
    assert_eq!((kept[1], kept[3]), (KeptAt::Start, KeptAt::Start));
    assert_eq!(kept[4..], [KeptAt::Gone; 3]);
}

#[tokio::test]
async fn a_page_is_bounded_in_bytes_and_has_one_event_in_any_case() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder);
    let room = Room::Channel("a".into());
    let name = room.to_string();
    let emitted = store.write(move |tx| {
        emit(tx, &room, 6);
        Ok::<_, Error>(())
    });
    emitted.await.unwrap();
    let page = async |bytes| {
        let (name, most) = (name.clone(), Most { events: 5, bytes });
        let page = store.read(move |conn| log::events_after(conn, &name, 1, most));
        page.await.unwrap()
    };
    let bytes = |row: &Committed| match &row.what {
        What::Event(event) => event.payload.get().len(),
        What::Effect(_) => 0,
    };
    let all = page(usize::MAX).await;
    let three: usize = all[..3].iter().map(bytes).sum();
    let within = [page(three).await, page(three - 1).await, page(0).await];
    assert_eq!(all.len(), 5);
    assert_eq!(within.map(|page| page.len()), [3, 2, 1]);
}
