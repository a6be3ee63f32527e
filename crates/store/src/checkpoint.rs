//! Moves pages from the write-ahead log into the database file, beside the lane.
//!
//! One thread with a connection of its own wakes once a second and works when there was a commit. It never holds the
//! write lock and never waits. To start a large log over takes that lock, so the lane does it itself, between two batches,
//! when the thread asks for it ([`Wal`]). A log that cannot start over because somebody keeps an old view of the
//! database is told of once ([`Held`]).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::Options;

/// How long the lane waits for reads that began before: ours take that long, and who takes longer is not waited for.
const READS_END_WITHIN: Duration = Duration::from_millis(20);

/// How much longer than the longest read of ours a view must be kept until it is told of.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the lane and the checkpointer tell each other.
#[derive(Default)]
pub(crate) struct Wal {
    has_news: AtomicBool,
    shall_start_over: AtomicBool,
}

impl Wal {
    /// Tells that there was a commit.
    pub(crate) fn note_commit(&self) {
        self.has_news.store(true, Ordering::Relaxed);
    }

    /// Lets the log start over, if that was asked for. The lane alone calls it, outside a transaction.
    pub(crate) fn start_over_if_asked(&self, lane: &Connection, next: Next) {
        if !self.shall_start_over.swap(false, Ordering::Relaxed) {
            return;
        }
        let began = Instant::now();
        // What fails for good, the checkpointer meets too, and says it.
        match start_over(lane, next) {
            Ok(is_done) => {
                let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                tracing::debug!(
                    is_done,
                    duration_ms,
                    "the write-ahead log was to start over"
                );
            }
            Err(error) => tracing::debug!(%error, "the write-ahead log does not start over"),
        }
    }
}

/// Where the log goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// At the beginning of its file, which the next commit cuts to the size that is not large yet: to write over what is
    /// there is up to a fifth faster than to let a file grow.
    SameFile,
    /// In an empty file.
    EmptyFile,
}

/// False if somebody still needs the log.
fn start_over(db: &Connection, next: Next) -> rusqlite::Result<bool> {
    let sql = match next {
        Next::SameFile => "PRAGMA wal_checkpoint(RESTART)",
        Next::EmptyFile => "PRAGMA wal_checkpoint(TRUNCATE)",
    };
    let usual_ms: u32 = db.query_row("PRAGMA busy_timeout", [], |row| row.get(0))?;
    db.busy_timeout(READS_END_WITHIN)?;
    let is_busy = db.query_row(sql, [], |row| row.get(0));
    db.busy_timeout(Duration::from_millis(usual_ms.into()))?;
    is_busy.map(|is_busy: bool| !is_busy)
}

/// The state of the checkpointer's thread.
pub(crate) struct Checkpointer {
    db: Connection,
    wal: Arc<Wal>,
    file: PathBuf,
    every: Duration,
    large_bytes: u64,
    has_failed: bool,
    held: Held,
}

impl Checkpointer {
    /// Works on the database at `path` with a connection of its own.
    pub(crate) fn new(db: Connection, path: &Path, wal: Arc<Wal>, options: &Options) -> Self {
        let mut file = path.as_os_str().to_owned();
        file.push("-wal");
        // What another run left is news.
        wal.note_commit();
        Checkpointer {
            db,
            wal,
            file: file.into(),
            every: options.checkpoint_every,
            large_bytes: options.large_wal_bytes,
            has_failed: false,
            held: Held::new(options.longest_read + PATIENCE),
        }
    }

    /// Runs until `stop` is dropped.
    pub(crate) fn run(mut self, stop: &Receiver<()>) {
        while let Err(RecvTimeoutError::Timeout) = stop.recv_timeout(self.every) {
            if self.wal.has_news.swap(false, Ordering::Relaxed) {
                self.look();
            }
        }
    }

    fn look(&mut self) {
        let mut moved = self.move_pages();
        let is_large = self.size_bytes() > self.large_bytes;
        if is_large && moved.is_ok() {
            // Commits went on meanwhile: the second time leaves next to nothing for the lane.
            moved = self.move_pages();
        }
        #[cfg(feature = "faults")]
        crate::fault::pass("mid_checkpoint");
        if let Ok(pages) = &moved {
            if is_large && self.held.is_worth_a_try(pages) {
                self.wal.shall_start_over.store(true, Ordering::Relaxed);
            }
            let size_bytes = self.size_bytes();
            match self.held.note(pages, is_large, Instant::now()) {
                Some(Word::Held) => tracing::warn!(
                    size_bytes,
                    "somebody keeps an old view of the database open (another program's read transaction, a backup in \
                     steps): the write-ahead log grows until that ends; reading and writing go on"
                ),
                Some(Word::Over(since)) => {
                    let duration_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
                    tracing::info!(
                        size_bytes,
                        duration_ms,
                        "no old view of the database is open any more: the write-ahead log has started over"
                    );
                }
                None => {}
            }
        }
        self.report(moved.as_ref().err());
        if is_large || self.has_failed {
            self.wal.note_commit(); // not done yet
        }
    }

    /// Moves what no reader keeps from it, without waiting.
    fn move_pages(&self) -> rusqlite::Result<Pages> {
        self.db
            .query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
                let (logged, moved) = (row.get(1)?, row.get(2)?);
                Ok(Pages { logged, moved })
            })
    }

    fn size_bytes(&self) -> u64 {
        std::fs::metadata(&self.file).map_or(0, |file| file.len())
    }

    /// Says once that it does not work, however often it is tried.
    fn report(&mut self, error: Option<&rusqlite::Error>) {
        if let Some(error) = error
            && !self.has_failed
        {
            tracing::warn!(%error, "the write-ahead log could not be moved into the database; trying every second");
        }
        self.has_failed = error.is_some();
    }
}

