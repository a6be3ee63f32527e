//! What keeps the lane from writing: said in the log once when it begins and once when it is over, however many jobs
//! meet it in between. While another process holds the lock, batches wait for it only shortly.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::{Conn, Error, Options};

/// How long a batch waits for another process's lock after one has waited the whole time.
const SHORT_WAIT: Duration = Duration::from_millis(100);

/// The least time between two words about a full queue.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// What is known of the present trouble.
pub(crate) struct Trouble {
    since: Option<Instant>,
    is_locked: bool,
    busy_timeout: Duration,
    /// How many jobs found the queue full since it was last said.
    refused: Arc<AtomicU64>,
    said_refused: Option<Instant>,
}

impl Trouble {
    /// None yet.
    pub(crate) fn new(options: &Options, refused: Arc<AtomicU64>) -> Trouble {
        Trouble {
            since: None,
            is_locked: false,
            busy_timeout: options.busy_timeout,
            refused,
            said_refused: None,
        }
    }

    /// Notes how a batch ended.
    pub(crate) fn note(&mut self, conn: &Conn, lost: Option<&Error>) {
        match (lost, self.since) {
            (Some(error), None) => {
                let text = if error.is_locked() {
                    "another process holds the database's lock: writes are refused, reading goes on"
                        .into()
                } else {
                    format!("writes are refused, reading goes on: {error}")
                };
                tracing::error!("{text}");
                self.since = Some(Instant::now());
            }
            (None, Some(since)) => {
                let duration_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
                tracing::info!(duration_ms, "writes work again");
                self.since = None;
            }
            (Some(error), Some(_)) => tracing::debug!(%error, "a batch of writes was refused"),
            (None, None) => {}
        }
        self.wait_shortly(conn, lost.is_some_and(Error::is_locked));
        self.say_refused();
    }

    fn wait_shortly(&mut self, conn: &Conn, is_locked: bool) {
        if self.is_locked == is_locked {
            return;
        }
        self.is_locked = is_locked;
        let wait = if is_locked {
            SHORT_WAIT.min(self.busy_timeout)
        } else {
            self.busy_timeout
        };
        if let Err(error) = conn.raw().busy_timeout(wait) {
            tracing::debug!(%error, "the waiting time for locks stays as it is");
        }
    }

    fn say_refused(&mut self) {
        if self.refused.load(Ordering::Relaxed) == 0
            || self
                .said_refused
                .is_some_and(|said| said.elapsed() < SAY_EVERY)
        {
            return;
        }
        let refused = self.refused.swap(0, Ordering::Relaxed);
        tracing::warn!(refused, "the queue of writes was full: some were refused");
        self.said_refused = Some(Instant::now());
    }
}
