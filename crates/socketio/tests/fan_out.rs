//! Broadcasts to a room large enough to be written past the drivers: order, wholeness, and one who does not read.

#![allow(clippy::unwrap_used, reason = "test code outside a #[test] function")]

mod common;

use common::{World, config};
use futures_util::SinkExt;
use socketio::{Class, Limits};
use tokio_tungstenite::tungstenite::Message;

const CLIENTS: usize = 8;
const ROUNDS: usize = 300;

/// Every third client pings all the time and every broadcast is mixed with an event for each socket alone. The padding
/// is long, so that clients that read late leave frames partly written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broadcasts_and_single_events_keep_their_order_while_readers_are_late() {
    let limits = Limits {
        queue_soft_bytes: usize::MAX / 4,
        queue_bytes: usize::MAX / 4,
        ..Limits::default()
    };
    let world = World::start(socketio::Config {
        limits,
        unsent_bytes: 4096,
        ..config()
    })
    .await;
    let root = world.io.of("/");
    root.on_connect(|socket, _| async move {
        socket.join("hall");
        Ok(())
    });
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(world.client().await.0);
    }
    let sender = tokio::spawn(async move {
        for round in 0..ROUNDS {
            let padding = "x".repeat(1 + round * 37 % 60_000);
            root.to("hall").emit("all", &(2 * round, padding));
            for socket in root.in_room("hall").sockets() {
                socket.send(
                    &socketio::Frame::event("/", "one", &(2 * round + 1, "")).unwrap(),
                    Class::Reliable,
                );
            }
            if round % 7 == 0 {
                tokio::task::yield_now().await;
            }
        }
    });
    let readers = clients
        .into_iter()
        .enumerate()
        .map(|(at, mut client)| async move {
            let mut next = 0;
            while next < 2 * ROUNDS {
                if at % 3 == 0 {
                    client
                        .0
                        .send(Message::Ping(vec![7; 100].into()))
                        .await
                        .unwrap();
                }
                if at % 2 == 0 && next % 50 == 0 {
                    // Late by turns of the runtime, not by the clock: meanwhile its frames pile up.
                    for _ in 0..200 {
                        tokio::task::yield_now().await;
                    }
                }
                let text = match client.next().await {
                    Message::Text(text) if text.as_str() == "2" => continue,
                    Message::Text(text) => text,
                    Message::Pong(payload) => {
                        assert_eq!(payload.as_ref(), [7; 100]);
                        continue;
                    }
                    other => panic!("{other:?}"),
                };
                let json: serde_json::Value =
                    serde_json::from_str(text.strip_prefix("42").unwrap()).unwrap();
                assert_eq!(json[1][0], next, "client {at}");
                next += 1;
            }
        });
    futures_util::future::join_all(readers).await;
    sender.await.unwrap();
}