/// What stands in the log.
struct Pages {
    logged: i64,
    /// Of these, how many the database file has.
    moved: i64,
}

/// What is to be said.
#[derive(Debug, PartialEq, Eq)]
enum Word {
    /// Somebody keeps an old view.
    Held,
    /// The log is small again, after this time.
    Over(Duration),
}

/// Whether somebody keeps a view of the database that is older than a read of ours can be: pages of a large log do not
/// move any more.
struct Held {
    patience: Duration,
    moved: Option<i64>,
    since: Option<Instant>,
    said: Option<Instant>,
}

impl Held {
    fn new(patience: Duration) -> Held {
        Held {
            patience,
            moved: None,
            since: None,
            said: None,
        }
    }

    /// Whether the log may be able to start over: nothing is left in it, or what is left is on the move.
    fn is_worth_a_try(&self, pages: &Pages) -> bool {
        pages.moved == pages.logged || self.moved != Some(pages.moved)
    }

    /// Notes what was moved.
    fn note(&mut self, pages: &Pages, is_large: bool, now: Instant) -> Option<Word> {
        let stands = is_large && !self.is_worth_a_try(pages);
        self.moved = Some(pages.moved);
        self.since = stands.then(|| self.since.unwrap_or(now));
        match (self.since, self.said) {
            (Some(since), None) if now - since >= self.patience => {
                self.said = Some(since);
                Some(Word::Held)
            }
            (None, Some(since)) if !is_large => {
                self.said = None;
                Some(Word::Over(now - since))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // in the helpers too, not only in the tests

    use super::*;
    use crate::{migrations, open};
    use tempfile::TempDir;

    static HAS_WAITED: AtomicBool = AtomicBool::new(false);

    /// A lane's connection, and a checkpointer to whom any log is large.
    fn opened() -> (TempDir, Connection, Checkpointer) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let options = Options {
            large_wal_bytes: 0,
            ..Options::default()
        };
        let lane = open::writer(&path, &options).unwrap();
        migrations::apply(&lane, &path, 0).unwrap();
        lane.execute_batch("CREATE TABLE t (x)").unwrap();
        let db = open::checkpointer(&path, &options).unwrap();
        let checkpointer = Checkpointer::new(db, &path, Arc::default(), &options);
        (folder, lane, checkpointer)
    }

    #[test]
    fn while_a_reader_stays_nobody_waits_for_it_and_then_the_log_is_empty() {
        let (folder, lane, mut checkpointer) = opened();
        let wal = checkpointer.wal.clone();
        let reader = Connection::open(folder.path().join("t.db")).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM t").unwrap();
        let noting = |_| {
            HAS_WAITED.store(true, Ordering::Relaxed);
            false
        };
        checkpointer.db.busy_handler(Some(noting)).unwrap();
        for look in 0..5 {
            lane.execute_batch("INSERT INTO t VALUES (randomblob(9000))")
                .unwrap();
            checkpointer.look();
            let is_asked = wal.shall_start_over.load(Ordering::Relaxed);
            assert!(look == 0 || !is_asked, "the lane would wait in vain");
            wal.start_over_if_asked(&lane, Next::SameFile);
        }
        assert!(checkpointer.size_bytes() > 5 * 9_000);
        reader.execute_batch("ROLLBACK").unwrap();
        checkpointer.look();
        wal.start_over_if_asked(&lane, Next::EmptyFile);
        assert_eq!(checkpointer.size_bytes(), 0);
        assert!(!HAS_WAITED.load(Ordering::Relaxed));
        let wait_ms: i64 = lane
            .query_row("PRAGMA busy_timeout", [], |row| row.get(0))
            .unwrap();
        assert_eq!(wait_ms, 2_000, "the lane waits for others as before");
    }

    #[test]
    fn an_old_view_is_told_of_once_when_it_lasts_and_once_when_the_log_is_small_again() {
        let begun = Instant::now();
        let mut held = Held::new(Duration::from_secs(3));
        let mut at = |second: u64, logged: i64, moved: i64, is_large: bool| {
            let pages = Pages { logged, moved };
            held.note(&pages, is_large, begun + Duration::from_secs(second))
        };
        // Reads of ours: every look moves something, or nothing is left.
        assert_eq!(at(0, 9, 5, true), None);
        assert_eq!(at(5, 19, 15, true), None);
        assert_eq!(at(9, 19, 19, true), None);
        assert_eq!(at(20, 19, 19, true), None);
        // Somebody stays.
        assert_eq!(at(21, 30, 19, true), None);
        assert_eq!(at(23, 40, 19, true), None);
        assert_eq!(at(24, 50, 19, true), Some(Word::Held));
        assert_eq!(at(30, 60, 19, true), None);
        // Gone, but the file is still what it was.
        assert_eq!(at(31, 70, 70, true), None);
        assert_eq!(
            at(32, 3, 3, false),
            Some(Word::Over(Duration::from_secs(11)))
        );
        assert_eq!(at(33, 4, 4, false), None);
        // A small log may stand.
        assert_eq!(at(34, 9, 4, false), None);
        assert_eq!(at(60, 9, 4, false), None);
    }
}
