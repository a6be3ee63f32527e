//! What a byte of a peer costs its decoder: eight times the input takes eight times the memory and no more, whatever the
//! input is made of. Counted by the allocator, not timed.

#![allow(clippy::unwrap_used, reason = "test code outside a #[test] function")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use bytes::Bytes;
use socketio_proto::{
    engine::{Packet, Query, decode_payload},
    socket::{Assembler, Limits},
    websocket::{Decoder, Opcode, encode_deflated, negotiate_deflate},
};

struct Counting;

thread_local! {
    /// Calls of the allocator, and bytes it was asked for.
    static TAKEN: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

#[allow(unsafe_code, reason = "an allocator that counts")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        TAKEN.with(|taken| {
            let (calls, bytes) = taken.get();
            taken.set((calls + 1, bytes + layout.size()));
        });
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What decoding takes of the allocator.
fn taken(decode: impl Fn(&[u8]), input: &[u8]) -> (usize, usize) {
    TAKEN.set((0, 0));
    decode(input);
    TAKEN.get()
}

/// `input` makes a peer's bytes of a size.
fn check(what: &str, input: impl Fn(usize) -> Vec<u8>, decode: impl Fn(&[u8])) {
    let (small, large) = (input(1_000), input(8_000));
    // What a thread keeps is made before.
    decode(&small);
    let (calls, bytes) = taken(&decode, &small);
    let (more_calls, more_bytes) = taken(&decode, &large);
    assert!(
        more_calls <= 8 * calls + 16,
        "{what}: {calls}, then {more_calls} calls of the allocator"
    );
    // A buffer that doubles may just have done so.
    assert!(
        more_bytes <= 2 * 8 * bytes + 1024,
        "{what}: {bytes}, then {more_bytes} bytes"
    );
    assert!(
        bytes <= 64 * small.len(),
        "{what}: {bytes} bytes for {}",
        small.len()
    );
}

fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, 0x80];
    match u8::try_from(payload.len()) {
        Ok(len @ ..126) => frame[1] |= len,
        _ => {
            frame[1] |= 126;
            let len = u16::try_from(payload.len()).unwrap();
            frame.extend(len.to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(payload);
    frame
}

fn frames(bytes: &[u8]) {
    let mut decoder = Decoder::with_deflate(1 << 20);
    let mut input = bytes;
    while let Ok(Some(_)) = decoder.decode(&mut input) {}
}

fn payload(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap();
    decode_payload(text).for_each(drop);
}

fn packet(bytes: &[u8]) {
    let limits = Limits {
        json_depth: 100_000,
        namespace_bytes: 100_000,
        event_name_bytes: 100_000,
        ..Limits::default()
    };
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let _ = Assembler::default().text(text, &limits);
}

fn query(bytes: &[u8]) {
    let _ = Query::parse(std::str::from_utf8(bytes).unwrap());
}

#[test]
fn frames_cost_as_much_as_they_are_long() {
    let repeated = |frame: Vec<u8>| move |count: usize| frame.repeat(count);
    check("pings", repeated(frame(0x89, b"")), frames);
    check("empty messages", repeated(frame(0x81, b"")), frames);
    check("short messages", repeated(frame(0x81, b"x")), frames);
    let fragments = |payload: &'static [u8]| {
        move |count| [frame(0x01, b"x"), frame(0x00, payload).repeat(count)].concat()
    };
    check("empty fragments", fragments(b""), frames);
    check("fragments of a byte", fragments(b"x"), frames);
    let pings_between = frame(0x00, b"x").into_iter().chain(frame(0x89, b"y"));
    let pings_between: Vec<u8> = pings_between.collect();
    let pings_between = |count| [frame(0x01, b"x"), pings_between.repeat(count)].concat();
    check("pings between fragments", pings_between, frames);
    let compressed = |count: usize| {
        let frame = encode_deflated(Opcode::Text, "abc".repeat(20).as_bytes()).unwrap();
        let payload = &frame[2..];
        self::frame(0xc1, payload).repeat(count / 8)
    };
    check("short compressed messages", compressed, frames);
}

#[test]
fn payloads_and_packets_cost_as_much_as_they_are_long() {
    let repeated = |text: &'static str| move |count: usize| text.repeat(count).into_bytes();
    check("noops", repeated("6\u{1e}"), payload);
    check("separators", repeated("\u{1e}"), payload);
    check("short bytes", repeated("bAA==\u{1e}"), payload);
    let around = |before: &'static str, text: &'static str, after: &'static str| {
        move |count: usize| [before, &text.repeat(count), after].concat().into_bytes()
    };
    check("brackets", around("2", "[", ""), packet);
    check("nested", around("2[\"a\",", "[", "]"), packet);
    check("numbers", around("2[\"a\"", ",1", "]"), packet);
    check("keys", around("2[\"a\",{\"a\":1", ",\"a\":1", "}]"), packet);
    check("escapes", around("2[\"", "\\u0041", "\"]"), packet);
    check("a long name", around("2[\"", "x", "\"]"), packet);
    check("a namespace", around("2/", "a", ",[\"a\"]"), packet);
    check("slashes", around("2", "/", ",[\"a\"]"), packet);
    check("digits", around("2", "1", "[\"a\"]"), packet);
    check(
        "a count of attachments",
        around("5", "1", "-[\"a\"]"),
        packet,
    );
    check("acks", around("31[1", ",1", "]"), packet);
    check("engine packets", around("4", "x", ""), |bytes| {
        let _ = Packet::decode(std::str::from_utf8(bytes).unwrap());
    });
}

#[test]
fn attachments_cost_as_much_as_they_are_long() {
    let limits = Limits {
        attachments: 10_000,
        ..Limits::default()
    };
    let decode = |bytes: &[u8]| {
        let mut assembler = Assembler::default();
        let text = format!("5{}-[\"a\"]", bytes.len() / 8);
        assembler.text(text, &limits).unwrap();
        for _ in bytes.chunks(8) {
            assembler.binary(Bytes::from_static(b"x"), &limits).unwrap();
        }
    };
    check("attachments", |count| vec![0; 8 * count], decode);
}

#[test]
fn what_opens_a_session_costs_as_much_as_it_is_long() {
    let repeated = |text: &'static str| move |count: usize| text.repeat(count).into_bytes();
    check("parameters", repeated("EIO=3&"), query);
    check("separators", repeated("&"), query);
    check("equals", repeated("="), query);
    let offers = |bytes: &[u8]| _ = negotiate_deflate([bytes]);
    check("offers", repeated("permessage-deflate,"), offers);
    check(
        "parameters of an offer",
        repeated("permessage-deflate;a="),
        offers,
    );
    check("a quoted value", repeated("p;a=\"b\\c\";"), offers);
    check("commas", repeated(" ,"), offers);
}
