//! What one person, one address and one slow request can cost.

use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;
use testkit::{Tab, World};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends this and no more; answers with what the server says before it hangs up.
async fn says_to_unfinished(addr: SocketAddr, text: &str) -> String {
    let stream = TcpStream::connect(addr).await.expect("the server listens");
    says_on(stream, text).await
}

/// The same over a connection that is there already.
pub async fn says_on(mut stream: TcpStream, text: &str) -> String {
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

/// What the server says to a connection that asks for its health.
async fn health(addr: SocketAddr) -> String {
    says_to_unfinished(
        addr,
        "GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    )
    .await
}

/// They have not said a word: it is the connections that are counted.
#[tokio::test]
async fn open_connections_are_bounded_and_who_finds_no_place_is_told_when_to_come_back() {
    let world = World::with(|settings| {
        settings.tidings_open_connections = Some("3".into());
    })
    .await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(TcpStream::connect(world.addr).await.expect("a place"));
    }
    let refused = health(world.addr).await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(refused.contains("retry-after: 5"), "{refused}");
    drop(silent);
    let again = async { while !health(world.addr).await.starts_with("HTTP/1.1 200") {} };
    tokio::time::timeout(Duration::from_secs(30), again)
        .await
        .expect("a place to be given back");
}

/// A WebSocket, as soon as there is a place for it.
async fn websocket(addr: SocketAddr) -> TcpStream {
    loop {
        let mut stream = TcpStream::connect(addr).await.expect("the server listens");
        let request = "GET /ws/socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nhost: x\r\n\
            connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
            sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = [0; 12];
        if stream.read_exact(&mut answer).await.is_ok() && answer.ends_with(b"101") {
            return stream;
        }
    }
}

/// A WebSocket keeps the place of the connection it came on.
#[tokio::test]
async fn open_connections_of_an_address_are_bounded_but_not_those_of_a_proxy() {
    let of_address = |settings: &mut server::config::Settings| {
        settings.tidings_open_connections_per_address = Some("1".into());
    };
    let world = World::with(of_address).await;
    let silent = TcpStream::connect(world.addr).await.expect("a place");
    let refused = health(world.addr).await;
    assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
    drop(silent);
    let websocket = tokio::time::timeout(Duration::from_secs(30), websocket(world.addr)).await;
    let _websocket = websocket.expect("a place to be given back");
    assert!(health(world.addr).await.starts_with("HTTP/1.1 429"));

    let world = World::with(|settings| {
        of_address(settings);
        settings.tidings_trust_proxy = Some("true".into());
    })
    .await;
    let _silent = TcpStream::connect(world.addr).await.expect("a place");
    assert!(health(world.addr).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_given_up() {
    let world = World::with(|settings| {
        settings.tidings_send_timeout = Some("1".into());
        settings.tidings_request_timeout = Some("300".into());
        settings.tidings_open_connections = Some("1".into());
    })
    .await;
    let stuck = tokio::net::TcpSocket::new_v4().expect("a socket");
    stuck.set_recv_buffer_size(4096).expect("a small buffer");
    let mut stuck = stuck.connect(world.addr).await.expect("a place");
    // It asks and asks, and reads nothing, until the server reads nothing either.
    let asks = async {
        let ask = b"GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(100);
        while stuck.write_all(&ask).await.is_ok() {}
    };
    tokio::time::timeout(Duration::from_secs(30), asks)
        .await
        .expect("the server to give it up");
    let again = async { while !health(world.addr).await.starts_with("HTTP/1.1 200") {} };
    tokio::time::timeout(Duration::from_secs(30), again)
        .await
        .expect("its place to be given back");
}

/// The first entry of a list is the client's own, the last the proxy's.
#[tokio::test]
async fn behind_two_proxies_the_outer_ones_word_counts() {
    let world = World::with(|settings| {
        settings.tidings_trust_proxy = Some("2".into());
        settings.tidings_connections_per_address = Some("1".into());
    })
    .await;
    let poll = async |chain: &str| {
        let text = format!(
            "GET /ws/socket.io/?EIO=4&transport=polling HTTP/1.1\r\nhost: inner\r\nconnection: close\r\n\
             x-forwarded-for: {chain}\r\n\r\n"
        );
        let answer = says_to_unfinished(world.addr, &text).await;
        answer.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    assert_eq!(poll("1.1.1.1, 10.0.0.1").await, "200");
    assert_eq!(poll("6.6.6.6, 1.1.1.1, 10.0.0.1").await, "429");
    assert_eq!(poll("1.1.1.1, 2.2.2.2, 10.0.0.1").await, "200");
}
