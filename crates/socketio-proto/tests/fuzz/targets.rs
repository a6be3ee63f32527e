//! What must hold of any bytes. Text decoders get what is UTF-8 of them, as the transports hand on nothing else.

use bytes::Bytes;
use serde_json::value::RawValue;
use socketio_proto::engine::{Incoming, Packet, Query, Session, Times, Transport, decode_payload};
use socketio_proto::socket::{self, Assembler, Kind, Limits, encode_header};
use socketio_proto::websocket::{
    Decoder, Message, Opcode, WebSocketError, encode_deflated, negotiate_deflate,
};

const MAX_MESSAGE: usize = 512;
const LIMITS: Limits = Limits {
    attachments: 4,
    attachment_bytes: 64,
    json_depth: 16,
    event_name_bytes: 32,
    namespace_bytes: 32,
};

fn text(bytes: &[u8]) -> &str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap(),
    }
}

/// A packet that was read is the same when it is written and read again.
pub fn engine_packet(bytes: &[u8]) {
    let text = text(bytes);
    if let Ok(packet) = Packet::decode(text) {
        assert_eq!(packet.encode(), text);
    }
}

/// The packets of a payload, joined again, are the same packets.
pub fn payload(bytes: &[u8]) {
    let body = text(bytes);
    let packets: Vec<_> = decode_payload(body).collect();
    assert!(packets.len() <= body.len() + 1);
    let Ok(packets) = packets.into_iter().collect::<Result<Vec<_>, _>>() else {
        return;
    };
    let joined = packets
        .iter()
        .map(Packet::encode)
        .collect::<Vec<_>>()
        .join("\u{1e}");
    let again: Vec<_> = decode_payload(&joined).collect::<Result<_, _>>().unwrap();
    assert_eq!(again, packets);
}

/// Nothing but version 4 opens or continues a session.
pub fn query(bytes: &[u8]) {
    let text = text(bytes);
    if let Ok(query) = Query::parse(text) {
        assert!(text.contains("EIO=4"));
        if let Some(sid) = query.sid {
            assert!(text.contains(sid.as_ref()) || text.contains('%') || text.contains('+'));
        }
    }
}

/// A packet keeps its limits, and is the same when it is written and read again.
pub fn socket_packet(bytes: &[u8]) {
    let Ok(packet) = socket::Packet::decode(text(bytes), &LIMITS) else {
        return;
    };
    assert!(packet.attachments <= LIMITS.attachments);
    assert!(packet.namespace.len() <= LIMITS.namespace_bytes);
    if matches!(
        packet.kind,
        Kind::Event | Kind::BinaryEvent | Kind::Ack | Kind::BinaryAck
    ) {
        // Raw, because numbers out of range are JSON, but no `Value`.
        let array: Vec<&RawValue> = serde_json::from_str(packet.data).unwrap();
        assert!(array.len() < packet.data.len());
    }
    let mut again = String::new();
    encode_header(
        packet.kind,
        packet.attachments,
        packet.namespace,
        packet.id,
        &mut again,
    );
    again.push_str(packet.data);
    assert_eq!(
        socket::Packet::decode(&again, &LIMITS).as_ref(),
        Ok(&packet)
    );
}

/// Messages, of which those that begin with a zero byte are binary, are put together within the limits.
pub fn attachments(bytes: &[u8]) {
    let mut assembler = Assembler::default();
    for part in bytes.split(|byte| *byte == b'\n') {
        let result = match part {
            [0, binary @ ..] => assembler.binary(Bytes::copy_from_slice(binary), &LIMITS),
            part => assembler.text(text(part).to_owned(), &LIMITS),
        };
        if let Ok(Some(packet)) = result {
            assert!(packet.attachments.len() <= LIMITS.attachments);
            let size: usize = packet.attachments.iter().map(Bytes::len).sum();
            assert!(size <= LIMITS.attachment_bytes);
            assert!(packet.namespace().starts_with('/'));
            let (whole, data_from) = packet.into_text();
            assert!(whole.is_char_boundary(data_from));
        }
    }
}

