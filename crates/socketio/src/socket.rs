//! One client in one namespace.

use std::{
    any::Any,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use serde::Serialize;
use socketio_proto::socket::Kind;

use crate::{
    AckError, AckReply, Class, DisconnectReason, Frame, Full, Handshake, Sid, Stamped,
    acks::Acks,
    conn::{Close, Conn},
    flush::Later,
    namespace::Hall,
    queue::Entry,
    recovery::Away,
    rooms::Room,
};

/// CONNECT has come and is not answered: what is sent waits.
const ASKING: u8 = 0;
/// CONNECT was answered.
const CONNECTED: u8 = 1;
/// Refused, disconnected, or the connection is gone.
const GONE: u8 = 2;

struct Inner {
    id: Sid,
    /// The id of before, if the client came back.
    recovered: OnceLock<Sid>,
    state: AtomicU8,
    behind: AtomicBool,
    /// Whether it was offered recovery, so that events reach it with their offsets.
    takes_offsets: AtomicBool,
    /// Whether it goes on where it was.
    is_back: AtomicBool,
    flags: AtomicU32,
    hall: Arc<Hall>,
    conn: Arc<Conn>,
    own: Mutex<Own>,
}

/// What only the socket's own calls touch.
#[derive(Default)]
struct Own {
    /// Rooms and the socket's place in each.
    rooms: Vec<(Arc<Room>, u32)>,
    /// The socket's place among all of its namespace.
    place: Option<u32>,
    /// Sent while asking.
    held: Option<Box<Held>>,
    acks: Option<Box<Acks>>,
    /// By what the client may come back.
    pid: Option<Box<str>>,
    /// Whom it counts for.
    identity: Option<Arc<str>>,
    data: Option<Arc<dyn Any + Send + Sync>>,
}

/// What is sent before CONNECT is answered.
#[derive(Default)]
struct Held {
    entries: Vec<Entry>,
    bytes: usize,
}

/// One client in one namespace. A cheap handle: clone it freely. Works, without effect, after the client has gone.
#[derive(Clone)]
pub struct Socket(Arc<Inner>);

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Socket").field(&self.id()).finish()
    }
}

impl Socket {
    pub(crate) fn new(id: Sid, hall: Arc<Hall>, conn: Arc<Conn>) -> Socket {
        Socket(Arc::new(Inner {
            id,
            recovered: OnceLock::new(),
            state: AtomicU8::new(ASKING),
            behind: AtomicBool::new(false),
            takes_offsets: AtomicBool::new(false),
            is_back: AtomicBool::new(false),
            flags: AtomicU32::new(0),
            hall,
            conn,
            own: Mutex::default(),
        }))
    }

    fn own(&self) -> MutexGuard<'_, Own> {
        self.0.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> u8 {
        self.0.state.load(Ordering::Acquire)
    }

    pub(crate) fn hall(&self) -> &Arc<Hall> {
        &self.0.hall
    }

    /// The socket's id, the client's `socket.id`. It is not the id of the transport's session.
    pub fn id(&self) -> &Sid {
        self.0.recovered.get().unwrap_or(&self.0.id)
    }

    /// The namespace's name.
    pub fn namespace(&self) -> &str {
        &self.0.hall.name
    }

    /// Whether the client is connected to the namespace (true from the moment CONNECT is answered).
    pub fn is_connected(&self) -> bool {
        self.state() == CONNECTED
    }

    /// The request that opened the connection.
    pub fn handshake(&self) -> &Handshake {
        &self.0.conn.handshake
    }

    /// Enters a room. Answers false if the socket is gone or has [`Limits::rooms`](crate::Limits::rooms) already.
    pub fn join(&self, room: &str) -> bool {
        let mut own = self.own();
        if self.state() == GONE {
            return false;
        }
        if own.rooms.iter().any(|(joined, _)| joined.name() == room) {
            return true;
        }
        if own.rooms.len() >= self.0.conn.shared.config.limits.rooms {
            return false;
        }
        let entry = self.0.hall.rooms.join(room, self);
        if own.rooms.is_empty() {
            own.rooms.reserve_exact(1);
        }
        own.rooms.push(entry);
        true
    }

    /// Leaves a room. Answers whether it was in it.
    pub fn leave(&self, room: &str) -> bool {
        let mut own = self.own();
        let Some(at) = own
            .rooms
            .iter()
            .position(|(joined, _)| joined.name() == room)
        else {
            return false;
        };
        let (room, place) = own.rooms.swap_remove(at);
        self.0.hall.rooms.leave(&room, place);
        true
    }

