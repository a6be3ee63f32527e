//! Channels, groups, direct conversations: made, found, changed, left, deleted; and who hears of it.

use serde_json::{Value, json};
use std::time::Duration;
use testkit::{World, path_of};

fn ids(rows: &Value) -> Vec<&str> {
    rows.as_array()
        .into_iter()
        .flatten()
        .filter_map(|row| row["id"].as_str())
        .collect()
}

#[tokio::test]
async fn a_standard_channel_is_the_admins_to_make_and_everybodys_to_use() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let tab = bob.connect().await;

    bob.post("/api/v1/channels/create", &json!({"name": "nope"}))
        .await
        .refused(401, "role_forbids");
    let general = ada
        .post(
            "/api/v1/channels/create",
            &json!({"name": " General Talk "}),
        )
        .await
        .ok();
    assert_eq!(
        (
            &general["name"],
            &general["type"],
            &general["access_control"]
        ),
        (&json!("general talk"), &Value::Null, &Value::Null)
    );

    // Bob's open tab is in it at once, without a reload.
    assert_eq!(tab.next("channel:added").await["channel_id"], general["id"]);
    ada.say(&general, "hello").await;
    assert_eq!(
        tab.next_in_channel("message").await["data"]["data"]["content"],
        "hello"
    );

    let detail = bob.get(&path_of(&general)).await.ok();
    assert_eq!(
        (
            &detail["is_manager"],
            &detail["write_access"],
            &detail["user_count"]
        ),
        (&json!(false), &json!(true), &json!(2))
    );
    let members = bob
        .get(&format!("{}/members?page=1", path_of(&general)))
        .await
        .ok();
    assert_eq!(members["total"], 2);
    assert!(
        members["users"][0]["email"].is_null() && members["users"][0]["settings"].is_null(),
        "{members}"
    );
}

#[tokio::test]
async fn a_standard_channel_may_name_its_readers_and_writers() {
    let world = World::new().await;
    let [ada, bob, eve, dan] = world.people(["ada", "bob", "eve", "dan"]).await;
    let (bobs, eves) = (bob.connect().await, eve.connect().await);
    let access = json!({"read": {"user_ids": [bob.id, dan.id], "group_ids": []}, "write": {"user_ids": [bob.id], "group_ids": []}});
    let board = ada
        .post(
            "/api/v1/channels/create",
            &json!({"name": "board", "access_control": access}),
        )
        .await
        .ok();

    bobs.next("channel:added").await;
    bob.say(&board, "a reader and writer posts").await;
    assert_eq!(
        dan.get(&format!("{}/messages", path_of(&board))).await.ok()[0]["content"],
        "a reader and writer posts"
    );
    dan.post(
        &format!("{}/messages/post", path_of(&board)),
        &json!({"content": "x"}),
    )
    .await
    .refused(403, "forbidden");
    for path in ["", "/messages", "/members?page=1"] {
        eve.get(&format!("{}{path}", path_of(&board)))
            .await
            .refused(403, "forbidden");
    }
    assert_eq!(
        ids(&eve.get("/api/v1/channels/").await.ok()),
        Vec::<&str>::new()
    );
    eves.settled().await;
    eves.nothing_of("channel:added");
    eves.nothing_of("events:channel");

    // Bob loses the right: his open tab hears of it and of nothing after it. Eve gains it at once.
    let access = json!({"read": {"user_ids": [eve.id]}, "write": {"user_ids": [eve.id]}});
    let changed = ada
        .post(
            &format!("{}/update", path_of(&board)),
            &json!({"name": "board", "access_control": access}),
        )
        .await;
    changed.ok();
    bobs.next("channel:removed").await;
    eves.next("channel:added").await;
    bobs.forget();
    eve.say(&board, "not for bob").await;
    eves.next_in_channel("message").await;
    bobs.settled().await;
    bobs.nothing_of("events:channel");

    // Renaming without a word about access leaves it as it is.
    let renamed = ada
        .post(
            &format!("{}/update", path_of(&board)),
            &json!({"name": "the board"}),
        )
        .await
        .ok();
    assert_eq!(
        renamed["access_control"]["read"]["user_ids"],
        json!([eve.id])
    );
    assert_eq!(
        eves.next_where("channel:updated", |event| event["channel"]["name"]
            == "the board")
            .await["channel"]["id"],
        board["id"]
    );
}

