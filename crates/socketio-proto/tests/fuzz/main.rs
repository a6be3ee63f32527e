//! Fuzz targets for every decoder: what a peer sends never panics, never passes a limit, and means the same however it
//! was cut or written again.
//!
//! One test a target. Each replays its corpus (`tests/corpus/<target>`) and goes on with mutations of it: for
//! `FUZZ_SECONDS`, as `cargo xtask fuzz` sets it, with a seed of the day; without it for a fixed number with a fixed
//! seed, so that a test run stays short and repeatable. An input that fails is kept in the corpus and fails from then
//! on. Runs on stable Rust, hence without knowledge of coverage: dictionaries and the corpus lead the way instead.

#![allow(clippy::unwrap_used, reason = "test code outside a #[test] function")]

mod mutate;
mod targets;

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use mutate::Mutator;

const WITHOUT_TIME: usize = 20_000;
const LOOK_AT_THE_CLOCK_EVERY: usize = 256;

#[test]
fn engine_packets() {
    fuzz("engine_packet", targets::engine_packet);
}

#[test]
fn payloads() {
    fuzz("payload", targets::payload);
}

#[test]
fn handshake_queries() {
    fuzz("query", targets::query);
}

#[test]
fn socket_packets() {
    fuzz("socket_packet", targets::socket_packet);
}

#[test]
fn attachments() {
    fuzz("attachments", targets::attachments);
}

#[test]
fn websocket_frames() {
    fuzz("websocket", targets::websocket);
}

#[test]
fn compressed_frames() {
    fuzz("deflate", targets::deflate);
}

#[test]
fn extensions() {
    fuzz("extensions", targets::extensions);
}

#[test]
fn sessions() {
    fuzz("session", targets::session);
}

fn fuzz(name: &str, target: fn(&[u8])) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/corpus")
        .join(name);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let corpus: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    assert!(!corpus.is_empty(), "{} is empty", folder.display());
    for (file, input) in files.iter().zip(&corpus) {
        eprintln!("{}", file.display());
        target(input);
    }
    let seconds: Option<u64> = std::env::var("FUZZ_SECONDS")
        .ok()
        .map(|text| text.parse().unwrap());
    let until = seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let seed = until.map_or(1, |_| {
        SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64
    });
    let mut mutator = Mutator::new(seed);
    let mut done = 0;
    while match until {
        None => done < WITHOUT_TIME,
        Some(until) => done % LOOK_AT_THE_CLOCK_EVERY != 0 || Instant::now() < until,
    } {
        let input = mutator.input(&corpus);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(&input))) {
            let mut hasher = DefaultHasher::new();
            input.hash(&mut hasher);
            let file = folder.join(format!("failed-{:016x}", hasher.finish()));
            fs::write(&file, &input).unwrap();
            eprintln!("kept as {}", file.display());
            resume_unwind(panic);
        }
        done += 1;
    }
    println!("{name}: {done} inputs, seed {seed}");
}
