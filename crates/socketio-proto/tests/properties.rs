//! What holds for every input: decoding undoes encoding, cuts change nothing, and nothing panics.

#![allow(clippy::unwrap_used, reason = "test code outside a #[test] function")]

use proptest::prelude::*;
use socketio_proto::{
    engine::{Packet, Query, Session, Times, Transport, decode_payload, push_binary, push_text},
    socket::{self, Assembler, Kind, Limits, Namespaces, encode_header},
    websocket::{Decoder, Message, Opcode, WebSocketError, encode_deflated},
};

/// A client's frame: masked, cut into as many fragments as `cuts` says.
fn client_frame(first_opcode: u8, payload: &[u8], fragment: usize, mask: [u8; 4]) -> Vec<u8> {
    let mut out = Vec::new();
    let chunks: Vec<&[u8]> = if payload.is_empty() {
        vec![&[]]
    } else {
        payload.chunks(fragment.max(1)).collect()
    };
    for (at, chunk) in chunks.iter().enumerate() {
        let fin = if at + 1 == chunks.len() { 0x80 } else { 0 };
        out.push(fin | if at == 0 { first_opcode } else { 0 });
        match chunk.len() {
            len @ 0..=125 => out.push(0x80 | len as u8),
            len @ 126..=0xffff => {
                out.push(0x80 | 126);
                out.extend((len as u16).to_be_bytes());
            }
            len => {
                out.push(0x80 | 127);
                out.extend((len as u64).to_be_bytes());
            }
        }
        out.extend(mask);
        out.extend(
            chunk
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask),
        );
    }
    out
}

/// Everything a decoder finds in input that arrives in pieces of `piece` bytes.
fn decode(bytes: &[u8], piece: usize) -> Result<Vec<Message>, WebSocketError> {
    decode_with(Decoder::new(1 << 20), bytes, piece)
}

fn decode_with(
    mut decoder: Decoder,
    bytes: &[u8],
    piece: usize,
) -> Result<Vec<Message>, WebSocketError> {
    let mut found = Vec::new();
    for mut input in bytes.chunks(piece.max(1)) {
        while let Some(message) = decoder.decode(&mut input)? {
            found.push(message);
        }
        assert!(input.is_empty());
    }
    Ok(found)
}