#[tokio::test]
async fn a_group_tells_its_members_and_nobody_else() {
    let world = World::new().await;
    let [root, ada, bob, eve] = world.people(["root", "ada", "bob", "eve"]).await;
    let (adas, bobs, eves, stock) = (
        ada.connect().await,
        bob.connect().await,
        eve.connect().await,
        bob.connect_stock().await,
    );
    let group = ada.group("plans", &[&bob]).await;
    for tab in [&adas, &bobs] {
        assert_eq!(tab.next("channel:added").await["channel_id"], group["id"]);
    }
    // A client that speaks only the contract hears its word for it, and no other.
    stock.next_in_channel("channel:created").await;
    ada.say(&group, "first").await;
    assert_eq!(
        stock.next_in_channel("message").await["data"]["data"]["content"],
        "first"
    );
    stock.settled().await;
    assert!(
        stock
            .arrived()
            .iter()
            .all(|event| event.name == "events:channel"),
        "{:?}",
        stock.arrived()
    );

    eves.settled().await;
    eves.nothing_of("events:channel");
    for stranger in [&eve, &root] {
        stranger
            .get(&path_of(&group))
            .await
            .refused(403, "forbidden");
        stranger
            .post(
                &format!("{}/messages/post", path_of(&group)),
                &json!({"content": "x"}),
            )
            .await
            .refused(403, "forbidden");
    }
}

#[tokio::test]
async fn a_removed_member_gets_nothing_after_the_removal() {
    let world = World::new().await;
    let [_root, ada, bob, eve] = world.people(["root", "ada", "bob", "eve"]).await;
    let group = ada.group("plans", &[&bob]).await;
    let (bobs, stock, eves) = (
        bob.connect().await,
        bob.connect_stock().await,
        eve.connect().await,
    );

    let added = ada
        .post(
            &format!("{}/update/members/add", path_of(&group)),
            &json!({"user_ids": [eve.id, bob.id]}),
        )
        .await
        .ok();
    assert_eq!(added.as_array().map(Vec::len), Some(1), "{added}");
    assert_eq!(
        (&added[0]["user_id"], &added[0]["status"]),
        (&json!(eve.id), &json!("joined"))
    );
    eves.next("channel:added").await;
    assert_eq!(bobs.next("member:joined").await["user"]["name"], "eve");
    ada.say(&group, "with eve").await;
    eves.next_in_channel("message").await;

    bob.post(
        &format!("{}/update/members/remove", path_of(&group)),
        &json!({"user_ids": [eve.id]}),
    )
    .await
    .refused(403, "forbidden");
    let removed = ada
        .post(
            &format!("{}/update/members/remove", path_of(&group)),
            &json!({"user_ids": [bob.id, "nobody"]}),
        )
        .await
        .ok();
    assert_eq!(removed, json!(1));
    assert_eq!(bobs.next("member:left").await["user_id"], json!(bob.id));
    bobs.next("channel:removed").await;
    for tab in [&bobs, &stock] {
        tab.forget();
    }
    ada.say(&group, "secret").await;
    bob.post(
        &format!("{}/messages/post", path_of(&group)),
        &json!({"content": "x"}),
    )
    .await
    .refused(403, "forbidden");
    bobs.types(&group);
    stock.types(&group);
    for tab in [&bobs, &stock] {
        tab.settled().await;
        tab.nothing_of("events:channel");
    }
    eves.settled().await;
    let typed = eves
        .arrived()
        .iter()
        .any(|event| event.args[0]["data"]["type"] == "typing");
    assert!(!typed, "a removed member typed into the group");
    bob.get(&format!("{}/messages", path_of(&group)))
        .await
        .refused(403, "forbidden");
}

#[tokio::test]
async fn one_leaves_a_group_but_neither_a_standard_channel_nor_for_others() {
    let world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    let group = ada.group("plans", &[&bob]).await;
    let tab = bob.connect().await;
    bob.post(&format!("{}/leave", path_of(&group)), &json!({}))
        .await
        .ok();
    tab.next("channel:removed").await;
    bob.get(&path_of(&group)).await.refused(403, "forbidden");
    assert_eq!(ada.get(&path_of(&group)).await.ok()["user_count"], 1);
    bob.delete(&format!("{}/members/me", path_of(&general)))
        .await
        .refused(400, "not_a_group");
    ada.post(
        &format!("{}/update/members/add", path_of(&general)),
        &json!({"user_ids": [bob.id]}),
    )
    .await
    .refused(400, "not_a_group");
}

