//! The codec paths that every message takes. `cargo bench -p socketio-proto`; not run in CI, where times mean nothing.

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use socketio_proto::engine::{Packet, Query, decode_payload, push_text};
use socketio_proto::socket::{self, Kind, Limits, encode_header};
use socketio_proto::websocket::{Decoder, Opcode, encode, encode_deflated};

const LENGTHS: [usize; 3] = [20, 200, 20_000];

fn main() {
    divan::main();
}

/// An event of about so many bytes, as Socket.IO text.
fn event(length: usize) -> String {
    format!(r#"2["msg",{{"text":"{}"}}]"#, "x".repeat(length))
}

/// A text frame as a client sends it.
fn masked(text: &str) -> Vec<u8> {
    let mut frame = encode(Opcode::Text, text.as_bytes());
    let header = frame.len() - text.len();
    frame[1] |= 0x80;
    let mask = [0x11, 0x22, 0x33, 0x44];
    for (byte, mask) in frame[header..].iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
    frame.splice(header..header, mask);
    frame
}

#[divan::bench(args = LENGTHS)]
fn websocket_decode(bencher: Bencher<'_, '_>, length: usize) {
    let frame = masked(&event(length));
    bencher
        .counter(BytesCount::new(frame.len()))
        .bench_local(|| {
            let mut decoder = Decoder::new(1_000_000);
            let mut input = black_box(frame.as_slice());
            decoder.decode(&mut input)
        });
}

#[divan::bench(args = LENGTHS)]
fn websocket_encode(bencher: Bencher<'_, '_>, length: usize) {
    let text = event(length);
    bencher
        .counter(BytesCount::new(text.len()))
        .bench_local(|| encode(Opcode::Text, black_box(text.as_bytes())));
}

/// A list of so many records, as a channel's history is sent.
fn records(count: usize) -> String {
    let record = |n: usize| {
        let id = (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        format!(
            r#"{{"id":"{id:016x}","user_id":"{:08x}","content":"what number {n} has to say","created_at":17639{n:08}}}"#,
            id % 17
        )
    };
    let records: Vec<String> = (0..count).map(record).collect();
    format!(r#"42["list",[{}]]"#, records.join(","))
}

/// What a room's frame costs once, however many get it.
#[divan::bench(args = [10, 40, 200, 2000])]
fn deflate_encode(bencher: Bencher<'_, '_>, count: usize) {
    let text = records(count);
    let frame = encode_deflated(Opcode::Text, text.as_bytes()).map_or(0, |frame| frame.len());
    println!("{count} records: {} bytes, compressed {frame}", text.len());
    bencher
        .counter(BytesCount::new(text.len()))
        .bench_local(|| encode_deflated(Opcode::Text, black_box(text.as_bytes())));
}

#[divan::bench(args = [10, 40, 200, 2000])]
fn deflate_decode(bencher: Bencher<'_, '_>, count: usize) {
    let text = records(count);
    let mut frame = encode_deflated(Opcode::Text, text.as_bytes()).unwrap_or_default();
    let header = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    frame[1] |= 0x80;
    frame.splice(header..header, [0; 4]);
    bencher
        .counter(BytesCount::new(text.len()))
        .bench_local(|| {
            let mut decoder = Decoder::with_deflate(1_000_000);
            let mut input = black_box(frame.as_slice());
            decoder.decode(&mut input)
        });
}

#[divan::bench(args = LENGTHS)]
fn engine_packet_decode(bencher: Bencher<'_, '_>, length: usize) {
    let text = format!("4{}", event(length));
    bencher.bench_local(|| Packet::decode(black_box(&text)).is_ok());
}

#[divan::bench(args = [1, 16, 256])]
fn payload_decode(bencher: Bencher<'_, '_>, packets: usize) {
    let mut body = String::new();
    (0..packets).for_each(|_| push_text(&mut body, &format!("4{}", event(200))));
    bencher
        .counter(BytesCount::new(body.len()))
        .bench_local(|| {
            decode_payload(black_box(&body))
                .filter(Result::is_ok)
                .count()
        });
}

#[divan::bench(args = LENGTHS)]
fn socket_packet_decode(bencher: Bencher<'_, '_>, length: usize) {
    let (text, limits) = (event(length), Limits::default());
    bencher
        .counter(BytesCount::new(text.len()))
        .bench_local(|| socket::Packet::decode(black_box(&text), &limits).is_ok());
}

#[divan::bench]
fn socket_header_encode() -> String {
    let mut out = String::new();
    encode_header(Kind::Event, 0, black_box("/chat"), Some(7), &mut out);
    out
}

#[divan::bench]
fn handshake_query() -> bool {
    Query::parse(black_box(
        "EIO=4&transport=websocket&sid=0198a7c25d5e7a6b&t=abc",
    ))
    .is_ok()
}
