//! Moves pages from the write-ahead log into the database file, beside the lane and never in it.
//!
//! One thread with a connection of its own wakes once a second and works when there was a commit. A log that readers
//! kept from starting over is reset by force once it is larger than [`LARGE_WAL_PAGES`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use rusqlite::Connection;

/// How often the thread looks.
const EVERY: Duration = Duration::from_secs(1);

/// From this many pages (4 KiB each) a restart of the write-ahead log is forced: 64 MiB.
const LARGE_WAL_PAGES: i64 = 16_384;

/// Runs until `stop` is dropped. `dirty` is set by the lane with each commit.
pub(crate) fn run(db: &Connection, dirty: &Arc<AtomicBool>, stop: &Receiver<()>) {
    let mut has_failed = false;
    while let Err(RecvTimeoutError::Timeout) = stop.recv_timeout(EVERY) {
        if !dirty.swap(false, Ordering::Relaxed) {
            continue;
        }
        let moved = checkpoint(db, "PASSIVE");
        #[cfg(feature = "faults")]
        crate::fault::pass("mid_checkpoint");
        match moved {
            Ok(pages) if pages > LARGE_WAL_PAGES => {
                report(checkpoint(db, "RESTART"), &mut has_failed)
            }
            other => report(other, &mut has_failed),
        }
        if has_failed {
            dirty.store(true, Ordering::Relaxed);
        }
    }
}

/// How many pages the write-ahead log holds.
fn checkpoint(db: &Connection, mode: &str) -> rusqlite::Result<i64> {
    db.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        row.get(1)
    })
}

/// Says once that it does not work, however often it is tried.
fn report(outcome: rusqlite::Result<i64>, has_failed: &mut bool) {
    if let Err(error) = &outcome
        && !*has_failed
    {
        tracing::warn!(%error, "the write-ahead log could not be moved into the database; trying every second");
    }
    *has_failed = outcome.is_err();
}
