//! Stock Socket.IO recovery: a client that asked for it with `?recovery=1` goes on where it was, or begins anew.

use crate::opening::{self, Opening, emit};
use serde_json::{Value, json};
use testkit::{Person, Tab, World, path_of};

/// What such a client holds: by what it comes back, and the offset of the newest event it got.
struct Held {
    sid: String,
    pid: Value,
    offset: Value,
}

async fn open(world: &World, person: &Person) -> Tab {
    let tab = Tab::open_recoverable(&world.url(), json!({"token": person.token})).await;
    assert!(tab.pid.is_some(), "recovery was not offered");
    tab
}

async fn back(world: &World, person: &Person, held: &Held) -> Tab {
    let auth = json!({"token": person.token, "pid": held.pid, "offset": held.offset});
    Tab::open_recoverable(&world.url(), auth).await
}

/// Breaks the connection off, without a word to the server.
fn breaks(tab: Tab) -> Held {
    let arrived = tab.arrived();
    let offsets = arrived.iter().rev();
    let mut offsets = offsets.filter_map(|event| event.args.last().filter(|arg| arg.is_string()));
    Held {
        sid: tab.sid.clone(),
        pid: json!(tab.pid),
        offset: offsets.next().cloned().unwrap_or_default(),
    }
}

fn is_recovered(tab: &Tab, held: &Held) -> bool {
    assert_eq!(json!(tab.pid) == held.pid, tab.sid == held.sid);
    json!(tab.pid) == held.pid
}

async fn says(tab: &Tab, texts: &[&str]) {
    for text in texts {
        let event = tab.next_in_channel("message").await;
        assert_eq!(event["data"]["data"]["content"], *text);
    }
}

#[tokio::test]
async fn a_client_whose_socket_changed_hands_comes_back_to_where_it_was_its() {
    let world = World::new().await;
    let (general, [ada, bob, cem]) = world.members_of("general", ["ada", "bob", "cem"]).await;
    let crew = ada.group("crew", &[&cem]).await;
    let tab = open(&world, &ada).await;
    cem.say(&general, "seen").await;
    says(&tab, &["seen"]).await;
    tab.call("user-join", &[json!({"auth": {"token": bob.token}})])
        .await;
    cem.say(&crew, "missed").await;
    cem.say(&general, "later").await;
    says(&tab, &["later"]).await;
    let held = breaks(tab);
    let tab = back(&world, &ada, &held).await;
    assert!(is_recovered(&tab, &held));
    says(&tab, &["missed", "later"]).await;
}

#[tokio::test]
async fn a_client_that_comes_back_gets_what_it_missed_in_all_rooms_in_order() {
    let mut world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    let crew = ada.group("crew", &[&bob]).await;
    let tab = open(&world, &ada).await;
    bob.say(&general, "seen").await;
    says(&tab, &["seen"]).await;
    let held = breaks(tab);
    for (channel, text) in [(&general, "1"), (&crew, "2"), (&general, "3")] {
        bob.say(channel, text).await;
    }
    let tab = back(&world, &ada, &held).await;
    assert!(is_recovered(&tab, &held));
    says(&tab, &["1", "2", "3"]).await;
    bob.say(&crew, "live").await;
    says(&tab, &["live"]).await;
    tab.nothing_of("ready");

    // A restart of the server changes nothing, though all it remembers is the log.
    let held = breaks(tab);
    bob.say(&general, "before").await;
    world.restart().await;
    bob.say(&general, "after").await;
    let tab = back(&world, &ada, &held).await;
    assert!(is_recovered(&tab, &held));
    says(&tab, &["before", "after"]).await;
    tab.settled().await;
    tab.nothing_of("events:channel");
}

#[tokio::test]
async fn a_client_that_got_no_event_goes_on_from_where_it_connected() {
    let world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    bob.say(&general, "before").await;
    let mut held = breaks(open(&world, &ada).await);
    held.offset = Value::Null;
    bob.say(&general, "missed").await;
    let tab = back(&world, &ada, &held).await;
    assert!(is_recovered(&tab, &held));
    says(&tab, &["missed"]).await;
}

#[tokio::test]
async fn who_did_not_ask_gets_no_offsets() {
    let world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    let (stock, ours) = (ada.connect_stock().await, ada.connect().await);
    let auth = json!({"token": ada.token, "resume": {}});
    let both = Tab::open_recoverable(&world.url(), auth).await;
    bob.say(&general, "hello").await;
    for tab in [&stock, &ours, &both] {
        says(tab, &["hello"]).await;
        let is_plain = |event: &testkit::Arrived| event.args.len() == 1;
        assert!(tab.pid.is_none() && tab.arrived().iter().all(is_plain));
    }
}

