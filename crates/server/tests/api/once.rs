//! Commands happen once: every route that changes something takes `Idempotency-Key`, and a client can ask what ran.

use crate::chats::{done, new_chat, question};
use http::Method;
use serde_json::{Value, json};
use server::http::command::{HEADER, WITHOUT};
use std::collections::BTreeSet;
use std::time::Duration;
use store::users::{self, NewUser};
use testkit::{Answer, PASSWORD, Person, World, path_of};
use tokio::io::AsyncWriteExt;
use wire::people::Role;

/// A command as it is sent: by whom, what.
struct Sample {
    by: Person,
    path: String,
    body: Value,
}

async fn keyed(by: &Person, method: &Method, path: &str, key: &str, body: &Value) -> Answer {
    let request = by.request(method.clone(), path).header(HEADER, key);
    let response = request.json(body).send().await.expect("an answer");
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.expect("a whole answer");
    Answer {
        to: format!("{method} {path}"),
        status,
        headers,
        body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
    }
}

/// The number of the log's newest event: what did nothing leaves it where it is.
async fn head(world: &World) -> i64 {
    let head = world.app.store.read(store::log::head).await;
    head.expect("the log has a head").number
}

fn id_of(value: &Value) -> &str {
    value["id"].as_str().expect("it has an id")
}

