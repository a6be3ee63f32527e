//! Every limit of [`socketio::Limits`] and [`socketio::Config`] over real sockets: reached, answered as it says, and
//! harmless for others.

#![allow(clippy::unwrap_used, reason = "test code outside a #[test] function")]

mod common;

use std::{io::ErrorKind, sync::Arc, time::Duration};

use common::{DEADLINE, World, config};
use futures_util::StreamExt;
use serde_json::json;
use socketio::{Class, Config, ConnectError, DisconnectReason, Event, Frame, Limits, Socket};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
    time::timeout,
};
use tokio_tungstenite::tungstenite::{self, Message};

async fn with_limits(change: impl FnOnce(&mut Limits)) -> World {
    let mut limits = Limits::default();
    change(&mut limits);
    World::start(Config { limits, ..config() }).await
}

const POLL: &str = "/socket.io/?EIO=4&transport=polling";

#[tokio::test]
async fn a_client_that_sends_too_many_events_is_told_so_and_closed() {
    let world = with_limits(|limits| {
        (limits.events_per_second, limits.events_burst) = (1, 5);
    })
    .await;
    let (seen, mut log) = mpsc::unbounded_channel();
    world.io.of("/").on_disconnect(move |_, reason| {
        let seen = seen.clone();
        async move { seen.send(reason).unwrap() }
    });
    let (mut ws, _) = world.client().await;
    for _ in 0..10 {
        ws.send(r#"42["x"]"#).await;
    }
    let told = json!(["error", {
        "code": "too_many_events",
        "message": "at most 1 events a second and 5 at once are taken",
    }]);
    assert_eq!(ws.text().await, format!("42{told}"));
    assert_eq!(ws.close_code().await, 1008);
    assert_eq!(log.recv().await, Some(DisconnectReason::TooManyEvents));

    let polling = world.polling().await;
    polling.post("40").await;
    polling.get().await;
    polling.post(&[r#"42["x"]"#; 10].join("\u{1e}")).await;
    assert_eq!(polling.get().await.body, format!("42{told}"));
}

#[tokio::test]
async fn attachments_are_bounded_together() {
    let world = with_limits(|limits| limits.attachment_bytes = 100).await;
    world
        .io
        .of("/")
        .on("b", |_: Socket, event: Event| async move {
            event.ack.unwrap().send(&event.attachments.len());
        });
    let packet = r#"452-7["b",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    let (mut ws, _) = world.client().await;
    ws.send(packet).await;
    ws.send_binary(&[1; 50]).await;
    ws.send_binary(&[1; 50]).await;
    assert_eq!(ws.text().await, "437[2]");
    ws.send(packet).await;
    ws.send_binary(&[1; 50]).await;
    ws.send_binary(&[1; 51]).await;
    assert_eq!(ws.close_code().await, 1002);
}

#[tokio::test]
async fn names_of_namespaces_are_bounded() {
    let world = with_limits(|limits| limits.namespace_bytes = 10).await;
    world.io.of("/nine-long");
    world.io.of("/ten-long-too");
    let mut ws = world.websocket().await;
    ws.send("40/nine-long,").await;
    assert!(ws.text().await.starts_with("40/nine-long,{"));
    ws.send("40/ten-long-too,").await;
    assert_eq!(ws.close_code().await, 1002);
}

#[tokio::test]
async fn rooms_of_a_socket_are_bounded() {
    let world = with_limits(|limits| limits.rooms = 2).await;
    let root = world.io.of("/");
    let (_ws, sid) = world.client().await;
    let socket = root.socket(&sid).unwrap();
    assert!(socket.join("a") && socket.join("b") && socket.join("a"));
    assert!(!socket.join("c") && !socket.is_in("c"));
    socket.leave("a");
    assert!(socket.join("c"));
    assert_eq!(root.room_count(), 2);
}

#[tokio::test]
async fn sockets_of_an_identity_are_bounded_and_given_back() {
    let world = with_limits(|limits| limits.sockets_per_identity = 2).await;
    let root = world.io.of("/");
    root.middleware(|socket, auth| async move {
        let user = auth.and_then(|auth| auth["user"].as_str().map(str::to_owned));
        match socket.set_identity(&user.unwrap_or_default()) {
            true => Ok(()),
            false => Err(ConnectError::new("too many sockets")),
        }
    });
    let connect = async |user: &str| {
        let mut ws = world.websocket().await;
        ws.send(&format!("40{}", json!({"user": user}))).await;
        let answer = ws.text().await;
        (ws, answer)
    };
    let (first, _) = connect("ada").await;
    let (_second, answer) = connect("ada").await;
    assert!(answer.starts_with("40"));
    let (_third, answer) = connect("ada").await;
    assert_eq!(answer, r#"44{"message":"too many sockets"}"#);
    assert!(connect("bob").await.1.starts_with("40"));
    drop(first);
    let again = async { while !connect("ada").await.1.starts_with("40") {} };
    timeout(DEADLINE, again).await.unwrap();
}

#[tokio::test]
async fn an_identity_that_changes_counts_once() {
    let world = with_limits(|limits| limits.sockets_per_identity = 1).await;
    let root = world.io.of("/");
    let (_one, first) = world.client().await;
    let (_two, second) = world.client().await;
    let (first, second) = (root.socket(&first).unwrap(), root.socket(&second).unwrap());
    assert!(first.set_identity("ada") && first.set_identity("ada"));
    assert!(!second.set_identity("ada"));
    assert!(first.set_identity("bob") && second.set_identity("ada"));
    second.disconnect(false);
    assert!(!second.set_identity("eve") && first.set_identity("ada"));
}

#[tokio::test]
async fn connections_are_bounded_in_all() {
    let world = with_limits(|limits| limits.connections = 2).await;
    world.io.of("/");
    let (_ws, _) = world.client().await;
    let polling = world.polling().await;
    let refused = world.http("GET", POLL, "", "").await;
    assert_eq!(refused.status, 503);
    assert!(refused.headers.contains("retry-after: 5"));
    polling.post("1").await;
    let again = async {
        while world.http("GET", POLL, "", "").await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, again).await.unwrap();
}

/// Until it has taken over, when there is one transport again.
#[tokio::test]
async fn a_websocket_that_is_offered_to_a_session_counts_as_a_connection() {
    let world = with_limits(|limits| {
        (limits.connections, limits.connections_per_address) = (2, 2);
    })
    .await;
    world.io.of("/");
    let session = world.polling().await;
    let mut ws = world.websocket_with(&format!("&sid={}", session.sid)).await;
    assert_eq!(world.io.connections(), 2);
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
        sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let more = format!("/socket.io/?EIO=4&transport=websocket&sid={}", session.sid);
    let refused = world.http("GET", &more, upgrade, "").await;
    assert_eq!((refused.status, world.io.connections()), (429, 2));
    ws.send("2probe").await;
    assert_eq!(ws.text().await, "3probe");
    ws.send("5").await;
    let again = async {
        while world.http("GET", POLL, "", "").await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, again).await.unwrap();
    assert_eq!(world.io.connections(), 2);
}

#[tokio::test]
async fn polling_requests_under_way_are_bounded() {
    let world = with_limits(|limits| limits.polling_requests = 1).await;
    world.io.of("/");
    let (one, two) = (world.polling().await, world.polling().await);
    one.post("40").await;
    assert!(one.get().await.body.starts_with("40"));
    let waiting = tokio::spawn(async move { one.get().await });
    let refused = async {
        while two.post("40").await.status != 503 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, refused).await.unwrap();
    world.io.of("/").emit("news", &1);
    assert_eq!(waiting.await.unwrap().body, r#"42["news",1]"#);
    // WebSockets are not polling requests.
    world.websocket().await;
}

#[tokio::test]
async fn an_upgrade_that_takes_too_long_is_given_up_and_polling_goes_on() {
    let world = World::start(Config {
        upgrade_timeout: Duration::from_millis(50),
        ..config()
    })
    .await;
    world.io.of("/");
    let client = world.polling().await;
    let mut ws = world.websocket_with(&format!("&sid={}", client.sid)).await;
    ws.send("2probe").await;
    assert_eq!(ws.text().await, "3probe");
    assert_eq!(ws.close_code().await, 1002);
    assert_eq!(client.post("40").await.status, 200);
    let mut polled = client.get().await.body;
    while polled == "6" {
        polled = client.get().await.body;
    }
    assert!(polled.starts_with("40{"), "{polled}");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let world = World::start(Config {
        ping_timeout: Duration::from_millis(100),
        ..config()
    })
    .await;
    let client = world.polling().await;
    let mut stream = TcpStream::connect(world.addr).await.unwrap();
    let head = format!(
        "POST {POLL}&sid={} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 100\r\n\r\n4",
        client.sid
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(DEADLINE, stream.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

/// The queue is far from full: it is the time without a byte that ends the connection.
#[tokio::test]
async fn a_reader_that_takes_no_byte_for_the_ping_timeout_is_gone() {
    let world = World::start(Config {
        ping_timeout: Duration::from_millis(200),
        close_grace: Duration::from_secs(3600),
        limits: Limits {
            queue_soft_bytes: 64 << 20,
            queue_bytes: 64 << 20,
            ..Limits::default()
        },
        ..config()
    })
    .await;
    let root = world.io.of("/");
    let (seen, mut log) = mpsc::unbounded_channel();
    root.on_disconnect(move |_, reason| {
        let seen = seen.clone();
        async move { seen.send(reason).unwrap() }
    });
    let (mut stuck, sid) = world.client().await;
    let socket = root.socket(&sid).unwrap();
    let frame = Frame::event_json("/", "big", &format!("\"{}\"", "x".repeat(1 << 20)));
    for _ in 0..16 {
        assert!(socket.send(&frame, Class::Reliable));
    }
    let reason = timeout(DEADLINE, log.recv()).await.unwrap();
    assert_eq!(reason, Some(DisconnectReason::SlowReader));
    // Nobody waits until it takes a farewell, and what the system held for it is thrown away: it finds its stream broken.
    world.no_connections().await;
    let broken = loop {
        match timeout(DEADLINE, stuck.0.next()).await.unwrap().unwrap() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(
        matches!(&broken, tungstenite::Error::Io(error) if error.kind() == ErrorKind::ConnectionReset),
        "{broken:?}"
    );
}

/// One of two readers stops: what waits for it never passes the limit, it is closed with 1013, and the other gets
/// every event.
#[tokio::test]
async fn a_reader_that_stops_costs_at_most_its_queue() {
    const MOST: usize = 1 << 20;
    let world = with_limits(|limits| limits.queue_bytes = MOST).await;
    let root = world.io.of("/");
    let (mut stuck, sid) = world.client().await;
    let (mut ws, _) = world.client().await;
    let socket = root.socket(&sid).unwrap();
    let padding = "x".repeat(60_000);
    let mut most = 0;
    for number in 0.. {
        root.emit("n", &(number, &padding));
        assert!(ws.text().await.starts_with(&format!("42[\"n\",[{number},")));
        most = most.max(socket.queued_bytes());
        if !socket.is_connected() {
            break;
        }
    }
    assert!((MOST / 2..=MOST).contains(&most), "{most}");
    while let Message::Text(_) = stuck.next().await {}
}

#[tokio::test]
async fn closing_the_transport_lets_the_client_come_back_and_disconnect_keeps_it_away() {
    let world = World::start(config()).await;
    let root = world.io.of("/");
    let (mut ws, sid) = world.client().await;
    root.socket(&sid).unwrap().close_transport();
    assert_eq!(ws.close_code().await, 1013);
    let (mut ws, sid) = world.client().await;
    root.socket(&sid).unwrap().disconnect(false);
    assert_eq!(ws.text().await, "41");
    let polling = world.polling().await;
    polling.post("40").await;
    polling.get().await;
    root.sockets()[0].close_transport();
    assert_eq!(polling.get().await.body, "1");
}

#[tokio::test]
async fn middleware_runs_in_order_before_on_connect_and_the_first_refusal_decides() {
    let world = World::start(config()).await;
    let root = world.io.of("/");
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    for name in ["first", "second"] {
        let seen = seen.clone();
        root.middleware(move |_, auth| {
            seen.lock().unwrap().push(name);
            async move {
                match auth {
                    Some(auth) if auth["stop"] == name => Err(ConnectError::new(name)),
                    _ => Ok(()),
                }
            }
        });
    }
    let log = seen.clone();
    root.on_connect(move |_, _| {
        log.lock().unwrap().push("connect");
        async { Ok(()) }
    });
    let mut ws = world.websocket().await;
    ws.send(r#"40{"stop":"first"}"#).await;
    assert_eq!(ws.text().await, r#"44{"message":"first"}"#);
    ws.send("40").await;
    assert!(ws.text().await.starts_with("40"));
    assert_eq!(
        *seen.lock().unwrap(),
        ["first", "first", "second", "connect"]
    );
    assert_eq!(root.to("nobody").local().emit("x", &1), 0);
    assert_eq!(root.broadcast().local().emit("x", &1), 1);
}

/// It posts and never polls, so that nothing but the queue's own bound ends it.
#[tokio::test]
async fn a_polling_client_that_reads_no_answers_is_closed() {
    let world = with_limits(|limits| {
        (limits.queue_bytes, limits.events_per_second) = (10_000, 0);
    })
    .await;
    let client = world.polling().await;
    let asks = ["40/unknown,"; 50].join("\u{1e}");
    let ended = async { while client.post(&asks).await.status == 200 {} };
    timeout(DEADLINE, ended).await.unwrap();
    world.no_connections().await;
}

#[tokio::test]
async fn a_second_post_is_refused_before_the_body_of_the_first_has_come() {
    let world = World::start(config()).await;
    let client = world.polling().await;
    let mut first = TcpStream::connect(world.addr).await.unwrap();
    let head = format!(
        "POST {POLL}&sid={} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\nconnection: close\r\ncontent-length: 2\r\n\r\n",
        client.sid
    );
    first.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body when it reads it.
    let mut asked = [0; 25];
    timeout(DEADLINE, first.read_exact(&mut asked))
        .await
        .unwrap()
        .unwrap();
    assert!(asked.starts_with(b"HTTP/1.1 100"));
    assert_eq!(client.post("40").await.status, 400);
    world.no_connections().await;
}

#[tokio::test]
async fn what_is_kept_of_a_request_is_bounded() {
    let world = with_limits(|limits| limits.handshake_bytes = 1_000).await;
    let with_cookie = async |bytes| {
        let header = format!("cookie: {}\r\n", "x".repeat(bytes));
        world.http("GET", POLL, &header, "").await.status
    };
    assert_eq!(
        (with_cookie(500).await, with_cookie(1_000).await),
        (200, 431)
    );
}

/// Namespaces of one connection share a queue, but not their keys.
#[tokio::test]
async fn a_key_replaces_nothing_of_another_namespace() {
    let world = World::start(config()).await;
    world.io.of("/");
    world.io.of("/other");
    let client = world.polling().await;
    client.post("40\u{1e}40/other,").await;
    let mut polled = String::new();
    while !(polled.contains("40{") && polled.contains("40/other,{")) {
        polled += &client.get().await.body;
    }
    for name in ["old", "new"] {
        for namespace in ["/", "/other"] {
            let all = world.io.of(namespace).broadcast();
            all.class(Class::Keyed(7)).emit("state", name);
        }
    }
    assert_eq!(
        client.get().await.body,
        "42[\"state\",\"new\"]\u{1e}42/other,[\"state\",\"new\"]"
    );
}

#[tokio::test]
async fn a_room_named_like_a_socket_takes_nothing_from_it() {
    let world = World::start(config()).await;
    let root = world.io.of("/");
    let (mut victim, victims_id) = world.client().await;
    let (mut other, others_id) = world.client().await;
    root.socket(&others_id).unwrap().join(&victims_id);
    assert_eq!(root.to(&victims_id).emit("private", &1), 2);
    assert_eq!(victim.text().await, r#"42["private",1]"#);
    assert_eq!(other.text().await, r#"42["private",1]"#);
}

#[tokio::test]
async fn a_driver_that_breaks_off_leaves_nobody_in_a_room() {
    let world = with_limits(|limits| {
        (limits.queue_soft_bytes, limits.queue_low_bytes) = (1_000, 500);
    })
    .await;
    let root = world.io.of("/");
    root.on_full(|_, _| socketio::Full::Refuse);
    root.on_drain(|_| panic!("the owner's mistake"));
    let (mut ws, sid) = world.client().await;
    let socket = root.socket(&sid).unwrap();
    assert!(socket.join("room") && socket.set_identity("ada"));
    let big = "x".repeat(5_000);
    assert!(socket.emit("big", &big) && !socket.emit("big", &big));
    ws.text().await;
    let gone = async {
        while root.count() > 0 || root.room_count() > 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, gone).await.unwrap();
    assert!(root.socket(&sid).is_none());
    world.no_connections().await;
}
