//! One round: a fresh copy of the world, people who write and listen, a few faults, then silence and the checker.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use anyhow::Result;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::check::database::Database;
use crate::check::recoveries::Recoveries;
use crate::check::streams::{self, Epoch, Sightings};
use crate::check::{Finding, commands, counts, snapshots};
use crate::disk::Disk;
use crate::fault::{Arena, Fault};
use crate::ledger::Ledger;
use crate::node::Node;
use crate::proxy::Proxy;
use crate::rng::Rng;
use crate::server::Server;
use crate::story;
use crate::tab::{Kind, Room, Tab};
use crate::world::World;
use crate::writer::{Office, Writer};

/// Writers of each person.
const WRITERS: usize = 2;
/// Tabs of each of the first people, who come back with their positions.
const TABS: usize = 2;
const PEOPLE_WITH_TABS: usize = 6;
const WRITERS_END_WITHIN: Duration = Duration::from_secs(25);
/// How long outboxes may take for what has gathered in them; they wait up to a minute after an error.
const OUTBOXES_END_WITHIN: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What all rounds of a run have in common.
pub struct Run {
    /// The server's program.
    pub binary: PathBuf,
    /// The shim.
    pub shim: PathBuf,
    /// What drives clients of the TypeScript package, if it is there.
    pub client: Option<PathBuf>,
    /// Where rounds have their files.
    pub root: PathBuf,
    /// The database that each round starts from.
    pub template: PathBuf,
    /// Who and what there is.
    pub world: World,
    /// Of the run.
    pub seed: u64,
    /// How long people go on at least, faults or not.
    pub lasts: Duration,
    /// How long everybody may take to be up to date when nothing is written any more.
    pub settles: Duration,
    /// Whether data folders are on small file systems of their own.
    pub has_volumes: bool,
    /// What is planted in the server.
    pub planted: Option<String>,
}

/// What a round showed.
pub struct Report {
    /// Broken promises.
    pub findings: Vec<Finding>,
    /// The stories of the first few.
    pub stories: Vec<String>,
    /// Commands sent, and how many of them were acknowledged.
    pub commands: (usize, usize),
    /// Events seen by all tabs.
    pub seen: usize,
    /// How stock clients came back with their `pid`.
    pub recoveries: Recoveries,
    /// The files of the round.
    pub folder: PathBuf,
}

impl Run {
    /// Runs round `number` with these faults.
    ///
    /// # Errors
    /// If the harness itself fails.
    pub async fn round(&self, number: u64, faults: &[Fault]) -> Result<Report> {
        let folder = self.root.join(format!("round-{number}"));
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let seed = self.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let disk = Disk::new(&folder, &self.shim, Some(&self.template), self.has_volumes)?;
        let log = folder.join("server.log");
        let server = Server::new(&self.binary, disk, &log, self.planted.clone())?;
        server.start(None).await?;
        let started = Instant::now();
        let proxy = Proxy::start(server.address, Rng::new(seed, "proxy")).await?;
        let ledger = Ledger::new(format!("{:x}-{number}", self.seed), started);
        let office = Office::new(self.world.clone(), proxy.address, ledger);
        let node = match &self.client {
            Some(program) => Some(Node::start(program, &office)?),
            None => None,
        };
        let arena = Arena {
            tabs: self.tabs(started),
            node: node.clone(),
            server,
            proxy,
            office,
            shelf: Rc::default(),
            epochs: RefCell::default(),
            story: RefCell::default(),
        };
        let listeners = listen(&arena, seed);
        let sender = node
            .clone()
            .map(|node| tokio::task::spawn_local(node.write(Rng::new(seed, "node"))));
        let mut findings = self.turmoil(&arena, seed, faults).await;
        if let Some(sender) = sender {
            sender.await?;
        }
        let restored: Vec<u64> = arena
            .epochs
            .borrow()
            .iter()
            .map(|epoch| epoch.until)
            .collect();
        findings.extend(self.judge(&arena, node.as_deref()).await?);
        arena.tabs.iter().for_each(|tab| tab.end());
        if let Some(node) = node {
            node.end(); // its task would keep it alive until then
        }
        for listener in listeners {
            // It ends by itself at the word above.
            let _ = timeout(Duration::from_secs(2), listener).await;
        }
        let all = arena.office.ledger.commands();
        let acknowledged = |command: &&crate::ledger::Command| {
            matches!(command.outcome, crate::ledger::Outcome::Acknowledged { .. })
        };
        let report = Report {
            stories: findings
                .iter()
                .take(3)
                .map(|finding| story::of(finding, &arena))
                .collect(),
            commands: (all.len(), all.iter().filter(acknowledged).count()),
            seen: arena.tabs.iter().map(|tab| tab.history().len()).sum(),
            recoveries: recoveries(&arena.tabs, &restored, faults),
            findings,
            folder: folder.clone(),
        };
        if !report.findings.is_empty() {
            arena.server.disk.keep()?;
        }
        drop(arena);
        if report.findings.is_empty() {
            fs::remove_dir_all(&folder)?;
        } else {
            write_down(&report, &folder)?;
        }
        Ok(report)
    }

