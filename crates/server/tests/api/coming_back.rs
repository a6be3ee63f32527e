//! Coming back: a socket that says where it stands gets what it missed, in order, or is told to fetch anew.

use crate::opening::{self, Opening, emit};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Person, Tab, World, path_of};

fn room_of(channel: &Value) -> String {
    format!(
        "channel:{}",
        channel["id"].as_str().expect("an id is a text")
    )
}

/// Ada's tab is one of our own client's.
async fn connected() -> Opening {
    opening::seen(async |_, ada| ada.connect().await).await
}

/// A socket that claims to stand at this place of the channel.
async fn back_at(world: &World, person: &Person, channel: &Value, claim: Value) -> Tab {
    let mut resume = json!({});
    resume[room_of(channel)] = claim;
    Tab::open(
        &world.url(),
        Some(json!({"token": person.token, "resume": resume})),
    )
    .await
}

/// The position of an event.
fn position(event: &Value) -> Value {
    json!([event["seq"], event["at"]])
}

async fn texts(tab: &Tab, count: usize) -> Vec<String> {
    let mut texts = Vec::new();
    for _ in 0..count {
        let event = tab.next_in_channel("message").await;
        texts.push(
            event["data"]["data"]["content"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        );
    }
    texts
}

async fn recovered(tab: &Tab, channel: &Value) -> bool {
    let resumed = tab.next("resumed").await;
    resumed["rooms"][room_of(channel)]["recovered"] == true
}

#[tokio::test]
async fn what_was_missed_arrives_in_order_before_what_is_new() {
    let Opening {
        world,
        general,
        ada,
        bob,
        tab,
        seen,
    } = connected().await;
    tab.close().await;
    for text in ["missed 1", "missed 2"] {
        bob.say(&general, text).await;
    }
    let tab = back_at(&world, &ada, &general, position(&seen)).await;
    tab.next("ready").await;
    assert_eq!(texts(&tab, 2).await, ["missed 1", "missed 2"]);
    assert!(recovered(&tab, &general).await);
    bob.say(&general, "live").await;
    assert_eq!(texts(&tab, 1).await, ["live"]);
}

#[tokio::test]
async fn a_restart_of_the_server_loses_nothing_for_those_who_come_back() {
    let Opening {
        mut world,
        general,
        ada,
        bob,
        tab,
        seen,
    } = connected().await;
    tab.close().await;
    bob.say(&general, "missed").await;
    world.restart().await;
    let tab = back_at(&world, &ada, &general, position(&seen)).await;
    assert_eq!(texts(&tab, 1).await, ["missed"]);
    assert!(recovered(&tab, &general).await);
}

#[tokio::test]
async fn a_claim_that_the_log_does_not_know_is_told_to_fetch_anew() {
    let Opening {
        world,
        general,
        ada,
        bob,
        tab: _tab,
        seen,
    } = connected().await;
    bob.say(&general, "two").await;
    let (seq, at) = (
        seen["seq"].as_i64().unwrap_or(0),
        seen["at"].as_i64().unwrap_or(0),
    );
    for claim in [
        json!([seq, at + 1]),
        json!([seq + 500, at]),
        json!([-1, at]),
    ] {
        let tab = back_at(&world, &ada, &general, claim.clone()).await;
        assert!(!recovered(&tab, &general).await, "{claim} was honoured");
        tab.nothing_of("events:channel");
    }
    let tab = back_at(&world, &ada, &general, json!(seq)).await;
    assert!(recovered(&tab, &general).await, "a bare number is accepted");
    assert_eq!(texts(&tab, 1).await, ["two"]);
}

#[tokio::test]
async fn too_much_missed_is_told_in_one_message() {
    let Opening {
        world,
        general,
        ada,
        tab,
        seen,
        ..
    } = connected().await;
    tab.close().await;
    for count in [999, 2] {
        emit(&world, &general, count).await;
        let tab = back_at(&world, &ada, &general, position(&seen)).await;
        let is_near = count == 999;
        assert_eq!(recovered(&tab, &general).await, is_near);
        let fed = tab
            .arrived()
            .iter()
            .filter(|event| event.name == "channel:added")
            .count();
        assert_eq!(fed, if is_near { 999 } else { 0 });
    }
}

#[tokio::test]
async fn who_was_removed_while_away_gets_nothing_of_the_room() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let crew = ada.group("crew", &[&bob]).await;
    let tab = bob.connect().await;
    ada.say(&crew, "seen").await;
    let seen = tab.next_in_channel("message").await;
    tab.close().await;
    let remove = format!("{}/update/members/remove", path_of(&crew));
    ada.post(&remove, &json!({"user_ids": [bob.id]})).await.ok();
    ada.say(&crew, "secret").await;
    let tab = back_at(&world, &bob, &crew, position(&seen)).await;
    let ready = tab.next("ready").await;
    assert!(ready["rooms"].get(room_of(&crew)).is_none(), "{ready}");
    tab.next("resumed").await;
    tab.settled().await;
    tab.nothing_of("events:channel");
}

