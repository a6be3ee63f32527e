//! The WebSocket stack over real sockets, below Engine.IO: raw bytes in, raw bytes out.

#![allow(clippy::unwrap_used, reason = "test code outside a #[test] function")]

use std::{net::SocketAddr, time::Duration};

use axum::{
    body::Body,
    http::{Request, Response, StatusCode},
};
use socketio::RawWebSocket;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

const MAX_BYTES: usize = 70_000;

async fn echo(request: Request<Body>) -> Response<Body> {
    let Ok((answer, opened)) = RawWebSocket::accept(request, MAX_BYTES, None) else {
        let mut answer = Response::new(Body::empty());
        *answer.status_mut() = StatusCode::BAD_REQUEST;
        return answer;
    };
    tokio::spawn(async move {
        let Some(mut websocket) = opened.await else {
            return;
        };
        while let Some(message) = websocket.next().await {
            if !websocket.send(&message).await {
                return;
            }
        }
    });
    answer
}

async fn server() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(echo)).await });
    addr
}

/// Opens a WebSocket; `early` goes out in the same write as the request.
async fn open(early: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server().await).await.unwrap();
    let mut request =
        b"GET / HTTP/1.1\r\nhost: x\r\nconnection: keep-alive, Upgrade\r\nupgrade: websocket\r\n\
        sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            .to_vec();
    request.extend(early);
    stream.write_all(&request).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(read(&mut stream, 1).await[0]);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    assert!(head.starts_with("http/1.1 101"), "{head}");
    assert!(
        head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="),
        "{head}"
    );
    stream
}

async fn read(stream: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    timeout(Duration::from_secs(5), stream.read_exact(&mut bytes))
        .await
        .expect("bytes in time")
        .unwrap();
    bytes
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![
        first,
        0x80 | u8::try_from(payload.len()).unwrap(),
        1,
        2,
        3,
        4,
    ];
    frame.extend(
        payload
            .iter()
            .zip([1, 2, 3, 4].iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

#[tokio::test]
async fn a_message_in_the_same_packet_as_the_request_is_not_lost() {
    let mut stream = open(&frame(0x81, b"early")).await;
    assert_eq!(read(&mut stream, 7).await, b"\x81\x05early");
}

#[tokio::test]
async fn control_frames_between_fragments_are_answered_at_once() {
    let mut stream = open(&[]).await;
    stream
        .write_all(&[frame(0x01, b"a"), frame(0x89, b"p")].concat())
        .await
        .unwrap();
    assert_eq!(read(&mut stream, 3).await, b"\x8a\x01p");
    stream
        .write_all(&[frame(0x00, b"b"), frame(0x8a, b"stray"), frame(0x80, b"c")].concat())
        .await
        .unwrap();
    assert_eq!(read(&mut stream, 5).await, b"\x81\x03abc");
}

#[tokio::test]
async fn a_frame_may_arrive_byte_by_byte() {
    let mut stream = open(&[]).await;
    stream.set_nodelay(true).unwrap();
    for byte in frame(0x82, b"slowly") {
        stream.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(read(&mut stream, 8).await, b"\x82\x06slowly");
}

#[tokio::test]
async fn each_breach_is_closed_with_its_code() {
    let long = [&[0x82, 0xff, 0, 0, 0, 0, 0, 1, 0x11, 0x71][..], &[0; 4]].concat();
    for (name, input, code) in [
        ("an unmasked frame", vec![0x81, 1, b'x'], 1002),
        ("a reserved bit", frame(0xc1, b"x"), 1002),
        ("a reserved opcode", frame(0x83, b"x"), 1002),
        ("a continuation of nothing", frame(0x80, b"x"), 1002),
        ("a fragmented ping", frame(0x09, b"x"), 1002),
        (
            "a reserved close code",
            frame(0x88, &1005u16.to_be_bytes()),
            1002,
        ),
        ("text that is not UTF-8", frame(0x81, &[0xc0, 0x80]), 1007),
        ("a message over the limit", long, 1009),
        ("a close", frame(0x88, &4321u16.to_be_bytes()), 4321),
    ] {
        let mut stream = open(&[]).await;
        stream.write_all(&input).await.unwrap();
        let answer = read(&mut stream, 4).await;
        assert_eq!(
            (answer[0], u16::from_be_bytes([answer[2], answer[3]])),
            (0x88, code),
            "{name}"
        );
        stream
            .write_all(&frame(0x88, &code.to_be_bytes()))
            .await
            .unwrap();
        let mut rest = Vec::new();
        let end = timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await;
        assert_eq!(end.expect("an end in time").unwrap(), 0, "{name}");
    }
}

#[tokio::test]
async fn a_close_without_a_code_is_answered_without_one() {
    let mut stream = open(&[]).await;
    stream.write_all(&frame(0x88, b"")).await.unwrap();
    assert_eq!(read(&mut stream, 2).await, [0x88, 0]);
}

#[tokio::test]
async fn requests_that_are_no_websocket_are_refused() {
    let addr = server().await;
    for head in [
        "GET / HTTP/1.1\r\nhost: x\r\n",
        "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 8\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        "GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: short\r\n",
        "POST / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
    ] {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream
            .write_all(format!("{head}\r\n").as_bytes())
            .await
            .unwrap();
        assert_eq!(read(&mut stream, 12).await, b"HTTP/1.1 400", "{head}");
    }
}
