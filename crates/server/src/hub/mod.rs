//! Delivers the log: every committed event, in `pos` order, from one cursor, to the sockets of its room.
//!
//! The hub is the only sender of numbered events. Effects (who enters or leaves a room, whose sockets end) are applied
//! at their own `pos`, so a removed socket gets nothing numbered above its removal. Everything that must not fall
//! between two events (entering rooms, going live after catching up) runs as a *step* of the hub's one task.
//! Next: `ring.rs` (the newest events), `enter.rs` (coming back), `feed.rs` (sockets that are behind), `pages.rs` (what
//! they read from the log), `recover.rs` (coming back for stock clients).
//! Signals, pieces and states go through [`crate::publish`].

mod changes;
mod enter;
mod feed;
mod pages;
mod places;
#[cfg(feature = "faults")]
mod planted;
mod recover;
mod ring;
#[cfg(test)]
pub(crate) mod tests;

pub use enter::{Claim, Claims, Entered, Theirs};
pub use feed::SHORT_QUEUE;
pub use ring::Position;

use crate::live;
use crate::live::arrivals::Arrivals;
use changes::Changes;
use feed::Behind;
use pages::Pages;
use ring::{Kept, Ring};
use socketio::{Class, Frame, Full, Namespace, Sid, Socket, Stamped};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::log::Head;
use store::{Committed, Effect, Event, Store, What};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio_util::task::TaskTracker;
use wire::events::{Joined, Left, ServerEvent};
use wire::{Room, UserId};

/// How many committed batches may wait for the hub; the store's lane waits beyond it.
pub const WAITING_BATCHES: usize = 256;

/// How many steps may wait; whoever comes then waits to be let in.
const WAITING_STEPS: usize = 4096;

/// How many reads of the log are under way or wait for a connection.
const READS: usize = 32;

/// The most frames that wait for a stock client whose queue is long.
const MOST_LATE: usize = 1_000;

/// How long the hub waits before it reads the log's heads again.
const RETRY: Duration = Duration::from_secs(1);

/// How long a socket waits for the delivery of what its rooms were read from.
const DELIVERED_WITHIN: Duration = Duration::from_secs(5);

/// How long a server that stops waits for those who feed.
const ENDS_WITHIN: Duration = Duration::from_secs(5);

type Step = Box<dyn FnOnce() + Send>;

thread_local! {
    /// The event that this thread is delivering now: what a full queue is asked about.
    static DELIVERING: RefCell<Option<(Arc<str>, i64)>> = const { RefCell::new(None) };
}

/// The handle: clones share it.
#[derive(Clone)]
pub struct Hub(Arc<Shared>);

struct Shared {
    io: Namespace,
    store: Store,
    arrivals: Arrivals,
    ring: Mutex<Ring>,
    /// What was read from the log behind the ring.
    pages: Pages,
    /// Where in the log rights changed last.
    changes: Mutex<Changes>,
    /// Up to where the log was delivered, for those who wait for it.
    delivered: watch::Sender<i64>,
    /// Sockets that are behind in some room; a live socket costs nothing here.
    behind: Mutex<HashMap<Sid, Arc<Behind>>>,
    steps: mpsc::Sender<Step>,
    /// Bounds the reads of all who come back at once: the others wait, instead of being refused as one too many.
    reading: Semaphore,
    /// The tasks that feed sockets; [`Hub::ended`] waits for them.
    feeding: TaskTracker,
}

/// What the hub's task takes from.
pub struct Inbox {
    batches: mpsc::Receiver<Vec<Committed>>,
    steps: mpsc::Receiver<Step>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    /// A hub over the heads that the log has now; nothing is delivered before [`Hub::run`].
    ///
    /// # Errors
    /// When the heads cannot be read.
    pub async fn new(
        io: Namespace,
        store: Store,
        arrivals: Arrivals,
        batches: mpsc::Receiver<Vec<Committed>>,
    ) -> Result<(Hub, Inbox), store::Error> {
        let now = store.read(|conn| {
            Ok::<_, store::Error>((store::log::head(conn)?, store::log::room_heads(conn)?))
        });
        let (head, heads) = now.await?;
        let (steps, taken) = mpsc::channel(WAITING_STEPS);
        let hub = Hub(Arc::new(Shared {
            ring: Mutex::new(ring_over(head, heads)),
            pages: Pages::default(),
            changes: Mutex::default(),
            delivered: watch::Sender::new(head.number),
            behind: Mutex::default(),
            io,
            store,
            arrivals,
            steps,
            reading: Semaphore::new(READS),
            feeding: TaskTracker::new(),
        }));
        let (full, drain) = (hub.clone(), hub.clone());
        hub.0.io.on_full(move |socket, _| full.on_full(socket));
        hub.0.io.on_drain(move |socket| drain.on_drain(socket));
        Ok((
            hub,
            Inbox {
                batches,
                steps: taken,
            },
        ))
    }

