//! People and agents who do things: each sends one command after another, and the same again until it is answered.
//!
//! Like a client with an outbox: a command keeps its `temp_id` or `Idempotency-Key` over all attempts. Some give up after
//! the first silence, some send the same command several times at once.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::http::{self, Manners, Request, Traffic};
use crate::ledger::{Ledger, Wish};
use crate::rng::Rng;
use crate::world::World;

/// How long a command is tried before its sender gives up.
const TRIES_FOR: Duration = Duration::from_secs(12);
/// How many of one's own messages a writer remembers, to edit and delete them.
const REMEMBERED: usize = 20;

/// How all writers behave just now; faults change it.
#[derive(Debug, Default)]
pub struct Mood {
    /// So many of a hundred commands are sent rudely.
    pub rude: Cell<u64>,
    /// So many of a hundred are sent several times at once.
    pub hasty: Cell<u64>,
    /// So many bytes more in each message.
    pub weight: Cell<usize>,
    /// The round is over: no new commands.
    pub is_over: Cell<bool>,
}

/// What the writers of a round share.
pub struct Office {
    /// Who and what there is.
    pub world: World,
    /// Where to send.
    pub address: SocketAddr,
    /// Where everything is written down.
    pub ledger: Ledger,
    /// How they behave.
    pub mood: Mood,
    /// What is on the wire.
    pub traffic: Traffic,
    /// Proposals that wait for their person's decision, by person: id and base version.
    proposals: RefCell<Vec<Vec<(String, i64)>>>,
}

impl Office {
    /// An office where nothing was done yet.
    #[must_use]
    pub fn new(world: World, address: SocketAddr, ledger: Ledger) -> Rc<Office> {
        let people = world.people.len();
        Rc::new(Office {
            world,
            address,
            ledger,
            mood: Mood::default(),
            traffic: Traffic::default(),
            proposals: RefCell::new(vec![Vec::new(); people]),
        })
    }

    /// Carries out one wish: to its answer, or until its sender gives up.
    pub async fn carry_out(
        self: &Rc<Self>,
        person: usize,
        wish: Wish,
        rng: &mut Rng,
    ) -> Option<Value> {
        let (number, tag) = self.ledger.open(person, wish.clone());
        let mut letter = Letter::of(&self.world, person, &wish, &tag);
        if let (Wish::Post { .. }, weight @ 1..) = (&wish, self.mood.weight.get()) {
            letter.body["data"] = json!({"weight": "x".repeat(weight)});
        }
        let is_rude = rng.chance(self.mood.rude.get());
        if !is_rude && rng.chance(self.mood.hasty.get()) {
            return self.at_once(number, letter, rng.between(2, 5)).await;
        }
        let started = Instant::now();
        let mut manners = if is_rude && rng.chance(70) {
            Manners::HangsUp
        } else if is_rude {
            Manners::BreaksOff
        } else {
            Manners::Patient
        };
        loop {
            if let Some(known) = self.send(number, &letter, manners).await {
                return known;
            }
            if started.elapsed() > TRIES_FOR || (is_rude && rng.chance(40)) {
                return None;
            }
            manners = Manners::Patient;
            sleep(Duration::from_millis(rng.between(30, 250))).await;
        }
    }

    /// The same command several times at once; then as long as it takes.
    async fn at_once(self: &Rc<Self>, number: usize, letter: Letter, copies: u64) -> Option<Value> {
        let started = Instant::now();
        let mut answered = None;
        while answered.is_none() && started.elapsed() < TRIES_FOR {
            let sent: Vec<_> = (0..copies)
                .map(|_| {
                    let (office, letter) = (self.clone(), letter.clone());
                    tokio::task::spawn_local(async move {
                        office.send(number, &letter, Manners::Patient).await
                    })
                })
                .collect();
            for one in sent {
                // A task of ours does not panic.
                if let Ok(Some(known)) = one.await {
                    answered = answered.or(Some(known));
                }
            }
            sleep(Duration::from_millis(100)).await;
        }
        answered.flatten()
    }

