//! One batch: every job under a savepoint, numbers as the last step, one commit.
//!
//! A job that fails is rolled back alone. An error of the database itself (input/output, disk full) loses the batch,
//! because nobody knows what the failed statement left behind. Constraints are immediate, so a commit cannot fail for
//! the fault of one job.

use super::{AnyJob, Lane};
use crate::log::{self, Committed};
use crate::open::Synchronous;
use crate::{Error, log::Unnumbered};

impl Lane {
    /// Runs the jobs, hands on their events and answers their callers.
    pub(super) fn run_batch(&mut self, mut jobs: Vec<Box<dyn AnyJob>>) {
        if jobs.is_empty() {
            return;
        }
        let lost = match self.commit(&mut jobs) {
            Ok(committed) => {
                self.wal.note_commit();
                #[cfg(feature = "faults")]
                let has_events = !committed.is_empty();
                #[cfg(feature = "faults")]
                let committed = self.after_commit(committed, &jobs);
                self.hand_on(committed);
                #[cfg(feature = "faults")]
                if has_events {
                    crate::fault::pass("before_answer");
                }
                None
            }
            Err(error) => {
                if let Err(error) = self.roll_back() {
                    tracing::error!(%error, "the lost batch could not be rolled back");
                }
                Some(error)
            }
        };
        self.trouble.note(&self.conn, lost.as_ref());
        for job in jobs {
            job.answer(lost.as_ref());
        }
    }

    /// Leaves no transaction open, whatever happened.
    fn roll_back(&self) -> Result<(), Error> {
        if self.conn.raw().is_autocommit() {
            return Ok(());
        }
        self.conn.control("ROLLBACK")
    }

    fn commit(&mut self, jobs: &mut [Box<dyn AnyJob>]) -> Result<Vec<Committed>, Error> {
        self.roll_back()?; // of a batch that could not be rolled back then
        self.conn.take_lost();
        let soft = jobs.iter().all(|job| job.is_soft());
        let synchronous = if soft {
            Synchronous::Normal
        } else {
            self.synchronous
        };
        self.conn.control(synchronous.pragma())?;
        self.conn.control("BEGIN IMMEDIATE")?;
        let at_ms = (self.clock)();
        let mut emitted = Vec::new();
        for job in jobs {
            emitted.extend(self.run_job(job.as_mut(), at_ms)?);
        }
        #[cfg(feature = "faults")]
        super::planted::lose_events(&mut emitted);
        let committed = log::append(&self.conn, emitted, at_ms.max(self.not_before_ms))?;
        #[cfg(feature = "faults")]
        if !committed.is_empty() {
            crate::fault::pass("before_commit");
            if crate::fault::shows("false_ack") {
                self.conn.control("ROLLBACK")?;
                return Ok(Vec::new());
            }
        }
        self.conn.control("COMMIT")?;
        Ok(committed)
    }

    fn run_job(&self, job: &mut dyn AnyJob, at_ms: i64) -> Result<Vec<Unnumbered>, Error> {
        self.conn.control("SAVEPOINT job")?;
        let kept = job.run(&self.conn, at_ms);
        if let Some(error) = self.conn.take_lost() {
            return Err(error);
        }
        if kept.is_none() {
            self.conn.control("ROLLBACK TO job")?;
        }
        self.conn.control("RELEASE job")?;
        Ok(kept.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::{Subscriber, Trouble, Waiting};
    use crate::{Conn, Options, Tx, migrations, open};
    use std::sync::Arc;
    use tokio::sync::{mpsc, oneshot};
    use wire::Room;
    use wire::events::{ChannelSeen, ServerEvent};

    type Answer = oneshot::Receiver<Result<(), Error>>;

    fn emitting(bytes: usize) -> (Box<dyn AnyJob>, Answer) {
        let job = move |tx: &mut Tx<'_>| {
            let channel_id = "x".repeat(bytes).into();
            tx.emit(
                Room::Channel("a".into()),
                ServerEvent::ChannelAdded(ChannelSeen { channel_id }),
            );
            Ok(())
        };
        let (waiting, answer) = Waiting::new(job, false);
        (Box::new(waiting), answer)
    }

    fn lane(path: &std::path::Path, subscriber: Option<Subscriber>) -> Lane {
        let db = open::writer(path, &Options::default()).unwrap();
        migrations::apply(&db, path, 0).unwrap();
        Lane {
            conn: Conn::new(db),
            clock: Arc::new(|| 1_000),
            synchronous: Synchronous::Full,
            subscriber,
            wal: Arc::default(),
            trouble: Trouble::new(&Options::default(), Arc::default()),
            not_before_ms: 0,
        }
    }

    #[test]
    fn a_commit_waits_for_the_disk_again_after_one_that_did_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut lane = lane(&folder.path().join("t.db"), None);
        let mut level_after = |is_soft: bool| -> i64 {
            let (waiting, _answer) = Waiting::new(|_: &mut Tx<'_>| Ok::<_, Error>(()), is_soft);
            lane.run_batch(vec![Box::new(waiting)]);
            let level = lane
                .conn
                .raw()
                .query_row("PRAGMA synchronous", [], |row| row.get(0));
            level.unwrap()
        };
        let (normal, full) = (1, 2);
        for (is_soft, level) in [(false, full), (true, normal), (false, full), (true, normal)] {
            assert_eq!(level_after(is_soft), level);
        }
        assert_eq!(level_after(false), full);
    }

    #[test]
    fn a_full_disk_loses_the_whole_batch_and_leaves_no_hole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let (queue, mut events) = mpsc::channel(8);
        let mut lane = lane(&path, Some(Subscriber { queue, handed: 0 }));
        let mut run = |sizes: &[usize]| {
            let (jobs, answers): (Vec<_>, Vec<_>) =
                sizes.iter().map(|bytes| emitting(*bytes)).unzip();
            lane.run_batch(jobs);
            let full = |mut answer: Answer| matches!(answer.try_recv().unwrap(), Err(Error::Full));
            let full: Vec<bool> = answers.into_iter().map(full).collect();
            let limit = |pages: &str| {
                let sql = format!("PRAGMA max_page_count = {pages}");
                lane.conn.raw().query_row(&sql, [], |_| Ok(())).unwrap();
            };
            limit(if full[0] { "1000000" } else { "1" }); // 1: as many as there are
            full
        };
        assert_eq!(run(&[10]), [false]);
        assert_eq!(run(&[10, 500_000, 10]), [true, true, true]);
        assert_eq!(run(&[10, 10]), [false, false]);
        let mut places = Vec::new();
        while let Ok(rows) = events.try_recv() {
            places.extend(rows.iter().map(|row| row.pos));
        }
        assert_eq!(places, [1, 2, 3]);
    }
}
