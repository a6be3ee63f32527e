//! What an admin does to other people's accounts, and that it takes effect at once.

use crate::with_token;
use serde_json::{Value, json};
use store::{Committed, Effect, What};
use testkit::{PASSWORD, Person, World};
use wire::UserId;

const SESSION: &str = "/api/v1/auths/";

fn path(id: &UserId, what: &str) -> String {
    format!("/api/v1/users/{id}{what}")
}

async fn sign_in(world: &World, email: &str, password: &str) -> testkit::Answer {
    world
        .nobody()
        .post(
            "/api/v1/auths/signin",
            &json!({ "email": email, "password": password }),
        )
        .await
}

async fn effects(world: &World) -> Vec<Effect> {
    let rows: Vec<Committed> = world
        .app
        .store
        .read(|conn| store::log::all_after(conn, 0, 1_000))
        .await
        .unwrap();
    let effect = |row: Committed| {
        if let What::Effect(effect) = row.what {
            Some(effect)
        } else {
            None
        }
    };
    rows.into_iter().filter_map(effect).collect()
}

#[tokio::test]
async fn only_an_admin_sees_and_changes_accounts() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    bob.get("/api/v1/users/").await.refused(401, "role_forbids");
    bob.post(&path(&ada.id, "/update"), &json!({ "role": "user" }))
        .await
        .refused(401, "role_forbids");
    bob.post(&path(&bob.id, "/update"), &json!({ "role": "admin" }))
        .await
        .refused(401, "role_forbids");
    bob.post(&path(&ada.id, "/disable"), &json!({ "disabled": true }))
        .await
        .refused(401, "role_forbids");
    bob.delete(&path(&ada.id, ""))
        .await
        .refused(401, "role_forbids");
    world
        .nobody()
        .get("/api/v1/users/")
        .await
        .refused(401, "not_authenticated");

    let page = ada.get("/api/v1/users/").await.ok();
    assert_eq!(
        (&page["total"], &page["users"][1]["email"]),
        (&json!(2), &json!("bob@example.org"))
    );
    assert_eq!(ada.get("/api/v1/users/?query=BOB").await.ok()["total"], 1);
    assert_eq!(
        ada.get("/api/v1/users/?page=2").await.ok()["users"],
        json!([])
    );
    ada.get("/api/v1/users/?page=two")
        .await
        .refused(422, "validation_error");
}

#[tokio::test]
async fn a_role_takes_effect_with_the_next_request() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let _ = ada
        .post(
            &path(&bob.id, "/update"),
            &json!({ "role": "admin", "name": "Bob B" }),
        )
        .await
        .ok();
    let _ = bob.get("/api/v1/users/").await.ok();
    assert_eq!(bob.get(SESSION).await.ok()["name"], "Bob B");
    let _ = bob
        .post(&path(&ada.id, "/update"), &json!({ "role": "pending" }))
        .await
        .ok();
    ada.get("/api/v1/users/").await.refused(401, "role_forbids");
    let renewed: Vec<Effect> = [&bob, &ada]
        .map(|person: &Person| Effect::RenewUser {
            user_id: person.id.clone(),
        })
        .into();
    assert_eq!(effects(&world).await, renewed);
}

#[tokio::test]
async fn an_admin_who_can_sign_in_always_remains() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let refusals = [
        ada.post(&path(&ada.id, "/update"), &json!({ "role": "user" }))
            .await,
        ada.post(&path(&ada.id, "/disable"), &json!({ "disabled": true }))
            .await,
        ada.delete(&path(&ada.id, "")).await,
    ];
    for refusal in refusals {
        refusal.refused(400, "last_admin");
    }
    let _ = ada
        .post(&path(&bob.id, "/update"), &json!({ "role": "admin" }))
        .await
        .ok();
    let _ = ada
        .post(&path(&bob.id, "/disable"), &json!({ "disabled": true }))
        .await
        .ok();
    ada.post(&path(&ada.id, "/update"), &json!({ "role": "user" }))
        .await
        .refused(400, "last_admin");
    let _ = ada.get("/api/v1/users/").await.ok();
}