    fn tabs(&self, started: Instant) -> Vec<Rc<Tab>> {
        let mut tabs = Vec::new();
        for (person, who) in self.world.people.iter().enumerate() {
            let resuming = if person < PEOPLE_WITH_TABS { TABS } else { 0 };
            let stock = match person % 3 {
                0 => Some(Kind::Stock),
                1 => Some(Kind::Recovering),
                _ => None,
            };
            for kind in std::iter::repeat_n(Kind::Resuming, resuming).chain(stock) {
                tabs.push(Tab::new(tabs.len(), person, kind, &who.token, started));
            }
        }
        tabs
    }

    /// People write, faults strike, and in the end all is quiet.
    async fn turmoil(&self, arena: &Arena, seed: u64, faults: &[Fault]) -> Vec<Finding> {
        let started = Instant::now();
        let writers: Vec<JoinHandle<()>> = (0..self.world.people.len() * WRITERS)
            .map(|index| {
                let (person, nth) = (index / WRITERS, index % WRITERS);
                let rng = Rng::new(seed, &format!("writer {index}"));
                let writer = Writer::new(arena.office.clone(), person, nth, rng);
                tokio::task::spawn_local(writer.run())
            })
            .collect();
        let shelf = arena.shelf.clone();
        let reader = shelf.fill(arena.office.clone(), Rng::new(seed, "reader"));
        let reader = tokio::task::spawn_local(reader);
        let mut rng = Rng::new(seed, "faults");
        let mut findings = Vec::new();
        for fault in faults {
            sleep(Duration::from_millis(rng.between(300, 900))).await;
            if let Err(error) = arena.strike(*fault, &mut rng).await {
                findings.push(Finding::new(format!("{error:#}")));
            }
        }
        while started.elapsed() < self.lasts {
            sleep(LOOK_EVERY).await;
        }
        arena.office.mood.is_over.set(true);
        arena.tell("no new commands");
        for writer in writers.into_iter().chain([reader]) {
            if timeout(WRITERS_END_WITHIN, writer).await.is_err() {
                findings.push(Finding::new("a writer waits for ever"));
            }
        }
        arena.tell("everybody has finished");
        findings
    }

    async fn judge(&self, arena: &Arena, node: Option<&Node>) -> Result<Vec<Finding>> {
        if let Some(status) = arena.server.ended()? {
            return Ok(vec![Finding::new(format!(
                "the server ended by itself ({status})"
            ))]);
        }
        let mut findings: Vec<Finding> = arena
            .server
            .alarms()
            .into_iter()
            .map(|line| Finding::new(format!("the server says: {line}")))
            .collect();
        let (database, late) = self.quiet(arena, node).await?;
        findings.extend(node.map(Node::stream).unwrap_or_default());
        findings.extend(late);
        findings.extend(commands::check(
            &self.world,
            &arena.office.ledger.commands(),
            &database,
        ));
        findings.extend(counts::by_rest(arena.server.address, &self.world, &database).await?);
        let resuming = arena.tabs.iter().filter(|tab| tab.kind == Kind::Resuming);
        findings.extend(counts::in_tabs(
            &self.world,
            &database,
            resuming.map(|tab| &**tab),
        ));
        let mut epochs = std::mem::take(&mut *arena.epochs.borrow_mut());
        epochs.push(Epoch::of(&self.world, &database, u64::MAX));
        findings.extend(snapshots::check(
            &self.world,
            &arena.shelf.snapshots(),
            &epochs,
        ));
        let sightings = Sightings::of(&arena.tabs, &epochs);
        for tab in &arena.tabs {
            findings.extend(streams::check(&self.world, tab, &epochs, &sightings));
        }
        Ok(findings)
    }

