//! The faults: what can go wrong with processes, disks, networks, clocks and people, each as one strike.
//!
//! A strike begins with everything well and ends with everything well again; what it leaves behind is for the checker.
//! `machine` and `people` say how.

mod machine;
mod people;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep};

use crate::check::streams::Epoch;
use crate::http::{self, Manners, Request};
use crate::ledger::Wish;
use crate::node::Node;
use crate::proxy::{Proxy, Weather};
use crate::reader::Shelf;
use crate::rng::Rng;
use crate::server::Server;
use crate::tab::Tab;
use crate::writer::Office;

/// Something that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// `kill -9` at any instruction.
    Kill,
    /// `kill -9` when a batch is written and not committed.
    BeforeCommit,
    /// `kill -9` between commit and hand-over to the hub.
    BeforeHandOver,
    /// `kill -9` between hand-over and answer.
    BeforeAnswer,
    /// `kill -9` while the write-ahead log is moved into the database.
    MidCheckpoint,
    /// The power is cut.
    PowerCut,
    /// SIGTERM and a new start.
    Restart,
    /// A backup takes the database's place while clients hold newer positions.
    Restore,
    /// Clients hang up in the middle of a request, or before the answer.
    HangUp,
    /// Connections are cut.
    Cut,
    /// Connections die without a word.
    HalfOpen,
    /// The network delays, splits and drops.
    Weather,
    /// SIGSTOP for seconds.
    Stop,
    /// Clients read 1 KB/s.
    Slow,
    /// The data folder's file system is full; where it has none of its own, the shim lets no file grow.
    DiskFull,
    /// The clock jumps, forwards or back, and returns.
    Clock,
    /// Everybody comes back at once, again and again, and repeats what they sent.
    Storm,
    /// A member is removed while away.
    Removed,
    /// Members go and come while they listen, and while they come back.
    Churn,
    /// One member goes and comes while all their sockets connect again and again, and everybody else posts.
    Race,
    /// Another process holds the database's lock.
    Locked,
    /// A second server is started on the same file.
    Second,
    /// Another process keeps a read transaction open while much is written.
    Reader,
}

/// Every fault with its name on the command line.
pub const ALL: [(&str, Fault); 23] = [
    ("kill", Fault::Kill),
    ("before-commit", Fault::BeforeCommit),
    ("before-hand-over", Fault::BeforeHandOver),
    ("before-answer", Fault::BeforeAnswer),
    ("mid-checkpoint", Fault::MidCheckpoint),
    ("power-cut", Fault::PowerCut),
    ("restart", Fault::Restart),
    ("restore", Fault::Restore),
    ("hang-up", Fault::HangUp),
    ("cut", Fault::Cut),
    ("half-open", Fault::HalfOpen),
    ("weather", Fault::Weather),
    ("stop", Fault::Stop),
    ("slow", Fault::Slow),
    ("disk-full", Fault::DiskFull),
    ("clock", Fault::Clock),
    ("storm", Fault::Storm),
    ("removed", Fault::Removed),
    ("churn", Fault::Churn),
    ("race", Fault::Race),
    ("locked", Fault::Locked),
    ("second", Fault::Second),
    ("reader", Fault::Reader),
];

impl Fault {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        ALL.iter()
            .find(|(_, fault)| *fault == self)
            .map_or("?", |(name, _)| name)
    }
}

/// What a fault can take hold of.
pub struct Arena {
    /// The server.
    pub server: Server,
    /// The network.
    pub proxy: Rc<Proxy>,
    /// Those who write.
    pub office: Rc<Office>,
    /// Those who listen.
    pub tabs: Vec<Rc<Tab>>,
    /// Those who do both with the package, if they take part.
    pub node: Option<Rc<Node>>,
    /// What was fetched.
    pub shelf: Rc<Shelf>,
    /// Logs that came to their end.
    pub epochs: RefCell<Vec<Epoch>>,
    /// What was done when, in milliseconds.
    pub story: RefCell<Vec<(u64, String)>>,
}

