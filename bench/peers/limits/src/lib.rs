//! As much of WebSocket, Engine.IO and Socket.IO as a load generator needs to be let in, shared by the two limits.
//!
//! One room, whatever its name; no pings, no limits, no fragments, no errors but hanging up. What a real server does
//! beyond this is what it may cost more. Both programs bind to 127.0.0.1 and take `--port <number>`.

use base64::Engine as _;
use sha1::{Digest, Sha1};

const OPEN: &str = r#"0{"sid":"limit","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;

/// What a connection has said so far; empty, hence without memory of its own, between two packets.
#[derive(Default)]
pub struct Peer {
    bytes: Vec<u8>,
    is_upgraded: bool,
    /// Whether it entered the room.
    pub is_inside: bool,
}

impl Peer {
    /// Takes bytes, adds what is to be answered to `reply` and what is to go to everybody inside to `broadcast`.
    /// False when the peer must be hung up on.
    pub fn feed(&mut self, bytes: &[u8], reply: &mut Vec<u8>, broadcast: &mut Vec<u8>) -> bool {
        self.bytes.extend_from_slice(bytes);
        if !self.is_upgraded {
            let Some(end) = self.bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
                return self.bytes.len() < 8192;
            };
            let Some(answer) = upgrade(&self.bytes[..end]) else {
                return false;
            };
            reply.extend_from_slice(answer.as_bytes());
            push_frame(reply, OPEN.as_bytes());
            self.bytes.drain(..end + 4);
            self.is_upgraded = true;
        }
        let mut used = 0;
        while let Some((payload, length)) = unmasked(&mut self.bytes[used..]) {
            let Some(payload) = payload else {
                return false;
            };
            used += length;
            match payload.as_slice() {
                [b'4', b'0', ..] => push_frame(reply, br#"40{"sid":"limit"}"#),
                [b'4', b'2', event @ ..] => {
                    if let Some(object) = event.strip_prefix(br#"["pub","#) {
                        push_frame(broadcast, &[br#"42["msg","#, object].concat());
                    } else {
                        self.is_inside = true;
                        let digits = event.iter().take_while(|byte| byte.is_ascii_digit());
                        let id: Vec<u8> = digits.copied().collect();
                        push_frame(reply, &[b"43", id.as_slice(), b"[]"].concat());
                    }
                }
                _ => {}
            }
        }
        self.bytes.drain(..used);
        if self.bytes.is_empty() {
            self.bytes = Vec::new();
        }
        true
    }
}

/// The port after `--port`.
pub fn port() -> u16 {
    let port = std::env::args().nth(2).and_then(|port| port.parse().ok());
    port.expect("usage: --port <number>")
}

fn upgrade(head: &[u8]) -> Option<String> {
    let head = std::str::from_utf8(head).ok()?;
    let key = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("sec-websocket-key")
            .then(|| value.trim())
    })?;
    let hash = Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    let accept = base64::engine::general_purpose::STANDARD.encode(hash);
    Some(format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    ))
}

fn push_frame(bytes: &mut Vec<u8>, payload: &[u8]) {
    bytes.push(0x81);
    match payload.len() {
        length @ 0..126 => bytes.push(length as u8),
        length @ 126..65_536 => {
            bytes.push(126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
}

/// The first frame's payload (`None` for anything but text) and its whole length; nothing while it is incomplete.
fn unmasked(bytes: &mut [u8]) -> Option<(Option<Vec<u8>>, usize)> {
    let (start, length) = (*bytes.first()?, bytes.get(1)? & 0x7f);
    let (header, length) = match length {
        126 => (
            4,
            usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?])),
        ),
        127 => return Some((None, bytes.len())),
        short => (2, usize::from(short)),
    };
    let mask: [u8; 4] = bytes.get(header..header + 4)?.try_into().ok()?;
    let payload = bytes.get(header + 4..header + 4 + length)?;
    let payload = payload
        .iter()
        .zip(mask.iter().cycle())
        .map(|(byte, mask)| byte ^ mask)
        .collect();
    Some(((start == 0x81).then_some(payload), header + 4 + length))
}