    /// One attempt. `None`: try again. `Some(None)`: refused. `Some(Some(body))`: acknowledged.
    async fn send(
        &self,
        number: usize,
        letter: &Letter,
        manners: Manners,
    ) -> Option<Option<Value>> {
        let request = Request {
            method: letter.method,
            path: &letter.path,
            token: &letter.token,
            key: Some(&letter.key),
            body: Some(&letter.body),
        };
        let _trip = self.traffic.begin();
        match http::send(self.address, &request, manners).await {
            Ok(answer) => {
                let outcome = Ok((answer.status, answer.body.clone()));
                self.ledger.attempt(number, outcome);
                match answer.status {
                    200 => Some(Some(answer.body)),
                    429 | 500.. => None,
                    _ => Some(None),
                }
            }
            Err(error) => {
                self.ledger.attempt(number, Err(format!("{error:#}")));
                None
            }
        }
    }
}

/// A command as it is sent, every time the same.
#[derive(Debug, Clone)]
struct Letter {
    method: &'static str,
    path: String,
    token: String,
    key: String,
    body: Value,
}

impl Letter {
    fn of(world: &World, person: usize, wish: &Wish, tag: &str) -> Letter {
        let sender = &world.people[person];
        let token = match wish {
            Wish::Propose { .. } => &sender.api_key,
            _ => &sender.token,
        };
        Letter {
            method: if matches!(wish, Wish::Delete { .. }) {
                "DELETE"
            } else {
                "POST"
            },
            path: path_of(world, wish),
            token: token.clone(),
            key: tag.to_owned(),
            body: body_of(world, wish, tag),
        }
    }
}

fn path_of(world: &World, wish: &Wish) -> String {
    let channel = |number: &usize| format!("/api/v1/channels/{}", world.channels[*number].id);
    match wish {
        Wish::Post { channel: to, .. } => format!("{}/messages/post", channel(to)),
        Wish::Edit {
            channel: of,
            message,
        } => {
            format!("{}/messages/{message}/update", channel(of))
        }
        Wish::Delete {
            channel: of,
            message,
        } => {
            format!("{}/messages/{message}/delete", channel(of))
        }
        Wish::Read { channel: of, .. } => format!("{}/read", channel(of)),
        Wish::Member {
            channel: of, joins, ..
        } => {
            let what = if *joins { "add" } else { "remove" };
            format!("{}/update/members/{what}", channel(of))
        }
        Wish::Propose { block } => format!("/api/v1/memory/blocks/{block}/proposals"),
        Wish::Decide {
            proposal, approves, ..
        } => {
            let what = if *approves { "approve" } else { "reject" };
            format!("/api/v1/memory/proposals/{proposal}/{what}")
        }
    }
}

/// Every text carries the command's tag, so that what it made can be told from all else.
fn body_of(world: &World, wish: &Wish, tag: &str) -> Value {
    match wish {
        Wish::Post { parent, .. } => {
            json!({"content": format!("{tag} posted"), "temp_id": tag, "parent_id": parent})
        }
        Wish::Edit { .. } => json!({"content": format!("{tag} edited")}),
        Wish::Read { read_no, .. } => json!({"read_no": read_no}),
        Wish::Member { who, .. } => json!({"user_ids": [world.people[*who].id]}),
        Wish::Propose { .. } => json!({"body": format!("{tag} proposed"), "reasoning": tag}),
        Wish::Decide {
            approves: true,
            base_version,
            ..
        } => json!({"base_version": base_version, "body": format!("{tag} approved")}),
        Wish::Decide { base_version, .. } => json!({"base_version": base_version}),
        Wish::Delete { .. } => Value::Null,
    }
}

/// Somebody who writes.
pub struct Writer {
    office: Rc<Office>,
    person: usize,
    rng: Rng,
    /// Own messages: channel, id, whether it is a thread's root that can be answered.
    mine: Vec<(usize, String, bool)>,
    /// Who of a group that the person owns is in it, as far as the writer knows.
    is_owner_at_work: bool,
}

impl Writer {
    /// A writer for this person. Of the several of one person, the first also looks after members and decides.
    #[must_use]
    pub fn new(office: Rc<Office>, person: usize, nth: usize, rng: Rng) -> Writer {
        Writer {
            office,
            person,
            rng,
            mine: Vec::new(),
            is_owner_at_work: nth == 0,
        }
    }

