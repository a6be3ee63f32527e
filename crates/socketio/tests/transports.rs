//! Engine.IO over real sockets: handshakes, polling, the upgrade, heartbeat, closes, and who may come in.

mod common;

use std::time::Duration;

use common::{World, config};
use socketio::{Config, Cors, Dialect, Limits};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn polling_opens_posts_and_polls() {
    let world = World::start(Config {
        dialect: Dialect::Python,
        ..config()
    })
    .await;
    world.io.of("/").on("echo", |socket, event| async move {
        socket.emit("echoed", &event.arg::<String>(0).unwrap());
    });
    let client = world.polling().await;
    assert_eq!(client.open["upgrades"], serde_json::json!(["websocket"]));
    assert_eq!(client.open["pingInterval"], 25_000);
    assert_eq!(client.open["pingTimeout"], 20_000);
    assert_eq!(client.open["maxPayload"], 1_000_000);
    let posted = client.post("40").await;
    assert_eq!((posted.status, posted.body.as_str()), (200, "OK"));
    let polled = client.get().await;
    assert!(
        polled
            .headers
            .contains("content-type: text/plain; charset=utf-8"),
        "{}",
        polled.headers
    );
    assert!(polled.body.starts_with("40{\"sid\":"), "{}", polled.body);
    client
        .post("42[\"echo\",\"a\"]\u{1e}42[\"echo\",\"é\"]")
        .await;
    let mut got = client.get().await.body;
    while got.matches("echoed").count() < 2 {
        got = format!("{got}\u{1e}{}", client.get().await.body);
    }
    assert_eq!(got, "42[\"echoed\",\"a\"]\u{1e}42[\"echoed\",\"é\"]");
}

#[tokio::test]
async fn wrong_requests_are_answered_with_400_and_json() {
    let world = World::start(Config {
        polling: true,
        ..Config::default()
    })
    .await;
    for (method, query, body) in [
        ("GET", "EIO=4&transport=abc", "\"Invalid transport\""),
        ("GET", "EIO=4", "\"Invalid transport\""),
        (
            "GET",
            "EIO=4&transport=polling&sid=nope",
            "\"Invalid session nope\"",
        ),
        (
            "POST",
            "EIO=4&transport=polling",
            "\"Bad handshake method\"",
        ),
        ("PUT", "EIO=4&transport=polling", "\"Bad handshake method\""),
        (
            "GET",
            "EIO=4&transport=websocket",
            "{\"detail\":\"Invalid WebSocket upgrade request\"}",
        ),
    ] {
        let answer = world
            .http(method, &format!("/socket.io/?{query}"), "", "")
            .await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (400, body),
            "{query}"
        );
        assert!(answer.headers.contains("content-type: application/json"));
        // A client of another WebSocket learns which one is spoken here.
        assert_eq!(
            answer.headers.contains("\r\nsec-websocket-version: 13"),
            query.contains("websocket"),
            "{query}"
        );
    }
    let answer = world
        .http("GET", "/socket.io?EIO=3&transport=polling", "", "")
        .await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.body.contains("unsupported version"),
        "{}",
        answer.body
    );
}

#[tokio::test]
async fn a_transport_that_is_off_is_refused() {
    let world = World::start(Config {
        websocket: false,
        ..config()
    })
    .await;
    assert_eq!(
        world.polling().await.open["upgrades"],
        serde_json::json!([])
    );
    let answer = world
        .http("GET", "/socket.io/?EIO=4&transport=websocket", "", "")
        .await;
    assert_eq!(answer.status, 400);
    let world = World::start(Config {
        polling: false,
        ..config()
    })
    .await;
    assert_eq!(
        world
            .http("GET", "/socket.io/?EIO=4&transport=polling", "", "")
            .await
            .status,
        400
    );
    world.websocket().await;
}

#[tokio::test]
async fn foreign_origins_are_refused_and_allowed_ones_get_headers() {
    let world = World::start(Config {
        cors: Cors::Origins(vec!["https://app.example".into()]),
        ..config()
    })
    .await;
    let path = "/socket.io/?EIO=4&transport=polling";
    assert_eq!(
        world
            .http("GET", path, "origin: https://evil.example\r\n", "")
            .await
            .status,
        400
    );
    let answer = world
        .http("GET", path, "origin: https://app.example\r\n", "")
        .await;
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .headers
            .contains("access-control-allow-origin: https://app.example")
    );
    assert!(
        answer
            .headers
            .contains("access-control-allow-credentials: true")
    );
    let preflight = "origin: https://app.example\r\naccess-control-request-headers: x-a\r\n";
    let answer = world.http("OPTIONS", path, preflight, "").await;
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .headers
            .contains("access-control-allow-methods: options, get, post")
    );
    assert!(answer.headers.contains("access-control-allow-headers: x-a"));
}

