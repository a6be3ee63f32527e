//! The lane: the one thread that writes. It takes all waiting jobs, runs them as one batch, hands on what the batch
//! committed, then answers the callers; a caller that has gone cannot stop its job.
//!
//! The lane also notices what another process wrote to the log (a command line tool beside the server), at most a second
//! later, and hands it on at its place. Next: `batch.rs` (one commit), `job.rs` (one job and its answer).

mod batch;
mod job;
#[cfg(feature = "faults")]
mod planted;
mod trouble;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

pub(crate) use job::{AnyJob, Waiting, panic_text};
pub(crate) use trouble::Trouble;

use crate::Conn;
use crate::checkpoint::{Next, Wal};
use crate::log::{self, Committed};
use crate::open::Synchronous;
use crate::store::Clock;

/// The most jobs one commit carries.
const MAX_BATCH: usize = 256;

/// How often the lane looks for rows that another process wrote, whatever else it does.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How many rows are read at once when the lane catches up.
const CATCH_UP_ROWS: u32 = 1_000;

/// What is sent to the lane.
pub(crate) enum Message {
    /// A job to run.
    Job(Box<dyn AnyJob>),
    /// Finish what waits, close the connection, then answer.
    Close(oneshot::Sender<()>),
}

/// The state of the lane's thread.
pub(crate) struct Lane {
    pub(crate) conn: Conn,
    pub(crate) clock: Clock,
    pub(crate) synchronous: Synchronous,
    pub(crate) subscriber: Option<Subscriber>,
    /// Tells the checkpointer that there was a commit; it asks for a log that starts over.
    pub(crate) wal: Arc<Wal>,
    /// What keeps it from writing, if anything does.
    pub(crate) trouble: Trouble,
    /// Before which time it commits no event: [`log::not_before_ms`].
    pub(crate) not_before_ms: i64,
}

/// Where committed rows go.
pub(crate) struct Subscriber {
    /// The hub's queue; while it is full, the lane waits.
    pub(crate) queue: mpsc::Sender<Vec<Committed>>,
    /// The `pos` that was handed on last.
    pub(crate) handed: i64,
}

impl Lane {
    /// Works until the store is closed or dropped.
    pub(crate) fn run(mut self, messages: &Receiver<Message>) {
        let mut next_look = Instant::now() + LOOK_EVERY;
        loop {
            let left = next_look.saturating_duration_since(Instant::now());
            // By the clock, not when it is quiet: writes that emit nothing may never let it be quiet.
            if left.is_zero() {
                self.look();
                next_look = Instant::now() + LOOK_EVERY;
                continue;
            }
            let first = match messages.recv_timeout(left) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => {
                    // Nobody waits: there is time to give the file's size back.
                    self.wal
                        .start_over_if_asked(self.conn.raw(), Next::EmptyFile);
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let mut jobs = Vec::new();
            let mut closing = None;
            for message in std::iter::once(first).chain(messages.try_iter()) {
                match message {
                    Message::Job(job) => jobs.push(job),
                    Message::Close(answer) => closing = Some(answer),
                }
                if jobs.len() == MAX_BATCH || closing.is_some() {
                    break;
                }
            }
            // A defect of the lane itself costs this batch its answers, not the server its lane: what was committed is
            // handed on by the next look.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.run_batch(jobs))) {
                let panic = panic_text(panic.as_ref());
                tracing::error!(panic, "the lane broke in a batch of writes; it goes on");
            }
            self.wal
                .start_over_if_asked(self.conn.raw(), Next::SameFile);
            if let Some(answer) = closing {
                drop(self);
                // Whoever closed may have gone.
                let _ = answer.send(());
                return;
            }
        }
    }

    /// Hands on rows in `pos` order, after those that another process wrote in between.
    fn hand_on(&mut self, committed: Vec<Committed>) {
        let (Some(subscriber), Some(first), Some(last)) =
            (&self.subscriber, committed.first(), committed.last())
        else {
            return;
        };
        let (before, last) = (first.pos - 1, last.pos);
        if subscriber.handed < before && !self.catch_up(before) {
            return; // the next look reads all of it from the log
        }
        self.send(committed, last);
    }

    /// Looks for rows that another process wrote.
    fn look(&mut self) {
        let Some(subscriber) = &self.subscriber else {
            return;
        };
        match log::head(&self.conn) {
            Ok(head) if head.number > subscriber.handed => {
                self.catch_up(head.number);
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "the log's head could not be read; trying again in a second")
            }
        }
    }

    /// Hands on what stands in the log up to `until`; false if it could not be read.
    fn catch_up(&mut self, until: i64) -> bool {
        while let Some(subscriber) = self
            .subscriber
            .as_ref()
            .filter(|subscriber| subscriber.handed < until)
        {
            let mut rows = match log::all_after(&self.conn, subscriber.handed, CATCH_UP_ROWS) {
                Ok(rows) => rows,
                Err(error) => {
                    tracing::warn!(%error, "the log could not be read; trying again in a second");
                    return false;
                }
            };
            rows.retain(|row| row.pos <= until);
            match rows.last() {
                Some(last) => {
                    let last = last.pos;
                    self.send(rows, last);
                }
                None => return false,
            }
        }
        true
    }

    fn send(&mut self, rows: Vec<Committed>, last: i64) {
        let Some(subscriber) = &mut self.subscriber else {
            return;
        };
        subscriber.handed = last;
        if subscriber.queue.blocking_send(rows).is_err() {
            tracing::debug!("nobody takes committed events any more");
            self.subscriber = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::Unnumbered;
    use crate::{Error, Options, migrations, open};
    use std::sync::mpsc::sync_channel;

    /// A job that breaks the lane itself, not only its own work.
    struct Breaking;

    impl AnyJob for Breaking {
        fn is_soft(&self) -> bool {
            false
        }
        #[cfg(feature = "faults")]
        fn is_abandoned(&self) -> bool {
            false
        }
        fn run(&mut self, _: &Conn, _: i64) -> Option<Vec<Unnumbered>> {
            panic!("a defect")
        }
        fn answer(self: Box<Self>, _: Option<&Error>) {}
    }

    #[test]
    fn a_batch_that_breaks_the_lane_leaves_it_working() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let db = open::writer(&path, &Options::default()).unwrap();
        migrations::apply(&db, &path, 0).unwrap();
        let lane = Lane {
            conn: Conn::new(db),
            clock: Arc::new(|| 1_000),
            synchronous: Synchronous::Full,
            subscriber: None,
            wal: Arc::default(),
            trouble: Trouble::new(&Options::default(), Arc::default()),
            not_before_ms: 0,
        };
        let (jobs, messages) = sync_channel(8);
        let worker = std::thread::spawn(move || lane.run(&messages));
        jobs.send(Message::Job(Box::new(Breaking))).unwrap();
        let (waiting, answer) = Waiting::new(|_: &mut crate::Tx<'_>| Ok::<_, Error>(7), false);
        jobs.send(Message::Job(Box::new(waiting))).unwrap();
        // In one batch with the breaking one it gets no answer; alone, its own.
        let first = answer.blocking_recv();
        let (waiting, answer) = Waiting::new(|_: &mut crate::Tx<'_>| Ok::<_, Error>(8), false);
        jobs.send(Message::Job(Box::new(waiting))).unwrap();
        assert_eq!(answer.blocking_recv().unwrap().unwrap(), 8);
        assert!(first.is_err() || first.is_ok_and(|one| one.unwrap() == 7));
        drop(jobs);
        worker.join().unwrap();
    }
}
