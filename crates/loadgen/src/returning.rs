//! One socket that comes back with the positions it holds and is given what it missed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{sleep, timeout};

use crate::connection::{Connection, Endpoint};

const READY: &[u8] = br#"42["ready","#;
const RESUMED: &[u8] = br#"42["resumed","#;
const EVENT: &[u8] = br#"42["events:channel","#;
const WITHIN: Duration = Duration::from_secs(60);
const FIRST_WAIT: Duration = Duration::from_secs(1);
const MOST_TRIES: usize = 5;
const SCRATCH_BYTES: usize = 64 * 1024;

thread_local! {
    static SCRATCH: Rc<RefCell<Vec<u8>>> = Rc::new(RefCell::new(vec![0; SCRATCH_BYTES]));
}

/// Who comes, and from where.
pub struct Visitor {
    endpoint: Endpoint,
    token: String,
    /// Decides which address it comes from.
    pub index: usize,
    /// Whether the system takes little for it while it does not read.
    pub is_narrow: bool,
}

#[derive(Default)]
struct Seen {
    events: Cell<usize>,
    positions: RefCell<Value>,
    resumed: RefCell<Option<Value>>,
    told: Notify,
    is_gone: Cell<bool>,
}

/// A socket that is live.
pub struct Returned {
    /// The head of each of its rooms when it came, as it would claim it.
    pub positions: Value,
    /// From connecting for the first time until everything was live.
    pub took: Duration,
    /// How often the server had no room for it before.
    pub turned_away: usize,
    connection: Rc<Connection>,
    seen: Rc<Seen>,
    listener: JoinHandle<()>,
}

impl Visitor {
    /// One person's socket.
    #[must_use]
    pub fn new(endpoint: Endpoint, token: String) -> Self {
        Self {
            endpoint,
            token,
            index: 0,
            is_narrow: false,
        }
    }

    /// As [`Visitor::come`]; turned away, it comes again after a while, as any client does.
    ///
    /// # Errors
    /// If it is turned away too often, or a room could not be given whole.
    pub async fn come_at_last(&self, positions: &Value, events: usize) -> Result<Returned> {
        let started = Instant::now();
        for turned_away in 0..MOST_TRIES {
            if let Ok(mut returned) = self.come(positions, events).await {
                returned.took = started.elapsed();
                returned.turned_away = turned_away;
                return Ok(returned);
            }
            // Half a second to one and a half, doubled each time: what socket.io-client does.
            let share = (self.index * 31 % 100) as u32 + 50;
            sleep(FIRST_WAIT * share / 100 * (1 << turned_away.min(3))).await;
        }
        self.come(positions, events).await
    }

    /// Connects with these positions (none the first time) and waits until all rooms are live and so many events came.
    ///
    /// # Errors
    /// If it is refused or lost, or a room could not be given whole.
    pub async fn come(&self, positions: &Value, events: usize) -> Result<Returned> {
        let started = Instant::now();
        let auth = json!({ "token": self.token, "resume": positions });
        let narrow = self.is_narrow;
        let connection = Connection::open_as(&self.endpoint, &auth, self.index, narrow).await?;
        let (connection, seen) = (Rc::new(connection), Rc::new(Seen::default()));
        let listener = listen(&connection, &seen);
        let told = async {
            while seen.resumed.borrow().is_none() || seen.events.get() < events {
                if seen.is_gone.get() {
                    bail!("the server hung up before everything had come");
                }
                seen.told.notified().await;
            }
            Ok(())
        };
        let in_time = timeout(WITHIN, told).await;
        in_time.context("not live in time")??;
        let resumed = seen.resumed.take().unwrap_or_default();
        for (room, what) in resumed["rooms"].as_object().into_iter().flatten() {
            if what["recovered"] != true {
                bail!("{room} is to be fetched anew");
            }
        }
        Ok(Returned {
            positions: seen.positions.take(),
            took: started.elapsed(),
            turned_away: 0,
            connection,
            seen,
            listener,
        })
    }
}

impl Returned {
    /// Events it was given so far.
    #[must_use]
    pub fn events(&self) -> usize {
        self.seen.events.get()
    }

    /// Whether it was told since it came that it is live again.
    #[must_use]
    pub fn was_behind(&self) -> bool {
        self.seen.resumed.borrow().is_some()
    }

    /// Leaves what comes where it is.
    pub fn stop_reading(&mut self) {
        self.listener.abort();
    }

    /// Reads again.
    pub fn go_on_reading(&mut self) {
        self.listener = listen(&self.connection, &self.seen);
    }
}

impl Drop for Returned {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

fn listen(connection: &Rc<Connection>, seen: &Rc<Seen>) -> JoinHandle<()> {
    let (connection, seen) = (Rc::clone(connection), Rc::clone(seen));
    spawn_local(async move {
        let scratch = SCRATCH.with(Rc::clone);
        let _how = connection
            .listen(&scratch, |packet, _| seen.take(packet))
            .await;
        seen.is_gone.set(true);
        seen.told.notify_one();
    })
}

impl Seen {
    fn take(&self, packet: &[u8]) {
        let argument = |prefix: &[u8]| {
            let json = packet.strip_prefix(prefix)?.strip_suffix(b"]")?;
            serde_json::from_slice::<Value>(json).ok()
        };
        if packet.starts_with(EVENT) {
            self.events.set(self.events.get() + 1);
        } else if let Some(mut ready) = argument(READY) {
            *self.positions.borrow_mut() = ready["rooms"].take();
        } else if let Some(resumed) = argument(RESUMED) {
            *self.resumed.borrow_mut() = Some(resumed);
        } else {
            return;
        }
        self.told.notify_one();
    }
}
