//! A socket's life: whose it is, what it hears, what it may say, and when it ends.

use serde_json::{Value, json};
use std::time::Duration;
use testkit::{Tab, World, path_of};

#[tokio::test]
async fn a_tab_that_opted_in_is_told_its_rooms_before_anything_else() {
    let world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    ada.say(&general, "one").await;
    let tab = bob.connect().await;
    let ready = tab.next("ready").await;
    assert_eq!(tab.arrived()[0].name, "ready");
    assert_eq!(ready["user_id"], json!(bob.id));
    let rooms: Vec<&String> = ready["rooms"].as_object().unwrap().keys().collect();
    let channel = format!("channel:{}", general["id"].as_str().unwrap());
    assert_eq!(rooms, [&channel, "everyone", &format!("user:{}", bob.id)]);
    let head = ready["rooms"][&channel][0].as_i64().unwrap();
    ada.say(&general, "two").await;
    assert_eq!(tab.next_in_channel("message").await["seq"], head + 1);
}

#[tokio::test]
async fn a_stock_socket_gets_the_contracts_events_and_no_other() {
    let world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    let stock = bob.connect_stock().await;
    assert_eq!(
        stock
            .call("user-join", &[json!({"auth": {"token": bob.token}})])
            .await,
        [json!({"id": bob.id, "name": "bob"})]
    );
    ada.post(
        &format!("{}/update", path_of(&general)),
        &json!({"name": "general two"}),
    )
    .await
    .ok();
    let _other = ada.connect().await;
    ada.say(&general, "hello").await;
    stock.next_in_channel("message").await;
    stock.settled().await;
    assert!(
        stock
            .arrived()
            .iter()
            .all(|event| event.name == "events:channel"),
        "{:?}",
        stock.arrived()
    );
}

#[tokio::test]
async fn a_socket_without_a_token_has_no_rooms_and_no_rights() {
    let world = World::new().await;
    let (general, [ada, _bob]) = world.members_of("general", ["ada", "bob"]).await;
    let key = json!({"token": "sk-0123456789abcdef0123456789abcdef"});
    for auth in [
        None,
        Some(json!({})),
        Some(json!({"token": "bad"})),
        Some(json!({"token": null, "resume": {}})),
        Some(key),
    ] {
        let stranger = Tab::open(&world.url(), auth).await;
        stranger.types(&general);
        stranger.reads(&general);
        assert!(stranger.call("heartbeat", &[json!({})]).await.is_empty());
        assert!(
            stranger
                .call("join-channels", &[json!({"auth": {"token": ada.token}})])
                .await
                .is_empty()
        );
        ada.say(&general, "not for strangers").await;
        stranger.settled().await;
        assert!(stranger.arrived().is_empty(), "{:?}", stranger.arrived());
    }
}

#[tokio::test]
async fn a_socket_without_a_person_may_say_little_and_not_stay() {
    let world = World::new().await;
    let stranger = Tab::open(&world.url(), None).await;
    let mut refused = 0;
    for _ in 0..40 {
        let ack = stranger.call("heartbeat", &[]).await;
        refused += usize::from(
            ack.first()
                .is_some_and(|ack| ack["error"]["code"] == "too_many_requests"),
        );
    }
    assert_eq!(refused, 10);
    world.advance(Duration::from_secs(601));
    assert_eq!(stranger.ended().await, "closed Some(1013)");
}

#[tokio::test]
async fn a_socket_changes_hands_and_hears_nothing_of_the_one_before() {
    let world = World::new().await;
    let [ada, bob, eve] = world.people(["ada", "bob", "eve"]).await;
    let (adas_group, bobs_group) = (
        ada.group("adas", &[&eve]).await,
        bob.group("bobs", &[&eve]).await,
    );
    let tab = ada.connect().await;
    tab.next("ready").await;
    assert_eq!(
        tab.call("user-join", &[json!({"auth": {"token": bob.token}})])
            .await,
        [json!({"id": bob.id, "name": "bob"})]
    );
    assert_eq!(tab.next("ready").await["user_id"], json!(bob.id));
    eve.say(&adas_group, "for ada").await;
    eve.say(&bobs_group, "for bob").await;
    assert_eq!(
        tab.next_in_channel("message").await["data"]["data"]["content"],
        "for bob"
    );
    tab.types(&adas_group);
    tab.settled().await;
    tab.nothing_of("events:channel");
    // A token that is not valid changes nothing.
    assert!(
        tab.call("user-join", &[json!({"auth": {"token": "bad"}})])
            .await
            .is_empty()
    );
    eve.say(&bobs_group, "still for bob").await;
    tab.next_in_channel("message").await;
}

