//! Feeds every decoder with damaged traffic: `cargo run -p socketio-proto --example fuzz -- --seconds 60 [--seed N]`.
//!
//! The corpus is the golden transcripts. Each round takes a piece of it, damages it and gives it to all decoders; a
//! panic ends the run, and the seed printed at the start repeats it.

use std::time::{Duration, Instant};

use socketio_proto::{
    engine::{Packet, Query, Session, Times, Transport, decode_payload},
    socket::{self, Assembler, Limits, Namespaces},
    websocket::Decoder,
};

fn main() {
    let argument = |name: &str| {
        std::env::args()
            .skip_while(|arg| arg != name)
            .nth(1)?
            .parse::<u64>()
            .ok()
    };
    let seconds = argument("--seconds").unwrap_or(10);
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seed =
        argument("--seed").unwrap_or_else(|| clock.map_or(1, |now| now.as_nanos() as u64 | 1));
    println!("fuzzing for {seconds} s with --seed {seed}");
    let corpus = corpus();
    let mut random = Random(seed | 1);
    let (start, mut rounds) = (Instant::now(), 0u64);
    while start.elapsed() < Duration::from_secs(seconds) {
        let input = damaged(&corpus, &mut random);
        let before = Instant::now();
        texts(&String::from_utf8_lossy(&input));
        frames(&input, &mut random);
        assert!(
            before.elapsed() < Duration::from_secs(1),
            "{} bytes took too long",
            input.len()
        );
        rounds += 1;
    }
    println!("{rounds} inputs, no panic");
}

/// A xorshift generator: repeatable from its seed, and good enough to damage things.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}

/// What clients say in the transcripts, and a query.
fn corpus() -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/transcripts");
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let texts = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
    let mut corpus: Vec<Vec<u8>> = texts
        .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
        .filter_map(|line| {
            Some(
                line.split_once(['<', '>'])?
                    .1
                    .trim()
                    .replace('␞', "\u{1e}")
                    .into_bytes(),
            )
        })
        .collect();
    corpus.push(b"EIO=4&transport=websocket&sid=abc&t=1".to_vec());
    corpus
}

fn damaged(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = corpus[random.below(corpus.len())].clone();
    for _ in 0..random.below(6) {
        let at = random.below(input.len() + 1);
        match random.below(6) {
            0 => input.truncate(at),
            1 => input.insert(at, random.next() as u8),
            2 if at < input.len() => input[at] = random.next() as u8,
            3 => input
                .splice(at..at, corpus[random.below(corpus.len())].iter().copied())
                .for_each(drop),
            4 => input
                .splice(
                    at..at,
                    std::iter::repeat_n(b"[{\"0-,/\\"[random.below(8)], random.below(500)),
                )
                .for_each(drop),
            _ => input = input.split_off(at),
        }
    }
    input
}

fn texts(text: &str) {
    let limits = Limits::default();
    // Only that they return matters here.
    let _ = Query::parse(text);
    let _ = socket::Packet::decode(text, &limits);
    let times = Times {
        ping_interval_ms: 10,
        ping_timeout_ms: 10,
    };
    let mut session = Session::open(Transport::Polling, times, 0);
    let mut assembler = Assembler::default();
    let mut namespaces = Namespaces::<()>::default();
    for (now_ms, packet) in (0..).zip(decode_payload(text)) {
        let Ok(packet) = packet else { continue };
        let on = if now_ms % 3 == 0 {
            Transport::WebSocket
        } else {
            Transport::Polling
        };
        let _ = session.receive(on, packet, now_ms);
        let _ = session.tick(now_ms);
    }
    if let Ok(Packet::Message(message)) = Packet::decode(text)
        && let Ok(Some(packet)) = assembler.text(message.into_owned(), &limits)
    {
        let _ = namespaces.receive(packet.kind, packet.namespace(), 4);
        assert!(packet.data().is_empty() || packet.into_text().0.len() < text.len());
    }
}

/// The input as a client's stream, cut anywhere, behind headers that promise anything.
fn frames(input: &[u8], random: &mut Random) {
    let mut stream = Vec::new();
    for part in input.chunks(1 + random.below(200)) {
        stream.push(
            [
                0x81,
                0x82,
                0x01,
                0x80,
                0x89,
                0x88,
                0x00,
                random.next() as u8,
            ][random.below(8)],
        );
        let len = if random.below(8) == 0 {
            random.next() as u8
        } else {
            part.len().min(125) as u8
        };
        stream.push(0x80 | len);
        stream.extend([0; 4]);
        stream.extend(part);
    }
    let mut decoder = Decoder::new(1 + random.below(1000));
    for mut piece in stream.chunks(1 + random.below(64)) {
        while !piece.is_empty() {
            if decoder.decode(&mut piece).is_err() {
                return;
            }
        }
    }
}
