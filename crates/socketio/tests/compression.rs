//! permessage-deflate over real sockets: what is agreed to, who gets compressed bytes, and what a client may send.

#![allow(clippy::unwrap_used, reason = "test code outside a #[test] function")]

mod common;

use std::time::Duration;

use bytes::Bytes;
use common::{DEADLINE, World, config};
use flate2::{Decompress, FlushDecompress};
use socketio::{Class, Compression, Config, Event, Frame, Socket, Stamped};
use socketio_proto::websocket::{Opcode, encode_deflated};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const MAX_PAYLOAD: usize = 20_000;
const OFFER: &str = "permessage-deflate; client_max_window_bits";

fn compressing() -> Config {
    Config {
        compression: Some(Compression::default()),
        max_payload: MAX_PAYLOAD,
        ..config()
    }
}

/// A client that sees the bits of the frames.
struct Raw {
    stream: TcpStream,
    head: String,
}

impl Raw {
    /// Asks for a WebSocket with these extensions; `query` may name a session.
    async fn ask(world: &World, extensions: &str, query: &str) -> Raw {
        let mut stream = TcpStream::connect(world.addr).await.unwrap();
        let request = format!(
            "GET /socket.io/?EIO=4&transport=websocket{query} HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\n\
             upgrade: websocket\r\nsec-websocket-version: 13\r\n\
             sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{extensions}\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(timeout(DEADLINE, stream.read_u8()).await.unwrap().unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        Raw { stream, head }
    }

    async fn open(world: &World, offer: &str) -> Raw {
        let header = format!("sec-websocket-extensions: {offer}\r\n");
        let mut raw = Raw::ask(world, &header, "").await;
        assert!(raw.text().await.starts_with("0{"));
        raw
    }

    /// One that is connected to `/`.
    async fn client(world: &World, offer: &str) -> Raw {
        let mut raw = Raw::open(world, offer).await;
        raw.send(0x81, b"40").await;
        assert!(raw.text().await.starts_with("40{"));
        raw
    }

    /// What was agreed to, if anything.
    fn agreed(&self) -> Option<&str> {
        let mut lines = self.head.lines();
        lines.find_map(|line| line.strip_prefix("sec-websocket-extensions: "))
    }

    /// The first byte and the payload of the next frame.
    async fn frame(&mut self) -> (u8, Vec<u8>) {
        let read = async {
            let first = self.stream.read_u8().await.unwrap();
            let len = match self.stream.read_u8().await.unwrap() {
                126 => usize::from(self.stream.read_u16().await.unwrap()),
                127 => usize::try_from(self.stream.read_u64().await.unwrap()).unwrap(),
                len => usize::from(len),
            };
            let mut payload = vec![0; len];
            self.stream.read_exact(&mut payload).await.unwrap();
            (first, payload)
        };
        timeout(DEADLINE, read).await.expect("a frame in time")
    }

    /// The next frame, which is text and not compressed.
    async fn text(&mut self) -> String {
        let (first, payload) = self.frame().await;
        assert_eq!(first, 0x81);
        String::from_utf8(payload).unwrap()
    }

    async fn send(&mut self, first: u8, payload: &[u8]) {
        let mut frame = vec![first];
        match u16::try_from(payload.len()) {
            Ok(len @ 0..=125) => frame.push(0x80 | len as u8),
            Ok(len) => {
                frame.push(0x80 | 126);
                frame.extend(len.to_be_bytes());
            }
            Err(_) => {
                frame.push(0x80 | 127);
                frame.extend((payload.len() as u64).to_be_bytes());
            }
        }
        frame.extend([0; 4]);
        frame.extend(payload);
        self.stream.write_all(&frame).await.unwrap();
    }

    async fn close_code(&mut self) -> u16 {
        loop {
            let (first, payload) = self.frame().await;
            if first == 0x88 {
                return u16::from_be_bytes([payload[0], payload[1]]);
            }
        }
    }
}

fn inflated(payload: &[u8]) -> Vec<u8> {
    let input = [payload, &[0, 0, 0xff, 0xff]].concat();
    let mut out = Vec::with_capacity(1 << 20);
    let mut inflate = Decompress::new(false);
    inflate
        .decompress_vec(&input, &mut out, FlushDecompress::Sync)
        .unwrap();
    out
}

/// The payload of a compressed message.
fn deflated(payload: &[u8]) -> Vec<u8> {
    let frame = encode_deflated(Opcode::Text, payload).unwrap();
    let header = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    frame[header..].to_vec()
}

fn long_text() -> String {
    (0..1000).map(|n| format!("{n} ")).collect()
}

#[tokio::test]
async fn it_is_off_unless_the_server_and_the_client_want_it() {
    let world = World::start(config()).await;
    assert_eq!(Raw::open(&world, OFFER).await.agreed(), None);
    // What is not looked at is not judged.
    assert_eq!(Raw::open(&world, "; nonsense").await.agreed(), None);
    let world = World::start(compressing()).await;
    let agreed = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    for (offer, expected) in [
        (OFFER, Some(agreed.to_owned())),
        ("permessage-deflate; server_max_window_bits=9", None),
        ("permessage-deflate; unheard_of", None),
        ("permessage-bzip2", None),
        (
            "permessage-deflate; unheard_of, permessage-deflate; server_max_window_bits=\"15\"",
            Some(format!("{agreed}; server_max_window_bits=15")),
        ),
    ] {
        let raw = Raw::open(&world, offer).await;
        assert_eq!(raw.agreed(), expected.as_deref(), "{offer}");
    }
    assert_eq!(Raw::ask(&world, "", "").await.agreed(), None);
    let broken = "sec-websocket-extensions: permessage-deflate;;\r\n";
    let refused = Raw::ask(&world, broken, "").await;
    assert!(refused.head.starts_with("HTTP/1.1 400"), "{}", refused.head);
}

#[tokio::test]
async fn a_rooms_long_frame_is_the_same_compressed_bytes_for_all_who_agreed_and_plain_for_others() {
    let world = World::start(compressing()).await;
    world.io.of("/").on_connect(|socket, _auth| async move {
        socket.join("all");
        Ok(())
    });
    let mut agreed = Vec::new();
    for _ in 0..10 {
        agreed.push(Raw::client(&world, OFFER).await);
    }
    let (mut plain, _) = world.client().await;
    let polling = world.polling().await;
    polling.post("40").await;
    assert!(polling.get().await.body.starts_with("40{"));

    let text = long_text();
    let expected = format!("42[\"long\",\"{text}\"]");
    world.io.of("/").to("all").emit("long", &text);
    world.io.of("/").to("all").emit("short", &1);
    let mut first = None;
    for raw in &mut agreed {
        let (bits, payload) = raw.frame().await;
        assert_eq!(bits, 0xc1);
        assert!(payload.len() < expected.len() / 2);
        let first = first.get_or_insert_with(|| payload.clone());
        assert_eq!(*first, payload);
        assert_eq!(raw.text().await, "42[\"short\",1]");
    }
    assert_eq!(inflated(&first.unwrap()), expected.as_bytes());
    assert_eq!(plain.text().await, expected);
    assert_eq!(plain.text().await, "42[\"short\",1]");
    let polled = polling.get().await.body;
    assert_eq!(polled, format!("{expected}\u{1e}42[\"short\",1]"));
}

#[tokio::test]
async fn attachments_are_compressed_each_by_its_own_length() {
    let world = World::start(compressing()).await;
    world.io.of("/").on_connect(|socket, _auth| async move {
        let long = Bytes::from(vec![7; 5000]);
        let parts = vec![long, Bytes::from_static(b"short")];
        let args = r#"{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}"#;
        let frame = Frame::binary_event("/", "b", args, parts);
        socket.send(&frame, Class::Reliable);
        Ok(())
    });
    let mut raw = Raw::client(&world, OFFER).await;
    assert!(raw.text().await.starts_with("452-[\"b\""));
    let (bits, payload) = raw.frame().await;
    assert_eq!((bits, inflated(&payload)), (0xc2, vec![7; 5000]));
    assert_eq!(raw.frame().await, (0x82, b"short".to_vec()));
}

#[tokio::test]
async fn a_client_may_compress_what_it_sends() {
    let world = World::start(compressing()).await;
    let echo = |socket: Socket, event: Event| async move {
        let text: String = event.arg(0).unwrap();
        socket.emit("length", &text.len());
    };
    world.io.of("/").on("text", echo);
    let mut raw = Raw::client(&world, OFFER).await;
    let packet = format!("42[\"text\",\"{}\"]", long_text());
    let compressed = deflated(packet.as_bytes());
    raw.send(0xc1, &compressed).await;
    let expected = format!("42[\"length\",{}]", long_text().len());
    assert_eq!(raw.text().await, expected);
    // In fragments with a ping between them, and not compressed at all.
    raw.send(0x41, &compressed[..100]).await;
    raw.send(0x89, b"?").await;
    assert_eq!(raw.frame().await, (0x8a, b"?".to_vec()));
    raw.send(0x80, &compressed[100..]).await;
    assert_eq!(raw.text().await, expected);
    raw.send(0x81, packet.as_bytes()).await;
    assert_eq!(raw.text().await, expected);
}

#[tokio::test]
async fn each_breach_ends_the_connection_with_its_code() {
    let world = World::start(compressing()).await;
    let hello = deflated(&[b'4'; 100]);
    let bomb = deflated(&vec![b'4'; 10_000_000]);
    assert!(bomb.len() < MAX_PAYLOAD * 3);
    let small_bomb = deflated(&[b'4'; MAX_PAYLOAD + 1]);
    for (name, offer, first, payload, code) in [
        ("not agreed", "permessage-bzip2", 0xc1, hello.clone(), 1002),
        ("a compressed ping", OFFER, 0xc9, b"p".to_vec(), 1002),
        ("another reserved bit", OFFER, 0xe1, hello.clone(), 1002),
        ("a damaged message", OFFER, 0xc1, vec![0xff; 20], 1007),
        ("a bomb that is long itself", OFFER, 0xc1, bomb, 1009),
        ("a bomb", OFFER, 0xc1, small_bomb, 1009),
    ] {
        let mut raw = Raw::open(&world, offer).await;
        raw.send(first, &payload).await;
        assert_eq!(raw.close_code().await, code, "{name}");
    }
    world.no_connections().await;
}

#[tokio::test]
async fn compression_begins_when_the_websocket_has_taken_over() {
    let world = World::start(compressing()).await;
    world.io.of("/");
    let polling = world.polling().await;
    polling.post("40").await;
    assert!(polling.get().await.body.starts_with("40{"));
    let header = format!("sec-websocket-extensions: {OFFER}\r\n");
    let mut raw = Raw::ask(&world, &header, &format!("&sid={}", polling.sid)).await;
    assert!(raw.agreed().is_some());
    raw.send(0x81, b"2probe").await;
    assert_eq!(raw.text().await, "3probe");
    let text = long_text();
    world.io.of("/").emit("before", &text);
    raw.send(0x81, b"5").await;
    // Queued for whichever transport comes: plain.
    assert_eq!(raw.text().await, format!("42[\"before\",\"{text}\"]"));
    world.io.of("/").emit("after", &text);
    let (bits, payload) = raw.frame().await;
    let expected = format!("42[\"after\",\"{text}\"]");
    assert_eq!((bits, inflated(&payload)), (0xc1, expected.into_bytes()));
}

#[tokio::test]
async fn what_waits_compressed_is_withdrawn_by_the_events_that_it_was_made_from() {
    let world = World::start(compressing()).await;
    world.io.of("/").on_connect(|socket, _auth| async move {
        socket.join("all");
        Ok(())
    });
    let mut raw = Raw::client(&world, OFFER).await;
    let socket = world.io.of("/").sockets().remove(0);
    let event = |name: &str| Stamped::new(Frame::event("/", name, &long_text()).unwrap(), name);
    let events = ["first", "second", "third"].map(event);
    for event in &events {
        assert!(socket.send_stamped(event, Class::Reliable));
    }
    // The connection's task has had no turn.
    let newest_first = [&event("never sent"), &events[2], &events[1]];
    assert_eq!(socket.withdraw(newest_first), 0, "not the end");
    assert_eq!(socket.withdraw(newest_first.into_iter().skip(1)), 2);
    socket.emit("last", &1);
    let expected = format!("42[\"first\",\"{}\"]", long_text());
    let (bits, payload) = raw.frame().await;
    assert_eq!((bits, inflated(&payload)), (0xc1, expected.into_bytes()));
    assert_eq!(raw.text().await, "42[\"last\",1]");
}

#[tokio::test]
async fn a_heartbeat_is_never_compressed() {
    let eager = Compression { threshold_bytes: 0 };
    let world = World::start(Config {
        compression: Some(eager),
        ping_interval: Duration::from_millis(50),
        ..config()
    })
    .await;
    let mut raw = Raw::open(&world, OFFER).await;
    assert_eq!(raw.text().await, "2");
}
