//! Messages in both directions while clients move from polling to WebSocket, with delays at every step: none is lost,
//! doubled or out of order.
//!
//! The long round is `cargo nextest run -p socketio --test upgrade_race --run-ignored only --success-output immediate`.

#![allow(clippy::unwrap_used, reason = "test code outside a #[test] function")]

mod common;

use std::{collections::HashMap, sync::Arc, time::Duration};

use common::{DEADLINE, Polling, World, Ws, config};
use socketio::{Config, Event, Limits, Sid, Socket};
use tokio::{
    sync::{Notify, Semaphore, mpsc},
    time::{sleep, timeout},
};

/// Messages of one client, and as many to it.
const MESSAGES: u32 = 100;
/// Clients that upgrade at the same time.
const AT_ONCE: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_doubled_or_reordered_while_clients_upgrade() {
    race(50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a minute of 1,000 upgrades; the command stands at the top of the file"]
async fn nothing_is_lost_among_a_hundred_thousand_messages_each_way() {
    race(1_000).await;
}

/// Delays that are the same at every run: mostly none, at times some milliseconds.
struct Delays(u64);

impl Delays {
    fn of(seed: u32) -> Delays {
        Delays(u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    async fn pass(&mut self) {
        match self.below(8) {
            0..4 => {}
            4..6 => tokio::task::yield_now().await,
            6 => sleep(Duration::from_millis(1)).await,
            _ => sleep(Duration::from_millis(2 + self.below(9))).await,
        }
    }
}

async fn race(clients: u32) {
    let limits = Limits {
        events_per_second: 0,
        ..Limits::default()
    };
    let world = World::start(Config {
        limits,
        // No timer wakes what waits for nothing else: it is late then, and fails.
        ping_interval: 10 * DEADLINE,
        connect_timeout: 10 * DEADLINE,
        upgrade_timeout: 10 * DEADLINE,
        ..config()
    })
    .await;
    let (log, mut heard) = mpsc::unbounded_channel();
    let root = world.io.of("/");
    root.on("up", move |socket: Socket, event: Event| {
        let number: u32 = event.arg(0).unwrap();
        log.send((*socket.id(), number)).unwrap();
        socket.data::<Semaphore>().unwrap().add_permits(1);
        async {}
    });
    // The server speaks in its own task, as often as it has heard the client, but some time later.
    root.on_connect(|socket, auth| async move {
        let seed = auth.unwrap()["seed"].as_u64().unwrap();
        let heard = Arc::new(Semaphore::new(0));
        socket.set_data(heard.clone());
        tokio::spawn(async move {
            let mut delays = Delays::of(seed as u32 + 7_777);
            for number in 0..MESSAGES {
                heard.acquire().await.unwrap().forget();
                delays.pass().await;
                assert!(socket.emit("down", &number));
            }
        });
        Ok(())
    });
    let world = Arc::new(world);
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = Vec::new();
    for client in 0..clients {
        let place = places.clone().acquire_owned().await.unwrap();
        let world = world.clone();
        running.push(tokio::spawn(async move {
            let polled = upgrade(&world, client).await;
            drop(place);
            polled
        }));
    }
    let mut polled = 0;
    for client in running {
        polled += client.await.unwrap();
    }
    let all = clients * MESSAGES;
    let mut next: HashMap<Sid, u32> = HashMap::new();
    for _ in 0..all {
        let (sid, number) = timeout(DEADLINE, heard.recv()).await.unwrap().unwrap();
        let expected = next.entry(sid).or_default();
        assert_eq!(number, *expected);
        *expected += 1;
    }
    assert!(heard.is_empty() && next.len() == clients as usize);
    println!("{clients} upgrades, {all} messages each way, {polled} of the server's by polling");
    // The race is one only if both transports carried much.
    assert!(
        polled > all / 10 && polled < all * 9 / 10,
        "{polled} polled"
    );
}

/// One client: posts and polls, probes meanwhile, upgrades, goes on over WebSocket. Answers how many messages it polled.
async fn upgrade(world: &World, client: u32) -> u32 {
    let mut delays = Delays::of(client);
    let polling = world.polling().await;
    polling.post(&format!("40{{\"seed\":{client}}}")).await;
    let split = 1 + delays.below(u64::from(MESSAGES)) as u32;
    let (mut posting, mut probing, mut reading) = (
        Delays::of(client + 1_000_000),
        Delays::of(client + 2_000_000),
        Delays::of(client + 3_000_000),
    );
    let post = async {
        let mut next = 0;
        while next < split {
            let until = split.min(next + 1 + posting.below(4) as u32);
            let body: Vec<_> = (next..until).map(up).collect();
            assert_eq!(polling.post(&body.join("\u{1e}")).await.status, 200);
            next = until;
            posting.pass().await;
        }
    };
    let probe = async {
        for _ in 0..probing.below(20) {
            probing.pass().await;
        }
        let mut ws = world.websocket_with(&format!("&sid={}", polling.sid)).await;
        probing.pass().await;
        ws.send("2probe").await;
        assert_eq!(ws.text().await, "3probe");
        ws
    };
    let poll = poll_until_the_noop(&polling, &mut reading);
    let ((), mut ws, mut heard) = tokio::join!(post, probe, poll);
    let polled = heard.len() as u32;
    delays.pass().await;
    ws.send("5").await;
    let (mut ws, rest) = talk(ws, split, MESSAGES - polled, &mut delays).await;
    heard.extend(rest);
    let expected: Vec<_> = (0..MESSAGES).map(down).collect();
    assert_eq!(heard, expected, "client {client}");
    ws.send("41").await;
    polled
}

fn up(number: u32) -> String {
    format!("42[\"up\",{number}]")
}

fn down(number: u32) -> String {
    format!("42[\"down\",{number}]")
}

/// Everything that came by polling, without the answer to CONNECT and the noop.
async fn poll_until_the_noop(polling: &Polling, delays: &mut Delays) -> Vec<String> {
    let mut heard = Vec::new();
    loop {
        delays.pass().await;
        let answer = polling.get().await;
        assert_eq!(answer.status, 200);
        for packet in answer.body.split('\u{1e}') {
            match packet {
                "6" => return heard,
                packet if packet.starts_with("40") => {}
                packet => heard.push(packet.to_owned()),
            }
        }
    }
}

/// Sends what is left and hears what is left.
async fn talk(mut ws: Ws, from: u32, count: u32, delays: &mut Delays) -> (Ws, Vec<String>) {
    for number in from..MESSAGES {
        delays.pass().await;
        ws.send(&up(number)).await;
    }
    let mut heard = Vec::new();
    for _ in 0..count {
        heard.push(ws.text().await);
    }
    (ws, heard)
}

#[tokio::test]
async fn events_of_the_last_post_before_the_upgrade_run_at_once() {
    let limits = Limits {
        waiting_events: 1,
        ..Limits::default()
    };
    let world = World::start(Config { limits, ..config() }).await;
    let go_on = Arc::new(Notify::new());
    let (seen, mut handled) = mpsc::unbounded_channel();
    let held = go_on.clone();
    world.io.of("/").on("up", move |_: Socket, event: Event| {
        let (held, seen) = (held.clone(), seen.clone());
        async move {
            let number: u32 = event.arg(0).unwrap();
            if number == 0 {
                held.notified().await;
            }
            seen.send(number).unwrap();
        }
    });
    let polling = world.polling().await;
    polling.post("40").await;
    assert!(polling.get().await.body.starts_with("40{"));
    // The first event's handler waits, the second waits for it: what is posted then is not read.
    let body = [up(0), up(1)].join("\u{1e}");
    assert_eq!(polling.post(&body).await.status, 200);
    let mut ws = world.websocket_with(&format!("&sid={}", polling.sid)).await;
    ws.send("2probe").await;
    let (noop, probed) = tokio::join!(polling.get(), ws.text());
    assert_eq!((noop.body.as_str(), probed.as_str()), ("6", "3probe"));
    let body = [up(2), up(3)].join("\u{1e}");
    assert_eq!(polling.post(&body).await.status, 200);
    ws.send("5").await;
    // It has taken over when it carries what waited for any transport. The client says nothing more from here on, and
    // the next ping is 25 s away.
    world.io.of("/").emit("upgraded", &true);
    assert_eq!(ws.text().await, "42[\"upgraded\",true]");
    go_on.notify_one();
    for expected in 0..4 {
        let number = timeout(Duration::from_secs(10), handled.recv()).await;
        assert_eq!(number.expect("to be handled at once"), Some(expected));
    }
}