#[tokio::test]
async fn typing_is_relayed_to_all_who_may_read_with_what_the_typist_sent() {
    let world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    let (adas, bobs) = (ada.connect().await, bob.connect_stock().await);
    let data = json!({"type": "typing", "data": {"typing": true, "extra": [1]}});
    let ack = bobs
        .call(
            "events:channel",
            &[json!({"channel_id": general["id"], "data": data})],
        )
        .await;
    assert!(ack.is_empty());
    for tab in [&adas, &bobs] {
        let typing = tab.next_in_channel("typing").await;
        let expected = json!({
            "channel_id": general["id"], "message_id": null, "data": data,
            "user": {"id": bob.id, "name": "bob", "role": "user"},
        });
        assert_eq!(typing, expected);
    }
    let long = json!({"type": "typing", "data": {"x": "y".repeat(2_000)}});
    let ack = bobs
        .call(
            "events:channel",
            &[json!({"channel_id": general["id"], "data": long})],
        )
        .await;
    assert_eq!(ack[0]["error"]["code"], "too_large");
}

#[tokio::test]
async fn a_broken_event_is_acked_with_what_is_wrong() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let tab = ada.connect().await;
    let check = async |name: &str, args: &[Value], code: &str| {
        let ack = tab.call(name, args).await;
        assert_eq!(
            ack[0]["error"]["code"], code,
            "{name} {args:?} was acked with {ack:?}"
        );
        assert!(ack[0]["error"]["message"].is_string());
    };
    check("user-join", &[], "wrong_argument").await;
    check("user-join", &[json!(42)], "wrong_argument").await;
    check("usage", &[json!({})], "wrong_argument").await;
    check("usage", &[Value::Null], "wrong_argument").await;
    check("usage", &[json!({"model": "m".repeat(257)})], "too_large").await;
    check("events:channel", &[json!("str")], "wrong_argument").await;
    check("events:channel", &[json!({})], "wrong_argument").await;
    check("unknown-event", &[json!({})], "unknown_event").await;
    for ignored in [
        json!({"channel_id": "c", "data": {}}),
        json!({"channel_id": "c", "data": {"type": "message"}}),
    ] {
        assert!(tab.call("events:channel", &[ignored]).await.is_empty());
    }
    assert!(
        tab.call(
            "usage",
            &[json!({"action": "chat", "model": "mock-gpt", "chat_id": "x"})]
        )
        .await
        .is_empty()
    );
    let usage = ada.get("/api/usage").await.ok();
    assert_eq!(usage, json!({"model_ids": ["mock-gpt"], "user_count": 1}));
    world.advance(Duration::from_secs(3));
    assert_eq!(ada.get("/api/usage").await.ok()["model_ids"], json!([]));
}

#[tokio::test]
async fn signing_out_ends_the_sockets_of_that_session_and_no_other() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let session = world
        .nobody()
        .post(
            "/api/v1/auths/signin",
            &json!({"email": "bob@example.org", "password": testkit::PASSWORD}),
        )
        .await
        .ok();
    let phone = world.nobody().signed_in(&session);
    let (desk_tab, phone_tab, adas) = (
        bob.connect().await,
        phone.connect().await,
        ada.connect().await,
    );
    bob.get("/api/v1/auths/signout").await.ok();
    assert_eq!(desk_tab.ended().await, "disconnected");
    phone_tab.settled().await;
    phone
        .post("/api/v1/auths/signout/everywhere", &json!({}))
        .await
        .ok();
    assert_eq!(phone_tab.ended().await, "disconnected");
    adas.settled().await;
    // The token of the ended session lets nobody in.
    let back = bob.connect().await;
    back.settled().await;
    assert!(back.arrived().is_empty(), "{:?}", back.arrived());
}

#[tokio::test]
async fn a_token_ends_at_its_time_on_open_sockets_too() {
    let world = World::with(|settings| settings.jwt_expires_in = Some("60s".into())).await;
    let ada = world.sign_up("ada").await;
    let tab = ada.connect().await;
    world.advance(Duration::from_secs(30));
    tab.settled().await;
    world.advance(Duration::from_secs(31));
    assert_eq!(tab.ended().await, "disconnected");
}

#[tokio::test]
async fn what_was_missed_is_sent_to_a_tab_that_comes_back() {
    let world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    let tab = bob.connect().await;
    let rooms = tab.next("ready").await["rooms"].clone();
    drop(tab);
    for text in ["one", "two", "three"] {
        ada.say(&general, text).await;
    }
    let back = Tab::open(
        &world.url(),
        Some(json!({"token": bob.token, "resume": rooms})),
    )
    .await;
    for text in ["one", "two", "three"] {
        assert_eq!(
            back.next_in_channel("message").await["data"]["data"]["content"],
            text
        );
    }
    let resumed = back.next("resumed").await;
    assert!(
        resumed["rooms"]
            .as_object()
            .unwrap()
            .values()
            .all(|room| room["recovered"] == true),
        "{resumed}"
    );
    // Asked again on the open socket, there is nothing more.
    let ack = back
        .call(
            "resume",
            &[resumed["rooms"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(room, result)| (room.clone(), result["position"].clone()))
                .collect()],
        )
        .await;
    assert_eq!(ack[0]["rooms"], resumed["rooms"]);
}