#[allow(clippy::too_many_lines)] // one table
/// A valid command for an operation; a new operation needs one here, or a reason in `WITHOUT`.
async fn sample(world: &World, admin: &Person, name: &str) -> Sample {
    let bob = world
        .sign_up(&format!("bob-{}", name.replace('_', "-")))
        .await;
    let by_bob = |path: String, body: Value| Sample {
        by: bob.clone(),
        path,
        body,
    };
    let by_admin = |path: String, body: Value| Sample {
        by: admin.clone(),
        path,
        body,
    };
    let nothing = json!({});
    match name {
        "create_channel" => by_bob(
            "/api/v1/channels/create".into(),
            json!({"type": "group", "name": "plans", "user_ids": [admin.id]}),
        ),
        "update_channel"
        | "delete_channel"
        | "leave_channel"
        | "delete_own_membership"
        | "set_channel_active"
        | "move_read_marker"
        | "add_members"
        | "remove_members"
        | "post_message"
        | "edit_message"
        | "delete_message" => {
            let group = bob.group("plans", &[admin]).await;
            let at = path_of(&group);
            let said = bob.say(&group, "hello").await;
            let message = format!("{at}/messages/{}", id_of(&said));
            let carla = json!({"user_ids": [world.sign_up(&format!("carla-{name}")).await.id]});
            match name {
                "update_channel" => by_bob(format!("{at}/update"), json!({"name": "new"})),
                "delete_channel" => by_bob(format!("{at}/delete"), nothing),
                "leave_channel" => by_bob(format!("{at}/leave"), nothing),
                "delete_own_membership" => by_bob(format!("{at}/members/me"), nothing),
                "set_channel_active" => {
                    by_bob(format!("{at}/members/active"), json!({"is_active": false}))
                }
                "move_read_marker" => by_bob(format!("{at}/read"), json!({"read_no": 0})),
                "add_members" => by_bob(format!("{at}/update/members/add"), carla),
                "remove_members" => by_bob(
                    format!("{at}/update/members/remove"),
                    json!({"user_ids": [admin.id]}),
                ),
                "post_message" => {
                    by_bob(format!("{at}/messages/post"), json!({"content": "again"}))
                }
                "edit_message" => by_bob(format!("{message}/update"), json!({"content": "edited"})),
                _ => by_bob(format!("{message}/delete"), nothing),
            }
        }
        "create_chat" => by_bob("/api/v1/chats/new".into(), json!({"chat": {"title": "t"}})),
        "delete_all_chats"
        | "update_chat"
        | "delete_chat"
        | "archive_chat"
        | "pin_chat"
        | "edit_chat_message"
        | "delete_chat_message"
        | "report_chat_event"
        | "complete_chat" => {
            let chat = new_chat(&bob).await;
            let at = format!("/api/v1/chats/{chat}");
            let turn = json!({"chat": {"history": {"currentId": "q", "messages": {
                "q": {"id": "q", "parentId": null, "childrenIds": [], "role": "user", "content": "short", "timestamp": 1_763_900_000}}}}});
            if name != "complete_chat" {
                let _ = bob.post(&at, &turn).await.ok();
            }
            match name {
                "delete_all_chats" => by_bob("/api/v1/chats/".into(), nothing),
                "update_chat" => by_bob(at, json!({"chat": {"title": "renamed"}})),
                "delete_chat" => by_bob(at, nothing),
                "archive_chat" => by_bob(format!("{at}/archive"), nothing),
                "pin_chat" => by_bob(format!("{at}/pin"), nothing),
                "edit_chat_message" => by_bob(format!("{at}/messages/q"), json!({"content": "x"})),
                "delete_chat_message" => by_bob(format!("{at}/messages/q"), nothing),
                "report_chat_event" => by_bob(
                    format!("{at}/messages/q/event"),
                    json!({"type": "message", "data": {"content": " and more"}}),
                ),
                _ => by_bob(
                    "/api/chat/completions".into(),
                    question(&chat, "mock-gpt", "Hi"),
                ),
            }
        }
        "create_memory_block" => by_bob(
            "/api/v1/memory/blocks".into(),
            json!({"name": "Goals", "body": "Ship."}),
        ),
        "update_memory_block"
        | "delete_memory_block"
        | "propose"
        | "approve_proposal"
        | "reject_proposal" => {
            let form = json!({"name": "Goals", "body": "Ship."});
            let block = bob.post("/api/v1/memory/blocks", &form).await.ok();
            let at = format!("/api/v1/memory/blocks/{}", id_of(&block));
            let key = bob.post("/api/v1/auths/api_key", &nothing).await.ok();
            let mut agent = bob.clone();
            agent.token = key["api_key"].as_str().expect("a key").to_owned();
            let proposed = json!({"body": "Ship well.", "reasoning": "r", "confidence": "high"});
            let to_propose = format!("{at}/proposals");
            if name == "propose" {
                return Sample {
                    by: agent,
                    path: to_propose,
                    body: proposed,
                };
            }
            let proposal = agent.post(&to_propose, &proposed).await.ok();
            let to_decide = format!("/api/v1/memory/proposals/{}", id_of(&proposal));
            match name {
                "update_memory_block" => by_bob(
                    format!("{at}/update"),
                    json!({"body": "Ship soon.", "base_version": 1}),
                ),
                "delete_memory_block" => by_bob(at, nothing),
                "approve_proposal" => {
                    by_bob(format!("{to_decide}/approve"), json!({"base_version": 1}))
                }
                _ => by_bob(format!("{to_decide}/reject"), json!({"base_version": 1})),
            }
        }
        "delete_api_key" => {
            let _ = bob.post("/api/v1/auths/api_key", &nothing).await.ok();
            by_bob("/api/v1/auths/api_key".into(), nothing)
        }
        "update_password" => by_bob(
            "/api/v1/auths/update/password".into(),
            json!({"password": PASSWORD, "new_password": "another horse battery"}),
        ),
        "update_profile" => by_bob(
            "/api/v1/auths/update/profile".into(),
            json!({"name": "Bob", "profile_image_url": ""}),
        ),
        "update_settings" => by_bob(
            "/api/v1/users/user/settings/update".into(),
            json!({"ui": {"theme": "dark"}}),
        ),
        "delete_account" => by_admin(format!("/api/v1/users/{}", bob.id), nothing),
        "disable_account" => by_admin(
            format!("/api/v1/users/{}/disable", bob.id),
            json!({"disabled": true}),
        ),
        "reset_password" => by_admin(
            format!("/api/v1/users/{}/password", bob.id),
            json!({"password": "another horse battery"}),
        ),
        "update_account" => by_admin(
            format!("/api/v1/users/{}/update", bob.id),
            json!({"name": "Robert"}),
        ),
        unknown => panic!(
            "{unknown} changes something: give it a sample here, and a job that ends in `App::command` or `once`; \
             or a reason in `http::command::WITHOUT`"
        ),
    }
}

/// Operations that may change something, by method, path and name.
fn mutating() -> Vec<(Method, String, String)> {
    let document = serde_json::to_value(server::contract::openapi()).expect("it is JSON");
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let method: Method = method.to_uppercase().parse().expect("a method");
            if !method.is_safe() {
                let name = operation["operationId"].as_str().expect("a name");
                found.push((method, path.clone(), name.to_owned()));
            }
        }
    }
    found
}

