//! What a peer that means harm makes the server hold, in bytes on the heap: counted by the allocator, not timed.

#![allow(clippy::unwrap_used, reason = "test code outside a #[test] function")]

mod common;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    future::Future,
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use axum::{Router, extract::Request, routing::any};
use common::{DEADLINE, World, config};
use futures_util::SinkExt;
use socketio::{Config, Limits, RawWebSocket};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::tungstenite::Message;

struct Counting;

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn took(bytes: usize) {
    let held = HELD.fetch_add(bytes, Ordering::Relaxed) + bytes;
    MOST.fetch_max(held, Ordering::Relaxed);
}

#[allow(unsafe_code, reason = "an allocator that counts")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Ordering::Relaxed);
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes held at most while this runs, above what was held before.
async fn most_held(story: impl Future<Output = ()>) -> usize {
    let before = HELD.load(Ordering::Relaxed);
    MOST.store(before, Ordering::Relaxed);
    timeout(DEADLINE, story).await.expect("an end in time");
    MOST.load(Ordering::Relaxed) - before
}

/// A connection of which little fits into the system's buffers, so that a peer that does not read is felt at once.
async fn narrow(addr: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(addr).await.unwrap()
}

/// Opens a WebSocket and reads the answer's head, and nothing from then on.
async fn open(stream: &mut TcpStream, target: &str) {
    let request = format!(
        "GET {target} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101"));
}

/// A short frame whose mask is zero.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let head = [
        first,
        0x80 | u8::try_from(payload.len()).unwrap(),
        0,
        0,
        0,
        0,
    ];
    [&head, payload].concat()
}

/// Writes the same bytes again and again, until the server has had enough of them.
async fn flood(stream: &mut TcpStream, bytes: &[u8], total: usize) {
    for _ in 0..total / bytes.len() {
        if stream.write_all(bytes).await.is_err() {
            return;
        }
    }
}

const MIB: usize = 1 << 20;

/// One after the other: they share the count.
#[tokio::test]
async fn what_a_peer_can_make_the_server_hold_is_bounded() {
    pings_that_nobody_hears_answered().await;
    probes_that_nobody_hears_answered().await;
    let world = World::start(Config {
        limits: Limits {
            events_per_second: 0,
            ..Limits::default()
        },
        ..config()
    })
    .await;
    world.io.of("/");
    a_body_of_chunks_of_one_byte(&world).await;
    a_body_of_empty_packets(&world).await;
    a_message_in_fragments_of_one_byte(&world).await;
    a_query_of_ten_thousand_parameters(&world).await;
    namespaces_entered_and_left(&world).await;
}

async fn pings_that_nobody_hears_answered() {
    let echo = |request: Request| async move {
        let (answer, opened) = RawWebSocket::accept(request, MIB, None).unwrap();
        tokio::spawn(async move {
            let mut ws = opened.await.unwrap();
            while ws.next().await.is_some() {}
        });
        answer
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let app = Router::new().route("/", any(echo));
    tokio::spawn(async move { axum::serve(listener, app).await });
    let held = most_held(async {
        let mut stream = narrow(addr).await;
        open(&mut stream, "/").await;
        let pings = frame(0x89, &[7; 125]).repeat(100);
        flood(&mut stream, &pings, 16 * MIB).await;
    });
    let held = held.await;
    assert!(held < 2 * MIB, "{held}");
}

async fn probes_that_nobody_hears_answered() {
    let world = World::start(Config {
        upgrade_timeout: Duration::from_millis(500),
        ..config()
    })
    .await;
    world.io.of("/");
    let session = world.polling().await;
    let held = most_held(async {
        let mut stream = narrow(world.addr).await;
        let sid = &session.sid;
        let target = format!("/socket.io/?EIO=4&transport=websocket&sid={sid}");
        open(&mut stream, &target).await;
        let probes = frame(0x81, b"2probe").repeat(1_000);
        flood(&mut stream, &probes, 16 * MIB).await;
    });
    let held = held.await;
    assert!(held < 2 * MIB, "{held}");
}

async fn a_body_of_chunks_of_one_byte(world: &World) {
    const BYTES: usize = 300_000;
    let session = world.polling().await;
    let held = most_held(async {
        let mut stream = TcpStream::connect(world.addr).await.unwrap();
        let head = format!(
            "POST /socket.io/?EIO=4&transport=polling&sid={} HTTP/1.1\r\nhost: x\r\n\
             connection: close\r\ntransfer-encoding: chunked\r\n\r\n1\r\n6\r\n",
            session.sid
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let chunks = b"1\r\n6\r\n".repeat(1_000);
        flood(&mut stream, &chunks, 6 * BYTES).await;
        stream.write_all(b"0\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    });
    let held = held.await;
    assert!(held < 2 * MIB, "{held}");
}

async fn a_body_of_empty_packets(world: &World) {
    let session = world.polling().await;
    let body = "6\u{1e}".repeat(499_999) + "6";
    let held = most_held(async {
        assert_eq!(session.post(&body).await.status, 200);
        // It is taken when the next one is.
        assert_eq!(session.post("6").await.status, 200);
    });
    let held = held.await;
    // The test's own request is among them.
    assert!(held < 6 * MIB, "{held}");
}

async fn a_message_in_fragments_of_one_byte(world: &World) {
    let held = most_held(async {
        let mut stream = TcpStream::connect(world.addr).await.unwrap();
        open(&mut stream, "/socket.io/?EIO=4&transport=websocket").await;
        stream.write_all(&frame(0x01, b"6")).await.unwrap();
        let fragments = frame(0x00, b"x").repeat(1_000);
        flood(&mut stream, &fragments, 7 * 900_000).await;
        // The end, of which the server says what it thinks.
        stream.write_all(&frame(0x80, b"x")).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(answer.windows(4).any(|bytes| bytes[2..] == [0x03, 0xea]));
    });
    let held = held.await;
    assert!(held < 4 * MIB, "{held}");
}

async fn a_query_of_ten_thousand_parameters(world: &World) {
    let query = "&a=b".repeat(10_000);
    let held = most_held(async {
        let path = format!("/socket.io/?EIO=4&transport=polling{query}");
        assert_eq!(world.http("GET", &path, "", "").await.status, 431);
    });
    let held = held.await;
    assert!(held < MIB, "{held}");
}

/// Nothing stays of them while the connection goes on.
async fn namespaces_entered_and_left(world: &World) {
    let (mut ws, _) = world.client().await;
    let turn = async |ws: &mut common::Ws| {
        // In one write: the second is not to wait until the first is acknowledged.
        ws.0.feed(Message::text("41")).await.unwrap();
        ws.0.send(Message::text("40")).await.unwrap();
        assert!(ws.text().await.starts_with("40{"));
    };
    turn(&mut ws).await;
    let before = HELD.load(Ordering::Relaxed);
    for _ in 0..2_000 {
        turn(&mut ws).await;
    }
    let after = HELD.load(Ordering::Relaxed);
    assert!(after < before + MIB / 16, "{before} {after}");
}