fn packet() -> impl Strategy<Value = (Kind, usize, String, Option<u64>, String)> {
    let json = "[a-z é]{0,8}".prop_map(|text| serde_json::to_string(&text).unwrap());
    let event = (json.clone(), prop::collection::vec(json.clone(), 0..4))
        .prop_filter("not reserved", |(name, _)| name.len() > 2);
    let event =
        event.prop_map(|(name, args)| format!("[{}]", [vec![name], args].concat().join(",")));
    let args = prop::collection::vec(json, 0..4).prop_map(|args| format!("[{}]", args.join(",")));
    let namespace = prop_oneof![Just("/".to_owned()), "/[a-z]{1,5}"];
    (
        0..4usize,
        namespace,
        prop::option::of(any::<u64>()),
        any::<u64>(),
        event,
        args,
        1..16usize,
    )
        .prop_map(
            |(kind, namespace, id, ack, event, args, attachments)| match kind {
                0 => (Kind::Event, 0, namespace, id, event),
                1 => (Kind::Ack, 0, namespace, Some(ack), args),
                2 => (Kind::BinaryEvent, attachments, namespace, id, event),
                _ => (Kind::BinaryAck, attachments, namespace, Some(ack), args),
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_packet_reads_as_it_was_written((kind, attachments, namespace, id, data) in packet()) {
        let mut text = String::new();
        encode_header(kind, attachments, &namespace, id, &mut text);
        text.push_str(&data);
        let read = socket::Packet::decode(&text, &Limits::default()).unwrap();
        prop_assert_eq!(read, socket::Packet { kind, namespace: &namespace, id, attachments, data: &data });
    }

    #[test]
    fn a_payload_reads_as_it_was_written(parts in prop::collection::vec(prop_oneof![
        "[^\u{1e}]{0,20}".prop_map(Ok), prop::collection::vec(any::<u8>(), 0..20).prop_map(Err)
    ], 1..6)) {
        let mut payload = String::new();
        let mut expected = Vec::new();
        for part in &parts {
            match part {
                Ok(text) => {
                    let packet = Packet::Message(text.into());
                    push_text(&mut payload, &packet.encode());
                    expected.push(Ok(packet));
                }
                Err(bytes) => {
                    push_binary(&mut payload, bytes);
                    expected.push(Ok(Packet::Binary(bytes.into())));
                }
            }
        }
        prop_assert_eq!(decode_payload(&payload).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn websocket_messages_survive_every_cut(
        text in "\\PC{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..70_000),
        fragment in 1..70_000usize, piece in 1..3000usize, mask in any::<[u8; 4]>(),
    ) {
        let mut input = client_frame(1, text.as_bytes(), fragment, mask);
        input.extend(client_frame(9, b"ping", 200, mask));
        input.extend(client_frame(2, &bytes, fragment, mask));
        input.extend(client_frame(8, &1000u16.to_be_bytes(), 200, mask));
        let expected = vec![
            Message::Text(text), Message::Ping(b"ping".to_vec()), Message::Binary(bytes), Message::Close(Some(1000)),
        ];
        prop_assert_eq!(decode(&input, piece), Ok(expected));
    }

    #[test]
    fn compressed_messages_survive_every_cut(
        words in prop::collection::vec("[a-dé]{1,6}", 1..400), bytes in prop::collection::vec(0..4u8, 64..70_000),
        fragment in 1..70_000usize, piece in 1..3000usize, mask in any::<[u8; 4]>(),
    ) {
        let text = words.join(" ").repeat(2) + &"-".repeat(64);
        let payload = |opcode, payload: &[u8]| {
            let frame = encode_deflated(opcode, payload).unwrap();
            let header = match frame[1] { 126 => 4, 127 => 10, _ => 2 };
            frame[header..].to_vec()
        };
        let mut input = client_frame(0x41, &payload(Opcode::Text, text.as_bytes()), fragment, mask);
        input.extend(client_frame(1, text.as_bytes(), fragment, mask));
        input.extend(client_frame(9, b"ping", 200, mask));
        input.extend(client_frame(0x42, &payload(Opcode::Binary, &bytes), fragment, mask));
        let expected = vec![
            Message::Text(text.clone()), Message::Text(text), Message::Ping(b"ping".to_vec()), Message::Binary(bytes),
        ];
        prop_assert_eq!(decode_with(Decoder::with_deflate(1 << 20), &input, piece), Ok(expected));
        prop_assert!(matches!(decode(&input, piece), Err(WebSocketError::Protocol(_))), "not negotiated");
    }

    #[test]
    fn decoders_take_anything(
        bytes in prop::collection::vec(any::<u8>(), 0..300), text in "[0-6b]?[-0-9/,\\[\\]{}\"a\\\\\u{1e}é]{0,60}",
        piece in 1..20usize,
    ) {
        let whole = decode(&bytes, bytes.len());
        prop_assert_eq!(decode(&bytes, piece).is_ok(), whole.is_ok());
        let deflating = |piece| decode_with(Decoder::with_deflate(100), &bytes, piece);
        prop_assert_eq!(deflating(piece), deflating(bytes.len()));
        for text in [text.as_str(), &String::from_utf8_lossy(&bytes)] {
            let _ = Query::parse(text);
            let _ = decode_payload(text).count();
            let _ = socket::Packet::decode(text, &Limits::default());
            let mut assembler = Assembler::default();
            let _ = assembler.text(text.to_owned(), &Limits::default());
            let _ = assembler.binary(bytes.clone().into(), &Limits::default());
        }
    }

    #[test]
    fn a_session_takes_anything(steps in prop::collection::vec((0..12u8, any::<bool>(), 0..30_000u64), 0..60)) {
        let times = Times { ping_interval_ms: 25_000, ping_timeout_ms: 20_000 };
        let mut session = Session::open(Transport::Polling, times, 0);
        let (mut now_ms, mut pings, mut pongs) = (0, 0, 0);
        for (step, is_websocket, passed_ms) in steps {
            now_ms += passed_ms;
            if let Some(socketio_proto::engine::Due::Ping) = session.tick(now_ms) {
                pings += 1;
            }
            let on = if is_websocket { Transport::WebSocket } else { Transport::Polling };
            let text = ["0", "1", "2", "3", "4x", "5", "6", "2probe", "2probe", "3probe", "4", "5"][usize::from(step)];
            let was_closed = session.is_closed();
            if session.receive(on, Packet::decode(text).unwrap(), now_ms).is_ok() && text.starts_with('3') {
                pongs += 1;
            }
            prop_assert!(!was_closed || session.is_closed());
        }
        prop_assert!(pings <= pongs + 1);
    }

    #[test]
    fn namespaces_take_anything(steps in prop::collection::vec((0..7usize, 0..3usize, any::<bool>()), 0..60)) {
        let kinds = [Kind::Connect, Kind::Disconnect, Kind::Event, Kind::Ack, Kind::ConnectError, Kind::BinaryEvent, Kind::BinaryAck];
        let names = ["/", "/a", "/b"];
        let mut namespaces = Namespaces::default();
        for (kind, name, is_accepted) in steps {
            let name = names[name];
            if let Ok(socket::Step::Ask) = namespaces.receive(kinds[kind], name, 2) {
                namespaces.ask(name.into(), name.to_owned());
                if is_accepted { namespaces.accept(name) } else { namespaces.refuse(name) }
            }
            prop_assert!(namespaces.owners().count() <= 2);
        }
    }
}

#[test]
fn a_promise_of_much_takes_no_memory_and_is_refused_at_the_header() {
    let mut decoder = Decoder::new(100);
    let header = [0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 101, 1, 2, 3, 4];
    assert_eq!(
        decoder.decode(&mut header.as_slice()),
        Err(WebSocketError::TooLarge { max: 100 })
    );
}

#[test]
fn only_the_first_frame_of_a_data_message_is_marked_as_compressed() {
    let bits = |frames: &[(u8, &[u8])]| {
        let input: Vec<u8> = frames
            .iter()
            .flat_map(|(first, payload)| {
                let mut frame = vec![*first, 0x80 | payload.len() as u8, 0, 0, 0, 0];
                frame.extend(*payload);
                frame
            })
            .collect();
        decode_with(Decoder::with_deflate(100), &input, 1)
    };
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let whole = Ok(vec![Message::Text("Hello".into())]);
    assert_eq!(bits(&[(0xc1, &hello)]), whole);
    assert_eq!(bits(&[(0x41, &hello[..3]), (0x80, &hello[3..])]), whole);
    for breach in [
        &[(0xc9, &b"p"[..])][..],
        &[(0xca, b"p")],
        &[(0xc8, b"")],
        &[(0x41, &hello[..3]), (0xc0, &hello[3..])],
        &[(0xa1, b"x")],
        &[(0x91, b"x")],
        &[(0xf1, &hello)],
    ] {
        assert!(
            matches!(bits(breach), Err(WebSocketError::Protocol(_))),
            "{breach:x?}"
        );
    }
    assert_eq!(bits(&[(0xc1, &hello[..5])]), Err(WebSocketError::Deflate));
    let not_text = encode_deflated(Opcode::Text, &[0xff; 50]).unwrap();
    assert_eq!(bits(&[(0xc1, &not_text[2..])]), Err(WebSocketError::Utf8));
    let long = encode_deflated(Opcode::Text, &[b'x'; 101]).unwrap();
    assert_eq!(
        bits(&[(0xc1, &long[2..])]),
        Err(WebSocketError::TooLarge { max: 100 })
    );
}

#[test]
fn frames_that_break_the_rules_are_refused() {
    let masked = |first: u8, payload: &[u8]| {
        let mut frame = vec![first, 0x80 | payload.len() as u8, 0, 0, 0, 0];
        frame.extend(payload);
        frame
    };
    let protocol = |input: &[u8]| matches!(decode(input, 1), Err(WebSocketError::Protocol(_)));
    assert!(protocol(&[0x81, 0x01, b'x']), "not masked");
    assert!(protocol(&masked(0xc1, b"x")), "reserved bit");
    assert!(protocol(&masked(0x83, b"x")), "reserved opcode");
    assert!(protocol(&masked(0x80, b"x")), "continuation of nothing");
    assert!(
        protocol(&[masked(0x01, b"x"), masked(0x81, b"x")].concat()),
        "new message in a message"
    );
    assert!(protocol(&masked(0x09, b"x")), "fragmented ping");
    assert!(protocol(&[0x89, 0xfe, 0, 126, 0, 0, 0, 0]), "long ping");
    assert!(protocol(&masked(0x88, &[3])), "half a close code");
    for code in [0u16, 999, 1004, 1005, 1006, 1015, 2999, 5000] {
        assert!(protocol(&masked(0x88, &code.to_be_bytes())), "{code}");
    }
    assert_eq!(decode(&masked(0x81, &[0xff]), 1), Err(WebSocketError::Utf8));
    assert_eq!(
        decode(&masked(0x88, &[3, 232, 0xff]), 1),
        Err(WebSocketError::Utf8)
    );
    let between = [
        masked(0x01, "é".as_bytes().get(..1).unwrap()),
        masked(0x89, b"p"),
        masked(0x80, &"é".as_bytes()[1..]),
    ];
    let found = decode(&between.concat(), 1).unwrap();
    assert_eq!(
        found,
        [Message::Ping(b"p".to_vec()), Message::Text("é".into())]
    );
}
