//! Frames of a busy room that wait for each other: what takes them along, and that nothing overtakes them. The window
//! is an hour, so that what arrives has left for another reason than its end.

#![allow(clippy::unwrap_used, reason = "test code outside a #[test] function")]

mod common;

use std::time::Duration;

use common::{DEADLINE, World, Ws, config};
use socketio::Namespace;
use tokio::time::timeout;

const CLIENTS: usize = 6;
/// Events at once that make a room as busy as it can be.
const MANY: usize = 20;
/// Too long to wait for others.
const LONG: usize = 32 * 1024;

/// Clients in the rooms `busy` and `quiet`, of which the first is as busy as it can be, with events for nobody.
async fn busy(window: Duration) -> (Namespace, Vec<(Ws, String)>) {
    let world = World::start(socketio::Config {
        flush_window: window,
        ..config()
    })
    .await;
    let root = world.io.of("/");
    root.on_connect(|socket, _| async move {
        socket.join("busy");
        socket.join("quiet");
        Ok(())
    });
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(world.client().await);
    }
    let long = "x".repeat(LONG);
    for _ in 0..MANY {
        assert_eq!(root.to("busy").with_flags(1).emit("long", &long), 0);
    }
    (root, clients)
}

fn hour() -> Duration {
    Duration::from_secs(3600)
}

/// Waits until only so many sockets have something queued: what a client has read may count for a moment more.
async fn only_wait(root: &Namespace, count: usize) {
    let counted = async {
        while waiting(root) > count {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, counted).await.unwrap();
    assert_eq!(waiting(root), count);
}

fn waiting(root: &Namespace) -> usize {
    let sockets = root.sockets();
    sockets
        .iter()
        .filter(|socket| socket.queued_bytes() > 0)
        .count()
}

#[tokio::test]
async fn what_is_sent_to_one_socket_goes_at_once_and_behind_what_waits() {
    let (root, mut clients) = busy(hour()).await;
    root.to("busy").emit("all", &1);
    let (client, sid) = &mut clients[0];
    root.socket(sid).unwrap().emit("one", &2);
    assert_eq!(client.text().await, r#"42["all",1]"#);
    assert_eq!(client.text().await, r#"42["one",2]"#);
    only_wait(&root, CLIENTS - 1).await;
    // Another frame for the same window, and a farewell: both stay behind what waits.
    root.to("busy").emit("all", &3);
    let (client, sid) = &mut clients[1];
    root.socket(sid).unwrap().disconnect(false);
    assert_eq!(client.text().await, r#"42["all",1]"#);
    assert_eq!(client.text().await, r#"42["all",3]"#);
    assert_eq!(client.text().await, "41");
}

#[tokio::test]
async fn a_room_below_the_rate_takes_along_what_waits_for_a_busy_one() {
    let (root, mut clients) = busy(hour()).await;
    root.to("busy").emit("all", &1);
    root.to("quiet").emit("few", &2);
    root.to("busy").emit("all", &3);
    root.to("quiet").emit("few", &4);
    for (client, _) in &mut clients {
        for text in [
            r#"42["all",1]"#,
            r#"42["few",2]"#,
            r#"42["all",3]"#,
            r#"42["few",4]"#,
        ] {
            assert_eq!(client.text().await, text);
        }
    }
}

#[tokio::test]
async fn a_full_window_leaves_whole_even_to_those_who_left_the_room() {
    let (root, mut clients) = busy(hour()).await;
    root.to("busy").emit("all", &0);
    let gone = root.socket(&clients[0].1).unwrap();
    gone.leave("busy");
    for number in 1..64 {
        assert_eq!(waiting(&root), CLIENTS, "before {number}");
        root.to("busy").emit("all", &number);
    }
    assert_eq!(clients[0].0.text().await, r#"42["all",0]"#);
    for (client, _) in &mut clients[1..] {
        for number in 0..64 {
            assert_eq!(client.text().await, format!(r#"42["all",{number}]"#));
        }
    }
    only_wait(&root, 0).await;
}

#[tokio::test]
async fn a_window_ends_by_itself_and_without_one_nothing_waits() {
    for window in [Duration::from_millis(15), Duration::ZERO] {
        let (root, mut clients) = busy(window).await;
        for number in 0..500 {
            root.to("busy").emit("all", &number);
            if number % 5 == 0 {
                tokio::task::yield_now().await;
            }
        }
        for (client, _) in &mut clients {
            for number in 0..500 {
                assert_eq!(client.text().await, format!(r#"42["all",{number}]"#));
            }
        }
    }
}