    /// Leaves every room.
    pub fn leave_all(&self) {
        let mut own = self.own();
        for (room, place) in std::mem::take(&mut own.rooms) {
            self.0.hall.rooms.leave(&room, place);
        }
    }

    /// The rooms it is in, in no particular order.
    pub fn rooms(&self) -> Vec<String> {
        self.own()
            .rooms
            .iter()
            .map(|(room, _)| room.name().to_owned())
            .collect()
    }

    /// Whether it is in a room.
    pub fn is_in(&self, room: &str) -> bool {
        self.own()
            .rooms
            .iter()
            .any(|(joined, _)| joined.name() == room)
    }

    /// Sends an event with one argument. Answers whether it was queued. Emitted in `on_connect`, it goes out right
    /// after the answer to CONNECT.
    pub fn emit(&self, name: &str, arg: &(impl Serialize + ?Sized)) -> bool {
        match Frame::event(self.namespace(), name, arg) {
            Ok(frame) => self.send(&frame, Class::Reliable),
            Err(_) => false,
        }
    }

    /// Sends a frame that is encoded already; it must belong to this socket's namespace. Answers whether it was queued.
    pub fn send(&self, frame: &Frame, class: Class) -> bool {
        match self.0.hall.memory() {
            Some(memory) if class == Class::Reliable && self.takes_offsets() => {
                memory.send(self, frame)
            }
            _ => self.send_plain(frame, class),
        }
    }

    /// Sends an event that has an offset of the owner's; with the offset if the socket was offered recovery.
    pub fn send_stamped(&self, event: &Stamped, class: Class) -> bool {
        self.send_plain(event.frame_for(self), class)
    }

    /// Sends a frame as it is.
    pub(crate) fn send_plain(&self, frame: &Frame, class: Class) -> bool {
        match self.state() {
            CONNECTED => self.0.conn.push(self, frame, class, None),
            ASKING => self.hold(frame, class),
            _ => false,
        }
    }

    /// As [`Socket::send`] for one of many: a connection that nobody sees to is put to those to be flushed.
    pub(crate) fn send_later(&self, frame: &Frame, class: Class, later: &mut Later) -> bool {
        match self.state() {
            CONNECTED => self.0.conn.push(self, frame, class, Some(later)),
            ASKING => self.hold(frame, class),
            _ => false,
        }
    }

    fn hold(&self, frame: &Frame, class: Class) -> bool {
        let mut own = self.own();
        match self.state() {
            ASKING => {
                let held = own.held.as_ref().map_or(0, |held| held.bytes);
                let size = frame.size_bytes().max(size_of::<Entry>());
                if held + size > self.0.conn.shared.config.limits.queue_bytes {
                    drop(own);
                    if class == Class::Reliable {
                        self.0
                            .conn
                            .close(Close::now(DisconnectReason::SlowReader, 1013));
                    }
                    return false;
                }
                let held = own.held.get_or_insert_default();
                held.bytes += size;
                held.entries.push(Entry {
                    frame: frame.clone(),
                    class: self.0.hall.own_key(class),
                });
                true
            }
            CONNECTED => {
                drop(own);
                self.0.conn.push(self, frame, class, None)
            }
            _ => false,
        }
    }

    /// Sends an event with one argument and waits for the client's acknowledgement.
    pub async fn emit_with_ack(
        &self,
        name: &str,
        arg: &(impl Serialize + ?Sized),
        timeout: Duration,
    ) -> Result<AckReply, AckError> {
        let json = serde_json::to_string(arg).map_err(|_| AckError::Encode)?;
        self.emit_json_with_ack(name, &json, Vec::new(), timeout)
            .await
    }

