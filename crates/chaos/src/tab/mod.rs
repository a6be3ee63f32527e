//! A listening client: a raw socket that comes back with its positions and writes down what it saw.
//!
//! It keeps the rules of a client by the letter (`rules`: `ready`, `resumed`, `joined`, `left`, contiguous numbers) and
//! notes every breach at once. A *stock* tab sends no positions; it is held to order within a connection, or within a
//! session if it comes back with a `pid`. What was seen (`seen`) is compared with the log after the round, in `check`.

mod rules;
mod seen;
mod wire;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use loadgen::frame::{self, Frame};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

pub use self::seen::{Breach, Position, Room, Seen, What};
use self::seen::{State, Waiting, position};
use crate::rng::Rng;

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
/// The server pings every 2 s and waits 2 s: whoever hears nothing for longer has no connection.
const SILENCE: Duration = Duration::from_millis(5_000);
const HANDSHAKE: Duration = Duration::from_secs(5);
/// What a session that goes on asks at once. The answer is queued behind all that it missed.
const ASKS: &str = r#"421["resume",{}]"#;
const ANSWERED: &str = "431[";

/// How a tab behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Comes back with its positions.
    Resuming,
    /// Knows only the contract.
    Stock,
    /// socket.io-client with `?recovery=1`: comes back with its `pid` and offset.
    Recovering,
}

/// One listening client.
pub struct Tab {
    /// Its number in the round.
    pub number: usize,
    /// Whose it is.
    pub person: usize,
    /// How it behaves.
    pub kind: Kind,
    token: String,
    /// The round's clock starts here.
    started: Instant,
    state: RefCell<State>,
    connection: Cell<u32>,
    ended: Cell<u32>,
    is_away: Cell<bool>,
    must_return: Cell<bool>,
    is_frantic: Cell<bool>,
    is_over: Cell<bool>,
    changed: Notify,
}