/// However a stream is cut, the same messages come out, none over its limit, and the same error ends it.
pub fn websocket(bytes: &[u8]) {
    frames(bytes, || Decoder::new(MAX_MESSAGE));
}

/// The same where messages may be compressed. A bomb is one of the errors. Any bytes survive being compressed.
pub fn deflate(bytes: &[u8]) {
    frames(bytes, || Decoder::with_deflate(MAX_MESSAGE));
    if let Some(mut frame) = encode_deflated(Opcode::Binary, bytes) {
        assert!(frame.len() < bytes.len() + 4);
        let header = match frame[1] {
            126 => 4,
            _ => 2,
        };
        frame[1] |= 0x80;
        frame.splice(header..header, [0; 4]);
        let decoded = Decoder::with_deflate(bytes.len()).decode(&mut frame.as_slice());
        assert_eq!(decoded, Ok(Some(Message::Binary(bytes.to_vec()))));
    }
}

/// What is agreed to was offered, whatever else stands in the headers (one a line).
pub fn extensions(bytes: &[u8]) {
    let headers = bytes.split(|byte| *byte == b'\n');
    if let Ok(Some(answer)) = negotiate_deflate(headers) {
        let offered = text(bytes).to_ascii_lowercase();
        assert!(offered.contains("permessage-deflate") || offered.len() < bytes.len());
        assert_eq!(negotiate_deflate([answer.as_bytes()]), Ok(Some(answer)));
    }
}

fn frames(bytes: &[u8], decoder: fn() -> Decoder) {
    let whole = messages(bytes, decoder(), bytes.len().max(1));
    assert_eq!(messages(bytes, decoder(), 1), whole);
    assert_eq!(messages(bytes, decoder(), 7), whole);
    for message in &whole.0 {
        let len = match message {
            Message::Text(text) => text.len(),
            Message::Binary(bytes) => bytes.len(),
            Message::Ping(bytes) | Message::Pong(bytes) => {
                assert!(bytes.len() <= 125);
                bytes.len()
            }
            Message::Close(_) => 0,
        };
        assert!(len <= MAX_MESSAGE);
    }
    // Every message costs its sender at least a header and a mask.
    assert!(whole.0.len() <= bytes.len() / 6);
}

fn messages(
    bytes: &[u8],
    mut decoder: Decoder,
    cut: usize,
) -> (Vec<Message>, Option<WebSocketError>) {
    let mut messages = Vec::new();
    for mut input in bytes.chunks(cut) {
        loop {
            match decoder.decode(&mut input) {
                Ok(Some(message)) => messages.push(message),
                Ok(None) => break,
                Err(error) => return (messages, Some(error)),
            }
        }
        assert!(input.is_empty());
    }
    (messages, None)
}

/// A session stays in order whatever comes when: lines of a transport, a delay and a packet.
pub fn session(bytes: &[u8]) {
    let times = Times {
        ping_interval_ms: 100,
        ping_timeout_ms: 50,
    };
    let first = match bytes.first() {
        Some(b'w') => Transport::WebSocket,
        _ => Transport::Polling,
    };
    let (mut now_ms, mut session) = (0, Session::open(first, times, 0));
    for line in bytes.split(|byte| *byte == b'\n') {
        let [on, delay, rest @ ..] = line else {
            continue;
        };
        let on = if *on == b'w' {
            Transport::WebSocket
        } else {
            Transport::Polling
        };
        now_ms += u64::from(*delay);
        let (was, was_closed) = (session.transport(), session.is_closed());
        let Ok(packet) = Packet::decode(text(rest)) else {
            continue;
        };
        let result = session.receive(on, packet, now_ms);
        assert!(
            !was_closed || result.is_err(),
            "a closed session takes nothing"
        );
        match result {
            Ok(Incoming::Upgraded) => assert_eq!(session.transport(), Transport::WebSocket),
            Ok(Incoming::Message(_) | Incoming::Binary(_)) => assert_eq!(on, was),
            _ => {}
        }
        assert!(was == Transport::Polling || session.is_closed() || session.transport() == was);
        let _due = session.tick(now_ms);
    }
}
