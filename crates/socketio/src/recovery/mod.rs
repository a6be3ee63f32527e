//! Connection state recovery as Socket.IO 4.6 has it: CONNECT is answered with a `pid`, events carry an offset as their
//! last argument, and a client that comes back with both gets its old id and what it missed.
//!
//! Here is the wire: ids, offsets, and who holds an id. What was missed is known to the owner
//! ([`Namespace::on_recover`](crate::Namespace::on_recover), events sent as [`Stamped`]) or to this process's memory
//! (`memory.rs`). An event is encoded at most twice, with and without its offset, whatever the number of listeners.

mod memory;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use serde_json::Value;
use tokio::{sync::Notify, time::Instant};

pub use memory::RecoveryWindow;
pub(crate) use memory::{Audience, Away, Memory};

use crate::{Frame, Handshake, Sid, Socket, frame::Part, tables};

/// An event with its place in the owner's order. Sockets that were offered recovery get it with the offset as one more
/// argument, all others as it is. Cloning is cheap.
#[derive(Clone)]
pub struct Stamped(Arc<Both>);

struct Both {
    plain: Frame,
    offset: Box<str>,
    /// Of a bundle, its events; each has an offset of its own.
    events: Box<[Stamped]>,
    /// Made when the first socket wants it.
    stamped: OnceLock<Frame>,
}

impl fmt::Debug for Stamped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stamped")
            .field("offset", &self.0.offset)
            .field("plain", &self.0.plain)
            .finish_non_exhaustive()
    }
}

impl Stamped {
    /// An event and its offset: any text, which the client gives back as it is. Of a [`Frame::bundle`] the last event
    /// gets it, so that a client that breaks off within it gets all of it once more; see [`Stamped::bundle`].
    pub fn new(frame: Frame, offset: impl Into<Box<str>>) -> Stamped {
        Stamped(Arc::new(Both {
            plain: frame,
            offset: offset.into(),
            events: Box::default(),
            stamped: OnceLock::new(),
        }))
    }

    /// Several events as one frame, as [`Frame::bundle`], each with its own offset. `None` for none.
    pub fn bundle(events: impl IntoIterator<Item = Stamped>) -> Option<Stamped> {
        let events: Box<[Stamped]> = events.into_iter().collect();
        let plain = Frame::bundle(events.iter().map(|event| event.0.plain.clone()))?;
        let offset = events.last()?.0.offset.clone();
        Some(Stamped(Arc::new(Both {
            plain,
            offset,
            events,
            stamped: OnceLock::new(),
        })))
    }

    /// The event without its offset.
    pub fn frame(&self) -> &Frame {
        &self.0.plain
    }

    /// Its offset; of a bundle that of its last event.
    pub fn offset(&self) -> &str {
        &self.0.offset
    }

    /// The form that this socket gets.
    pub(crate) fn frame_for(&self, socket: &Socket) -> &Frame {
        if !socket.takes_offsets() {
            return &self.0.plain;
        }
        self.stamped()
    }

    fn stamped(&self) -> &Frame {
        self.0.stamped.get_or_init(|| {
            let events = self.0.events.iter().map(|event| event.stamped().clone());
            Frame::bundle(events).unwrap_or_else(|| with_offset(&self.0.plain, &self.0.offset))
        })
    }
}

/// The same with one more argument in its last event, which most often is the only one.
fn with_offset(frame: &Frame, offset: &str) -> Frame {
    let mut events = frame.events();
    if events.len() < 2 {
        return event_with_offset(frame, offset);
    }
    if let Some(last) = events.last_mut() {
        *last = event_with_offset(last, offset);
    }
    Frame::bundle(events).unwrap_or_else(|| frame.clone())
}

fn event_with_offset(frame: &Frame, offset: &str) -> Frame {
    let text = std::str::from_utf8(frame.first().payload()).unwrap_or_default();
    let Some(open) = text.strip_suffix(']') else {
        return frame.clone();
    };
    let offset = serde_json::to_string(offset).unwrap_or_default();
    Frame::of(
        Part::text(&[open, ",", &offset, "]"].concat()),
        frame.attachments().into(),
    )
}

/// A client asks to go on where it was.
#[derive(Debug, Clone)]
pub struct RecoveryRequest {
    pub(crate) socket: Socket,
    pub(crate) auth: Value,
}

impl RecoveryRequest {
    /// The request that opened the connection.
    pub fn handshake(&self) -> &Handshake {
        self.socket.handshake()
    }

    /// What CONNECT brought: the client's own `auth` with `pid` and `offset` beside it.
    pub fn auth(&self) -> &Value {
        &self.auth
    }

    /// What the client was given by [`Socket::offer_recovery`], if it is honest.
    pub fn pid(&self) -> &str {
        self.text("pid").unwrap_or_default()
    }

    /// The offset of the last event that the client got. None if it got none with an offset.
    pub fn offset(&self) -> Option<&str> {
        self.text("offset")
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.auth.get(key).and_then(Value::as_str)
    }
}

/// Which sockets hold ids that a client may come back for. An id is held from CONNECT until `on_disconnect` has run, so
/// that handlers never see two sockets with one id.
#[derive(Default)]
pub(crate) struct Holders {
    by_id: Mutex<HashMap<Sid, Holder>>,
}

struct Holder {
    socket: Socket,
    /// Who waits for the id, if anybody does. Each id has its own: a crowd that comes back before its dead connections
    /// are noticed must not be woken for every one of them.
    freed: Option<Arc<Notify>>,
}

impl Holder {
    fn new(socket: &Socket) -> Holder {
        Holder {
            socket: socket.clone(),
            freed: None,
        }
    }
}