    /// Does one thing after another until the round is over.
    pub async fn run(mut self) {
        while !self.office.mood.is_over.get() {
            self.one().await;
            sleep(Duration::from_millis(self.rng.between(40, 260))).await;
        }
    }

    async fn one(&mut self) {
        match self.rng.below(100) {
            0..45 => self.post(false).await,
            45..52 => self.post(true).await,
            52..64 => self.edit().await,
            64..69 => self.delete().await,
            69..77 => self.read().await,
            77..86 => self.propose().await,
            86..92 => self.decide().await,
            _ => self.change_members().await,
        }
    }

    async fn carry_out(&mut self, wish: Wish) -> Option<Value> {
        let office = self.office.clone();
        office.carry_out(self.person, wish, &mut self.rng).await
    }

    fn some_channel(&mut self) -> usize {
        let mine: Vec<usize> = (0..self.office.world.channels.len())
            .filter(|number| {
                self.office.world.channels[*number]
                    .members
                    .contains(&self.person)
            })
            .collect();
        self.rng.pick(&mine).copied().unwrap_or_default()
    }

    async fn post(&mut self, in_thread: bool) {
        let roots: Vec<(usize, String, bool)> =
            self.mine.iter().filter(|own| own.2).cloned().collect();
        let (channel, parent) = match self.rng.pick(&roots) {
            Some((channel, root, _)) if in_thread => (*channel, Some(root.clone())),
            _ => (self.some_channel(), None),
        };
        let is_root = parent.is_none();
        if let Some(answer) = self.carry_out(Wish::Post { channel, parent }).await
            && let Some(id) = answer["id"].as_str()
        {
            self.mine.push((channel, id.to_owned(), is_root));
            if self.mine.len() > REMEMBERED {
                self.mine.remove(0);
            }
        }
    }

    async fn edit(&mut self) {
        if let Some((channel, message, _)) = self.rng.pick(&self.mine).cloned() {
            self.carry_out(Wish::Edit { channel, message }).await;
        }
    }

    async fn delete(&mut self) {
        if self.mine.is_empty() {
            return;
        }
        let (channel, message, _) = self.mine.remove(self.rng.below(self.mine.len()));
        self.carry_out(Wish::Delete { channel, message }).await;
    }

    async fn read(&mut self) {
        let channel = self.some_channel();
        let read_no = i64::try_from(self.rng.between(0, 400)).unwrap_or(0);
        self.carry_out(Wish::Read { channel, read_no }).await;
    }

    async fn propose(&mut self) {
        let blocks = self.office.world.people[self.person].blocks.clone();
        let Some(block) = self.rng.pick(&blocks).cloned() else {
            return;
        };
        if let Some(made) = self.carry_out(Wish::Propose { block }).await
            && let Some(id) = made["id"].as_str()
        {
            let base = made["base_version"].as_i64().unwrap_or_default();
            self.office.proposals.borrow_mut()[self.person].push((id.to_owned(), base));
        }
    }

    async fn decide(&mut self) {
        let waiting = self.office.proposals.borrow_mut()[self.person].pop();
        if let Some((proposal, base_version)) = waiting {
            let approves = self.rng.chance(60);
            let wish = Wish::Decide {
                proposal,
                approves,
                base_version,
            };
            self.carry_out(wish).await;
        }
    }

    /// The owner of a revolving group puts somebody in or out; others just post.
    async fn change_members(&mut self) {
        let owned: Vec<usize> = (0..self.office.world.channels.len())
            .filter(|number| {
                let channel = &self.office.world.channels[*number];
                channel.is_revolving && channel.owner == self.person
            })
            .collect();
        let Some(channel) = self
            .rng
            .pick(&owned)
            .copied()
            .filter(|_| self.is_owner_at_work)
        else {
            return self.post(false).await;
        };
        let who = self.rng.below(self.office.world.people.len());
        if who != self.person {
            let joins = self.rng.chance(60);
            self.carry_out(Wish::Member {
                channel,
                who,
                joins,
            })
            .await;
        }
    }
}