#[tokio::test]
async fn in_doubt_a_client_begins_anew() {
    let Opening {
        world,
        general,
        ada,
        bob,
        tab,
        ..
    } = opening::seen(open).await;
    let held = breaks(tab);
    let seen = held.offset.as_str().unwrap_or_default().to_owned();
    let (pos, at) = seen.split_once('-').expect("pos-time");
    let pos: i64 = pos.parse().expect("a number");
    let other_time = format!("{pos}-{}", at.parse::<i64>().expect("a time") + 1);
    let above = format!("{}-{at}", pos + 500);
    for offset in [other_time.as_str(), &above, "nonsense", &format!("-1-{at}")] {
        let offset = json!(offset);
        let tab = back(
            &world,
            &ada,
            &Held {
                offset,
                ..Held {
                    sid: held.sid.clone(),
                    pid: held.pid.clone(),
                    offset: Value::Null,
                }
            },
        )
        .await;
        assert!(!is_recovered(&tab, &held));
        bob.say(&general, "new").await;
        says(&tab, &["new"]).await;
    }
    // A `pid` of nobody, and one with another server's signature.
    let mut forged = held.pid.as_str().unwrap_or_default().to_owned();
    forged.truncate(forged.len() - 4);
    for pid in ["invented", &format!("{forged}AAAA"), &ada.token.clone()] {
        let pid = json!(pid);
        let tab = back(
            &world,
            &ada,
            &Held {
                pid,
                sid: held.sid.clone(),
                offset: held.offset.clone(),
            },
        )
        .await;
        assert_ne!(tab.sid, held.sid);
    }
    // Another person's.
    let tab = back(&world, &bob, &held).await;
    assert!(!is_recovered(&tab, &held));
    tab.settled().await;
    tab.nothing_of("events:channel");
}

#[tokio::test]
async fn too_much_missed_is_a_new_session() {
    let Opening {
        world,
        general,
        ada,
        tab,
        ..
    } = opening::seen(open).await;
    let held = breaks(tab);
    for (count, is_near) in [(900, true), (101, false)] {
        emit(&world, &general, count).await;
        let tab = back(&world, &ada, &held).await;
        assert_eq!(is_recovered(&tab, &held), is_near);
        tab.settled().await;
        // `channel:added` is a name that the protocol lacks.
        tab.nothing_of("channel:added");
    }
}

#[tokio::test]
async fn a_room_that_is_new_is_one_of_those_that_go_on() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let crew = ada.group("crew", &[&bob]).await;
    let tab = open(&world, &bob).await;
    ada.say(&crew, "seen").await;
    says(&tab, &["seen"]).await;
    let held = breaks(tab);
    let late = ada.group("late", &[&bob]).await;
    ada.say(&late, "welcome").await;
    ada.say(&crew, "missed").await;
    let tab = back(&world, &bob, &held).await;
    assert!(is_recovered(&tab, &held));
    says(&tab, &["welcome", "missed"]).await;
}

/// A group of `ada` and `bob`, and what `bob` holds, who is away; something was said since.
async fn away(world: &World) -> ([Person; 2], Value, Held) {
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let crew = ada.group("crew", &[&bob]).await;
    let tab = open(world, &bob).await;
    ada.say(&crew, "seen").await;
    says(&tab, &["seen"]).await;
    let held = breaks(tab);
    ada.say(&crew, "missed").await;
    ([ada, bob], crew, held)
}

async fn members(by: &Person, channel: &Value, change: &str, who: &Person) {
    let path = format!("{}/update/members/{change}", path_of(channel));
    let _ = by.post(&path, &json!({"user_ids": [who.id]})).await.ok();
}

#[tokio::test]
async fn who_was_removed_from_a_room_while_away_begins_anew_and_hears_nothing_of_it() {
    let world = World::new().await;
    let ([ada, bob], crew, held) = away(&world).await;
    let other = ada.group("other", &[&bob]).await;
    for change in ["remove", "add", "remove"] {
        members(&ada, &crew, change, &bob).await;
        ada.say(&crew, "secret").await;
    }
    // It would go on with the other room; "missed" would be missing once its person is in the first one again.
    let tab = back(&world, &bob, &held).await;
    assert!(!is_recovered(&tab, &held));
    ada.say(&other, "new").await;
    says(&tab, &["new"]).await;
    let held = breaks(tab);
    members(&ada, &crew, "add", &bob).await;
    ada.say(&crew, "welcome").await;
    let tab = back(&world, &bob, &held).await;
    assert!(is_recovered(&tab, &held), "the removal was before it");
    says(&tab, &["welcome"]).await;
}

#[tokio::test]
async fn who_was_removed_and_added_again_before_coming_back_gets_all_of_the_room() {
    let world = World::new().await;
    let ([ada, bob], crew, held) = away(&world).await;
    for _ in 0..2 {
        members(&ada, &crew, "remove", &bob).await;
        members(&ada, &crew, "add", &bob).await;
        ada.say(&crew, "welcome").await;
    }
    let tab = back(&world, &bob, &held).await;
    assert!(is_recovered(&tab, &held));
    says(&tab, &["missed", "welcome", "welcome"]).await;
}