impl Holders {
    fn by_id(&self) -> MutexGuard<'_, HashMap<Sid, Holder>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The socket holds its own fresh id.
    pub(crate) fn hold(&self, socket: &Socket) {
        self.by_id().insert(*socket.id(), Holder::new(socket));
    }

    /// Gives an id to a socket. A socket that still has it, on a connection not yet known to be dead, is ended first;
    /// false if it does not end in time.
    async fn take_over(&self, sid: Sid, socket: &Socket, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        loop {
            let freed = {
                let mut by_id = self.by_id();
                let Some(holder) = by_id.get_mut(&sid) else {
                    by_id.insert(sid, Holder::new(socket));
                    return true;
                };
                holder.socket.evict();
                let freed = holder.freed.get_or_insert_default().clone();
                // Begun under the lock, so that the word cannot be missed.
                freed.notified_owned()
            };
            if tokio::time::timeout_at(until, freed).await.is_err() {
                return false;
            }
        }
    }

    /// The socket is over, its handlers too.
    pub(crate) fn release(&self, socket: &Socket) {
        if socket.was_offered_recovery() {
            self.let_go(*socket.id(), socket);
        }
    }

    /// Ids that memory is held for.
    #[cfg(test)]
    pub(crate) fn capacity(&self) -> usize {
        self.by_id().capacity()
    }

    fn let_go(&self, sid: Sid, socket: &Socket) {
        let mut by_id = self.by_id();
        if !(by_id.get(&sid)).is_some_and(|holder| holder.socket.is_same(socket)) {
            return;
        }
        let freed = by_id.remove(&sid).and_then(|holder| holder.freed);
        tables::shrink(&mut by_id);
        drop(by_id);
        if let Some(freed) = freed {
            freed.notify_waiters();
        }
    }
}

/// Before `on_connect`: decides whether the socket is one that was here before.
pub(crate) async fn prepare(socket: &Socket, auth: Option<&Value>) {
    let hall = socket.hall().clone();
    let pid = auth
        .and_then(|auth| auth.get("pid"))
        .and_then(Value::as_str);
    if let Some(memory) = hall.memory() {
        let offset = auth
            .and_then(|auth| auth.get("offset"))
            .and_then(Value::as_str);
        let is_back = match pid {
            Some(pid) => come_back(memory, socket, pid, offset).await,
            None => false,
        };
        if !is_back {
            memory.begin(socket);
        }
        return;
    }
    let (Some(ask), Some(auth), Some(pid)) = (hall.handlers().recover.clone(), auth, pid) else {
        return;
    };
    let request = RecoveryRequest {
        socket: socket.clone(),
        auth: auth.clone(),
    };
    if let Some(sid) = ask(request).await
        && hall
            .holders
            .take_over(sid, socket, socket.close_grace())
            .await
    {
        socket.recover_as(sid, pid);
    }
}

async fn come_back(memory: &Memory, socket: &Socket, pid: &str, offset: Option<&str>) -> bool {
    let Some(sid) = memory.sid_of(pid) else {
        return false;
    };
    let holders = &socket.hall().holders;
    if !holders.take_over(sid, socket, socket.close_grace()).await {
        return false;
    }
    // Nobody else has the id now, so what its last socket left behind is complete.
    let is_back = memory.recover(socket, sid, pid, offset);
    if !is_back {
        holders.let_go(sid, socket);
    }
    is_back
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn the_offset_is_the_last_argument() {
        let stamped = |frame: &Frame| with_offset(frame, "4\"2");
        let text = |frame: &Frame| String::from_utf8(frame.first().payload().to_vec()).unwrap();
        let frame = Frame::event_json("/", "e", r#"{"a":[1]}"#);
        assert_eq!(text(&stamped(&frame)), r#"42["e",{"a":[1]},"4\"2"]"#);
        assert_eq!(
            text(&stamped(&Frame::event_json("/n", "e", ""))),
            r#"42/n,["e","4\"2"]"#
        );
        let place = r#"{"_placeholder":true,"num":0}"#;
        let frame = Frame::binary_event("/", "e", place, vec![Bytes::from_static(b"x")]);
        let stamped = stamped(&frame);
        assert_eq!(text(&stamped), format!(r#"451-["e",{place},"4\"2"]"#));
        assert_eq!(stamped.parts().count(), 2);
    }

    #[test]
    fn each_event_of_a_bundle_has_its_own_offset_and_one_for_all_goes_to_the_last() {
        let texts = |frame: &Frame| {
            let texts = frame.parts().map(|part| part.payload().to_vec());
            let texts: Result<Vec<_>, _> = texts.map(String::from_utf8).collect();
            texts.unwrap()
        };
        let place = r#"{"_placeholder":true,"num":0}"#;
        let frames = [
            Frame::event_json("/", "a", "1"),
            Frame::binary_event("/", "b", place, vec![Bytes::from_static(b"x")]),
            Frame::event_json("/", "c", ""),
        ];
        let events = frames.iter().zip(["7", "8", "9"]);
        let bundle = Stamped::bundle(events.map(|(f, at)| Stamped::new(f.clone(), at))).unwrap();
        let second = format!(r#"451-["b",{place},"8"]"#);
        assert_eq!(
            texts(bundle.stamped()),
            [r#"42["a",1,"7"]"#, &second, "x", r#"42["c","9"]"#]
        );
        assert_eq!(bundle.offset(), "9");
        assert_eq!(texts(bundle.frame()).len(), 4);
        let second = format!(r#"451-["b",{place}]"#);
        let whole = Stamped::new(Frame::bundle(frames).unwrap(), "9");
        assert_eq!(
            texts(whole.stamped()),
            [r#"42["a",1]"#, &second, "x", r#"42["c","9"]"#]
        );
        assert!(Stamped::bundle([]).is_none());
    }
}
