//! Rights hold on every event and in every job, also for those who were named, who wait, who changed hands or are gone.

use serde_json::{Value, json};
use server::auth::{Actor, actor_of_token};
use testkit::{Person, Tab, World, path_of};

async fn actor(world: &World, person: &Person) -> Actor {
    actor_of_token(&world.app, &person.token)
        .await
        .expect("the token is valid")
}

async fn set_role(admin: &Person, person: &Person, role: &str) {
    let path = format!("/api/v1/users/{}/update", person.id);
    let _ = admin.post(&path, &json!({ "role": role })).await.ok();
}

fn person_ids(people: &Value) -> Vec<&str> {
    let ids = people.as_array().into_iter().flatten();
    ids.filter_map(Value::as_str).collect()
}

#[tokio::test]
async fn who_waits_for_approval_hears_nothing_of_a_channel_that_names_them() {
    let world = World::with(|settings| settings.default_user_role = Some("pending".into())).await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let waiting = bob.connect().await;
    waiting.next("ready").await;
    let form = json!({"name": "plans", "access_control": {
        "read": {"group_ids": [], "user_ids": [bob.id]}, "write": {"group_ids": [], "user_ids": [bob.id]}}});
    let plans = ada.post("/api/v1/channels/create", &form).await.ok();
    ada.say(&plans, "secret").await;
    waiting.settled().await;
    for event in ["events:channel", "channel:added", "joined"] {
        waiting.nothing_of(event);
    }
    set_role(&ada, &bob, "user").await;
    let approved = bob.connect().await;
    approved.next("ready").await;
    ada.say(&plans, "welcome").await;
    approved.next_in_channel("message").await;
}

#[tokio::test]
async fn the_role_that_counts_is_the_one_of_the_job() {
    let world = World::new().await;
    let (general, [ada, bob]) = world.members_of("general", ["ada", "bob"]).await;
    let of_before = actor(&world, &bob).await;
    set_role(&ada, &bob, "pending").await;
    let id = general["id"].as_str().expect("an id is a text").into();
    let draft: wire::messages::PostMessage =
        serde_json::from_value(json!({"content": "still here"})).expect("a message");
    let refused = server::channels::post_message(&world.app, &of_before, &id, draft.clone()).await;
    assert_eq!(refused.expect_err("refused").code(), "role_forbids");
    let path = format!("/api/v1/users/{}/disable", bob.id);
    let _ = ada.post(&path, &json!({"disabled": true})).await.ok();
    let refused = server::channels::post_message(&world.app, &of_before, &id, draft).await;
    assert_eq!(refused.expect_err("refused").code(), "not_authenticated");
}

#[tokio::test]
async fn a_socket_that_changes_hands_while_it_catches_up_gets_nothing_more_of_the_former() {
    let world = World::new().await;
    let [ada, bob, eve] = world.people(["ada", "bob", "eve"]).await;
    let secret = ada.group("secret", &[&eve]).await;
    for number in 0..40 {
        eve.say(&secret, &format!("missed {number}")).await;
    }
    for _ in 0..5 {
        let mut resume = json!({});
        for room in [
            format!("channel:{}", secret["id"].as_str().unwrap_or_default()),
            format!("user:{}", ada.id),
        ] {
            resume[room] = json!(0);
        }
        let tab = Tab::open(
            &world.url(),
            Some(json!({"token": ada.token, "resume": resume})),
        )
        .await;
        let joined = tab
            .call("user-join", &[json!({"auth": {"token": bob.token}})])
            .await;
        assert_eq!(joined[0]["id"], json!(bob.id));
        tab.forget();
        eve.say(&secret, "not for bob").await;
        tab.settled().await;
        tab.nothing_of("events:channel");
        tab.close().await;
    }
}

#[tokio::test]
async fn a_deleted_account_leaves_its_groups_and_takes_its_chats_along() {
    let world = World::new().await;
    let [ada, bob, eve] = world.people(["ada", "bob", "eve"]).await;
    let group = ada.group("crew", &[&bob, &eve]).await;
    let direct = ada.direct(&bob).await;
    bob.say(&direct, "hello").await;
    let chat = json!({"chat": {"title": "Mine", "history": {"currentId": null, "messages": {}}}});
    let chat = bob.post("/api/v1/chats/new", &chat).await.ok();
    let _ = ada.delete(&format!("/api/v1/users/{}", bob.id)).await.ok();

    let detail = ada.get(&path_of(&group)).await.ok();
    let ids = person_ids(&detail["user_ids"]);
    assert!(
        !ids.contains(&bob.id.as_str()) && ids.contains(&eve.id.as_str()),
        "{detail}"
    );
    assert_eq!(detail["user_count"], 2);
    let row = ada.row(&direct).await;
    assert!(row["users"].to_string().contains("bob"), "{row}");
    let id = chat["id"].as_str().unwrap_or_default().into();
    let left = world
        .app
        .store
        .read(move |conn| store::chats::by_id(conn, &id))
        .await;
    assert_eq!(left.expect("the database answers"), None);
}

#[tokio::test]
async fn a_group_with_somebody_unknown_is_not_made_at_all() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let known = move |tx: &mut store::Tx<'_>| {
        let person = |number: i32| store::users::NewUser {
            email: format!("{number}@example.org"),
            name: format!("person {number}"),
            role: wire::people::Role::User,
            password_hash: String::new(),
        };
        (0..120)
            .map(|number| Ok(store::users::insert(tx, &person(number), 0)?.id))
            .collect::<Result<Vec<_>, store::Error>>()
    };
    let mut people = world.app.store.write(known).await.expect("they are stored");
    people.push("nobody".into());
    let form = json!({"name": "crew", "type": "group", "user_ids": people});
    ada.post("/api/v1/channels/create", &form)
        .await
        .refused(404, "not_found");
    assert_eq!(ada.get("/api/v1/channels/").await.ok(), json!([]));
}

#[tokio::test]
async fn another_session_of_the_same_person_outlives_the_one_before() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let form = json!({"email": "ada@example.org", "password": testkit::PASSWORD});
    let session = world
        .nobody()
        .post("/api/v1/auths/signin", &form)
        .await
        .ok();
    let second = world.nobody().signed_in(&session);
    let tab = ada.connect().await;
    tab.call("user-join", &[json!({"auth": {"token": second.token}})])
        .await;
    let _ = ada.post("/api/v1/auths/signout", &json!({})).await.ok();
    let general = second.group("notes", &[]).await;
    second.say(&general, "still here").await;
    tab.next_in_channel("message").await;
}