    /// As [`Socket::emit_with_ack`] for arguments that are JSON already, separated by commas, with attachments.
    pub async fn emit_json_with_ack(
        &self,
        name: &str,
        args_json: &str,
        attachments: Vec<Bytes>,
        timeout: Duration,
    ) -> Result<AckReply, AckError> {
        let (id, reply) = {
            let mut own = self.own();
            if self.state() == GONE {
                return Err(AckError::Disconnected);
            }
            own.acks.get_or_insert_default().ask()
        };
        let _forget = ForgetAck { socket: self, id };
        let frame = Frame::named(self.namespace(), Some(id), name, args_json, attachments);
        if !self.send_plain(&frame, Class::Reliable) {
            return Err(AckError::Disconnected);
        }
        match tokio::time::timeout(timeout, reply).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) => Err(AckError::Disconnected),
            Err(_) => Err(AckError::Timeout),
        }
    }

    /// In [`on_full`](crate::Namespace::on_full): withdraws events that wait at the end of the queue, given newest first,
    /// because they will be sent again together with the one that is refused. Ends at the first other reliable frame, or
    /// one that is on its way. Answers how many.
    pub fn withdraw<'e>(&self, newest_first: impl IntoIterator<Item = &'e Stamped>) -> usize {
        let frames = newest_first.into_iter().map(|event| event.frame_for(self));
        self.0.conn.withdraw(frames)
    }

    /// Bytes queued for the client and not yet written.
    pub fn queued_bytes(&self) -> usize {
        self.0.conn.out().queue.bytes()
    }

    /// Frames queued for the client; those that are being written are not counted.
    pub fn queued_frames(&self) -> usize {
        self.0.conn.out().queue.len()
    }

    /// Says whose socket it is, for [`Limits::sockets_per_identity`](crate::Limits::sockets_per_identity): a user, a tenant,
    /// whatever is to be bounded. Answers false if that one has as many already, or the socket is gone; it keeps what was
    /// set before then.
    pub fn set_identity(&self, identity: &str) -> bool {
        let shared = &self.0.conn.shared;
        let mut own = self.own();
        if own.identity.as_deref() == Some(identity) {
            return true;
        }
        if self.is_gone() {
            return false;
        }
        let Some(counted) = shared.identify(identity) else {
            return false;
        };
        if let Some(before) = own.identity.replace(counted) {
            shared.forget_identity(&before);
        }
        true
    }

    /// The socket's flag bits; see [`Broadcast::with_flags`](crate::Broadcast::with_flags).
    pub fn flags(&self) -> u32 {
        self.0.flags.load(Ordering::Relaxed)
    }

    /// Replaces the flag bits.
    pub fn set_flags(&self, flags: u32) {
        self.0.flags.store(flags, Ordering::Relaxed);
    }

    /// Keeps a value with the socket until it is replaced or the socket is gone. One value: the last one set.
    pub fn set_data<T: Any + Send + Sync>(&self, data: Arc<T>) {
        let old = self.own().data.replace(data);
        drop(old); // outside the lock: it may run the owner's code
    }

    /// The value set last, if it is a `T`.
    pub fn data<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.own().data.clone()?.downcast().ok()
    }

    /// Sends DISCONNECT: the client stays away until it is told to connect. With `close`, the connection with all its
    /// namespaces ends after it.
    pub fn disconnect(&self, close: bool) {
        let was_connected = self.end() == CONNECTED;
        let conn = &self.0.conn;
        if was_connected {
            conn.push_protocol(Frame::packet(
                Kind::Disconnect,
                self.namespace(),
                None,
                &[],
                Vec::new(),
            ));
            let mut out = conn.out();
            // A connection that closes sees to all its sockets, and would keep this one for ever.
            if out.close.is_none() {
                out.left.push(self.clone());
            }
        }
        if close {
            conn.close(Close::after_flush(DisconnectReason::ServerDisconnect, 1000));
        }
        conn.ring();
    }

    /// Closes the transport (WebSocket 1013 after what is queued): the client comes back by itself.
    pub fn close_transport(&self) {
        self.0
            .conn
            .close(Close::after_flush(DisconnectReason::TransportClose, 1013));
    }

    pub(crate) fn acknowledge(&self, id: u64, args_json: &str, attachments: Vec<Bytes>) -> bool {
        self.send_plain(
            &Frame::ack(self.namespace(), id, args_json, attachments),
            Class::Reliable,
        )
    }

    /// The client acknowledged.
    pub(crate) fn acknowledged(&self, id: u64, reply: AckReply) {
        if let Some(acks) = self.own().acks.as_mut() {
            acks.resolve(id, reply);
        }
    }

    /// CONNECT is granted: answers it and lets go what was held. False if the socket was ended meanwhile.
    pub(crate) fn accept(&self) -> bool {
        let mut own = self.own();
        if self.state() != ASKING {
            return false;
        }
        let pid = own.pid.as_deref().map(serde_json::to_string);
        let pid = pid.and_then(Result::ok).unwrap_or_default();
        let key = if pid.is_empty() { "" } else { ",\"pid\":" };
        let answer = ["{\"sid\":\"", self.id().as_str(), "\"", key, &pid, "}"];
        self.0.conn.push_protocol(Frame::packet(
            Kind::Connect,
            self.namespace(),
            None,
            &answer,
            Vec::new(),
        ));
        let held = own.held.take().unwrap_or_default();
        self.0.conn.push_held(held.entries);
        own.place = Some(self.0.hall.enter(self));
        self.0.state.store(CONNECTED, Ordering::Release);
        true
    }

    /// Ends the socket on this side: it leaves its rooms and nothing is sent to it any more. Answers its state before.
    pub(crate) fn end(&self) -> u8 {
        let mut own = self.own();
        let before = self.0.state.swap(GONE, Ordering::AcqRel);
        for (room, place) in std::mem::take(&mut own.rooms) {
            self.0.hall.rooms.leave(&room, place);
        }
        if let Some(place) = own.place.take() {
            self.0.hall.exit(self, place);
        }
        own.held = None;
        own.acks = None;
        if let Some(identity) = own.identity.take() {
            self.0.conn.shared.forget_identity(&identity);
        }
        before
    }

    /// In `on_connect`: tells the client by what it may come back, a text that nobody can guess. From now on events sent
    /// as [`Stamped`] reach it with their offset. For a socket that [is recovered](Socket::is_recovered) it takes that
    /// back: the client is told that it begins anew. Answers false when CONNECT is answered already.
    pub fn offer_recovery(&self, pid: &str) -> bool {
        let mut own = self.own();
        if self.state() != ASKING {
            return false;
        }
        own.pid = Some(pid.into());
        drop(own);
        self.0.hall.holders.hold(self);
        self.0.is_back.store(false, Ordering::Release);
        self.0.takes_offsets.store(true, Ordering::Release);
        true
    }

    /// Whether the client came back and its `pid` was honoured: it has the id of before, and is told so.
    pub fn is_recovered(&self) -> bool {
        self.0.is_back.load(Ordering::Acquire)
    }

    pub(crate) fn takes_offsets(&self) -> bool {
        self.0.takes_offsets.load(Ordering::Acquire)
    }

    /// Before `on_connect`: the socket is one that was here before.
    pub(crate) fn recover_as(&self, sid: Sid, pid: &str) {
        self.0.recovered.get_or_init(|| sid);
        self.own().pid = Some(pid.into());
        self.0.is_back.store(true, Ordering::Release);
        self.0.takes_offsets.store(true, Ordering::Release);
    }

    /// Takes back what it had when it went away.
    pub(crate) fn take_back(&self, away: Away) {
        for room in &away.rooms {
            self.join(room);
        }
        self.set_flags(away.flags);
        let old = std::mem::replace(&mut self.own().data, away.data);
        drop(old);
    }

    /// The connection ends: what the namespace keeps for recovery learns of it.
    pub(crate) fn went_away(&self, reason: DisconnectReason) {
        let Some(memory) = self.0.hall.memory() else {
            return;
        };
        let own = self.own();
        let Some(pid) = own.pid.clone() else { return };
        let rooms = own.rooms.iter().map(|(room, _)| room.name().to_owned());
        let away = Away::new(rooms.collect(), self.flags(), own.data.clone());
        drop(own);
        match reason.is_recoverable() {
            true => memory.went_away(&pid, away),
            false => memory.forget(&pid),
        }
    }

    /// Ends the connection because the client is back on another.
    pub(crate) fn evict(&self) {
        self.0
            .conn
            .close(Close::now(DisconnectReason::TransportClose, 1001));
    }

    pub(crate) fn is_same(&self, other: &Socket) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.state() == GONE
    }

    pub(crate) fn close_grace(&self) -> Duration {
        self.0.conn.shared.config.close_grace
    }

    /// How much may be held for it until CONNECT is answered, with room for what comes meanwhile.
    pub(crate) fn may_hold_bytes(&self) -> usize {
        self.0.conn.shared.config.limits.queue_bytes / 2
    }

    /// Whether its owner refused a frame and has not been told to go on.
    pub(crate) fn is_behind(&self) -> bool {
        self.0.behind.load(Ordering::Acquire)
    }

    pub(crate) fn set_behind(&self, behind: bool) {
        self.0.behind.store(behind, Ordering::Release);
    }

    pub(crate) fn ask_owner(&self, frame: &Frame) -> Full {
        self.0
            .hall
            .handlers()
            .full
            .as_ref()
            .map_or(Full::Queue, |ask| ask(self, frame))
    }
}

struct ForgetAck<'a> {
    socket: &'a Socket,
    id: u64,
}

impl Drop for ForgetAck<'_> {
    fn drop(&mut self) {
        if let Some(acks) = self.socket.own().acks.as_mut() {
            acks.forget(self.id);
        }
    }
}