#[tokio::test]
async fn who_is_disabled_is_out_at_once_until_enabled_again() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let key = bob.post("/api/v1/auths/api_key", &json!({})).await.ok()["api_key"]
        .as_str()
        .unwrap()
        .to_owned();
    let disabled = ada
        .post(&path(&bob.id, "/disable"), &json!({ "disabled": true }))
        .await
        .ok();
    assert_eq!(disabled["disabled"], true);
    bob.get(SESSION).await.refused(401, "not_authenticated");
    with_token(&world, key.clone())
        .get(SESSION)
        .await
        .refused(401, "not_authenticated");
    sign_in(&world, "bob@example.org", PASSWORD)
        .await
        .refused(403, "forbidden");
    sign_in(&world, "bob@example.org", "wrong password")
        .await
        .refused(400, "credentials_wrong");
    assert_eq!(
        ada.get("/api/v1/users/search?query=bob").await.ok()["total"],
        0
    );
    assert_eq!(
        effects(&world).await,
        [Effect::EndUser {
            user_id: bob.id.clone()
        }]
    );

    let _ = ada
        .post(&path(&bob.id, "/disable"), &json!({ "disabled": false }))
        .await
        .ok();
    bob.get(SESSION).await.refused(401, "not_authenticated"); // the old session stays ended
    let _ = sign_in(&world, "bob@example.org", PASSWORD).await.ok();
    let _ = with_token(&world, key).get(SESSION).await.ok();
}

#[tokio::test]
async fn a_password_set_by_an_admin_signs_the_person_out_everywhere() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    ada.post(&path(&bob.id, "/password"), &json!({ "password": "short" }))
        .await
        .refused(400, "password_invalid");
    let _ = ada
        .post(
            &path(&bob.id, "/password"),
            &json!({ "password": "set by an admin" }),
        )
        .await
        .ok();
    bob.get(SESSION).await.refused(401, "not_authenticated");
    sign_in(&world, "bob@example.org", PASSWORD)
        .await
        .refused(400, "credentials_wrong");
    let _ = sign_in(&world, "bob@example.org", "set by an admin")
        .await
        .ok();
}

#[tokio::test]
async fn an_account_can_be_deleted_and_its_address_used_again() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    ada.post(
        &path(&bob.id, "/update"),
        &json!({ "email": "ada@example.org" }),
    )
    .await
    .refused(400, "email_taken");
    let _ = ada
        .post(
            &path(&bob.id, "/update"),
            &json!({ "email": "Robert@example.org", "password": "" }),
        )
        .await
        .ok();
    let _ = sign_in(&world, "robert@example.org", PASSWORD).await.ok();
    assert_eq!(ada.delete(&path(&bob.id, "")).await.ok(), json!(true));
    ada.delete(&path(&bob.id, ""))
        .await
        .refused(404, "not_found");
    ada.get(&path(&bob.id, "")).await.refused(404, "not_found");
    bob.get(SESSION).await.refused(401, "not_authenticated");
    let again = json!({ "name": "Robert", "email": "robert@example.org", "password": PASSWORD });
    assert_ne!(
        world
            .nobody()
            .post("/api/v1/auths/signup", &again)
            .await
            .ok()["id"],
        json!(bob.id)
    );
    assert_eq!(ada.get("/api/v1/users/").await.ok()["total"], 2);
}

#[tokio::test]
async fn everyone_is_told_how_people_are_now() {
    const ALL: store::log::Most = store::log::Most {
        events: 100,
        bytes: usize::MAX,
    };
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let _ = ada
        .post(&path(&bob.id, "/update"), &json!({ "name": "Bob B" }))
        .await
        .ok();
    let _ = ada.delete(&path(&bob.id, "")).await.ok();
    let rows = world
        .app
        .store
        .read(|conn| store::log::events_after(conn, "everyone", 0, ALL))
        .await
        .unwrap();
    let told: Vec<Value> = rows
        .into_iter()
        .filter_map(|row| {
            if let What::Event(event) = row.what {
                Some(event)
            } else {
                None
            }
        })
        .map(|event| serde_json::from_str(event.payload.get()).unwrap())
        .collect();
    let names: Vec<&str> = told
        .iter()
        .map(|payload| payload["user"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["ada", "bob", "Bob B", "Bob B"]);
    assert_eq!(
        (&told[3]["removed"], &told[3]["seq"]),
        (&json!(true), &json!(4))
    );
    assert!(
        !told
            .iter()
            .any(|payload| payload.to_string().contains("@example.org")),
        "addresses are not told"
    );
}
