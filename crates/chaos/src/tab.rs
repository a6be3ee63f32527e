//! A listening client: a raw socket that comes back with its positions and writes down what it saw.
//!
//! It keeps the rules of a client by the letter (`ready`, `resumed`, `joined`, `left`, contiguous numbers) and notes every
//! breach at once. A *stock* tab sends no positions; it is held to order within a connection only.
//! What was seen is compared with the log after the round, in `check`.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use loadgen::frame::{self, Frame};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use crate::rng::Rng;

const TEXT: u8 = 1;
const CLOSE: u8 = 8;
/// The server pings every 2 s and waits 2 s: whoever hears nothing for longer has no connection.
const SILENCE: Duration = Duration::from_millis(5_000);
const HANDSHAKE: Duration = Duration::from_secs(5);

/// A room's name, shared by what was seen of it.
pub type Room = Rc<str>;

/// A place in a room: `seq`, and its commit time in milliseconds.
pub type Position = (i64, i64);

/// One thing that was seen.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Milliseconds since the round began.
    pub at: u64,
    /// On which of the tab's connections.
    pub connection: u32,
    /// What.
    pub what: What,
}

/// What can be seen.
#[derive(Debug, Clone)]
pub enum What {
    /// CONNECT was sent with these claims.
    Asked(BTreeMap<Room, Position>),
    /// `ready`: the heads of the socket's rooms.
    Ready(BTreeMap<Room, Position>),
    /// `resumed`: which rooms were recovered, and where they are live from.
    Resumed(BTreeMap<Room, (bool, Position)>),
    /// `joined`.
    Joined(Room, Position),
    /// `left`.
    Left(Room),
    /// A numbered event: where it stands, its name, a hash of its payload.
    Event(Room, Position, Rc<str>, u64),
    /// The connection ended.
    Closed(String),
}

/// How a tab behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Comes back with its positions.
    Resuming,
    /// Knows only the contract.
    Stock,
}

/// What became of a room that the tab claimed a position in, until `resumed` says so.
#[derive(Debug, Default)]
struct Waiting {
    arrived: Vec<Position>,
}

#[derive(Default)]
struct State {
    /// Where the tab stands in each room it may hear.
    positions: HashMap<Room, Position>,
    /// Rooms whose claim is not judged yet.
    waiting: HashMap<Room, Waiting>,
    /// The newest absolute number of proposals that wait; none before the first, or when the room has to be fetched anew.
    pending_total: Option<i64>,
    history: Vec<Seen>,
    breaches: Vec<Breach>,
    is_caught_up: bool,
}

/// A rule that was broken in front of a client.
#[derive(Debug, Clone)]
pub struct Breach {
    /// Milliseconds since the round began.
    pub at: u64,
    /// Where.
    pub room: Room,
    /// How.
    pub what: String,
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
    is_away: Cell<bool>,
    must_return: Cell<bool>,
    is_frantic: Cell<bool>,
    is_over: Cell<bool>,
    changed: Notify,
}

/// What stands first in every numbered payload.
#[derive(Deserialize)]
struct Numbered {
    room: String,
    seq: i64,
    at: i64,
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

    /// The connection is gone: of rooms that were not judged, what came without a hole counts.
    fn part(&self) {
        let mut state = self.state.borrow_mut();
        let State {
            positions, waiting, ..
        } = &mut *state;
        for (room, waited) in waiting.drain() {
            if let Some(position) = positions.get_mut(&room) {
                for arrived in waited.arrived {
                    if arrived.0 == position.0 + 1 {
                        *position = arrived;
                    }
                }
            }
        }
        if self.kind == Kind::Stock {
            state.positions.clear();
        }
        state.is_caught_up = false;
    }