#[tokio::test]
async fn every_route_that_changes_something_does_it_once_under_a_key() {
    let world = World::new().await;
    let admin = world.sign_up("ada").await;
    let without: BTreeSet<&str> = WITHOUT.iter().map(|(name, _)| *name).collect();
    let operations = mutating();
    for name in &without {
        let is_there = operations.iter().any(|(_, _, known)| known == name);
        assert!(is_there, "{name} is no operation any more");
    }
    for (method, route, name) in operations {
        if without.contains(name.as_str()) {
            continue;
        }
        let Sample { by, path, body } = sample(&world, &admin, &name).await;
        let tab = by.connect_stock().await;
        let key = format!("key-of-{name}");
        let first = keyed(&by, &method, &path, &key, &body).await.ok();
        if name == "complete_chat" {
            done(&tab).await;
        }
        let before = head(&world).await;
        let again = keyed(&by, &method, &path, &key, &body).await.ok();
        assert_eq!(again, first, "{method} {route} answered differently");
        let mut other = body.clone();
        other["something"] = json!("else");
        keyed(&by, &method, &path, &key, &other)
            .await
            .refused(409, "idempotency_key_reused");
        assert_eq!(
            head(&world).await,
            before,
            "{method} {route} was done twice"
        );
        let asked = by.get(&format!("/api/v1/commands/{key}")).await.ok();
        assert_eq!(
            (&asked["ran"], &asked["command"]),
            (&json!(true), &json!(format!("{method} {path}"))),
            "{asked}"
        );
    }
}

#[tokio::test]
async fn a_post_whose_answer_was_lost_and_that_is_sent_again_is_there_once() {
    let world = World::new().await;
    let (general, [ada]) = world.members_of("general", ["ada"]).await;
    let tab = ada.connect().await;
    let path = format!("{}/messages/post", path_of(&general));
    let bodies = [
        json!({"content": "by its key"}),
        json!({"content": "by its name", "temp_id": "t1"}),
    ];
    for (key, body) in [Some("k1"), None].into_iter().zip(bodies) {
        let text = body.to_string();
        let line = key.map_or(String::new(), |key| format!("{HEADER}: {key}\r\n"));
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n{line}content-length: {}\r\n\r\n{text}",
            ada.token,
            text.len(),
        );
        let mut gone = tokio::net::TcpStream::connect(world.addr).await.unwrap();
        gone.write_all(request.as_bytes()).await.unwrap();
        drop(gone);
        // Whether the first came through or not: there is one message, and the second is answered with it.
        let again = match key {
            Some(key) => keyed(&ada, &Method::POST, &path, key, &body).await,
            None => ada.post(&path, &body).await,
        };
        let again = again.ok();
        let told = tab.next_in_channel("message").await;
        assert_eq!(again["id"], told["data"]["data"]["id"]);
    }
    tab.settled().await;
    tab.nothing_of("events:channel");
    let page = ada
        .get(&format!("{}/messages", path_of(&general)))
        .await
        .ok();
    assert_eq!(page.as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_post_of_long_ago_is_still_the_message_that_is_there() {
    let world = World::new().await;
    let (general, [ada]) = world.members_of("general", ["ada"]).await;
    let path = format!("{}/messages/post", path_of(&general));
    let body = json!({"content": "hello", "temp_id": "t1"});
    let first = keyed(&ada, &Method::POST, &path, "k1", &body).await.ok();
    world.advance(Duration::from_secs(400 * 24 * 3_600));
    forget(&world).await;
    let ada = again(&world, &ada).await;
    let before = head(&world).await;
    let now = keyed(&ada, &Method::POST, &path, "k1", &body).await.ok();
    assert_eq!(now["id"], first["id"]);
    assert_eq!(head(&world).await, before);
}

/// Signs in once more: the clock has moved past the end of the session.
async fn again(world: &World, person: &Person) -> Person {
    let form = json!({"email": format!("{}@example.org", person.name), "password": PASSWORD});
    let session = world.nobody().post("/api/v1/auths/signin", &form).await;
    person.signed_in(&session.ok())
}

/// Forgets old commands, as the server does once a minute.
async fn forget(world: &World) {
    let now_ms = world.now_ms();
    let forgotten = world
        .app
        .store
        .write(move |tx| store::commands::prune(tx, now_ms, 1_000));
    forgotten.await.expect("they are forgotten");
}

#[tokio::test]
async fn what_ran_is_known_for_seven_days_and_said_to_be_unknown_after_them() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let form = json!({"type": "group", "name": "plans"});
    let create = "/api/v1/channels/create";
    let made = keyed(&ada, &Method::POST, create, "k1", &form).await.ok();
    let ran_at = world.now_ms();
    let ask = async |ada: &Person, key: &str| ada.get(&format!("/api/v1/commands/{key}")).await;
    let ran = ask(&ada, "k1").await.ok();
    assert_eq!((&ran["at"], &ran["answer"]), (&json!(ran_at), &made));
    let never = ask(&ada, "k2").await.ok();
    assert_eq!((&never["ran"], &never["at"]), (&json!(false), &Value::Null));
    assert!(never["known_since"].as_i64() < Some(ran_at));
    ask(&ada, "k%201").await.refused(400, "bad_idempotency_key");

    world.advance(Duration::from_secs(7 * 24 * 3_600));
    forget(&world).await;
    let ada = again(&world, &ada).await;
    assert_eq!(ask(&ada, "k1").await.ok()["ran"], true);
    world.advance(Duration::from_secs(1));
    forget(&world).await;
    let gone = ask(&ada, "k1").await.ok();
    assert_eq!(gone["ran"], false);
    assert!(gone["known_since"].as_i64() > Some(ran_at));
}

