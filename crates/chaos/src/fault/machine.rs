//! What happens to the machine: its process, its disk, its clock, its database.

use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep};

use super::{Arena, pause};
use crate::check::database::Database;
use crate::check::streams::Epoch;
use crate::disk::Control;
use crate::node::Node;
use crate::rng::Rng;

/// How long it may take until nothing is on the wire of a server that is gone.
const HUSHED_WITHIN: Duration = Duration::from_secs(30);

/// How long a disk may be full before a write meets it.
const FULL_WITHIN: Duration = Duration::from_secs(3);

/// From this size on a server built for faults starts its write-ahead log over.
const LARGE_WAL_BYTES: u64 = 1024 * 1024;

/// How long it may take until so much is written.
const LARGE_WITHIN: Duration = Duration::from_secs(5);

/// How long the log may stay large when nobody keeps a view any more.
const SMALL_WITHIN: Duration = Duration::from_secs(10);

impl Arena {
    pub(super) async fn kill(&self, rng: &mut Rng) -> Result<()> {
        self.server.kill()?;
        self.server.disk.settle()?;
        pause(rng, 0, 400).await;
        self.server.start(None).await
    }

    /// Starts the server armed, waits until it stands at the point, and kills it there, now and then with the power.
    pub(super) async fn kill_at(&self, point: &str, latest: u64, rng: &mut Rng) -> Result<()> {
        self.server.kill()?;
        self.server.disk.settle()?;
        let nth = rng.between(1, latest);
        self.server
            .start(Some(&format!("park:{point}:{nth}")))
            .await?;
        if !self.server.reaches(point, Duration::from_secs(15)).await? {
            bail!("the server never came to {point}; was it built with its feature `faults`?");
        }
        self.tell(format!("at {point}"));
        // What the other threads still do with what was handed over belongs to the fault.
        pause(rng, 0, 60).await;
        self.server.kill()?;
        if rng.chance(50) {
            self.lose_power(rng)?;
        } else {
            self.server.disk.settle()?;
        }
        self.server.start(None).await
    }

    pub(super) fn lose_power(&self, rng: &mut Rng) -> Result<()> {
        let is_torn = rng.chance(50);
        self.tell(format!("the power is cut, torn pages: {is_torn}"));
        self.server.disk.cut_power(rng, is_torn)
    }

    pub(super) async fn restore(&self, rng: &mut Rng) -> Result<()> {
        let from = self.office.ledger.now();
        self.server.disk.back_up()?;
        self.tell("backed up");
        pause(rng, 500, 2_000).await;
        self.server.kill()?;
        self.server.disk.settle()?;
        let (_folder, database) = self.server.disk.copied()?;
        let lost = Database::read(&database)?;
        self.hush().await?;
        let lost = Epoch::of(&self.office.world, &lost, self.office.ledger.now());
        self.epochs.borrow_mut().push(lost);
        self.office.ledger.forget_since(from);
        self.server.disk.restore()?;
        self.tell("restored");
        self.server.start(None).await
    }

