//! A few reading connections, a thread each, that share one bounded queue.
//!
//! A read is one transaction, so rows and positions read in it belong together. Unlike a job of the lane, a read whose
//! caller has gone is skipped. A read that takes too long is ended: while it is open, the write-ahead log only grows.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::lane::panic_text;
use crate::{Conn, Error};

/// Steps of SQLite's machine between two looks at the clock: well below a millisecond.
const STEPS: i32 = 10_000;

type Read = Box<dyn FnOnce(&Conn, &Deadline) + Send>;

/// Until when a connection's read may go on.
struct Deadline {
    started: Instant,
    longest: Duration,
    /// Microseconds since `started`.
    until_us: AtomicU64,
}

impl Deadline {
    /// Lets the connection ask for it while it runs statements.
    fn of(connection: &mut Connection, longest: Duration) -> rusqlite::Result<Arc<Deadline>> {
        let deadline = Arc::new(Deadline {
            started: Instant::now(),
            longest,
            until_us: AtomicU64::new(u64::MAX),
        });
        let asked = deadline.clone();
        connection.progress_handler(STEPS, Some(move || asked.is_over()))?;
        Ok(deadline)
    }

    fn begin(&self) {
        let until = self.started.elapsed() + self.longest;
        let until_us = u64::try_from(until.as_micros()).unwrap_or(u64::MAX);
        self.until_us.store(until_us, Ordering::Relaxed);
    }

    fn end(&self) {
        self.until_us.store(u64::MAX, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.started.elapsed().as_micros() > u128::from(self.until_us.load(Ordering::Relaxed))
    }
}

/// The sending half: hands reads to the threads.
#[derive(Clone)]
pub(crate) struct Readers {
    queue: SyncSender<Read>,
}

impl Readers {
    /// Starts a thread for each connection; at most `waiting` reads wait, and none goes on for longer than `longest`.
    pub(crate) fn start(
        connections: Vec<Connection>,
        waiting: usize,
        longest: Duration,
    ) -> std::io::Result<Readers> {
        let (queue, reads) = sync_channel::<Read>(waiting);
        let reads = Arc::new(Mutex::new(reads));
        for (number, mut connection) in connections.into_iter().enumerate() {
            let deadline = Deadline::of(&mut connection, longest).map_err(std::io::Error::other)?;
            let reads = reads.clone();
            std::thread::Builder::new()
                .name(format!("store-read-{number}"))
                .spawn(move || serve(&Conn::new(connection), &deadline, &reads))?;
        }
        Ok(Readers { queue })
    }

    pub(crate) async fn read<T, E, F>(&self, read: F) -> Result<T, E>
    where
        F: FnOnce(&Conn) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let boxed: Read = Box::new(move |conn, deadline| {
            if !answer.is_closed() {
                // The caller may leave while the read runs; then nobody wants the rows.
                let _ = answer.send(in_transaction(conn, deadline, read));
            }
        });
        match self.queue.try_send(boxed) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(Error::Busy.into()),
            Err(TrySendError::Disconnected(_)) => return Err(Error::Closed.into()),
        }
        answered.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }
}

fn serve(conn: &Conn, deadline: &Deadline, reads: &Mutex<Receiver<Read>>) {
    loop {
        let next = reads.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(read) => {
                read(conn, deadline);
                if let Some(error) = conn.take_lost() {
                    tracing::warn!(%error, "the database could not be read");
                }
            }
            Err(_) => return,
        }
    }
}

fn in_transaction<T, E: From<Error>>(
    conn: &Conn,
    deadline: &Deadline,
    read: impl FnOnce(&Conn) -> Result<T, E>,
) -> Result<T, E> {
    conn.control("BEGIN DEFERRED")?;
    deadline.begin();
    let outcome = catch_unwind(AssertUnwindSafe(|| read(conn)))
        .unwrap_or_else(|panic| Err(Error::Panicked(panic_text(panic.as_ref())).into()));
    deadline.end();
    let ended = conn.control("ROLLBACK");
    let value = outcome?;
    ended?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOR_EVER: &str =
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n";

    fn count(conn: &Conn, sql: &str) -> Result<i64, Error> {
        conn.one(sql, [], |row| row.get(0))
    }

    #[tokio::test]
    async fn a_read_that_takes_too_long_is_ended_and_the_next_one_is_not() {
        let connection = Connection::open_in_memory().expect("a database");
        let readers =
            Readers::start(vec![connection], 8, Duration::from_millis(20)).expect("a thread");
        for _ in 0..2 {
            let ended = readers.read(|conn| count(conn, FOR_EVER)).await;
            assert!(matches!(ended, Err(Error::Unavailable(_))), "{ended:?}");
            let next = readers.read(|conn| count(conn, "SELECT 7")).await;
            assert!(matches!(next, Ok(7)), "{next:?}");
        }
    }
}