#[tokio::test]
async fn a_session_moves_to_websocket_without_losing_a_message() {
    let world = World::start(config()).await;
    world.io.of("/").on("n", |socket, event| async move {
        socket.emit("n", &event.arg::<u32>(0).unwrap());
    });
    let client = world.polling().await;
    client.post("40").await;
    client.get().await;
    client.post("42[\"n\",1]").await;
    let mut ws = world.websocket_with(&format!("&sid={}", client.sid)).await;
    ws.send("2probe").await;
    assert_eq!(ws.text().await, "3probe");
    client.post("42[\"n\",2]").await;
    let mut polled = String::new();
    while !polled.ends_with('6') {
        polled.push_str(&client.get().await.body);
    }
    ws.send("5").await;
    ws.send("42[\"n\",3]").await;
    let mut all = polled.trim_end_matches('6').replace('\u{1e}', "");
    while !all.contains("3]") {
        all.push_str(&ws.text().await);
    }
    assert_eq!(all, r#"42["n",1]42["n",2]42["n",3]"#);
    assert_eq!(client.get().await.status, 400);
    assert_eq!(client.post("42[\"n\",4]").await.status, 400);
    let mut second = world.websocket_with(&format!("&sid={}", client.sid)).await;
    second.close_code().await;
    ws.send("42[\"n\",5]").await;
    assert_eq!(ws.text().await, r#"42["n",5]"#);
}

#[tokio::test]
async fn a_probe_that_fails_leaves_polling_alone() {
    let world = World::start(config()).await;
    world.io.of("/");
    let client = world.polling().await;
    for first in ["4hello", "5", "2", "x"] {
        let mut ws = world.websocket_with(&format!("&sid={}", client.sid)).await;
        ws.send(first).await;
        ws.close_code().await;
    }
    assert_eq!(client.post("40").await.status, 200);
    assert!(client.get().await.body.starts_with("40{"));
}

#[tokio::test]
async fn two_polls_at_once_end_the_session() {
    let world = World::start(config()).await;
    let client = world.polling().await;
    let (first, second) = tokio::join!(client.get(), client.get());
    let (held, refused) = if first.status == 200 {
        (first, second)
    } else {
        (second, first)
    };
    assert_eq!(
        (held.status, held.body.as_str(), refused.status),
        (200, "1", 400)
    );
    assert_eq!(client.get().await.status, 400);
}

#[tokio::test]
async fn nonsense_ends_a_polling_session() {
    let world = World::start(config()).await;
    let client = world.polling().await;
    assert_eq!(client.post("abc").await.status, 400);
    assert_eq!(client.get().await.status, 400);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let world = World::start(Config {
        max_payload: 100,
        ..config()
    })
    .await;
    let client = world.polling().await;
    assert_eq!(client.post(&"4".repeat(101)).await.status, 413);
    let mut ws = world.websocket().await;
    ws.send(&"4".repeat(101)).await;
    assert_eq!(ws.close_code().await, 1009);
}

#[tokio::test]
async fn a_client_that_does_not_answer_pings_is_gone() {
    let times = Config {
        ping_interval: Duration::from_millis(50),
        ping_timeout: Duration::from_millis(50),
        ..config()
    };
    let world = World::start(times).await;
    let mut ws = world.websocket_with("").await;
    let mut pings = 0;
    loop {
        match ws.next().await {
            Message::Text(text) if text.as_str() == "2" => {
                pings += 1;
                if pings < 3 {
                    ws.send("3").await;
                }
            }
            Message::Close(_) => break,
            _ => {}
        }
    }
    assert_eq!(pings, 3);
}

#[tokio::test]
async fn a_client_that_joins_no_namespace_is_closed() {
    let world = World::start(Config {
        connect_timeout: Duration::from_millis(50),
        ..config()
    })
    .await;
    let mut ws = world.websocket().await;
    assert_eq!(ws.close_code().await, 1008);
}

#[tokio::test]
async fn unconnected_transports_are_limited() {
    let limits = Limits {
        unconnected: 1,
        ..Limits::default()
    };
    let world = World::start(Config { limits, ..config() }).await;
    world.io.of("/");
    let mut first = world.websocket().await;
    assert_eq!(
        world
            .http("GET", "/socket.io/?EIO=4&transport=polling", "", "")
            .await
            .status,
        503
    );
    first.send("40").await;
    first.text().await;
    world.polling().await;
}

#[tokio::test]
async fn addresses_are_limited() {
    let limits = Limits {
        connections_per_address: 1,
        ..Limits::default()
    };
    let world = World::start(Config { limits, ..config() }).await;
    let _first = world.websocket().await;
    assert_eq!(
        world
            .http("GET", "/socket.io/?EIO=4&transport=polling", "", "")
            .await
            .status,
        429
    );
}

#[tokio::test]
async fn closing_the_server_lets_clients_come_back() {
    let world = World::start(config()).await;
    world.io.of("/");
    let (mut ws, _) = world.client().await;
    let polling = world.polling().await;
    let (_, code, polled) = tokio::join!(world.io.close(), ws.close_code(), polling.get());
    assert_eq!((code, polled.body.as_str()), (1001, "1"));
    assert_eq!(world.io.connections(), 0);
    assert_eq!(
        world
            .http("GET", "/socket.io/?EIO=4&transport=polling", "", "")
            .await
            .status,
        503
    );
}
