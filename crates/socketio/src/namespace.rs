//! A namespace: its handlers, its sockets and its rooms. Handlers belong to the namespace, not to a socket, so an idle
//! socket owns no closure.

use std::{
    collections::HashMap,
    fmt,
    future::Future,
    hash::{BuildHasher, RandomState},
    pin::Pin,
    sync::{Arc, Mutex, OnceLock, PoisonError, RwLock},
    time::Duration,
};

use serde::Serialize;
use serde_json::Value;

use crate::{
    Broadcast, Class, ConnectError, DisconnectReason, Event, Frame, Operator, RecoveryRequest,
    RecoveryWindow, Sid, Socket,
    recovery::{Holders, Memory},
    rooms::{Room, Rooms},
    tables,
};

/// What [`Namespace::on_full`] decides about a reliable frame that meets a long queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// Queue it all the same; the hard limit still holds.
    Queue,
    /// Do not queue it: the owner sends it again after [`Namespace::on_drain`]. Until then every reliable frame for
    /// the socket is offered to `on_full`, so that none overtakes another.
    Refuse,
    /// Close the connection, so that the client comes back.
    Close,
}

pub(crate) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type OnConnect =
    Box<dyn Fn(Socket, Option<Value>) -> Boxed<Result<(), ConnectError>> + Send + Sync>;
pub(crate) type OnEvent = Arc<dyn Fn(Socket, Event) -> Boxed<()> + Send + Sync>;
type OnDisconnect = Box<dyn Fn(Socket, DisconnectReason) -> Boxed<()> + Send + Sync>;
type OnRecover = Box<dyn Fn(RecoveryRequest) -> Boxed<Option<Sid>> + Send + Sync>;
type OnFull = Box<dyn Fn(&Socket, &Frame) -> Full + Send + Sync>;
type OnDrain = Box<dyn Fn(&Socket) + Send + Sync>;

/// The handlers of a namespace. Replaced as a whole when one is set, so that calling one needs no lock.
#[derive(Default, Clone)]
pub(crate) struct Handlers {
    pub(crate) middleware: Vec<Arc<OnConnect>>,
    pub(crate) connect: Option<Arc<OnConnect>>,
    pub(crate) events: HashMap<Box<str>, OnEvent>,
    pub(crate) any: Option<OnEvent>,
    pub(crate) disconnect: Option<Arc<OnDisconnect>>,
    pub(crate) recover: Option<Arc<OnRecover>>,
    pub(crate) full: Option<Arc<OnFull>>,
    pub(crate) drain: Option<Arc<OnDrain>>,
}

/// What a namespace holds.
pub(crate) struct Hall {
    pub(crate) name: Arc<str>,
    /// How long the frames of a busy room may wait for each other.
    pub(crate) flush_window: Duration,
    handlers: RwLock<Arc<Handlers>>,
    pub(crate) rooms: Rooms,
    /// Everyone, as a room to walk.
    everyone: Room,
    by_id: Mutex<HashMap<Sid, Socket>>,
    /// Who may come back.
    pub(crate) holders: Holders,
    memory: OnceLock<Memory>,
    /// Tells its keys from those of other namespaces.
    key_salt: u64,
}

impl fmt::Debug for Hall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hall")
            .field("name", &self.name)
            .field("sockets", &self.everyone.count())
            .finish()
    }
}

impl Hall {
    pub(crate) fn new(name: &str, flush_window: Duration) -> Hall {
        Hall {
            name: name.into(),
            flush_window,
            handlers: RwLock::default(),
            rooms: Rooms::default(),
            everyone: Room::new(name),
            by_id: Mutex::default(),
            holders: Holders::default(),
            memory: OnceLock::new(),
            key_salt: RandomState::new().hash_one(name),
        }
    }

    /// A key is its namespace's own, though the namespaces of a connection share one queue.
    pub(crate) fn own_key(&self, class: Class) -> Class {
        match class {
            Class::Keyed(key) => Class::Keyed(key ^ self.key_salt),
            other => other,
        }
    }

    pub(crate) fn handlers(&self) -> Arc<Handlers> {
        self.handlers
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set_handler(&self, set: impl FnOnce(&mut Handlers)) {
        let mut handlers = self
            .handlers
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        set(Arc::make_mut(&mut handlers));
    }

    /// A socket is connected. Answers its place.
    pub(crate) fn enter(&self, socket: &Socket) -> u32 {
        self.by_id
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(*socket.id(), socket.clone());
        self.everyone.add(socket.clone())
    }

    /// A socket that was connected is gone.
    pub(crate) fn exit(&self, socket: &Socket, place: u32) {
        self.everyone.remove(place);
        let mut by_id = self.by_id.lock().unwrap_or_else(PoisonError::into_inner);
        by_id.remove(socket.id());
        tables::shrink(&mut by_id);
    }

    pub(crate) fn memory(&self) -> Option<&Memory> {
        self.memory.get()
    }

    pub(crate) fn everyone(&self) -> &Room {
        &self.everyone
    }

    pub(crate) fn socket(&self, sid: &str) -> Option<Socket> {
        let sid = Sid::parse(sid)?;
        self.by_id
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&sid)
            .cloned()
    }
}

