//! One's own name, picture and settings; what one sees of others.

use reqwest::header::{CONTENT_TYPE, IF_NONE_MATCH};
use reqwest::{Method, StatusCode};
use serde_json::json;
use std::time::Duration;
use testkit::{Person, World};

const PNG: &str = "data:image/png;base64,iVBORw0KGgo=";

async fn image(who: &Person, of: &Person) -> reqwest::Response {
    who.request(
        Method::GET,
        &format!("/api/v1/users/{}/profile/image", of.id),
    )
    .send()
    .await
    .unwrap()
}

#[tokio::test]
async fn a_person_without_a_picture_has_initials_on_a_colour() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let answer = image(&bob, &ada).await;
    assert_eq!(answer.headers()[CONTENT_TYPE], "image/svg+xml");
    assert!(
        answer.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("sandbox")
    );
    let tag = answer.headers()["etag"].clone();
    assert!(answer.text().await.unwrap().contains(">A</text>"));
    let path = format!("/api/v1/users/{}/profile/image", ada.id);
    let known = bob
        .request(Method::GET, &path)
        .header(IF_NONE_MATCH, tag)
        .send()
        .await
        .unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    world
        .nobody()
        .get(&path)
        .await
        .refused(401, "not_authenticated");
    bob.get("/api/v1/users/nobody/profile/image")
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn name_and_picture_are_ones_own_to_change() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let update = async |body| ada.post("/api/v1/auths/update/profile", &body).await;
    let changed = update(json!({ "name": "Ada Lovelace", "profile_image_url": PNG }))
        .await
        .ok();
    let url = changed["profile_image_url"].as_str().unwrap().to_owned();
    assert!(
        url.starts_with(&format!("/api/v1/users/{}/profile/image?v=", ada.id)),
        "{url}"
    );
    let answer = image(&bob, &ada).await;
    assert_eq!(answer.headers()[CONTENT_TYPE], "image/png");
    assert_eq!(answer.bytes().await.unwrap().as_ref(), b"\x89PNG\r\n\x1a\n");

    // What the server showed is sent back unchanged: the picture stays.
    let _ = update(json!({ "name": "Ada", "profile_image_url": url }))
        .await
        .ok();
    assert_eq!(image(&bob, &ada).await.headers()[CONTENT_TYPE], "image/png");
    let _ = update(json!({ "name": "Ada", "profile_image_url": "/user.png" }))
        .await
        .ok();
    assert_eq!(
        image(&bob, &ada).await.headers()[CONTENT_TYPE],
        "image/svg+xml"
    );
    update(json!({ "name": " " }))
        .await
        .refused(400, "name_invalid");
    let svg = "data:image/svg+xml;base64,PHN2Zz4=";
    update(json!({ "name": "Ada", "profile_image_url": svg }))
        .await
        .refused(400, "picture_invalid");
    assert_eq!(ada.get("/api/v1/auths/").await.ok()["name"], "Ada");
}

#[tokio::test]
async fn settings_are_merged_by_their_top_level_keys() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let (read, update) = (
        "/api/v1/users/user/settings",
        "/api/v1/users/user/settings/update",
    );
    assert_eq!(ada.get(read).await.ok(), json!(null));
    let ui = json!({ "ui": { "notificationEnabled": true } });
    assert_eq!(ada.post(update, &ui).await.ok(), ui);
    let both = json!({ "ui": { "notificationEnabled": true }, "theme": "dark" });
    assert_eq!(
        ada.post(update, &json!({ "theme": "dark" })).await.ok(),
        both
    );
    assert_eq!(ada.get(read).await.ok(), both);
    assert_eq!(bob.get(read).await.ok(), json!(null));
    ada.post(update, &json!({ "ui": [] }))
        .await
        .refused(422, "validation_error");
    ada.post(update, &json!({ "ui": { "x": "x".repeat(70_000) } }))
        .await
        .refused(413, "too_large");
    assert_eq!(ada.get(read).await.ok(), both);
}

#[tokio::test]
async fn addresses_are_for_admins_and_oneself() {
    let world = World::new().await;
    let [ada, bob, eve] = world.people(["ada", "bob", "eve"]).await;
    let of = |person: &Person| format!("/api/v1/users/{}", person.id);
    assert_eq!(ada.get(&of(&bob)).await.ok()["email"], "bob@example.org");
    assert_eq!(bob.get(&of(&bob)).await.ok()["email"], "bob@example.org");
    let seen = eve.get(&of(&bob)).await.ok();
    assert_eq!((&seen["name"], seen.get("email")), (&json!("bob"), None));
    assert_eq!(
        (&seen["settings"], &seen["oauth"]),
        (&json!(null), &json!(null))
    );
    let page = eve.get("/api/v1/users/search?query=B").await.ok();
    assert_eq!(
        (&page["total"], &page["users"][0]["id"]),
        (&json!(1), &json!(bob.id))
    );
    assert!(!page.to_string().contains('@'), "{page}");
    eve.get("/api/v1/users/nobody")
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn who_used_the_api_is_active_for_three_minutes() {
    let world = World::new().await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let path = format!("/api/v1/users/{}/active", bob.id);
    assert_eq!(ada.get(&path).await.ok(), json!({ "active": true }));
    world.advance(Duration::from_secs(181));
    assert_eq!(ada.get(&path).await.ok(), json!({ "active": false }));
    let _ = bob.get("/api/v1/auths/").await.ok();
    assert_eq!(ada.get(&path).await.ok(), json!({ "active": true }));
}