#[tokio::test]
async fn a_right_that_changes_while_a_socket_connects_is_the_right_it_has() {
    let world = World::new().await;
    let [_root, ada, bob] = world.people(["root", "ada", "bob"]).await;
    let group = ada.group("plans", &[]).await;
    let room = format!("channel:{}", group["id"].as_str().unwrap());
    for round in 0..20 {
        let change = |what: &'static str| {
            let (ada, bob_id) = (ada.clone(), bob.id.clone());
            let path = format!("{}/update/members/{what}", path_of(&group));
            async move { ada.post(&path, &json!({"user_ids": [bob_id]})).await.ok() }
        };
        let changes = async {
            change("add").await;
            change("remove").await;
            if round % 2 == 0 {
                change("add").await;
            }
        };
        let connecting = async { (bob.connect().await, bob.connect_stock().await) };
        let ((), (tab, stock)) = tokio::join!(changes, connecting);
        for socket in [&tab, &stock] {
            socket.settled().await;
            let is_in = world.app.io.socket(&socket.sid).unwrap().is_in(&room);
            assert_eq!(is_in, round % 2 == 0, "round {round}");
        }
        change("remove").await;
    }
}

#[tokio::test]
async fn a_channel_that_closes_while_sockets_connect_is_closed_for_them() {
    let world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    let room = format!("channel:{}", general["id"].as_str().unwrap());
    for round in 0..10 {
        let is_open = round % 2 == 0;
        let access = if is_open {
            Value::Null
        } else {
            json!({"read": {"user_ids": []}})
        };
        let (path, body) = (
            format!("{}/update", path_of(&general)),
            json!({"name": "general", "access_control": access}),
        );
        let (_, tab, stock) =
            tokio::join!(ada.post(&path, &body), bob.connect(), bob.connect_stock());
        for socket in [&tab, &stock] {
            socket.settled().await;
            let is_in = world.app.io.socket(&socket.sid).unwrap().is_in(&room);
            assert_eq!(is_in, is_open, "round {round}");
        }
    }
}

#[tokio::test]
async fn a_socket_follows_the_session_it_was_given_last() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let form = json!({"email": "ada@example.org", "password": testkit::PASSWORD});
    let session = world
        .nobody()
        .post("/api/v1/auths/signin", &form)
        .await
        .ok();
    let again = world.nobody().signed_in(&session);
    let tab = ada.connect().await;
    let join = json!({"auth": {"token": again.token}});
    tab.call("user-join", &[join]).await;
    ada.get("/api/v1/auths/signout").await.ok();
    tab.settled().await;
    assert!(again.get("/api/v1/auths/").await.status.is_success());
    again.get("/api/v1/auths/signout").await.ok();
    assert_eq!(tab.ended().await, "disconnected");
}

#[tokio::test]
async fn a_deleted_account_is_gone_from_groups_and_its_words_stay() {
    let world = World::new().await;
    let [root, ada, bob] = world.people(["root", "ada", "bob"]).await;
    let (group, direct) = (ada.group("plans", &[&bob]).await, bob.direct(&ada).await);
    bob.say(&group, "remember me").await;
    let (adas, bobs) = (ada.connect().await, bob.connect().await);
    root.delete(&format!("/api/v1/users/{}", bob.id)).await.ok();
    assert_eq!(bobs.ended().await, "disconnected");
    assert_eq!(adas.next("member:left").await["user_id"], json!(bob.id));
    let page = ada.get(&format!("{}/messages", path_of(&group))).await.ok();
    assert_eq!(page[0]["user"]["name"], "bob");
    assert_eq!(ada.get(&path_of(&group)).await.ok()["user_count"], 1);
    let names = ada.row(&direct).await["users"].clone();
    assert!(
        names
            .as_array()
            .into_iter()
            .flatten()
            .any(|user| user["name"] == "bob"),
        "{names}"
    );
}

#[tokio::test]
async fn what_the_one_before_missed_is_not_fed_to_the_next() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let secret = ada.group("secret", &[]).await;
    let room = format!("channel:{}", secret["id"].as_str().unwrap());
    for index in 0..300 {
        ada.say(&secret, &format!("secret {index}")).await;
    }
    let auth = json!({"token": ada.token, "resume": {&room: [1, world.now_ms()]}});
    let tab = Tab::open(&world.url(), Some(auth)).await;
    let join = json!({"auth": {"token": bob.token}});
    tab.call("user-join", &[join]).await;
    tab.forget();
    ada.say(&secret, "after the change of hands").await;
    tab.settled().await;
    tab.nothing_of("events:channel");
    tab.nothing_of("resumed");
    let socket = world.app.io.socket(&tab.sid).unwrap();
    assert!(!socket.is_in(&room), "{:?}", socket.rooms());
}

#[tokio::test]
async fn what_was_read_just_before_the_server_stops_is_read() {
    let mut world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    let tab = ada.connect().await;
    let read = json!({"channel_id": general["id"], "data": {"type": "last_read_at"}});
    for text in ["one", "two"] {
        bob.say(&general, text).await;
        tab.call("events:channel", std::slice::from_ref(&read))
            .await;
    }
    world.restart().await;
    assert_eq!(ada.unread(&general).await, 0);
}
