//! Signing up and in, and how wrong input is answered.

use reqwest::StatusCode;
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{PASSWORD, World};

const SIGN_UP: &str = "/api/v1/auths/signup";
const SIGN_IN: &str = "/api/v1/auths/signin";

fn form(name: &str) -> Value {
    json!({ "name": name, "email": format!("{name}@example.org"), "password": PASSWORD })
}

#[tokio::test]
async fn the_first_to_sign_up_becomes_admin_and_sign_up_stays_open() {
    let world = World::new().await;
    assert_eq!(
        world.nobody().get("/api/config").await.ok()["onboarding"],
        true
    );
    let ada = world.nobody().post(SIGN_UP, &form("ada")).await.ok();
    let bob = world.nobody().post(SIGN_UP, &form("bob")).await.ok();
    assert_eq!(
        (&ada["role"], &bob["role"]),
        (&json!("admin"), &json!("user"))
    );
    assert_eq!(
        (&bob["token_type"], &bob["profile_image_url"]),
        (&json!("Bearer"), &json!("/user.png"))
    );
    assert_eq!(
        bob["expires_at"].as_i64().unwrap(),
        world.now_ms() / 1_000 + 4 * 604_800
    );
    assert_eq!(bob["permissions"]["features"]["channels"], true);
    assert_eq!(
        world
            .nobody()
            .get("/api/config")
            .await
            .ok()
            .get("onboarding"),
        None
    );
}

#[tokio::test]
async fn two_who_sign_up_first_at_once_are_not_both_admin() {
    let world = World::new().await;
    let (nobody, forms) = (world.nobody(), [form("ada"), form("bob")]);
    let (one, other) = tokio::join!(
        nobody.post(SIGN_UP, &forms[0]),
        nobody.post(SIGN_UP, &forms[1])
    );
    let mut roles = [one.ok()["role"].to_string(), other.ok()["role"].to_string()];
    roles.sort();
    assert_eq!(roles, ["\"admin\"", "\"user\""]);
}

#[tokio::test]
async fn an_address_has_one_account_whatever_its_case() {
    let world = World::new().await;
    let nobody = world.nobody();
    let _ = nobody.post(SIGN_UP, &form("ada")).await.ok();
    let mut again = form("ada");
    again["email"] = json!(" ADA@Example.org ");
    nobody
        .post(SIGN_UP, &again)
        .await
        .refused(400, "email_taken");
    again["name"] = json!("");
    nobody
        .post(SIGN_UP, &again)
        .await
        .refused(400, "name_invalid");
    let signed_in = nobody
        .post(
            SIGN_IN,
            &json!({ "email": "Ada@example.ORG", "password": PASSWORD }),
        )
        .await;
    assert_eq!(signed_in.ok()["email"], "ada@example.org");
}

