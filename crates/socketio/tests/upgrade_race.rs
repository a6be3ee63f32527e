//! Many messages in both directions while clients move from polling to WebSocket, with delays that differ: none is
//! lost, doubled or out of order.

#![allow(clippy::unwrap_used, reason = "test code outside a #[test] function")]

mod common;

use std::sync::Arc;

use common::{DEADLINE, World, config};
use futures_util::future::join_all;
use socketio::{Config, Event, Limits, Socket};

const CLIENTS: u32 = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_doubled_or_reordered_while_clients_upgrade() {
    race(250).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute; run it with --run-ignored"]
async fn nothing_is_lost_among_a_hundred_thousand_messages_each_way() {
    race(2_500).await;
}

/// Every client sends so many messages, and hears each of them back.
async fn race(messages: u32) {
    let limits = Limits {
        events_per_second: 0,
        ..Limits::default()
    };
    let upgrade_timeout = DEADLINE;
    let world = World::start(Config {
        limits,
        upgrade_timeout,
        ..config()
    })
    .await;
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
    let world = Arc::new(world);
    let clients = (0..CLIENTS).map(|client| tokio::spawn(upgrade(world.clone(), client, messages)));
    for client in join_all(clients).await {
        client.unwrap();
    }
    let mut next = std::collections::HashMap::new();
    for _ in 0..CLIENTS * messages {
        let (sid, number) = log.recv().await.unwrap();
        let expected = next.entry(sid).or_insert(0);
        assert_eq!(number, *expected);
        *expected += 1;
    }
    assert!(log.try_recv().is_err());
}

/// One client: posts, polls, upgrades after a while, goes on over WebSocket; the server echoes every number.
async fn upgrade(world: Arc<World>, client: u32, messages: u32) {
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
        for _ in 0..client % 7 * 40 {
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
    for number in split..messages {
        ws.send(&format!("42[\"n\",{number}]")).await;
    }
    while heard.len() < messages as usize {
        heard.push(ws.text().await);
    }
    let expected: Vec<_> = (0..messages)
        .map(|number| format!("42[\"n\",{number}]"))
        .collect();
    assert_eq!(heard, expected, "client {client}");
}
