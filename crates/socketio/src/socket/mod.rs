//! One client in one namespace. What its owner may call is here, what the crate does with it in `life`.

mod joined;
mod life;

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

use self::joined::Joined;
use crate::{
    AckError, AckReply, Class, DisconnectReason, Frame, Handshake, Sid, Stamped,
    acks::Acks,
    conn::{Close, Conn},
    flush::Later,
    namespace::Hall,
    queue::Entry,
};

/// CONNECT has come and is not answered: what is sent waits.
const ASKING: u8 = 0;
/// CONNECT was answered.
const CONNECTED: u8 = 1;
/// Refused, disconnected, or the connection is gone.
const GONE: u8 = 2;

/// Not offered recovery: events reach it as they are.
const NO_OFFSETS: u8 = 0;
/// Offered recovery: events reach it with their offsets.
const OFFSETS: u8 = 1;
/// Offered recovery up to some event: later ones reach it as they are.
const PAST_OFFSETS: u8 = 2;

/// The owner refused a frame.
const REFUSED: u8 = 1;
/// The owner asked for it.
const ASKED: u8 = 2;

struct Inner {
    id: Sid,
    /// The id of before, if the client came back.
    recovered: OnceLock<Sid>,
    state: AtomicU8,
    /// Why its owner is to be told when the queue is short: [`REFUSED`], [`ASKED`] or both.
    awaits: AtomicU8,
    /// Whether it was offered recovery: [`NO_OFFSETS`], [`OFFSETS`] or [`PAST_OFFSETS`].
    offsets: AtomicU8,
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
    joined: Joined,
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
            awaits: AtomicU8::new(0),
            offsets: AtomicU8::new(NO_OFFSETS),
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
        let table = &self.0.hall.rooms;
        if own.joined.has(room, table) {
            return true;
        }
        if own.joined.len() >= self.0.conn.shared.config.limits.rooms {
            return false;
        }
        let (room, place) = table.join(room, self);
        own.joined.add(room, place);
        true
    }

    /// Leaves a room. Answers whether it was in it.
    pub fn leave(&self, room: &str) -> bool {
        let table = &self.0.hall.rooms;
        let mut own = self.own();
        let Some((room, place)) = own.joined.remove(room, table) else {
            return false;
        };
        table.leave(&room, place);
        true
    }

    /// Leaves every room.
    pub fn leave_all(&self) {
        let mut own = self.own();
        for (room, place) in own.joined.take() {
            self.0.hall.rooms.leave(&room, place);
        }
    }

    /// The rooms it is in, in no particular order.
    pub fn rooms(&self) -> Vec<String> {
        self.own().joined.names().map(str::to_owned).collect()
    }

    /// Whether it is in a room.
    pub fn is_in(&self, room: &str) -> bool {
        self.own().joined.has(room, &self.0.hall.rooms)
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

    /// Sends an event with one argument and waits for the client's acknowledgement. It is found behind any number of
    /// events that wait for their handlers, up to [`Limits::waiting_bytes`](crate::Limits::waiting_bytes) of them; behind
    /// more it comes late, or not before the timeout.
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
        // A driver that has stopped reading reads on.
        self.0.conn.ring();
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

    /// Asks for one call of [`on_drain`](crate::Namespace::on_drain) as soon as the queue is short
    /// ([`Limits::queue_low_bytes`](crate::Limits::queue_low_bytes)) or the socket [is gone](Socket::is_gone). Answers false
    /// if that is so now.
    ///
    /// So whoever has much to send sends as long as this is false, and goes on in `on_drain`: nothing waits in between, no
    /// task and no timer. `on_drain` may also come a little early, or twice.
    pub fn await_drain(&self) -> bool {
        // Looked at again afterwards: what ends it meanwhile may not have seen that somebody waits.
        !self.is_gone() && self.0.conn.await_drain(self) && !self.is_gone()
    }

    /// Frames queued for the client; those that are being written are not counted.
    pub fn queued_frames(&self) -> usize {
        self.0.conn.out().queue.len()
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
        let was_connected = self.end().was_connected();
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