/// A namespace. A cheap handle: clone it freely.
#[derive(Debug, Clone)]
pub struct Namespace(pub(crate) Arc<Hall>);

impl Namespace {
    /// Its name, such as `/`.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Runs for every client before its CONNECT is answered, with the client's `auth` value: it may join rooms, set
    /// data and emit (which goes out right after the answer), or refuse. Replaces an earlier one.
    pub fn on_connect<F, Fut>(&self, handler: F) -> &Self
    where
        F: Fn(Socket, Option<Value>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), ConnectError>> + Send + 'static,
    {
        let boxed: OnConnect = Box::new(move |socket, auth| Box::pin(handler(socket, auth)));
        self.0
            .set_handler(|handlers| handlers.connect = Some(Arc::new(boxed)));
        self
    }

    /// Runs for every client before [`Namespace::on_connect`], in the order of the calls; the first that refuses decides.
    /// The reference's `use`.
    pub fn middleware<F, Fut>(&self, handler: F) -> &Self
    where
        F: Fn(Socket, Option<Value>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), ConnectError>> + Send + 'static,
    {
        let boxed: OnConnect = Box::new(move |socket, auth| Box::pin(handler(socket, auth)));
        self.0
            .set_handler(|handlers| handlers.middleware.push(Arc::new(boxed)));
        self
    }