#[tokio::test]
async fn there_is_one_direct_conversation_for_two_people() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let bobs = bob.connect().await;
    let (one, two) = tokio::join!(ada.direct(&bob), bob.direct(&ada));
    assert_eq!(one["id"], two["id"]);
    let by_form = ada
        .post(
            "/api/v1/channels/create",
            &json!({"name": "", "type": "dm", "user_ids": [bob.id]}),
        )
        .await
        .ok();
    assert_eq!(by_form["id"], one["id"]);
    bobs.next_in_channel("channel:created").await;

    let with_self = ada.direct(&ada).await;
    assert_ne!(with_self["id"], one["id"]);
    assert_eq!(
        ada.get(&path_of(&with_self)).await.ok()["user_ids"],
        json!([ada.id])
    );

    ada.get("/api/v1/channels/users/00000000-0000-4000-8000-000000000000")
        .await
        .refused(404, "not_found");
    let three = json!({"name": "", "type": "dm", "user_ids": [bob.id, "x"]});
    ada.post("/api/v1/channels/create", &three)
        .await
        .refused(400, "direct_for_two");
    // Neither may delete the words of the other.
    ada.delete(&format!("{}/delete", path_of(&one)))
        .await
        .refused(403, "forbidden");

    let row = bob.row(&one).await;
    assert_eq!(row["user_ids"].as_array().map(Vec::len), Some(2));
    assert!(
        row["users"]
            .as_array()
            .into_iter()
            .flatten()
            .all(|user| user["is_active"] == true),
        "{row}"
    );
}

#[tokio::test]
async fn a_hidden_conversation_comes_back_with_the_next_message() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let direct = ada.direct(&bob).await;
    let tab = bob.connect().await;
    bob.post(
        &format!("{}/members/active", path_of(&direct)),
        &json!({"is_active": false}),
    )
    .await
    .ok();
    tab.next("channel:removed").await;
    assert_eq!(bob.row(&direct).await, Value::Null);

    ada.say(&direct, "wake up").await;
    assert_eq!(tab.next("channel:added").await["channel_id"], direct["id"]);
    assert_eq!(
        tab.next_in_channel("message").await["data"]["data"]["content"],
        "wake up"
    );
    assert_eq!(bob.unread(&direct).await, 1);
}

#[tokio::test]
async fn a_deleted_channel_is_gone_for_everybody() {
    let world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    let tab = bob.connect().await;
    ada.say(&general, "soon gone").await;
    bob.delete(&format!("{}/delete", path_of(&general)))
        .await
        .refused(403, "forbidden");
    ada.delete(&format!("{}/delete", path_of(&general)))
        .await
        .ok();
    assert_eq!(
        tab.next("channel:deleted").await["channel_id"],
        general["id"]
    );
    for path in ["", "/messages"] {
        bob.get(&format!("{}{path}", path_of(&general)))
            .await
            .refused(404, "not_found");
    }
    tab.types(&general);
    tab.settled().await;
}

#[tokio::test]
async fn bad_input_is_answered_with_what_is_wrong() {
    let world = World::new().await;
    let (general, [ada, _bob]) = world.members_of("general", ["ada", "bob"]).await;
    let create = |body: Value| {
        let ada = ada.clone();
        async move { ada.post("/api/v1/channels/create", &body).await }
    };
    create(json!({})).await.refused(422, "validation_error");
    create(json!([1])).await.refused(422, "validation_error");
    create(json!({"name": 7}))
        .await
        .refused(422, "validation_error");
    create(json!({"name": "x", "type": "salon"}))
        .await
        .refused(400, "channel_type_unknown");
    create(json!({"name": "  "}))
        .await
        .refused(400, "name_empty");
    create(json!({"name": "a\nb"}))
        .await
        .refused(400, "name_invalid");
    create(json!({"name": "x".repeat(81)}))
        .await
        .refused(413, "too_large");
    create(json!({"name": "x", "description": "d".repeat(501)}))
        .await
        .refused(413, "too_large");
    create(json!({"name": "x", "type": "group", "user_ids": ["nobody"]}))
        .await
        .refused(404, "not_found");
    create(json!({"name": "x", "type": "group", "user_ids": vec!["u"; 501]}))
        .await
        .refused(413, "too_large");
    create(json!({"name": "x", "data": {"a": "b".repeat(70_000)}}))
        .await
        .refused(413, "too_large");

    let unknown = "/api/v1/channels/00000000-0000-4000-8000-000000000000";
    ada.get(unknown).await.refused(404, "not_found");
    ada.get(&format!("{unknown}/messages"))
        .await
        .refused(404, "not_found");
    ada.get(&format!("{}/messages?skip=x", path_of(&general)))
        .await
        .refused(422, "validation_error");
    ada.get(&format!("{}/messages?limit=-1", path_of(&general)))
        .await
        .refused(422, "validation_error");
    world
        .nobody()
        .get("/api/v1/channels/")
        .await
        .refused(401, "not_authenticated");
}