    /// Delivers until the store is closed. A defect that breaks a delivery or a step costs the sockets their transports;
    /// their clients come back, and delivery goes on.
    pub async fn run(self, mut inbox: Inbox) {
        let mut cursor = None;
        loop {
            let done = tokio::select! {
                biased;
                batch = inbox.batches.recv() => match batch {
                    Some(batch) => unbroken(|| self.deliver_batch(batch, &mut cursor)),
                    None => return,
                },
                step = inbox.steps.recv() => match step {
                    Some(step) => unbroken(step),
                    None => return,
                },
            };
            if let Err(defect) = done {
                tracing::error!(
                    panic = defect,
                    ?cursor,
                    "a delivery broke: all sockets are closed and come back"
                );
                self.start_over(&mut cursor).await;
            }
        }
    }

    /// After a defect nobody knows who got what. Every transport is closed, so that every client comes back and says
    /// what it has; the ring is empty over the heads of now; delivery goes on behind them.
    async fn start_over(&self, cursor: &mut Option<i64>) {
        DELIVERING.set(None);
        // Those that are connecting are in the crowd already.
        let crowd = self.0.io.in_room(&live::crowd_of(&Room::Everyone));
        for socket in self.0.io.sockets().into_iter().chain(crowd.sockets()) {
            self.forget(&socket);
            socket.close_transport();
        }
        loop {
            let now = self.0.store.read(|conn| {
                let head = store::log::head(conn)?;
                Ok::<_, store::Error>((head, store::log::room_heads(conn)?))
            });
            match now.await {
                Ok((head, heads)) => {
                    *lock(&self.0.ring) = ring_over(head, heads);
                    lock(&self.0.changes).of_all(head.number);
                    *cursor = Some(head.number);
                    self.0.delivered.send_replace(head.number);
                    return;
                }
                Err(store::Error::Closed) => return,
                Err(error) => {
                    tracing::warn!(%error, "the log's heads could not be read; trying again in a second");
                    tokio::time::sleep(RETRY).await;
                }
            }
        }
    }

    /// Waits until nothing is fed any more; the hub's own end makes them end.
    pub async fn ended(&self) {
        self.0.feeding.close();
        let ended = tokio::time::timeout(ENDS_WITHIN, self.0.feeding.wait());
        if ended.await.is_err() {
            let tasks = self.0.feeding.len();
            tracing::error!(
                tasks,
                "sockets are still being fed; the server stops without them"
            );
        }
    }