    async fn listen(&self, address: SocketAddr) -> Result<()> {
        let mut stream = timeout(HANDSHAKE, open(address)).await??;
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
        if self.kind == Kind::Stock {
            return json!({"token": self.token});
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
        while let Some((Frame { opcode, payload }, length)) = frame::first(&bytes[used..])? {
            used += length;
            match (opcode, payload) {
                (TEXT, b"2") => stream.write_all(&frame::text("3")).await?,
                (TEXT, payload) => self.take(payload)?,
                (CLOSE, _) => bail!("the server said goodbye"),
                _ => {}
            }
        }
        Ok(used)
    }

    fn take(&self, packet: &[u8]) -> Result<()> {
        let text = std::str::from_utf8(packet)?;
        if text.starts_with("44") || text.starts_with("41") || text == "1" {
            bail!("the server ended the socket: {text}");
        }
        if text.starts_with("40") && self.kind == Kind::Stock {
            self.state.borrow_mut().is_caught_up = true;
        }
        let Some(list) = text.strip_prefix("42") else {
            return Ok(());
        };
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
                Ok(())
            }
        }
    }

    fn ready(&self, ready: &Value) -> Result<()> {
        let heads = positions(&ready["rooms"]);
        self.note(What::Ready(heads.clone()));
        let mut state = self.state.borrow_mut();
        let State {
            positions, waiting, ..
        } = &mut *state;
        positions.retain(|room, _| heads.contains_key(room));
        waiting.retain(|room, _| heads.contains_key(room));
        for (room, head) in heads {
            positions.entry(room).or_insert(head);
        }
        Ok(())
    }

    fn resumed(&self, resumed: &Value) -> Result<()> {
        let rooms = resumed["rooms"].as_object().context("no rooms")?;
        let mut results = BTreeMap::new();
        for (room, result) in rooms {
            let room: Room = room.as_str().into();
            let is_recovered = result["recovered"].as_bool().unwrap_or_default();
            results.insert(room, (is_recovered, position(&result["position"])));
        }
        self.note(What::Resumed(results.clone()));
        for (room, (is_recovered, at)) in results {
            self.judge(&room, is_recovered, at);
        }
        self.state.borrow_mut().is_caught_up = true;
        Ok(())
    }

    /// Holds what arrived in a room against what the server says of it.
    fn judge(&self, room: &Room, is_recovered: bool, at: Position) {
        let mut state = self.state.borrow_mut();
        let waited = state.waiting.remove(room).unwrap_or_default();
        let Some(mut here) = state.positions.get(room).copied() else {
            return;
        };
        let mut breaches = Vec::new();
        if !is_recovered {
            here = at;
            if room.starts_with("user:") {
                state.pending_total = None;
            }
        }
        for arrived in waited.arrived {
            if arrived.0 == here.0 + 1 {
                here = arrived;
            } else if is_recovered || arrived.0 > at.0 {
                breaches.push(format!(
                    "after {} came {} while the room was catching up (recovered: {is_recovered}, live from {})",
                    here.0, arrived.0, at.0
                ));
            }
        }
        if is_recovered && here.0 < at.0 {
            breaches.push(format!(
                "said to be recovered at {}, but only {} had arrived",
                at.0, here.0
            ));
        }
        state.positions.insert(room.clone(), here);
        drop(state);
        for what in breaches {
            self.breach(room, what);
        }
    }

    fn event(&self, name: &str, payload: &str) -> Result<()> {
        let Numbered { room, seq, at } = serde_json::from_str(payload)?;
        let room: Room = room.into();
        let mut hasher = DefaultHasher::new();
        payload.hash(&mut hasher);
        self.note(What::Event(
            room.clone(),
            (seq, at),
            name.into(),
            hasher.finish(),
        ));
        if name == "events:memory" {
            let event: Value = serde_json::from_str(payload)?;
            if let Some(total) = event["data"]["total"].as_i64() {
                self.state.borrow_mut().pending_total = Some(total);
            }
        }
        let mut state = self.state.borrow_mut();
        if let Some(waiting) = state.waiting.get_mut(&room) {
            waiting.arrived.push((seq, at));
            return Ok(());
        }
        let here = state.positions.insert(room.clone(), (seq, at));
        drop(state);
        match here {
            None if self.kind == Kind::Stock => {}
            None => self.breach(
                &room,
                format!("{seq} came of a room that the socket is not in"),
            ),
            Some(here) if seq != here.0 + 1 && self.kind == Kind::Resuming => {
                self.breach(&room, format!("after {} came {seq}", here.0));
            }
            Some(here) if seq <= here.0 => {
                self.breach(&room, format!("after {} came {seq} again or late", here.0));
            }
            Some(here) if at < here.1 => {
                self.breach(
                    &room,
                    format!("{seq} has an earlier time than the one before"),
                );
            }
            Some(_) => {}
        }
        Ok(())
    }
}

async fn open(address: SocketAddr) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let request = format!(
        "GET /ws/socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    // One byte at a time: what follows the head belongs to the frames.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    if !head.starts_with(b"HTTP/1.1 101") {
        bail!("no upgrade: {}", String::from_utf8_lossy(&head));
    }
    Ok(stream)
}

fn position(of: &Value) -> Position {
    let number = |index: usize| of[index].as_i64().unwrap_or_default();
    (number(0), number(1))
}

fn positions(of: &Value) -> BTreeMap<Room, Position> {
    let rooms = of.as_object().into_iter().flatten();
    rooms
        .map(|(room, at)| (room.as_str().into(), position(at)))
        .collect()
}