#[tokio::test]
async fn wrong_fields_are_named() {
    let world = World::new().await;
    let nobody = world.nobody();
    let post = async |body: Value| nobody.post(SIGN_UP, &body).await;
    post(json!({ "name": "x", "email": "not-an-email", "password": PASSWORD }))
        .await
        .refused(400, "email_invalid");
    post(json!({ "name": "x", "email": "x@example.org", "password": "short" }))
        .await
        .refused(400, "password_invalid");
    let mut with_picture = form("x");
    with_picture["profile_image_url"] = json!("javascript:alert(1)");
    post(with_picture).await.refused(400, "picture_invalid");

    let missing = post(json!({ "email": "x@example.org" }))
        .await
        .refused(422, "validation_error");
    let fault = |field: &str| json!({ "type": "missing", "loc": ["body", field], "msg": "Field required", "input": { "email": "x@example.org" } });
    assert_eq!(missing["detail"], json!([fault("name"), fault("password")]));
    let wrong = post(json!({ "name": 1, "email": ["x"], "password": null }))
        .await
        .refused(422, "validation_error");
    assert_eq!(wrong["detail"].as_array().unwrap().len(), 3);
    post(json!([1])).await.refused(422, "validation_error");

    let raw = nobody
        .request(reqwest::Method::POST, SIGN_UP)
        .body("{\"name\":")
        .send()
        .await
        .unwrap();
    assert_eq!(raw.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let body: Value = raw.json().await.unwrap();
    assert_eq!(body["detail"][0]["type"], "json_invalid");
    let large =
        json!({ "name": "x".repeat(20_000_000), "email": "x@example.org", "password": PASSWORD });
    post(large).await.refused(413, "too_large");
}

#[tokio::test]
async fn an_unknown_account_and_a_wrong_password_are_answered_alike() {
    let world = World::new().await;
    let _ = world.nobody().post(SIGN_UP, &form("ada")).await.ok();
    let attempt = async |email: &str| {
        let form = json!({ "email": email, "password": "not the password" });
        world
            .nobody()
            .post(SIGN_IN, &form)
            .await
            .refused(400, "credentials_wrong")
    };
    assert_eq!(
        attempt("ada@example.org").await,
        attempt("nobody@example.org").await
    );
}

#[tokio::test]
async fn too_many_tries_for_an_account_must_wait() {
    let world = World::new().await;
    let nobody = world.nobody();
    let _ = nobody.post(SIGN_UP, &form("ada")).await.ok();
    let right = json!({ "email": "ada@example.org", "password": PASSWORD });
    for _ in 0..20 {
        let _ = nobody.post(SIGN_IN, &right).await.ok(); // those that succeed do not count
    }
    let wrong = json!({ "email": "ada@example.org", "password": "not the password" });
    for _ in 0..15 {
        nobody
            .post(SIGN_IN, &wrong)
            .await
            .refused(400, "credentials_wrong");
    }
    let refused = nobody.post(SIGN_IN, &right).await;
    let wait: u64 = refused.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    refused.refused(429, "too_many_requests");
    assert!((1..=13).contains(&wait), "{wait}");
    world.advance(Duration::from_secs(wait));
    let _ = nobody.post(SIGN_IN, &right).await.ok();
}

#[tokio::test]
async fn too_many_new_accounts_from_an_address_must_wait() {
    let world = World::with(|settings| {
        settings.tidings_signups_per_address = Some("3".into());
    })
    .await;
    let nobody = world.nobody();
    let _ = nobody.post(SIGN_UP, &form("ada")).await.ok();
    for _ in 0..3 {
        // Whoever forgot that they have an account takes nobody's place.
        nobody
            .post(SIGN_UP, &form("ada"))
            .await
            .refused(400, "email_taken");
    }
    for name in ["bob", "eve"] {
        let _ = nobody.post(SIGN_UP, &form(name)).await.ok();
    }
    let refused = nobody.post(SIGN_UP, &form("joe")).await;
    assert!(refused.headers.contains_key("retry-after"));
    refused.refused(429, "too_many_requests");
    world.advance(Duration::from_secs(20 * 60));
    let _ = nobody.post(SIGN_UP, &form("joe")).await.ok();
    nobody
        .post(SIGN_UP, &form("pat"))
        .await
        .refused(429, "too_many_requests");
}

#[tokio::test]
async fn too_many_tries_from_an_address_must_wait() {
    let world = World::new().await;
    let nobody = world.nobody();
    let too_long = "x".repeat(300); // refused without the time that hashing takes
    let mut last = Value::Null;
    for number in 0..61 {
        let form = json!({ "email": format!("nobody{number}@example.org"), "password": too_long });
        last = nobody.post(SIGN_IN, &form).await.body;
    }
    assert_eq!(last["code"], "too_many_requests");
}

#[tokio::test]
async fn sign_up_can_be_closed() {
    let world = World::with(|settings| settings.enable_signup = Some("false".into())).await;
    world
        .nobody()
        .post(SIGN_UP, &form("ada"))
        .await
        .refused(403, "forbidden");
    assert_eq!(
        world.nobody().get("/api/config").await.ok()["features"]["enable_signup"],
        false
    );
}

#[tokio::test]
async fn who_waits_for_approval_may_only_read_its_own_session() {
    let world = World::with(|settings| settings.default_user_role = Some("pending".into())).await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    assert_eq!(bob.get("/api/v1/auths/").await.ok()["role"], "pending");
    bob.get("/api/v1/users/user/settings")
        .await
        .refused(401, "role_forbids");
    bob.get("/api/v1/users/search")
        .await
        .refused(401, "role_forbids");
    assert_eq!(bob.get("/api/config").await.ok().get("user_count"), None);
    let approved = ada
        .post(
            &format!("/api/v1/users/{}/update", bob.id),
            &json!({ "role": "user" }),
        )
        .await
        .ok();
    assert_eq!(approved["role"], "user");
    let _ = bob.get("/api/v1/users/user/settings").await.ok();
}
