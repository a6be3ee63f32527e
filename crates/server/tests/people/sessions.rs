//! How long a token counts, the cookie, and API keys.

use crate::with_token;
use reqwest::Method;
use reqwest::header::{COOKIE, HOST, ORIGIN};
use serde_json::json;
use std::time::Duration;
use testkit::{PASSWORD, Person, World};

const SESSION: &str = "/api/v1/auths/";

/// Signs a person in once more.
async fn again(world: &World, person: &Person) -> Person {
    let form = json!({ "email": format!("{}@example.org", person.name), "password": PASSWORD });
    let session = world
        .nobody()
        .post("/api/v1/auths/signin", &form)
        .await
        .ok();
    world.nobody().signed_in(&session)
}

#[tokio::test]
async fn the_session_is_told_by_bearer_and_by_cookie_alone() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let by_bearer = ada.get(SESSION).await.ok();
    assert_eq!(
        (&by_bearer["token"], &by_bearer["bio"]),
        (&json!(ada.token), &json!(null))
    );

    let cookie = format!("other=1; token={}", ada.token);
    let answer = world
        .nobody()
        .request(Method::GET, SESSION)
        .header(COOKIE, cookie)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let set = answer.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(
        set.starts_with(&format!("token={}; expires=", ada.token)),
        "{set}"
    );
    assert!(set.ends_with("; HttpOnly; Path=/; SameSite=lax"), "{set}");
    assert_eq!(answer.json::<serde_json::Value>().await.unwrap(), by_bearer);
}

#[tokio::test]
async fn without_a_valid_token_nobody_is_signed_in() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    world
        .nobody()
        .get(SESSION)
        .await
        .refused(401, "not_authenticated");
    for token in ["bad.token.here", "sk-deadbeef", "", &ada.token[1..]] {
        let nobody = with_token(&world, token.to_owned());
        nobody.get(SESSION).await.refused(401, "not_authenticated");
        let config = nobody.get("/api/config").await.ok();
        assert_eq!(config["features"].get("enable_channels"), None);
    }
}

#[tokio::test]
async fn a_token_ends_at_its_time() {
    let world = World::with(|settings| settings.jwt_expires_in = Some("1h".into())).await;
    let ada = world.sign_up("ada").await;
    world.advance(Duration::from_secs(3_599));
    let _ = ada.get(SESSION).await.ok();
    world.advance(Duration::from_secs(1));
    ada.get(SESSION).await.refused(401, "not_authenticated");

    let world = World::with(|settings| settings.jwt_expires_in = Some("-1".into())).await;
    let ada = world.sign_up("ada").await;
    world.advance(Duration::from_secs(3_000_000_000));
    assert_eq!(ada.get(SESSION).await.ok()["expires_at"], json!(null));
}

#[tokio::test]
async fn signing_out_ends_this_session_and_no_other() {
    let world = World::new().await;
    let desk = world.sign_up("ada").await;
    let phone = again(&world, &desk).await;
    let answer = desk.get("/api/v1/auths/signout").await;
    assert!(
        answer.headers["set-cookie"]
            .to_str()
            .unwrap()
            .starts_with("token=\"\"; ")
    );
    assert_eq!(answer.ok(), json!({ "status": true }));
    desk.get(SESSION).await.refused(401, "not_authenticated");
    let _ = phone.get(SESSION).await.ok();
    let _ = desk.post("/api/v1/auths/signout", &json!({})).await.ok(); // twice does no harm

    let desk = again(&world, &desk).await;
    let _ = phone
        .post("/api/v1/auths/signout/everywhere", &json!({}))
        .await
        .ok();
    for ended in [&desk, &phone] {
        ended.get(SESSION).await.refused(401, "not_authenticated");
    }
    let _ = again(&world, &desk).await.get(SESSION).await.ok();
}

#[tokio::test]
async fn a_session_outlives_the_server() {
    let mut world = World::new().await;
    let ada = world.sign_up("ada").await;
    world.restart().await;
    let _ = ada.get(SESSION).await.ok();
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let world = World::new().await;
    let desk = world.sign_up("ada").await;
    let phone = again(&world, &desk).await;
    let change = |present: &str| json!({ "password": present, "new_password": "another battery" });
    let path = "/api/v1/auths/update/password";
    desk.post(path, &change("wrong"))
        .await
        .refused(400, "credentials_wrong");
    assert_eq!(desk.post(path, &change(PASSWORD)).await.ok(), json!(true));
    let _ = desk.get(SESSION).await.ok();
    phone.get(SESSION).await.refused(401, "not_authenticated");
    let form = json!({ "email": "ada@example.org", "password": PASSWORD });
    world
        .nobody()
        .post("/api/v1/auths/signin", &form)
        .await
        .refused(400, "credentials_wrong");
}

#[tokio::test]
async fn with_the_cookie_changes_are_taken_from_our_own_pages_only() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let cookie = format!("token={}", ada.token);
    let own_host = world.addr.to_string();
    let change = async |origin: Option<&str>, host: &str| {
        let mut request = world
            .nobody()
            .request(Method::POST, "/api/v1/users/user/settings/update");
        request = request.header(COOKIE, &cookie).header(HOST, host);
        request = request.json(&json!({ "ui": {} }));
        if let Some(origin) = origin {
            request = request.header(ORIGIN, origin);
        }
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!(change(None, &own_host).await, 403);
    for foreign in ["https://evil.example", "null"] {
        assert_eq!(change(Some(foreign), &own_host).await, 403);
    }
    assert_eq!(change(Some(&world.url()), &own_host).await, 200);
    // Some proxies write the port that the scheme implies.
    let page = Some("https://chat.example");
    assert_eq!(change(page, "chat.example:443").await, 200);
    assert_eq!(change(page, "chat.example:80").await, 403);
}

#[tokio::test]
async fn an_api_key_is_shown_once_and_works_until_it_is_revoked() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let path = "/api/v1/auths/api_key";
    ada.get(path).await.refused(404, "not_found");
    let key = ada.post(path, &json!({})).await.ok()["api_key"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(key.len() == 35 && key.starts_with("sk-"));
    let shown = ada.get(path).await.ok()["api_key"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        shown.ends_with(&key[31..]) && shown != key && shown.contains("***"),
        "{shown}"
    );

    let agent = with_token(&world, key);
    assert_eq!(agent.get(SESSION).await.ok()["id"], json!(ada.id));
    let _ = agent.post("/api/v1/auths/signout", &json!({})).await.ok(); // ends no key
    let _ = ada.post(path, &json!({})).await.ok(); // a new one takes its place
    agent.get(SESSION).await.refused(401, "not_authenticated");
    assert_eq!(ada.delete(path).await.ok(), json!(true));
    assert_eq!(ada.delete(path).await.ok(), json!(false));
}

#[tokio::test]
async fn api_keys_can_be_switched_off() {
    let world = World::with(|settings| settings.enable_api_keys = Some("false".into())).await;
    let ada = world.sign_up("ada").await;
    ada.post("/api/v1/auths/api_key", &json!({}))
        .await
        .refused(403, "forbidden");
}