#[tokio::test]
async fn the_same_start_twice_at_the_same_moment_is_one_answer() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let path = "/api/chat/completions";
    let stored = new_chat(&ada).await;
    for (chat, [key, other_key]) in [(stored.as_str(), ["k1", "k2"]), ("local:1", ["k3", "k4"])] {
        let gate = world.openai.hold("mock-gpt");
        let tab = ada.connect().await;
        let asked = question(chat, "mock-gpt", "Hi");
        let start = |key| keyed(&ada, &Method::POST, path, key, &asked);
        let (one, two) = tokio::join!(start(key), start(key));
        let started = one.ok();
        assert_eq!(started, two.ok(), "{chat}");
        start(other_key).await.refused(409, "already_generating");
        let tasks = ada.get("/api/tasks").await.ok();
        assert_eq!(tasks["tasks"], json!([started["task_id"]]));
        gate.open();
        done(&tab).await;
        assert_eq!(start(key).await.ok(), started, "{chat}: it was done");
        let mut other = asked.clone();
        other["model"] = json!("mock-reason");
        let reused = keyed(&ada, &Method::POST, path, key, &other).await;
        reused.refused(409, "idempotency_key_reused");
    }
}

#[tokio::test]
async fn the_same_new_password_twice_at_the_same_moment_is_set_once() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let form = json!({"password": PASSWORD, "new_password": "another horse battery"});
    let path = "/api/v1/auths/update/password";
    let set = || keyed(&ada, &Method::POST, path, "k1", &form);
    let (one, two) = tokio::join!(set(), set());
    assert_eq!((one.ok(), two.ok()), (json!(true), json!(true)));
}

#[tokio::test]
async fn another_person_does_not_meet_a_key() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let form = json!({"type": "group", "name": "plans"});
    let create = "/api/v1/channels/create";
    let hers = keyed(&ada, &Method::POST, create, "k1", &form).await.ok();
    assert_eq!(bob.get("/api/v1/commands/k1").await.ok()["ran"], false);
    let his = keyed(&bob, &Method::POST, create, "k1", &form).await.ok();
    assert_ne!(hers["id"], his["id"]);
}

#[tokio::test]
async fn a_group_that_takes_several_jobs_is_made_once() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let many = world.app.store.write(|tx| {
        let insert = |number: usize| {
            let new = NewUser {
                email: format!("p{number}@example.org"),
                name: format!("Person {number}"),
                role: Role::User,
                password_hash: String::new(),
            };
            users::insert(tx, &new, 0).map(|user| user.id)
        };
        (0..200).map(insert).collect::<Result<Vec<_>, _>>()
    });
    let ids = many.await.expect("they are made");
    let create = "/api/v1/channels/create";
    let form = json!({"type": "group", "name": "plans", "user_ids": ids});
    let first = keyed(&ada, &Method::POST, create, "k1", &form).await.ok();
    let before = head(&world).await;
    let again = keyed(&ada, &Method::POST, create, "k1", &form).await.ok();
    assert_eq!((&again, head(&world).await), (&first, before));
    assert_eq!(ada.get("/api/v1/commands/k1").await.ok()["answer"], first);
    let detail = ada.get(&path_of(&first)).await.ok();
    assert_eq!(detail["user_count"], 201);
}

#[tokio::test]
async fn a_refused_command_may_be_tried_again_under_its_key() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let create = "/api/v1/channels/create";
    let bad = json!({"type": "group", "name": " "});
    keyed(&ada, &Method::POST, create, "k1", &bad)
        .await
        .refused(400, "name_empty");
    assert_eq!(ada.get("/api/v1/commands/k1").await.ok()["ran"], false);
    let good = json!({"type": "group", "name": "plans"});
    keyed(&ada, &Method::POST, create, "k1", &good).await.ok();
    keyed(&ada, &Method::POST, create, &"k".repeat(201), &good)
        .await
        .refused(400, "bad_idempotency_key");
}