    /// Reads from the log, in turn with the others.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&store::Conn) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, store::Error> {
        let _turn = self.0.reading.acquire().await;
        self.0.store.read(read).await
    }

    /// Runs something between two events. `None` if the server is stopping.
    async fn step<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Hub) -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let hub = self.clone();
        let step: Step = Box::new(move || {
            // Whoever asked may have gone.
            let _ = answer.send(work(&hub));
        });
        self.0.steps.send(step).await.ok()?;
        answered.await.ok()
    }

    /// Waits until the log is delivered up to there, which is soon.
    ///
    /// # Errors
    /// [`store::Error::Busy`] when it is not soon, [`store::Error::Closed`] when the server is stopping.
    async fn delivered_up_to(&self, pos: i64) -> Result<(), store::Error> {
        let mut delivered = self.0.delivered.subscribe();
        tokio::select! {
            // The sender is the hub's own.
            _ = delivered.wait_for(|delivered| *delivered >= pos) => Ok(()),
            () = self.0.steps.closed() => Err(store::Error::Closed),
            () = tokio::time::sleep(DELIVERED_WITHIN) => {
                tracing::warn!(pos, "the log is not delivered up to where rooms were read; a socket comes back later");
                Err(store::Error::Busy)
            }
        }
    }

    /// Lets a socket into rooms between two events, at the first moment when all is delivered that these were read from:
    /// what came before they were the person's must not reach a socket that is in them already. [`Entered::AskAgain`] if a
    /// right of the person changed since.
    async fn step_in(
        &self,
        theirs: &Theirs,
        work: impl FnOnce(&Hub) -> Entered + Send + 'static,
    ) -> Result<Entered, store::Error> {
        self.delivered_up_to(theirs.read_at_pos).await?;
        let theirs = theirs.clone();
        let step = move |hub: &Hub| {
            let is_still = hub.is_still(&theirs);
            if is_still {
                work(hub)
            } else {
                Entered::AskAgain
            }
        };
        self.step(step).await.ok_or(store::Error::Closed)
    }

    fn deliver_batch(&self, batch: Vec<Committed>, cursor: &mut Option<i64>) {
        for committed in batch {
            if cursor.is_some_and(|cursor| committed.pos <= cursor) {
                continue; // all began anew behind it
            }
            if cursor.is_some_and(|cursor| cursor + 1 != committed.pos) {
                tracing::error!(
                    pos = committed.pos,
                    ?cursor,
                    "the log was handed over with a hole"
                );
            }
            *cursor = Some(committed.pos);
            match &committed.what {
                What::Event(event) => self.deliver(event, committed.pos, committed.at_ms),
                What::Effect(effect) => {
                    lock(&self.0.changes).note(effect, committed.pos);
                    self.apply(effect);
                }
            }
            lock(&self.0.ring).advance(Head {
                number: committed.pos,
                at_ms: committed.at_ms,
            });
        }
        self.0.delivered.send_replace(cursor.unwrap_or_default());
    }

    fn deliver(&self, event: &Event, pos: i64, at_ms: i64) {
        let frame = stamped(event, pos, at_ms);
        let kept = Kept {
            position: Position {
                seq: event.seq,
                at_ms,
            },
            pos,
            is_for_all: live::is_for_all(&event.name),
            frame: frame.clone(),
            bytes: event.payload.get().len() + event.name.len(),
        };
        lock(&self.0.ring).push(&event.room, kept);
        #[cfg(feature = "faults")]
        if planted::spoil(self, event, &frame) {
            return;
        }
        self.send_out(&event.room, &event.name, event.seq, &frame);
    }

    /// Sends an event to the live sockets of its room.
    fn send_out(&self, room: &Arc<str>, name: &str, seq: i64, frame: &Stamped) {
        DELIVERING.set(Some((room.clone(), seq)));
        let sockets = self
            .0
            .io
            .to(room)
            .with_flags(flags_for(name))
            .class(Class::Reliable)
            .send_stamped(frame);
        DELIVERING.set(None);
        tracing::debug!(%room, event = name, seq, sockets, "delivered");
    }

    /// A reliable frame meets a long queue. A numbered event makes an opted-in socket *behind* in its room: it is fed
    /// from the log when its queue has drained. A stock client may be so many events late and no more. Everything else is
    /// queued, up to the transport's own limit.
    fn on_full(&self, socket: &Socket) -> Full {
        let delivering = DELIVERING.with_borrow(Clone::clone);
        match delivering {
            Some((room, seq)) if socket.flags() & live::OPTED_IN != 0 => {
                self.fall_behind(socket, &room, seq - 1);
                Full::Refuse
            }
            Some(_) if socket.queued_frames() >= MOST_LATE => Full::Close,
            _ => Full::Queue,
        }
    }

    fn apply(&self, effect: &Effect) {
        let io = &self.0.io;
        #[cfg(feature = "faults")]
        if matches!(effect, Effect::Leave { .. }) && store::fault::is_planted("send_to_removed") {
            return;
        }
        match effect {
            Effect::Join { user_id, room } => self.join_all(&live::sockets_of(user_id), room),
            Effect::JoinAll { of, room } => self.join_all(&live::crowd_of(of), room),
            Effect::Leave { user_id, room } => self.leave_all(&live::sockets_of(user_id), room),
            Effect::Empty { room } => {
                self.leave_all(&room.to_string(), room);
                self.stop_feeding(None, room);
            }
            Effect::EndSession { session_id } => live::end_session(io, session_id),
            Effect::EndUser { user_id } => self
                .sockets_of(user_id)
                .for_each(|socket| socket.disconnect(true)),
            Effect::RenewUser { user_id } => self
                .sockets_of(user_id)
                .for_each(|socket| socket.close_transport()),
        }
    }

    fn sockets_of(&self, user_id: &UserId) -> impl Iterator<Item = Socket> {
        self.0
            .io
            .in_room(&live::sockets_of(user_id))
            .sockets()
            .into_iter()
    }

    /// Sockets enter a room at the present place of the log; those that opted in are told from where on. Those of people
    /// who wait for approval enter nothing, whoever named them.
    fn join_all(&self, of: &str, room: &Room) {
        let name = room.to_string();
        let approved = live::crowd_of(&Room::Everyone);
        let head = lock(&self.0.ring).head(&name);
        for socket in self.0.io.in_room(of).sockets() {
            // One that is still entering learns of the room with all others.
            if !socket.is_in(&approved) || socket.flags() & live::ENTERED == 0 {
                continue;
            }
            if self.rejoin_behind(&socket, &name) || socket.is_in(&name) {
                continue;
            }
            self.join_now(&socket, &name, head);
        }
    }

    fn join_now(&self, socket: &Socket, room: &str, head: Position) {
        if socket.flags() & live::OPTED_IN != 0 {
            let position = head.pair();
            tell(
                socket,
                &ServerEvent::Joined(Joined {
                    room: room.to_owned(),
                    position,
                }),
            );
        }
        socket.join(room);
    }

    /// Sockets leave a room at the present place of the log; what comes later is not theirs.
    fn leave_all(&self, of: &str, room: &Room) {
        for socket in self.0.io.in_room(of).sockets() {
            self.leave_one(&socket, room);
        }
    }

    fn leave_one(&self, socket: &Socket, room: &Room) {
        let name = room.to_string();
        self.stop_feeding(Some(socket), room);
        if socket.is_in(&name) {
            socket.leave(&name);
            self.tell_left(socket, &name);
        }
    }

    /// Makes the rooms of the log that a socket is in exactly these: it came while rights changed, or is a stock client's.
    ///
    /// # Errors
    /// When the server is stopping.
    pub async fn settle(&self, socket: &Socket, theirs: &Theirs) -> Result<Entered, store::Error> {
        let (socket, rooms) = (socket.clone(), theirs.rooms.clone());
        self.step_in(theirs, move |hub| {
            hub.settle_now(&socket, &rooms);
            has_entered(&socket);
            Entered::Yes
        })
        .await
    }

    /// Within a step: whether no right of the person changed since their rooms were read.
    fn is_still(&self, theirs: &Theirs) -> bool {
        let newest = lock(&self.0.changes).newest(&theirs.user_id, &theirs.session_id);
        newest <= theirs.read_at_pos
    }

    /// Takes a socket out of all rooms: it changes hands. A step, so that no room that it was being fed in can go live
    /// behind its back.
    pub async fn take_out(&self, socket: &Socket) {
        let leaving = socket.clone();
        let done = self.step(move |hub| {
            hub.forget(&leaving);
            leaving.set_flags(leaving.flags() & !live::ENTERED);
            leaving.leave_all();
        });
        if done.await.is_none() {
            socket.leave_all();
        }
    }

    fn settle_now(&self, socket: &Socket, rooms: &HashSet<Room>) {
        let behind_in = self.behind_in(socket);
        let names = socket.rooms().into_iter();
        for name in names.chain(behind_in.iter().map(ToString::to_string)) {
            if let Some(room) = Room::parse(&name).filter(|room| !rooms.contains(room)) {
                self.leave_one(socket, &room);
            }
        }
        for room in rooms {
            let name = room.to_string();
            if !self.rejoin_behind(socket, &name) && !socket.is_in(&name) {
                let head = lock(&self.0.ring).head(&name);
                self.join_now(socket, &name, head);
            }
        }
    }

    fn tell_left(&self, socket: &Socket, room: &str) {
        if socket.flags() & live::OPTED_IN != 0 {
            tell(
                socket,
                &ServerEvent::Left(Left {
                    room: room.to_owned(),
                }),
            );
        }
    }
}

