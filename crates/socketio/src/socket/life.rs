//! A socket's life inside the crate: asking, connected, gone; and coming back.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use socketio_proto::socket::Kind;

use super::{ASKED, ASKING, CONNECTED, GONE, NO_OFFSETS, OFFSETS, PAST_OFFSETS, REFUSED, Socket};
use crate::{
    Class, DisconnectReason, Frame, Full, Sid,
    conn::Close,
    queue::{ENTRY_BYTES, Entry},
    recovery::Away,
};

/// How a socket was before it ended.
pub(crate) struct Before(u8);

impl Before {
    /// Whether its CONNECT had been answered, and nobody had ended it.
    pub(crate) fn was_connected(&self) -> bool {
        self.0 == CONNECTED
    }
}

impl Socket {
    pub(super) fn hold(&self, frame: &Frame, class: Class) -> bool {
        let mut own = self.own();
        match self.state() {
            ASKING => {
                let held = own.held.as_ref().map_or(0, |held| held.bytes);
                let size = frame.size_bytes().max(ENTRY_BYTES);
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

    /// Ends the socket on this side: it leaves its rooms and nothing is sent to it any more. Answers how it was before.
    pub(crate) fn end(&self) -> Before {
        let mut own = self.own();
        let before = self.0.state.swap(GONE, Ordering::AcqRel);
        for (room, place) in own.joined.take() {
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
        drop(own);
        // Nobody waits for ever.
        self.tell_drained();
        Before(before)
    }

    /// In `on_connect`: tells the client by what it may come back, a text that nobody can guess. From now on events sent
    /// as [`Stamped`](crate::Stamped) reach it with their offset. For a socket that [is recovered](Socket::is_recovered) it takes that
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
        self.0.offsets.store(OFFSETS, Ordering::Release);
        true
    }

    /// Gives the client of a socket that was offered recovery no more offsets: it may come back to what it has heard up to
    /// now, and to nothing later. For a socket that becomes somebody else's.
    pub fn stop_offsets(&self) {
        let (now, then) = (Ordering::AcqRel, Ordering::Acquire);
        let offsets = &self.0.offsets;
        // A socket that had none keeps none.
        _ = offsets.compare_exchange(OFFSETS, PAST_OFFSETS, now, then);
    }

    /// Whether the client came back and its `pid` was honoured: it has the id of before, and is told so.
    pub fn is_recovered(&self) -> bool {
        self.0.is_back.load(Ordering::Acquire)
    }

    pub(crate) fn takes_offsets(&self) -> bool {
        self.0.offsets.load(Ordering::Acquire) == OFFSETS
    }

    pub(crate) fn was_offered_recovery(&self) -> bool {
        self.0.offsets.load(Ordering::Acquire) != NO_OFFSETS
    }

    /// Before `on_connect`: the socket is one that was here before.
    pub(crate) fn recover_as(&self, sid: Sid, pid: &str) {
        self.0.recovered.get_or_init(|| sid);
        self.own().pid = Some(pid.into());
        self.0.is_back.store(true, Ordering::Release);
        self.0.offsets.store(OFFSETS, Ordering::Release);
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
        let rooms = own.joined.names().map(str::to_owned);
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

    /// Whether it is over: refused, disconnected, or without a connection.
    pub fn is_gone(&self) -> bool {
        self.state() == GONE
    }

    pub(crate) fn close_grace(&self) -> Duration {
        self.0.conn.shared.config.close_grace
    }

    /// Whether somebody waits for the client's answer.
    pub(crate) fn awaits_ack(&self) -> bool {
        self.own()
            .acks
            .as_ref()
            .is_some_and(|acks| !acks.is_empty())
    }

    /// How much may be held for it until CONNECT is answered, with room for what comes meanwhile.
    pub(crate) fn may_hold_bytes(&self) -> usize {
        self.0.conn.shared.config.limits.queue_bytes / 2
    }

    /// Whether its owner refused a frame and has not been told to go on.
    pub(crate) fn is_behind(&self) -> bool {
        self.0.awaits.load(Ordering::Acquire) & REFUSED != 0
    }

    pub(crate) fn set_behind(&self) {
        self.0.awaits.fetch_or(REFUSED, Ordering::AcqRel);
    }

    pub(crate) fn set_awaiting_drain(&self) {
        self.0.awaits.fetch_or(ASKED, Ordering::AcqRel);
    }

    /// Tells the owner that waits for it that the queue is short, once.
    pub(crate) fn tell_drained(&self) {
        if self.0.awaits.swap(0, Ordering::AcqRel) != 0
            && let Some(drain) = self.hall().handlers().drain.clone()
        {
            drain(self);
        }
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