    /// Waits until the outboxes are empty and every tab stands at the heads of exactly its rooms. How long that may take
    /// is counted from the last thing that was written.
    async fn quiet(&self, arena: &Arena, node: Option<&Node>) -> Result<(Database, Vec<Finding>)> {
        let begun = Instant::now();
        let (mut head, mut written) = (-1, begun);
        loop {
            let database = Database::read(&arena.server.disk.open()?)?;
            if database.head_pos != head {
                (head, written) = (database.head_pos, Instant::now());
            }
            let mut has_ended = written.elapsed() > self.settles;
            let mut late: Vec<Finding> = arena
                .tabs
                .iter()
                .filter_map(|tab| match tab.kind {
                    Kind::Resuming => self.lag(tab, &database),
                    Kind::Stock | Kind::Recovering => self.stock_lag(tab, &database),
                })
                .collect();
            if let Some(node) = node {
                if !node.has_sent_all() {
                    late.push(Finding::new("an outbox has not sent everything"));
                    has_ended = begun.elapsed() > OUTBOXES_END_WITHIN;
                }
                late.extend(node.compare(&database).await);
            }
            if late.is_empty() || has_ended {
                arena.tell(format!("quiet after {} ms", begun.elapsed().as_millis()));
                return Ok((database, late));
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// What a stock client still lacks of the channels that it has heard of in its session.
    fn stock_lag(&self, tab: &Tab, database: &Database) -> Option<Finding> {
        let lacks = |what: String| Some(Finding::new(what).seen_by(tab.number));
        let Some(standing) = tab.standing() else {
            return lacks(format!("tab {} is not connected", tab.number));
        };
        let channels = self.world.channels.iter();
        let calm = channels.filter(|channel| !channel.is_revolving);
        for room in calm.map(|channel| Room::from(format!("channel:{}", channel.id))) {
            let mut events = database.events.iter().rev();
            let newest = events.find(|event| event.room == room && streams::is_for_all(event));
            let (Some(here), Some(newest)) = (standing.get(&room), newest) else {
                continue;
            };
            if here.0 < newest.position.0 {
                let what = format!(
                    "tab {} stands at {here:?}, the room's newest is {:?}",
                    tab.number, newest.position
                );
                return lacks(what).map(|finding| finding.in_room(&room));
            }
        }
        None
    }

    /// What a tab still lacks.
    fn lag(&self, tab: &Tab, database: &Database) -> Option<Finding> {
        let lacks = |what: String| Some(Finding::new(what).seen_by(tab.number));
        let Some(standing) = tab.standing() else {
            return lacks(format!("tab {} is not connected and caught up", tab.number));
        };
        let person = &self.world.people[tab.person];
        let mut rooms: Vec<Room> = vec!["everyone".into(), format!("user:{}", person.id).into()];
        for (number, channel) in self.world.channels.iter().enumerate() {
            let is_member = database
                .members
                .contains_key(&(channel.id.clone(), person.id.clone()));
            if number == 0 || is_member {
                rooms.push(format!("channel:{}", channel.id).into());
            }
        }
        for room in &rooms {
            let head = database.heads.get(room).copied().unwrap_or((0, 0));
            if standing.get(room) != Some(&head) {
                let what = format!(
                    "tab {} stands at {:?}, the room's head is {head:?}",
                    tab.number,
                    standing.get(room)
                );
                return lacks(what).map(|finding| finding.in_room(room));
            }
        }
        let more = standing.keys().find(|room| !rooms.contains(room))?;
        lacks(format!("tab {} is in a room of others", tab.number))
            .map(|finding| finding.in_room(more))
    }
}

fn recoveries(tabs: &[Rc<Tab>], restored: &[u64], faults: &[Fault]) -> Recoveries {
    let mut all = Recoveries::default();
    for tab in tabs.iter().filter(|tab| tab.kind == Kind::Recovering) {
        all += Recoveries::of(&tab.history(), restored);
    }
    if faults.contains(&Fault::Slow) {
        all.due = 0; // they may have missed more than is kept for them
    }
    all
}

fn listen(arena: &Arena, seed: u64) -> Vec<JoinHandle<()>> {
    let tabs = arena.tabs.iter().cloned();
    tabs.map(|tab| {
        let rng = Rng::new(seed, &format!("tab {}", tab.number));
        tokio::task::spawn_local(tab.run(arena.proxy.address, rng))
    })
    .collect()
}

fn write_down(report: &Report, folder: &Path) -> Result<()> {
    let mut text = String::new();
    for finding in &report.findings {
        text += &format!("{finding:?}\n");
    }
    for story in &report.stories {
        text += &format!("\n{story}");
    }
    fs::write(folder.join("findings.txt"), text)?;
    Ok(())
}