#[tokio::test]
async fn channels_can_be_switched_off() {
    let world = World::with(|settings| settings.enable_channels = Some("false".into())).await;
    let ada = world.sign_up("ada").await;
    ada.get("/api/v1/channels/").await.refused(403, "forbidden");
    ada.post("/api/v1/channels/create", &json!({"name": "x"}))
        .await
        .refused(403, "forbidden");
}

#[tokio::test]
async fn one_who_waits_for_approval_has_no_channels() {
    let world = World::with(|settings| settings.default_user_role = Some("pending".into())).await;
    let (general, [ada, pat]) = world.members_of("general", ["ada", "pat"]).await;
    let tab = pat.connect().await;
    pat.get("/api/v1/channels/")
        .await
        .refused(401, "role_forbids");
    pat.get(&path_of(&general))
        .await
        .refused(401, "role_forbids");
    ada.say(&general, "not for pat").await;
    tab.settled().await;
    tab.nothing_of("events:channel");
    ada.get(&format!("/api/v1/channels/users/{}", pat.id))
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn a_group_of_many_is_made_and_emptied_in_one_request() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let job = |tx: &mut store::Tx<'_>| {
        let person = |index: i32| store::users::NewUser {
            email: format!("p{index}@example.org"),
            name: format!("p{index}"),
            role: wire::people::Role::User,
            password_hash: String::new(),
        };
        (0..250)
            .map(|index| Ok(store::users::insert(tx, &person(index), 0)?.id))
            .collect::<Result<Vec<_>, store::Error>>()
    };
    let mut user_ids = world.app.store.write(job).await.unwrap();
    user_ids.push(bob.id.clone());
    let tab = bob.connect().await;
    let form = json!({"type": "group", "name": "crowd", "user_ids": user_ids});
    let group = ada.post("/api/v1/channels/create", &form).await.ok();
    tab.next("channel:added").await;
    assert_eq!(ada.get(&path_of(&group)).await.ok()["user_count"], 252);

    // All had hidden it, and all are back with the next message.
    let id = wire::ChannelId::from(group["id"].as_str().unwrap());
    let hidden = user_ids.clone();
    let job = move |tx: &mut store::Tx<'_>| {
        for user_id in &hidden {
            store::members::hide(tx, &id, user_id, 0)?;
        }
        Ok::<_, store::Error>(())
    };
    world.app.store.write(job).await.unwrap();
    ada.say(&group, "hello all").await;
    tab.next_in_channel("message").await;
    assert_eq!(bob.unread(&group).await, 1);

    let path = format!("{}/update/members/remove", path_of(&group));
    let removed = ada.post(&path, &json!({"user_ids": user_ids})).await.ok();
    assert_eq!(removed, 251);
    tab.next("channel:removed").await;
}

#[tokio::test]
async fn one_can_read_while_nothing_can_be_written() {
    let world = World::new().await;
    let (general, [ada]) = world.members_of("general", ["ada"]).await;
    // Long enough ago that this request would note that she is active.
    world.advance(Duration::from_secs(3_600));
    let (release, held) = std::sync::mpsc::channel::<()>();
    let (holding, holds) = tokio::sync::oneshot::channel();
    let store = world.app.store.clone();
    let blocked = tokio::spawn(async move {
        let job = move |_: &mut store::Tx<'_>| {
            let _ = holding.send(());
            // Ends with the test, whatever happens to it.
            let _ = held.recv();
            Ok::<_, store::Error>(())
        };
        store.write(job).await
    });
    holds.await.expect("the job runs");
    let reading = async {
        ada.get("/api/v1/channels/").await.ok();
        let messages = format!("{}/messages", path_of(&general));
        ada.get(&messages).await.ok();
    };
    tokio::time::timeout(Duration::from_secs(10), reading)
        .await
        .expect("lists are answered while a write is held");
    drop(release);
    blocked
        .await
        .expect("it does not panic")
        .expect("it is written");
}