impl Tab {
    /// A tab that is not connected yet.
    #[must_use]
    pub fn new(number: usize, person: usize, kind: Kind, token: &str, started: Instant) -> Rc<Tab> {
        Rc::new(Tab {
            number,
            person,
            kind,
            token: token.to_owned(),
            started,
            state: RefCell::default(),
            connection: Cell::new(0),
            ended: Cell::new(0),
            is_away: Cell::new(false),
            must_return: Cell::new(false),
            is_frantic: Cell::new(false),
            is_over: Cell::new(false),
            changed: Notify::new(),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn note(&self, what: What) {
        let seen = Seen {
            at: self.now(),
            connection: self.connection.get(),
            what,
        };
        self.state.borrow_mut().history.push(seen);
    }

    fn breach(&self, room: &Room, what: String) {
        let breach = Breach {
            at: self.now(),
            room: room.clone(),
            what,
        };
        self.state.borrow_mut().breaches.push(breach);
    }

    /// Closes the connection and stays away until `false` is said.
    pub fn stay_away(&self, is_away: bool) {
        self.is_away.set(is_away);
        self.changed.notify_waiters();
    }

    /// Closes the connection and connects again.
    pub fn come_back(&self) {
        self.must_return.set(true);
        self.changed.notify_waiters();
    }

    /// Connects again as soon as it is connected, over and over.
    pub fn be_frantic(&self, is_frantic: bool) {
        self.is_frantic.set(is_frantic);
    }

    /// Ends the tab for good.
    pub fn end(&self) {
        self.is_over.set(true);
        self.changed.notify_waiters();
    }

    /// The number of its newest connection.
    #[must_use]
    pub fn connection(&self) -> u32 {
        self.connection.get()
    }

    /// Whether nothing can arrive any more over this connection and those before it.
    #[must_use]
    pub fn is_over(&self, connection: u32) -> bool {
        self.ended.get() >= connection
    }

    /// What was seen, in order.
    #[must_use]
    pub fn history(&self) -> Vec<Seen> {
        self.state.borrow().history.clone()
    }

    /// Which rules were broken.
    #[must_use]
    pub fn breaches(&self) -> Vec<Breach> {
        self.state.borrow().breaches.clone()
    }

    /// Where it stands in each room; none while it is connecting or catching up.
    #[must_use]
    pub fn standing(&self) -> Option<HashMap<Room, Position>> {
        let state = self.state.borrow();
        state.is_caught_up.then(|| state.positions.clone())
    }

    /// The newest number of waiting proposals it was told.
    #[must_use]
    pub fn pending_total(&self) -> Option<i64> {
        self.state.borrow().pending_total
    }

    /// Connects, listens and comes back until [`Tab::end`].
    pub async fn run(self: Rc<Tab>, address: SocketAddr, mut rng: Rng) {
        while !self.is_over.get() {
            if self.is_away.get() {
                self.changed.notified().await;
                continue;
            }
            self.connection.set(self.connection.get() + 1);
            let outcome = tokio::select! {
                outcome = self.listen(address) => outcome,
                () = self.has_seen_enough(&mut rng) => Err(anyhow::anyhow!("comes back")),
                () = self.must_go() => Err(anyhow::anyhow!("went away")),
            };
            let why = outcome.map_or_else(|error| format!("{error:#}"), |()| "closed".to_owned());
            self.note(What::Closed(why));
            self.part();
            self.ended.set(self.connection.get());
            let most = if self.is_frantic.get() { 3 } else { 300 };
            sleep(Duration::from_millis(rng.between(0, most))).await;
        }
    }

    /// Never, for a calm tab.
    async fn has_seen_enough(&self, rng: &mut Rng) {
        let patience = Duration::from_millis(rng.between(5, 40));
        loop {
            sleep(patience).await;
            if self.is_frantic.get() {
                return;
            }
        }
    }

    async fn must_go(&self) {
        while !self.is_away.get() && !self.is_over.get() && !self.must_return.take() {
            self.changed.notified().await;
        }
    }

    async fn listen(&self, address: SocketAddr) -> Result<()> {
        let query = if self.kind == Kind::Recovering {
            "&recovery=1"
        } else {
            ""
        };
        let mut stream = timeout(HANDSHAKE, wire::open(address, query)).await??;
        let auth = self.auth();
        stream.write_all(&frame::text(&format!("40{auth}"))).await?;
        let mut bytes = Vec::new();
        loop {
            let used = self.consume(&bytes, &mut stream).await?;
            bytes.drain(..used);
            let read = timeout(SILENCE, stream.read_buf(&mut bytes)).await;
            if read.context("the server is silent")?? == 0 {
                return Ok(());
            }
        }
    }

    fn auth(&self) -> Value {
        if self.kind != Kind::Resuming {
            let state = self.state.borrow();
            let mut auth = json!({"token": self.token});
            for (key, value) in [("pid", &state.session), ("offset", &state.offset)] {
                if let (Some(value), Some(_)) = (value, &state.session) {
                    auth[key] = json!(value);
                }
            }
            return auth;
        }
        let mut state = self.state.borrow_mut();
        let claims: BTreeMap<Room, Position> = state
            .positions
            .iter()
            .map(|(room, position)| (room.clone(), *position))
            .collect();
        state.waiting = claims
            .keys()
            .map(|room| (room.clone(), Waiting::default()))
            .collect();
        drop(state);
        let resume: serde_json::Map<String, Value> = claims
            .iter()
            .map(|(room, position)| (room.to_string(), json!(position)))
            .collect();
        self.note(What::Asked(claims));
        json!({"token": self.token, "resume": resume})
    }

    async fn consume(&self, bytes: &[u8], stream: &mut TcpStream) -> Result<usize> {
        let mut used = 0;
        while let Some((
            Frame {
                opcode, payload, ..
            },
            length,
        )) = frame::first(&bytes[used..])?
        {
            used += length;
            match (opcode, payload) {
                (TEXT, payload) => {
                    if let Some(answer) = self.take(payload)? {
                        stream.write_all(&frame::text(answer)).await?;
                    }
                }
                (CLOSE, _) => bail!("the server said goodbye"),
                _ => {}
            }
        }
        Ok(used)
    }

    /// Takes a packet in; answers with what is to be said to it.
    fn take(&self, packet: &[u8]) -> Result<Option<&'static str>> {
        let text = std::str::from_utf8(packet)?;
        if text == "2" {
            return Ok(Some("3"));
        }
        if text.starts_with("44") || text.starts_with("41") || text == "1" {
            bail!("the server ended the socket: {text}");
        }
        if let Some(answer) = text.strip_prefix("40") {
            let goes_on = self.greeted(answer)?;
            return Ok(goes_on.then_some(ASKS));
        }
        if text.starts_with(ANSWERED) {
            self.note(What::Replayed);
        }
        if let Some(list) = text.strip_prefix("42") {
            self.told(list)?;
        }
        Ok(None)
    }

    fn told(&self, list: &str) -> Result<()> {
        let list: Vec<&RawValue> = serde_json::from_str(list)?;
        let (Some(name), Some(payload)) = (list.first(), list.get(1)) else {
            return Ok(());
        };
        let name: String = serde_json::from_str(name.get())?;
        let payload = payload.get();
        match name.as_str() {
            "ready" => self.ready(&serde_json::from_str(payload)?),
            "resumed" => self.resumed(&serde_json::from_str(payload)?),
            "joined" => {
                let joined: Value = serde_json::from_str(payload)?;
                let room: Room = joined["room"].as_str().unwrap_or_default().into();
                let position = position(&joined["position"]);
                self.note(What::Joined(room.clone(), position));
                let mut state = self.state.borrow_mut();
                state.waiting.remove(&room);
                state.positions.insert(room, position);
                Ok(())
            }
            "left" => {
                let left: Value = serde_json::from_str(payload)?;
                let room: Room = left["room"].as_str().unwrap_or_default().into();
                self.note(What::Left(room.clone()));
                let mut state = self.state.borrow_mut();
                state.waiting.remove(&room);
                state.positions.remove(&room);
                Ok(())
            }
            _ => {
                if payload.starts_with("{\"room\":") {
                    self.event(&name, payload)?;
                }
                match list.last().map(|last| serde_json::from_str(last.get())) {
                    Some(Ok(Value::String(offset))) if list.len() > 2 => self.reached(&offset),
                    _ => {}
                }
                Ok(())
            }
        }
    }
}