    /// Runs for every event with this name. The events of one connection are handled one after the other, in order;
    /// acknowledgements and pongs are processed while a handler runs.
    pub fn on<F, Fut>(&self, event: &str, handler: F) -> &Self
    where
        F: Fn(Socket, Event) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let boxed: OnEvent = Arc::new(move |socket, event| Box::pin(handler(socket, event)));
        self.0.set_handler(|handlers| {
            handlers.events.insert(event.into(), boxed);
        });
        self
    }

    /// Runs for every event that [`Namespace::on`] has no handler for.
    pub fn on_any<F, Fut>(&self, handler: F) -> &Self
    where
        F: Fn(Socket, Event) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let boxed: OnEvent = Arc::new(move |socket, event| Box::pin(handler(socket, event)));
        self.0.set_handler(|handlers| handlers.any = Some(boxed));
        self
    }

    /// Runs when a socket whose `on_connect` succeeded is gone, after its last event was handled. Its rooms are left
    /// already; its data is still there.
    pub fn on_disconnect<F, Fut>(&self, handler: F) -> &Self
    where
        F: Fn(Socket, DisconnectReason) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let boxed: OnDisconnect = Box::new(move |socket, reason| Box::pin(handler(socket, reason)));
        self.0
            .set_handler(|handlers| handlers.disconnect = Some(Arc::new(boxed)));
        self
    }

    /// Runs before `on_connect` for a client that names a `pid`: answers the id it had, if the `pid` is honest and the
    /// owner knows what was missed after the offset. `on_connect` then finds [`Socket::is_recovered`], enters its rooms
    /// and sends what was missed. With `None` the client begins anew. A socket that still has the id, on a connection not
    /// known to be dead, is closed and its `on_disconnect` awaited first.
    ///
    /// Events reach such clients with their offset by [`Broadcast::send_stamped`] and [`Socket::send_stamped`]; what is
    /// sent otherwise should not end with an argument that is a string, which the client would take for an offset.
    pub fn on_recover<F, Fut>(&self, handler: F) -> &Self
    where
        F: Fn(RecoveryRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Option<Sid>> + Send + 'static,
    {
        let boxed: OnRecover = Box::new(move |request| Box::pin(handler(request)));
        self.0
            .set_handler(|handlers| handlers.recover = Some(Arc::new(boxed)));
        self
    }

    /// Keeps events and sessions in memory, so that clients of this namespace that come back soon get their id, rooms,
    /// data and what they missed. `on_connect` runs for them as for all, and should look at [`Socket::is_recovered`].
    /// Takes the place of [`Namespace::on_recover`]; to be called before clients come, and once: later calls change
    /// nothing. All reliable events of the namespace are put in one order, and none is sent within `on_full`.
    pub fn keep_for_recovery(&self, bounds: RecoveryWindow) -> &Self {
        self.0.memory.get_or_init(|| Memory::new(bounds));
        self
    }

    /// Called when a reliable frame would go behind [`Limits::queue_soft_bytes`](crate::Limits::queue_soft_bytes) of
    /// queue. Must not block, and must not send to the socket.
    pub fn on_full<F>(&self, handler: F) -> &Self
    where
        F: Fn(&Socket, &Frame) -> Full + Send + Sync + 'static,
    {
        let boxed: OnFull = Box::new(handler);
        self.0
            .set_handler(|handlers| handlers.full = Some(Arc::new(boxed)));
        self
    }

    /// Called once when, after a refusal or [`Socket::await_drain`], the queue is short again or the socket gone
    /// ([`Limits::queue_low_bytes`](crate::Limits::queue_low_bytes)). Must not block; may send.
    pub fn on_drain<F>(&self, handler: F) -> &Self
    where
        F: Fn(&Socket) + Send + Sync + 'static,
    {
        let boxed: OnDrain = Box::new(handler);
        self.0
            .set_handler(|handlers| handlers.drain = Some(Arc::new(boxed)));
        self
    }

    /// To the sockets in a room, or to the one socket with this id.
    pub fn to(&self, room: &str) -> Broadcast {
        self.broadcast().to(room)
    }

    /// To every socket of the namespace; narrow it with [`Broadcast::except`] and the like.
    pub fn broadcast(&self) -> Broadcast {
        Broadcast::new(self.clone())
    }

    /// Sends an event to every socket of the namespace. Answers the number of sockets.
    pub fn emit(&self, name: &str, arg: &(impl Serialize + ?Sized)) -> usize {
        self.broadcast().emit(name, arg)
    }

    /// Acts on all sockets of a room.
    pub fn in_room(&self, room: &str) -> Operator {
        Operator::new(self.clone(), room)
    }

    /// The socket with this id, if it is connected here.
    pub fn socket(&self, sid: &str) -> Option<Socket> {
        self.0.socket(sid)
    }

    /// All sockets connected now.
    pub fn sockets(&self) -> Vec<Socket> {
        let mut all = Vec::with_capacity(self.count());
        self.0
            .everyone()
            .walk()
            .each(|socket| all.push(socket.clone()));
        all
    }

    /// How many sockets are connected now.
    pub fn count(&self) -> usize {
        self.0.everyone().count()
    }

    /// How many rooms have members now.
    pub fn room_count(&self) -> usize {
        self.0.rooms.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Handshake, Server, conn::Conn};

    const CROWD: usize = 4_000;
    /// One in so many stays.
    const STAYS: usize = 500;
    /// Places that may be kept for the few who stay.
    const FEW: usize = 256;

    fn enter(server: &Server, number: usize) -> Socket {
        let sid = Sid::random().unwrap();
        let conn = Conn::new(sid, server.0.clone(), Handshake::default(), None);
        let socket = Socket::new(sid, server.of("/").0, Arc::new(conn));
        assert!(socket.offer_recovery(&format!("pid-{number}")));
        assert!(socket.join("hall") && socket.join(&format!("own-{number}")));
        assert!(socket.set_identity(&format!("person-{number}")));
        assert!(socket.accept());
        socket
    }

    #[test]
    fn a_crowd_that_has_gone_leaves_no_room_in_the_tables_behind() {
        let server = Server::new(Config::default());
        let root = server.of("/");
        let hall = &root.0;
        let room = || hall.rooms.get("hall").unwrap();
        let capacities = || {
            let by_id = hall.by_id.lock().unwrap().capacity();
            [
                by_id,
                hall.everyone.capacity(),
                hall.rooms.capacity(),
                room().capacity(),
                hall.holders.capacity(),
                server.0.identities_capacity(),
            ]
        };
        let mut crowd: Vec<Socket> = (0..CROWD).map(|number| enter(&server, number)).collect();
        assert!(capacities().iter().all(|capacity| *capacity >= CROWD));
        let (mut number, mut leaving) = (0, Vec::new());
        crowd.retain(|socket| {
            number += 1;
            if number % STAYS != 0 {
                leaving.push(socket.clone());
            }
            number % STAYS == 0
        });
        for socket in leaving {
            socket.end();
            hall.holders.release(&socket);
        }
        assert_eq!((root.count(), room().count()), (crowd.len(), crowd.len()));
        let kept = capacities();
        // Of a list, each who stays may hold a piece.
        let most = FEW + crowd.len() * 64;
        assert!(kept.iter().all(|capacity| *capacity <= most), "{kept:?}");
        // Who comes now takes the places that were left.
        crowd.extend((CROWD..CROWD + 300).map(|number| enter(&server, number)));
        let mut seen = Vec::new();
        room().walk().each(|socket| seen.push(*socket.id()));
        let mut expected: Vec<Sid> = crowd.iter().map(|socket| *socket.id()).collect();
        seen.sort_unstable();
        expected.sort_unstable();
        assert_eq!(seen, expected);
        for socket in crowd {
            let before = room();
            socket.end();
            hall.holders.release(&socket);
            assert_eq!(before.count() == 0, hall.rooms.get("hall").is_none());
            assert!(before.count() > 0 || before.capacity() == 0);
        }
        assert_eq!((root.count(), root.room_count()), (0, 0));
        assert_eq!(hall.everyone.capacity(), 0);
    }
}
