//! A crowd that is cut off at one moment and comes back with jitter: all are back, and nothing of before is left.
//! `loadgen storm` does the same with 10,000 connections and looks at the server's memory.

#![allow(clippy::unwrap_used, reason = "test code outside a #[test] function")]

mod common;

use std::time::Duration;

use common::{DEADLINE, World, config};
use futures_util::future::join_all;

const CLIENTS: usize = 500;
const OVER_MS: u64 = 500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_clients_cut_off_at_once_come_back_and_leave_nothing_behind() {
    let world = World::start(config()).await;
    let root = world.io.of("/");
    root.on_connect(|socket, _| async move {
        socket.join("hall");
        socket.join(&format!("own:{}", socket.id()));
        Ok(())
    });
    let come = async || {
        let coming = (0..CLIENTS as u64).map(|index| {
            let world = &world;
            async move {
                // Spread over the time, neighbours far apart.
                let at_ms = index * 7_919 % OVER_MS;
                tokio::time::sleep(Duration::from_millis(at_ms)).await;
                world.client().await.0
            }
        });
        join_all(coming).await
    };
    for _ in 0..3 {
        let mut clients = come().await;
        assert!(root.count() >= CLIENTS, "all are back");
        assert_eq!(
            root.to("hall").emit("news", &1),
            root.in_room("hall").count()
        );
        for client in &mut clients {
            assert_eq!(client.text().await, r#"42["news",1]"#);
        }
        drop(clients);
        let gone = async {
            while (root.count(), root.room_count(), world.io.connections()) != (0, 0, 0) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, gone).await.unwrap();
    }
}
