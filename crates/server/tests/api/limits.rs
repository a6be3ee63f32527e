//! What one person, one address and one slow request can cost.

use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;
use testkit::{Tab, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends this and no more; answers with what the server says before it hangs up.
async fn says_to_unfinished(addr: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(addr).await.expect("the server listens");
    stream
        .write_all(text.as_bytes())
        .await
        .expect("the server takes it");
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let read = tokio::time::timeout(Duration::from_secs(30), read).await;
    // The connection may be reset with the answer; what counts is that it ended.
    let _ = read.expect("the server to give up");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn heads_and_bodies_that_do_not_come_are_given_up() {
    let world = World::with(|settings| {
        settings.tidings_request_timeout = Some("1".into());
    })
    .await;
    let ada = world.sign_up("ada").await;
    let (head, body) = tokio::join!(
        says_to_unfinished(
            world.addr,
            "POST /api/v1/channels/create HTTP/1.1\r\nhost: x\r\n"
        ),
        async {
            let token = ada.token.clone();
            let text = format!(
                "POST /api/v1/channels/create HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
                 content-type: application/json\r\ncontent-length: 100\r\n\r\n{{\"name\""
            );
            says_to_unfinished(world.addr, &text).await
        }
    );
    assert!(
        head.is_empty() || head.starts_with("HTTP/1.1 408"),
        "{head}"
    );
    assert!(body.starts_with("HTTP/1.1 408"), "{body}");
    assert!(body.contains("\"code\":\"too_slow\""), "{body}");
    ada.post("/api/v1/channels/create", &json!({"name": "general"}))
        .await
        .ok();
}

#[tokio::test]
async fn sockets_of_a_person_are_bounded_and_others_come_in() {
    let world = World::with(|settings| {
        settings.tidings_sockets_per_user = Some("2".into());
    })
    .await;
    let [ada, bob] = world.people(["ada", "bob"]).await;
    let (first, second) = (ada.connect().await, ada.connect().await);
    let refused = Tab::try_open(&world.url(), Some(json!({"token": ada.token}))).await;
    let why = refused.err().unwrap_or_default();
    assert!(why.contains("too_many_sockets"), "{why}");
    bob.connect().await.settled().await;
    first.close().await;
    second.settled().await;
    let again = async {
        while Tab::try_open(&world.url(), Some(json!({"token": ada.token})))
            .await
            .is_err()
        {}
    };
    tokio::time::timeout(Duration::from_secs(30), again)
        .await
        .expect("a place to be given back");
}

#[tokio::test]
async fn connections_of_an_address_are_bounded() {
    let world = World::with(|settings| {
        settings.tidings_connections_per_address = Some("1".into());
    })
    .await;
    let ada = world.sign_up("ada").await;
    let _tab = ada.connect().await;
    let poll = world.nobody();
    let answer = poll.get("/ws/socket.io/?EIO=4&transport=polling").await;
    assert_eq!(answer.status.as_u16(), 429);
}
