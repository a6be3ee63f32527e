//! Rooms, the window in which a busy room's frames gather, and the queue with its hand-over between broadcaster, flush and
//! driver, in every order that a scheduler can find: the files of `src` as they are, compiled with the locks and tasks
//! of shuttle in place of the standard library's and tokio's.
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
#[path = "../../src/flush.rs"]
mod flush;
#[path = "../../src/frame.rs"]
mod frame;
#[path = "../../src/outgoing.rs"]
mod outgoing;
#[path = "../../src/queue.rs"]
mod queue;
#[path = "../../src/reason.rs"]
mod reason;
#[path = "../../src/rooms.rs"]
mod rooms;
#[path = "../../src/tables.rs"]
mod tables;
#[path = "../../src/window.rs"]
mod window;
#[path = "../../src/driver/writing.rs"]
mod writing;

mod drive;
mod gathering;
mod handover;
mod membership;
mod stand_in;

use config::{Config, Limits};
use error::AckError;
use frame::{Class, Frame};
use reason::DisconnectReason;
use socket::Socket;
use stand_in::{Full, Handshake, Sid, polling, runtime, server, socket, websocket};

/// The locks, counts and bells of which shuttle tries the orders.
mod sync {
    use std::task::Waker;

    pub(crate) use shuttle::sync::{Mutex, MutexGuard, RwLock, atomic::AtomicUsize};

    /// As that of `futures_util`, with a lock between whose two ends others may come.
    #[derive(Debug, Default)]
    pub(crate) struct AtomicWaker(Mutex<Option<Waker>>);

    impl AtomicWaker {
        pub(crate) fn new() -> AtomicWaker {
            AtomicWaker::default()
        }

        pub(crate) fn register(&self, waker: &Waker) {
            *self.0.lock().unwrap() = Some(waker.clone());
        }

        pub(crate) fn wake(&self) {
            let waker = self.0.lock().unwrap().take();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }
}

/// Tries many orders of what the threads in `story` do.
fn in_many_orders(story: impl Fn() + Send + Sync + 'static) {
    let iterations = std::env::var("SHUTTLE_ITERATIONS");
    let iterations = iterations.ok().and_then(|count| count.parse().ok());
    // Random orders find most, those with few switches find the rest.
    let story = std::sync::Arc::new(story);
    let again = story.clone();
    let iterations = iterations.unwrap_or(1_000);
    let begun = |story: &dyn Fn()| {
        runtime::start();
        story();
    };
    shuttle::check_random(move || begun(&*story), iterations);
    shuttle::check_pct(move || begun(&*again), iterations, 3);
}