    /// What a dead server sent is still under way: waits until every connection to it has ended at the other end too, so
    /// that nothing of it is taken for the word of the next server.
    async fn hush(&self) -> Result<()> {
        for link in self.proxy.links() {
            link.cut();
        }
        let connections: Vec<u32> = self.tabs.iter().map(|tab| tab.connection()).collect();
        let newest = self.office.traffic.newest();
        let question = self.node.as_ref().map(|node| node.ask_for_silence());
        let asked = Instant::now();
        loop {
            let mut tabs = self.tabs.iter().zip(&connections);
            let is_silent =
                |node: &Rc<Node>| question.as_ref().is_some_and(|of| node.is_silent(of));
            if tabs.all(|(tab, connection)| tab.is_over(*connection))
                && self.office.traffic.is_over(newest)
                && self.node.as_ref().is_none_or(is_silent)
            {
                return Ok(());
            }
            if asked.elapsed() > HUSHED_WITHIN {
                bail!("the harness still hears a server that is dead");
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    pub(super) async fn fill_disk(&self, rng: &mut Rng) -> Result<()> {
        let refused = || self.office.ledger.count_of("507");
        let before = refused();
        self.server.disk.be_full(true)?;
        let full = Instant::now();
        // A log that had grown before takes some more writes.
        while refused() == before && full.elapsed() < FULL_WITHIN {
            sleep(Duration::from_millis(20)).await;
        }
        pause(rng, 400, 1_200).await;
        let is_read = self.can_read().await;
        self.server.disk.be_full(false)?;
        self.tell(format!("{} attempts were refused", refused() - before));
        is_read.context("while the disk was full, a list was not answered")?;
        self.writes_again()
            .await
            .context("after the disk had room again")
    }

    pub(super) async fn jump(&self, rng: &mut Rng) -> Result<()> {
        let hours = *rng.pick(&[1, -1, 36, -36, 8]).unwrap_or(&1);
        self.tell(format!("the clock jumps by {hours} h"));
        self.server.disk.control(Control {
            clock_offset_ms: hours * 3_600_000,
            ..Control::default()
        })?;
        pause(rng, 800, 2_000).await;
        if rng.chance(30) {
            self.kill(rng).await?;
            pause(rng, 300, 800).await;
        }
        self.server.disk.control(Control::default())?;
        self.writes_again()
            .await
            .context("after the clock was right again")
    }

    pub(super) async fn lock(&self, rng: &mut Rng) -> Result<()> {
        let database = self.server.disk.open_to_write()?;
        let asked = Instant::now();
        database.busy_timeout(Duration::ZERO)?;
        while let Err(error) = database.execute_batch("BEGIN IMMEDIATE") {
            if asked.elapsed() > Duration::from_secs(5) {
                return Err(error).context("the database could not be locked");
            }
            sleep(Duration::from_millis(3)).await;
        }
        pause(rng, 500, 1_500).await;
        let is_read = self.can_read().await;
        database.execute_batch("ROLLBACK")?;
        is_read.context("while the database was locked, a list was not answered")
    }

    /// Keeps an old view until the write-ahead log is large. Nothing may be refused for it, and the file must get small
    /// again.
    pub(super) async fn keep_reading(&self, rng: &mut Rng) -> Result<()> {
        self.writes_again().await?;
        let refused = || self.office.ledger.count_of("503");
        let (before, wal) = (refused(), self.server.disk.wal());
        let size_bytes = || std::fs::metadata(&wal).map_or(0, |file| file.len());
        let reader = self.server.disk.open()?;
        reader.execute_batch("BEGIN; SELECT count(*) FROM event")?;
        self.office.mood.weight.set(12_000);
        let begun = Instant::now();
        while size_bytes() < 2 * LARGE_WAL_BYTES && begun.elapsed() < LARGE_WITHIN {
            sleep(Duration::from_millis(20)).await;
        }
        self.office.mood.weight.set(0);
        // Looks of the checkpointer at the large log are the fault: a second apart.
        pause(rng, 2_500, 4_500).await;
        let (refused, is_read) = (refused() - before, self.can_read().await);
        reader.execute_batch("ROLLBACK")?;
        self.tell(format!("the log had {} KB", size_bytes() / 1024));
        is_read.context("while somebody kept a view open, a list was not answered")?;
        if refused > 0 {
            bail!("while somebody kept a view open, {refused} attempts were answered with 503");
        }
        let gone = Instant::now();
        while size_bytes() > LARGE_WAL_BYTES {
            if gone.elapsed() > SMALL_WITHIN {
                bail!("the log still has {} KB", size_bytes() / 1024);
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    pub(super) async fn second_server(&self) -> Result<()> {
        let mut child = Command::new(self.server.binary())
            .arg("serve")
            .env("DATA_DIR", self.server.disk.data())
            .env("PORT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let started = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if started.elapsed() > Duration::from_secs(10) {
                child.kill()?;
                child.wait()?;
                bail!("a second server runs on the same file");
            }
            sleep(Duration::from_millis(20)).await;
        };
        if status.success() {
            bail!("a second server ended as if nothing were wrong");
        }
        Ok(())
    }
}
