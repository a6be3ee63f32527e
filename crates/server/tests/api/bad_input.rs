//! What is wrong gets a clear error with a stable word, and hurts nobody else.

use http::Method;
use serde_json::json;
use testkit::{Tab, World, path_of};

#[tokio::test]
async fn a_method_or_an_address_that_is_not_served_is_refused_in_json() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let answer = ada.send(Method::PUT, "/api/v1/channels/create", None).await;
    assert_eq!(answer.headers["allow"], "POST");
    answer.refused(405, "method_not_allowed");
    ada.get("/api/v1/channels/%FF")
        .await
        .refused(400, "bad_address");
    ada.get("/api/v1/nothing").await.refused(404, "not_found");
}

#[tokio::test]
async fn positions_beyond_all_numbers_are_lost_positions() {
    let world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    bob.say(&general, "one").await;
    let mut resume = json!({});
    let rooms = [
        format!("channel:{}", general["id"].as_str().unwrap_or_default()),
        "everyone".to_owned(),
    ];
    for (room, seq) in rooms.iter().zip([i64::MIN, i64::MAX]) {
        resume[room] = json!([seq, i64::MIN]);
    }
    let tab = Tab::open(
        &world.url(),
        Some(json!({"token": ada.token, "resume": resume})),
    )
    .await;
    let resumed = tab.next("resumed").await;
    for room in rooms {
        assert_eq!(resumed["rooms"][room]["recovered"], false, "{resumed}");
    }
    let again = tab
        .call("resume", &[json!({"everyone": [i64::MIN, 0]})])
        .await;
    assert_eq!(again[0]["rooms"]["everyone"]["recovered"], false);
}

#[tokio::test]
async fn a_signal_with_a_huge_name_is_not_relayed() {
    let world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    let (typing, seeing) = (ada.connect().await, bob.connect().await);
    let command = json!({"channel_id": general["id"], "message_id": "x".repeat(100_000),
        "data": {"type": "typing", "data": {"typing": true}}});
    let ack = typing.call("events:channel", &[command]).await;
    assert_eq!(ack[0]["error"]["code"], "too_large");
    seeing.settled().await;
    seeing.nothing_of("events:channel");
}

#[tokio::test]
async fn what_is_too_large_for_an_event_is_said_so_or_told_without_its_text() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let chat = crate::chats::new_chat(&ada).await;
    let turn = json!({"chat": {"history": {"currentId": "q", "messages": {
        "q": {"id": "q", "parentId": null, "childrenIds": [], "role": "user", "content": "short", "timestamp": 1_763_900_000}}}}});
    let _ = ada.post(&format!("/api/v1/chats/{chat}"), &turn).await.ok();
    let tab = ada.connect().await;
    let path = format!("/api/v1/chats/{chat}/messages/q");
    let large = "x".repeat(1 << 20);
    let _ = ada.post(&path, &json!({"content": large})).await.ok();
    let told = crate::chats::next(&tab, "chat:messages").await;
    assert!(told["data"]["data"]["messages"]["q"]["content"].is_null());
    let event = json!({"type": "replace", "data": {"content": large}});
    ada.post(&format!("{path}/event"), &event)
        .await
        .refused(413, "too_large");
}

#[tokio::test]
async fn ids_that_a_client_chooses_are_short() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let chat = crate::chats::new_chat(&ada).await;
    let mut question = crate::chats::question(&chat, "mock-gpt", "Hi");
    question["id"] = json!("a".repeat(10_000));
    ada.post("/api/chat/completions", &question)
        .await
        .refused(413, "too_large");
}

#[tokio::test]
async fn an_access_list_that_every_event_would_carry_is_bounded() {
    let world = World::new().await;
    let (general, [ada]) = world.members_of("general", ["ada"]).await;
    let form = json!({"name": "general", "access_control": {
        "read": {"group_ids": vec!["g".repeat(36); 5_000], "user_ids": []}, "write": null}});
    ada.post(&format!("{}/update", path_of(&general)), &form)
        .await
        .refused(413, "too_large");
}
