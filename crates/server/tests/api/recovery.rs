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
async fn rights_are_those_of_now() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let crew = ada.group("crew", &[&bob]).await;
    let tab = open(&world, &bob).await;
    ada.say(&crew, "seen").await;
    says(&tab, &["seen"]).await;
    let held = breaks(tab);
    let late = ada.group("late", &[&bob]).await;
    ada.say(&late, "welcome").await;
    ada.say(&crew, "secret").await;
    let remove = format!("{}/update/members/remove", path_of(&crew));
    ada.post(&remove, &json!({"user_ids": [bob.id]})).await.ok();
    ada.say(&crew, "secret too").await;
    let tab = back(&world, &bob, &held).await;
    assert!(is_recovered(&tab, &held));
    says(&tab, &["welcome"]).await;
    tab.settled().await;
    let crew_id = &crew["id"];
    for event in tab.arrived() {
        let is_message = event.args[0]["data"]["type"] == "message";
        assert!(
            !is_message || event.args[0]["channel_id"] != *crew_id,
            "{event:?}"
        );
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
