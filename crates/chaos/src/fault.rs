//! The faults: what can go wrong with processes, disks, networks, clocks and people, each as one strike.
//!
//! A strike begins with everything well and ends with everything well again; what it leaves behind is for the checker.

use std::cell::{Cell, RefCell};
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::time::{Instant, sleep};

use crate::check::database::Database;
use crate::check::streams::Epoch;
use crate::disk::Control;
use crate::http::{self, Manners, Request};
use crate::ledger::Wish;
use crate::proxy::{Proxy, Weather};
use crate::reader::Shelf;
use crate::rng::Rng;
use crate::server::Server;
use crate::tab::{Kind, Tab};
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
    /// No file may grow.
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
}

/// Every fault with its name on the command line.
pub const ALL: [(&str, Fault); 22] = [
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
        };
        self.tell(format!("over: {}", fault.name()));
        outcome.with_context(|| format!("fault {}", fault.name()))
    }

    async fn kill(&self, rng: &mut Rng) -> Result<()> {
        self.server.kill()?;
        self.server.disk.settle()?;
        pause(rng, 0, 400).await;
        self.server.start(None).await
    }

    /// Starts the server armed, waits until it stands at the point, and kills it there, now and then with the power.
    async fn kill_at(&self, point: &str, latest: u64, rng: &mut Rng) -> Result<()> {
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

    fn lose_power(&self, rng: &mut Rng) -> Result<()> {
        let is_torn = rng.chance(50);
        self.tell(format!("the power is cut, torn pages: {is_torn}"));
        self.server.disk.cut_power(rng, is_torn)
    }

    async fn restore(&self, rng: &mut Rng) -> Result<()> {
        let from = self.office.ledger.now();
        self.server.disk.back_up()?;
        self.tell("backed up");
        pause(rng, 500, 2_000).await;
        self.server.kill()?;
        self.server.disk.settle()?;
        let (_folder, database) = self.server.disk.copied()?;
        let lost = Database::read(&database)?;
        // What the dead server sent is still under way: none of it may arrive in the new epoch.
        for link in self.proxy.links() {
            link.cut();
        }
        sleep(Duration::from_millis(50)).await;
        let lost = Epoch::of(&self.office.world, &lost, self.office.ledger.now());
        self.epochs.borrow_mut().push(lost);
        self.office.ledger.forget_since(from);
        self.server.disk.restore()?;
        self.tell("restored");
        self.server.start(None).await
    }

    async fn half_open(&self, rng: &mut Rng) -> Result<()> {
        let muted: Vec<_> = self
            .proxy
            .links()
            .into_iter()
            .filter(|_| rng.chance(40))
            .collect();
        muted.iter().for_each(|link| link.mute());
        pause(rng, 1_500, 4_500).await;
        muted.iter().for_each(|link| link.cut());
        Ok(())
    }

    async fn slow(&self, rng: &mut Rng) -> Result<()> {
        let slow = self.proxy.busiest(5);
        slow.iter().for_each(|link| link.slow(true));
        self.office.mood.weight.set(12_000);
        pause(rng, 2_500, 4_000).await;
        self.office.mood.weight.set(0);
        slow.iter().for_each(|link| link.slow(false));
        Ok(())
    }

    async fn fill_disk(&self, rng: &mut Rng) -> Result<()> {
        self.server.disk.control(Control {
            is_full: true,
            ..Control::default()
        })?;
        pause(rng, 700, 1_500).await;
        let is_read = self.can_read().await;
        self.server.disk.control(Control::default())?;
        is_read.context("while the disk was full, a list was not answered")?;
        self.writes_again()
            .await
            .context("after the disk had room again")
    }

    async fn jump(&self, rng: &mut Rng) -> Result<()> {
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

    async fn storm(&self, rng: &mut Rng) -> Result<()> {
        self.office.mood.hasty.set(80);
        for _ in 0..rng.between(6, 12) {
            pause(rng, 60, 250).await;
            self.proxy.links().iter().for_each(|link| link.cut());
        }
        pause(rng, 500, 1_000).await;
        self.office.mood.hasty.set(0);
        Ok(())
    }

    async fn remove_while_away(&self, rng: &mut Rng) -> Result<()> {
        let (channel, owner, who) = self.somebody_of_a_group(rng)?;
        let member = |joins| Wish::Member {
            channel,
            who,
            joins,
        };
        self.office.carry_out(owner, member(true), rng).await;
        let theirs = || self.tabs.iter().filter(|tab| tab.person == who);
        pause(rng, 100, 400).await;
        theirs().for_each(|tab| tab.stay_away(true));
        self.tell(format!("person {who} is away"));
        self.office.carry_out(owner, member(false), rng).await;
        for _ in 0..rng.between(1, 5) {
            let post = Wish::Post {
                channel,
                parent: None,
            };
            self.office.carry_out(owner, post, rng).await;
        }
        if rng.chance(40) {
            self.office.carry_out(owner, member(true), rng).await;
        }
        theirs().for_each(|tab| tab.stay_away(false));
        self.tell(format!("person {who} is back"));
        Ok(())
    }

    async fn churn(&self, rng: &mut Rng) -> Result<()> {
        let (channel, owner, _) = self.somebody_of_a_group(rng)?;
        for _ in 0..rng.between(8, 16) {
            let who = rng.below(self.office.world.people.len());
            if who == owner {
                continue;
            }
            let joins = rng.chance(50);
            let comes_back = rng.chance(50);
            if comes_back {
                // Their sockets come back just when their right changes.
                let theirs = self.tabs.iter().filter(|tab| tab.person == who);
                theirs.for_each(|tab| tab.come_back());
                pause(rng, 20, 330).await;
            }
            let member = Wish::Member {
                channel,
                who,
                joins,
            };
            self.office.carry_out(owner, member, rng).await;
            for _ in 0..rng.between(0, 2) {
                let post = Wish::Post {
                    channel,
                    parent: None,
                };
                self.office.carry_out(owner, post, rng).await;
            }
        }
        Ok(())
    }

    async fn race(&self, rng: &mut Rng) -> Result<()> {
        let (channel, owner, who) = self.somebody_of_a_group(rng)?;
        let theirs = || self.tabs.iter().filter(|tab| tab.person == who);
        theirs().for_each(|tab| tab.be_frantic(true));
        let is_over = Rc::new(Cell::new(false));
        let others: Vec<_> = (0..3)
            .map(|_| {
                let (office, is_over) = (self.office.clone(), is_over.clone());
                let mut rng = Rng::new(rng.next(), "race");
                tokio::task::spawn_local(async move {
                    let post = Wish::Post {
                        channel,
                        parent: None,
                    };
                    while !is_over.get() {
                        office.carry_out(owner, post.clone(), &mut rng).await;
                    }
                })
            })
            .collect();
        let started = Instant::now();
        let mut joins = false;
        while started.elapsed() < Duration::from_millis(1_500) {
            let member = Wish::Member {
                channel,
                who,
                joins,
            };
            self.office.carry_out(owner, member, rng).await;
            joins = !joins;
            pause(rng, 0, 15).await;
        }
        is_over.set(true);
        theirs().for_each(|tab| tab.be_frantic(false));
        for other in others {
            other.await?;
        }
        Ok(())
    }

    /// A revolving group, its owner, and somebody else who listens: by number.
    fn somebody_of_a_group(&self, rng: &mut Rng) -> Result<(usize, usize, usize)> {
        let world = &self.office.world;
        let groups: Vec<usize> = (0..world.channels.len())
            .filter(|number| world.channels[*number].is_revolving)
            .collect();
        let channel = *rng.pick(&groups).context("no group")?;
        let owner = world.channels[channel].owner;
        let people: Vec<usize> = self
            .tabs
            .iter()
            .filter(|tab| tab.kind == Kind::Resuming && tab.person != owner)
            .map(|tab| tab.person)
            .collect();
        let who = *rng.pick(&people).context("nobody listens")?;
        Ok((channel, owner, who))
    }

    async fn lock(&self, rng: &mut Rng) -> Result<()> {
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

    async fn second_server(&self) -> Result<()> {
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