#[tokio::test]
async fn who_was_removed_while_listening_goes_on_with_what_it_heard_after_it() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let (crew, other) = (
        ada.group("crew", &[&bob]).await,
        ada.group("other", &[&bob]).await,
    );
    let tab = open(&world, &bob).await;
    ada.say(&crew, "seen").await;
    members(&ada, &crew, "remove", &bob).await;
    ada.say(&other, "after").await;
    says(&tab, &["seen", "after"]).await;
    let held = breaks(tab);
    ada.say(&crew, "secret").await;
    ada.say(&other, "missed").await;
    let tab = back(&world, &bob, &held).await;
    assert!(is_recovered(&tab, &held));
    says(&tab, &["missed"]).await;
}

#[tokio::test]
async fn who_may_have_lost_a_room_by_its_access_or_by_another_role_begins_anew() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let access = |ids: &[&wire::UserId]| json!({"read": {"group_ids": [], "user_ids": ids}, "write": {"group_ids": [], "user_ids": ids}});
    let form = json!({"name": "plans", "access_control": access(&[&bob.id])});
    let plans = ada.post("/api/v1/channels/create", &form).await.ok();
    let closed = async || {
        let form = json!({"name": "plans", "access_control": access(&[])});
        let update = format!("{}/update", path_of(&plans));
        let _ = ada.post(&update, &form).await.ok();
    };
    let has_role = async |role: &str| {
        let update = format!("/api/v1/users/{}/update", bob.id);
        let _ = ada.post(&update, &json!({ "role": role })).await.ok();
    };
    let leaves = async |change: &str| {
        let tab = open(&world, &bob).await;
        ada.say(&plans, "seen").await;
        says(&tab, &["seen"]).await;
        let held = breaks(tab);
        ada.say(&plans, "missed").await;
        match change {
            "access" => closed().await,
            role => has_role(role).await,
        }
        let tab = back(&world, &bob, &held).await;
        assert!(!is_recovered(&tab, &held), "{change}");
        tab.settled().await;
        tab.nothing_of("events:channel");
    };
    leaves("admin").await;
    leaves("user").await;
    leaves("access").await;
}

#[tokio::test]
async fn who_comes_back_after_a_large_group_began_and_ended_elsewhere_goes_on() {
    let world = World::new().await;
    let ([ada, bob], crew, held) = away(&world).await;
    let room = wire::Room::Channel("large".into());
    let others = (0..=store::log::MOST_EFFECTS).map(|number| format!("member {number}"));
    let others: Vec<wire::UserId> = others.map(|name| name.as_str().into()).collect();
    let changed = world.app.store.write(move |tx| {
        for user_id in others {
            tx.effect(store::Effect::Join {
                user_id: user_id.clone(),
                room: room.clone(),
            });
            let room = room.clone();
            tx.effect(store::Effect::Leave { user_id, room });
        }
        Ok::<_, store::Error>(())
    });
    changed.await.expect("it is stored");
    ada.say(&crew, "after it").await;
    let tab = back(&world, &bob, &held).await;
    assert!(is_recovered(&tab, &held));
    says(&tab, &["missed", "after it"]).await;
}

#[tokio::test]
async fn who_no_longer_asks_for_it_begins_anew() {
    let world = World::new().await;
    let ([_, bob], _, held) = away(&world).await;
    let auth = json!({"token": bob.token, "pid": held.pid, "offset": held.offset});
    let tab = Tab::open(&world.url(), Some(auth)).await;
    assert_ne!(tab.sid, held.sid);
    tab.settled().await;
    tab.nothing_of("events:channel");
}

#[tokio::test]
async fn while_channels_are_switched_off_nobody_goes_on() {
    let mut world = World::new().await;
    let ([_, bob], _, held) = away(&world).await;
    for (is_on, expected) in [("false", false), ("true", true)] {
        let change =
            |settings: &mut server::config::Settings| settings.enable_channels = Some(is_on.into());
        world.restart_with(change).await;
        let tab = back(&world, &bob, &held).await;
        assert_eq!(is_recovered(&tab, &held), expected, "{is_on}");
    }
}

#[tokio::test]
async fn a_token_that_was_revoked_recovers_nothing() {
    let Opening {
        world,
        general,
        ada,
        bob,
        tab,
        ..
    } = opening::seen(open).await;
    let held = breaks(tab);
    ada.get("/api/v1/auths/signout").await.ok();
    bob.say(&general, "secret").await;
    let tab = back(&world, &ada, &held).await;
    assert_eq!(tab.pid, None);
    assert_ne!(tab.sid, held.sid);
    tab.settled().await;
    tab.nothing_of("events:channel");
}
