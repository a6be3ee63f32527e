//! Every list and page that a client keeps says in `Tidings-As-Of` up to which event of which room it is.

use crate::chats::new_chat;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use testkit::{Person, World, path_of};

/// The rooms of the header, each with its position.
async fn rooms(by: &Person, path: &str) -> Vec<(String, i64, i64)> {
    let answer = by.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    let Some(header) = answer.headers.get("tidings-as-of") else {
        panic!("{path} says no position")
    };
    let header = header.to_str().expect("it is text").to_owned();
    let room = |part: &str| {
        let (name, position) = part.split_once('=')?;
        let (seq, at_ms) = position.split_once(':')?;
        Some((name.to_owned(), seq.parse().ok()?, at_ms.parse().ok()?))
    };
    let rooms = header.split(", ").map(room).collect::<Option<Vec<_>>>();
    rooms.unwrap_or_else(|| panic!("{path}: {header}"))
}

#[tokio::test]
async fn snapshots_name_the_rooms_that_report_their_changes() {
    let world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    let said = bob.say(&general, "hello").await;
    let chat = new_chat(&ada).await;
    let form = json!({"name": "Goals", "body": "Ship."});
    let block = ada.post("/api/v1/memory/blocks", &form).await.ok();
    let text = |value: &Value| value["id"].as_str().expect("an id").to_owned();
    let (channel, message) = (path_of(&general), text(&said));
    let here = format!("channel:{}", text(&general));
    let (here, me, all) = (here.as_str(), format!("user:{}", ada.id), "everyone");
    let me = me.as_str();
    let check = async |path: String, expected: &[&str]| {
        let named = rooms(&ada, &path).await;
        let names: BTreeSet<&str> = named.iter().map(|(name, ..)| name.as_str()).collect();
        assert_eq!(names, expected.iter().copied().collect(), "{path}");
        for (name, seq, at_ms) in named {
            assert!(seq > 0 && at_ms > 0, "{path}: {name} has had events");
        }
    };
    let message = format!("{channel}/messages/{message}");
    check("/api/v1/channels/".into(), &[here, me, all]).await;
    check("/api/v1/channels/list".into(), &[here, me, all]).await;
    check(channel.clone(), &[here]).await;
    check(format!("{channel}/members"), &[here, all]).await;
    check(format!("{channel}/messages"), &[here]).await;
    check(message.clone(), &[here]).await;
    check(format!("{message}/data"), &[here]).await;
    check(format!("{message}/thread"), &[here]).await;
    for list in ["", "list", "pinned", "archived", &chat] {
        check(format!("/api/v1/chats/{list}"), &[me]).await;
    }
    check("/api/v1/memory/blocks".into(), &[me]).await;
    check(format!("/api/v1/memory/blocks/{}", text(&block)), &[me]).await;
    check("/api/v1/memory/proposals".into(), &[me]).await;
    check("/api/v1/auths/".into(), &[me, all]).await;
    check("/api/v1/users/user/settings".into(), &[me]).await;
    check("/api/v1/users/search".into(), &[all]).await;
    check("/api/v1/users/".into(), &[all]).await;
    check(format!("/api/v1/users/{}", bob.id), &[all]).await;
}

#[tokio::test]
async fn a_page_is_as_new_as_the_event_it_names() {
    let world = World::new().await;
    let (general, [ada]) = world.members_of("general", ["ada"]).await;
    let tab = ada.connect().await;
    ada.say(&general, "one").await;
    let event = tab.next_in_channel("message").await;
    let path = format!("{}/messages", path_of(&general));
    let named = rooms(&ada, &path).await;
    assert_eq!(named[0].1, event["seq"].as_i64().expect("a number"));
    assert_eq!(named[0].2, event["at"].as_i64().expect("a time"));
}

#[tokio::test]
async fn the_list_of_who_is_online_says_which_changes_are_in_it() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let watching = ada.connect().await;
    watching.next("events:presence").await;
    let before = ada.get("/api/v1/users/online").await.ok();
    let _bob = bob.connect().await;
    let change = watching.next("events:presence").await;
    assert!(change["version"].as_i64() > before["version"].as_i64());
    let after = ada.get("/api/v1/users/online").await.ok();
    assert_eq!(after["version"], change["version"]);
}
