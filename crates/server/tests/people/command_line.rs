//! `tidings user` and `tidings token` beside a running server.

use crate::with_token;
use serde_json::json;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use testkit::World;

/// Runs the binary on the world's database, with this on its standard input.
fn tidings(world: &World, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tidings"))
        .args(arguments)
        .env("DATA_DIR", world.folder())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

/// What it printed; fails the test if it failed.
fn printed(world: &World, arguments: &[&str], input: &str) -> String {
    let output = tidings(world, arguments, input);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Why it failed.
fn complaint(world: &World, arguments: &[&str], input: &str) -> String {
    let output = tidings(world, arguments, input);
    assert!(
        !output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_kept_from_the_command_line() {
    let world = World::new().await;
    let add = [
        "user",
        "add",
        "Ada@example.org",
        "--name",
        "Ada L",
        "--password-stdin",
    ];
    assert!(printed(&world, &add, "chosen by ada\n").contains("ada@example.org (Ada L) is admin"));
    assert!(complaint(&world, &add, "chosen by ada\n").contains("has an account already"));
    assert!(
        complaint(
            &world,
            &["user", "add", "bob@example.org", "--password-stdin"],
            "short"
        )
        .contains("8 to 256")
    );
    let made = printed(
        &world,
        &["user", "add", "bob@example.org", "--role", "pending"],
        "",
    );
    let password = made.rsplit(": ").next().unwrap().trim().to_owned();
    assert!(printed(&world, &["user", "role", "bob@example.org", "user"], "").contains("is user"));
    assert!(
        complaint(&world, &["user", "role", "ada@example.org", "user"], "").contains("last admin")
    );
    assert!(
        complaint(&world, &["user", "role", "eve@example.org", "user"], "")
            .contains("does not exist")
    );

    let sign_in = async |email: &str, password: &str| {
        world
            .nobody()
            .post(
                "/api/v1/auths/signin",
                &json!({ "email": email, "password": password }),
            )
            .await
    };
    assert_eq!(
        sign_in("bob@example.org", &password).await.ok()["role"],
        "user"
    );
    let session = sign_in("ada@example.org", "chosen by ada").await.ok();
    let ada = world.nobody().signed_in(&session);
    let _ = printed(
        &world,
        &["user", "password", "ada@example.org", "--password-stdin"],
        "chosen again",
    );
    ada.get("/api/v1/auths/")
        .await
        .refused(401, "not_authenticated");
    let _ = sign_in("ada@example.org", "chosen again").await.ok();
    let list = printed(&world, &["user", "list"], "");
    assert_eq!(list.lines().count(), 2, "{list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_made_listed_and_revoked_from_the_command_line() {
    let world = World::new().await;
    let ada = world.sign_up("ada").await;
    let key = printed(
        &world,
        &["token", "create", "ada@example.org", "--name", "agent"],
        "",
    )
    .trim()
    .to_owned();
    let agent = with_token(&world, key.as_str());
    assert_eq!(agent.get("/api/v1/auths/").await.ok()["id"], json!(ada.id));
    let list = printed(&world, &["token", "list"], "");
    assert!(
        list.contains("agent") && list.contains(&key[31..]) && !list.contains(&key),
        "{list}"
    );
    let id = list.split('\t').next().unwrap();
    assert!(
        complaint(&world, &["token", "revoke", "nobody"], "").contains("no API key of this id")
    );
    let _ = printed(&world, &["token", "revoke", id], "");
    agent
        .get("/api/v1/auths/")
        .await
        .refused(401, "not_authenticated");
}
