//! What happens to accounts reaches open tabs.

use serde_json::json;
use std::process::Command;
use testkit::{Tab, World};

/// The tab's transport was closed, so that its client comes back by itself; it was not told to stay away.
async fn comes_back(tab: &Tab) {
    assert_ne!(tab.ended().await, "disconnected");
}

#[tokio::test]
async fn who_is_disabled_loses_every_tab_and_others_stay() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let (desk, phone, adas) = (
        bob.connect().await,
        bob.connect_stock().await,
        ada.connect().await,
    );
    let path = format!("/api/v1/users/{}/disable", bob.id);
    let _ = ada.post(&path, &json!({ "disabled": true })).await.ok();
    assert_eq!(
        (desk.ended().await, phone.ended().await),
        ("disconnected".into(), "disconnected".into())
    );
    adas.settled().await;
}

#[tokio::test]
async fn tabs_come_back_with_the_rights_of_a_new_role() {
    let world = World::with(|settings| settings.default_user_role = Some("pending".into())).await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let waiting = bob.connect().await;
    let set_role = async |role: &str| {
        let path = format!("/api/v1/users/{}/update", bob.id);
        ada.post(&path, &json!({ "role": role })).await.ok()
    };
    let _ = set_role("user").await;
    comes_back(&waiting).await;
    let approved = bob.connect().await;
    let ready = approved.next("ready").await;
    assert!(!ready["rooms"]["everyone"].is_null(), "{ready}");
    let _ = set_role("pending").await;
    comes_back(&approved).await;
    let _ = ada
        .post("/api/v1/auths/update/profile", &json!({ "name": "Ada L" }))
        .await
        .ok();
    let waiting = bob.connect().await;
    waiting.settled().await;
    waiting.nothing_of("events:people");
}

#[tokio::test]
async fn everyone_hears_a_new_name_but_old_clients_do_not() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let (tab, stock) = (bob.connect().await, bob.connect_stock().await);
    let _ = ada
        .post(
            "/api/v1/auths/update/profile",
            &json!({ "name": "Ada Lovelace" }),
        )
        .await
        .ok();
    let told = tab.next("events:people").await;
    assert_eq!(
        (&told["user"]["id"], &told["user"]["name"]),
        (&json!(ada.id), &json!("Ada Lovelace"))
    );
    let _ = world.sign_up("eve").await;
    assert_eq!(tab.next("events:people").await["user"]["name"], "eve");
    stock.settled().await;
    stock.nothing_of("events:people");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_command_line_does_reaches_open_tabs() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let (adas, bobs) = (ada.connect().await, bob.connect().await);
    let tidings = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
        let output = command
            .args(arguments)
            .env("DATA_DIR", world.folder())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    tidings(&["user", "role", "bob@example.org", "admin"]);
    comes_back(&bobs).await;
    tidings(&["user", "password", "ada@example.org"]);
    assert_eq!(adas.ended().await, "disconnected");
}

#[tokio::test]
async fn the_server_says_how_it_is_used() {
    let world =
        World::with(|settings| settings.enable_public_active_users_count = Some("false".into()))
            .await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    assert_eq!(
        ada.get("/api/usage").await.ok(),
        json!({ "model_ids": [], "user_count": 2 })
    );
    bob.get("/api/usage").await.refused(401, "role_forbids");
    let tab = bob.connect().await;
    let _ = tab.call("usage", &[json!({ "model": "mock-gpt" })]).await;
    assert_eq!(
        ada.get("/api/usage").await.ok()["model_ids"],
        json!(["mock-gpt"])
    );
}