impl Arena {
    /// Writes into the story.
    pub fn tell(&self, what: impl Into<String>) {
        self.story
            .borrow_mut()
            .push((self.office.ledger.now(), what.into()));
    }

    /// Does it.
    ///
    /// # Errors
    /// If the harness could not, or the server did at once what it must not.
    pub async fn strike(&self, fault: Fault, rng: &mut Rng) -> Result<()> {
        self.tell(format!("strike: {}", fault.name()));
        let outcome = match fault {
            Fault::Kill => self.kill(rng).await,
            Fault::BeforeCommit => self.kill_at("before_commit", 30, rng).await,
            Fault::BeforeHandOver => self.kill_at("before_hand_over", 30, rng).await,
            Fault::BeforeAnswer => self.kill_at("before_answer", 30, rng).await,
            Fault::MidCheckpoint => self.kill_at("mid_checkpoint", 1, rng).await,
            Fault::PowerCut => {
                self.server.kill()?;
                self.lose_power(rng)?;
                self.server.start(None).await
            }
            Fault::Restart => {
                self.server.stop().await?;
                self.server.disk.settle()?;
                self.server.start(None).await
            }
            Fault::Restore => self.restore(rng).await,
            Fault::HangUp => {
                self.office.mood.rude.set(60);
                pause(rng, 1_000, 2_000).await;
                self.office.mood.rude.set(0);
                Ok(())
            }
            Fault::Cut => {
                for link in self.proxy.links() {
                    if rng.chance(70) {
                        link.cut();
                    }
                }
                Ok(())
            }
            Fault::HalfOpen => self.half_open(rng).await,
            Fault::Weather => {
                self.proxy.set_weather(Weather {
                    delay_ms: rng.between(1, 40),
                    splits: true,
                    drops: rng.between(0, 20),
                });
                pause(rng, 1_500, 2_500).await;
                self.proxy.set_weather(Weather::default());
                Ok(())
            }
            Fault::Stop => {
                self.server.signal("-STOP")?;
                pause(rng, 800, 3_000).await;
                self.server.signal("-CONT")
            }
            Fault::Slow => self.slow(rng).await,
            Fault::DiskFull => self.fill_disk(rng).await,
            Fault::Clock => self.jump(rng).await,
            Fault::Storm => self.storm(rng).await,
            Fault::Removed => self.remove_while_away(rng).await,
            Fault::Churn => self.churn(rng).await,
            Fault::Race => self.race(rng).await,
            Fault::Locked => self.lock(rng).await,
            Fault::Second => self.second_server().await,
            Fault::Reader => self.keep_reading(rng).await,
        };
        self.tell(format!("over: {}", fault.name()));
        outcome.with_context(|| format!("fault {}", fault.name()))
    }

    async fn can_read(&self) -> Result<()> {
        let person = self.office.world.people.first().context("nobody")?;
        let request = Request {
            method: "GET",
            path: "/api/v1/channels/",
            token: &person.token,
            key: None,
            body: None,
        };
        let answer = http::send(self.server.address, &request, Manners::Patient).await?;
        if answer.status != 200 {
            bail!("{}: {}", answer.status, answer.body);
        }
        Ok(())
    }

    /// The server takes writes again by itself.
    async fn writes_again(&self) -> Result<()> {
        let started = Instant::now();
        let mut rng = Rng::new(0, "again");
        while started.elapsed() < Duration::from_secs(10) {
            let post = Wish::Post {
                channel: 0,
                parent: None,
            };
            if self.office.carry_out(0, post, &mut rng).await.is_some() {
                return Ok(());
            }
        }
        bail!("nothing could be written for 10 s")
    }
}

async fn pause(rng: &mut Rng, from_ms: u64, to_ms: u64) {
    sleep(Duration::from_millis(rng.between(from_ms, to_ms))).await;
}
