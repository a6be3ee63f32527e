//! Rooms, and the queue with its hand-over between driver and broadcaster, in every order that a scheduler can find:
//! the files of `src` as they are, compiled with the locks of shuttle in place of the standard library's.
//!
//! `SHUTTLE_ITERATIONS` sets how many orders are tried for each test; a failure prints the schedule that repeats it.

#![allow(
    dead_code,
    unused_imports,
    unfulfilled_lint_expectations,
    reason = "whole files of `src` are compiled here, and used in part"
)]
#![allow(clippy::unwrap_used, reason = "test code outside a #[test] function")]

#[path = "../../src/config.rs"]
mod config;
#[path = "../../src/conn.rs"]
mod conn;
#[path = "../../src/error.rs"]
mod error;
#[path = "../../src/frame.rs"]
mod frame;
#[path = "../../src/queue.rs"]
mod queue;
#[path = "../../src/reason.rs"]
mod reason;
#[path = "../../src/rooms.rs"]
mod rooms;
#[path = "../../src/tables.rs"]
mod tables;

mod handover;
mod membership;
mod stand_in;

use config::{Config, Limits};
use error::AckError;
use frame::{Class, Frame};
use reason::DisconnectReason;
use socket::Socket;
use stand_in::{Full, Handshake, Sid, flush, polling, server, socket, websocket};

/// The locks and counts of which shuttle tries the orders.
mod sync {
    pub(crate) use shuttle::sync::{Mutex, MutexGuard, RwLock, atomic::AtomicUsize};
}

/// Tries many orders of what the threads in `story` do.
fn in_many_orders(story: impl Fn() + Send + Sync + 'static) {
    let iterations = std::env::var("SHUTTLE_ITERATIONS");
    let iterations = iterations.ok().and_then(|count| count.parse().ok());
    // Random orders find most, those with few switches find the rest.
    let story = std::sync::Arc::new(story);
    let again = story.clone();
    let iterations = iterations.unwrap_or(1_000);
    shuttle::check_random(move || story(), iterations);
    shuttle::check_pct(move || again(), iterations, 3);
}