#[tokio::test]
async fn joining_and_leaving_stand_in_the_stream() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let tab = bob.connect().await;
    tab.next("resumed").await;
    let crew = ada.group("crew", &[&bob]).await;
    let joined = tab
        .next_where("joined", |event| event["room"] == room_of(&crew))
        .await;
    assert!(joined["position"].is_array(), "{joined}");
    ada.say(&crew, "hello").await;
    let first = tab.next_in_channel("message").await;
    assert!(first["seq"].as_i64() > joined["position"][0].as_i64());
    let remove = format!("{}/update/members/remove", path_of(&crew));
    ada.post(&remove, &json!({"user_ids": [bob.id]})).await.ok();
    tab.next_where("left", |event| event["room"] == room_of(&crew))
        .await;
    tab.forget();
    ada.say(&crew, "secret").await;
    tab.settled().await;
    tab.nothing_of("events:channel");
}

#[tokio::test]
async fn a_live_socket_asks_again_and_is_answered() {
    let Opening {
        world: _world,
        general,
        bob,
        tab,
        seen,
        ..
    } = connected().await;
    bob.say(&general, "two").await;
    texts(&tab, 1).await;
    let mut claims = json!({});
    claims[room_of(&general)] = position(&seen);
    claims["channel:elsewhere"] = json!([1, 1]);
    let answer = tab.call("resume", &[claims]).await;
    assert_eq!(answer[0]["rooms"][room_of(&general)]["recovered"], true);
    assert!(
        answer[0]["rooms"].get("channel:elsewhere").is_none(),
        "{answer:?}"
    );
    assert_eq!(texts(&tab, 1).await, ["two"]);
    bob.say(&general, "three").await;
    assert_eq!(texts(&tab, 1).await, ["three"]);
}

#[tokio::test]
async fn a_snapshot_says_up_to_which_event_it_is() {
    let Opening {
        world: _world,
        general,
        ada,
        tab: _tab,
        seen,
        ..
    } = connected().await;
    let page = ada.get(&format!("{}/messages", path_of(&general))).await;
    let as_of = page.headers["tidings-as-of"].to_str().unwrap_or_default();
    let expected = format!("{}={}:{}", room_of(&general), seen["seq"], seen["at"]);
    assert_eq!(as_of, expected);
    let list = ada.get("/api/v1/channels/").await;
    let as_of = list.headers["tidings-as-of"].to_str().unwrap_or_default();
    assert!(as_of.contains(&expected), "{as_of}");
    assert!(as_of.contains(&format!("user:{}=", ada.id)), "{as_of}");
}

#[tokio::test]
async fn large_events_that_were_missed_do_not_close_the_socket_that_catches_up() {
    let Opening {
        mut world,
        general,
        ada,
        bob,
        tab,
        seen,
    } = connected().await;
    tab.close().await;
    // Together more than a connection's queue may hold.
    let texts_missed: Vec<String> = (0..30)
        .map(|number| format!("{number} {}", "x".repeat(60_000)))
        .collect();
    for text in &texts_missed {
        bob.say(&general, text).await;
    }
    for is_from_the_log in [false, true] {
        if is_from_the_log {
            world.restart().await;
        }
        let tab = back_at(&world, &ada, &general, position(&seen)).await;
        assert_eq!(texts(&tab, 30).await, texts_missed);
        assert!(recovered(&tab, &general).await);
    }
}

#[tokio::test]
async fn markers_that_moved_meanwhile_are_told_after_ready() {
    let world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    let _quiet = ada.group("quiet", &[&bob]).await;
    let desk = ada.connect().await;
    let ready = desk.next("ready").await;
    world.advance(Duration::from_secs(3_600));
    bob.say(&general, "one").await;
    let seen = desk.next_in_channel("message").await;
    drop(desk);
    world.advance(Duration::from_secs(3_600));
    let path = format!("{}/read", path_of(&general));
    let moved = ada.post(&path, &json!({"read_no": 1})).await.ok();
    let mut resume = ready["rooms"].clone();
    resume[room_of(&general)] = json!([seen["seq"], seen["at"]]);
    let auth = json!({"token": ada.token, "resume": resume});
    let back = Tab::open(&world.url(), Some(auth)).await;
    assert_eq!(back.next("events:read").await, moved);
    back.settled().await;
    back.nothing_of("events:read");
}