/// From now on effects of the log let the socket into rooms.
fn has_entered(socket: &Socket) {
    socket.set_flags(socket.flags() | live::ENTERED);
}

/// Runs a piece of the hub's work; a panic's text if it broke.
fn unbroken(work: impl FnOnce()) -> Result<(), String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|panic| crate::error::panic_text(panic.as_ref()))
}

/// An empty ring over the heads of the log and of its rooms.
fn ring_over(cursor: Head, heads: Vec<(Arc<str>, Head)>) -> Ring {
    let position = |head: Head| Position {
        seq: head.number,
        at_ms: head.at_ms,
    };
    let heads = heads.into_iter().map(|(room, head)| (room, position(head)));
    Ring::new(cursor, heads, ring::MAX_EVENTS, ring::MAX_BYTES)
}

/// Sends one event to one socket.
fn tell(socket: &Socket, event: &ServerEvent) {
    socket.emit(event.name(), event);
}

/// A numbered event, with its place in the log for sockets that were offered recovery.
fn stamped(event: &Event, pos: i64, at_ms: i64) -> Stamped {
    let frame = Frame::event_json("/", &event.name, event.payload.get());
    Stamped::new(frame, live::offset(Head { number: pos, at_ms }))
}

/// Events that the contract lacks go only to sockets that opted in.
fn flags_for(event: &str) -> u32 {
    if live::is_for_all(event) {
        0
    } else {
        live::OPTED_IN
    }
}
