//! Many messages in both directions while clients move from polling to WebSocket, with delays that differ: none is
//! lost, doubled or out of order.

#![allow(clippy::unwrap_used, reason = "test code outside a #[test] function")]

mod common;

use common::{World, config};
use futures_util::future::join_all;
use socketio::{Config, Event, Limits, Socket};

const CLIENTS: u32 = 40;
const MESSAGES: u32 = 250;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_doubled_or_reordered_while_clients_upgrade() {
    let limits = Limits {
        events_per_second: 0,
        ..Limits::default()
    };
    let world = World::start(Config { limits, ..config() }).await;
    let (seen, mut log) = tokio::sync::mpsc::unbounded_channel();
    world
        .io
        .of("/")
        .on("n", move |socket: Socket, event: Event| {
            let seen = seen.clone();
            async move {
                let number: u32 = event.arg(0).unwrap();
                socket.emit("n", &number);
                seen.send((*socket.id(), number)).unwrap();
            }
        });
    join_all((0..CLIENTS).map(|client| upgrade(&world, client))).await;
    let mut next = std::collections::HashMap::new();
    for _ in 0..CLIENTS * MESSAGES {
        let (sid, number) = log.recv().await.unwrap();
        let expected = next.entry(sid).or_insert(0);
        assert_eq!(number, *expected);
        *expected += 1;
    }
    assert!(log.try_recv().is_err());
}

/// One client: posts, polls, upgrades after a while, goes on over WebSocket; the server echoes every number.
async fn upgrade(world: &World, client: u32) {
    let polling = world.polling().await;
    polling.post("40").await;
    polling.get().await;
    let split = 20 + client * 3;
    let mut heard = Vec::new();
    let post = async {
        for first in (0..split).step_by(3) {
            let body: Vec<_> = (first..split.min(first + 3))
                .map(|number| format!("42[\"n\",{number}]"))
                .collect();
            assert_eq!(polling.post(&body.join("\u{1e}")).await.status, 200);
        }
    };
    let probe = async {
        for _ in 0..client % 7 * 200 {
            tokio::task::yield_now().await;
        }
        let mut ws = world.websocket_with(&format!("&sid={}", polling.sid)).await;
        ws.send("2probe").await;
        assert_eq!(ws.text().await, "3probe");
        ws
    };
    let poll = async {
        let mut bodies = Vec::new();
        loop {
            let body = polling.get().await.body;
            bodies.extend(body.split('\u{1e}').map(str::to_owned));
            if bodies.last().is_some_and(|last| last == "6") {
                return bodies;
            }
        }
    };
    let ((), mut ws, bodies) = tokio::join!(post, probe, poll);
    heard.extend(bodies.into_iter().filter(|packet| packet != "6"));
    ws.send("5").await;
    for number in split..MESSAGES {
        ws.send(&format!("42[\"n\",{number}]")).await;
    }
    while heard.len() < MESSAGES as usize {
        heard.push(ws.text().await);
    }
    let expected: Vec<_> = (0..MESSAGES)
        .map(|number| format!("42[\"n\",{number}]"))
        .collect();
    assert_eq!(heard, expected, "client {client}");
}
