//! The session: which packet may come next on which transport, when the server pings, and when the peer counts as gone.
//!
//! Pure: fed with packets and the time, it answers with what to do and a deadline. Source: Engine.IO protocol 4,
//! "Heartbeat" and "Upgrade".
//!
//! ```text
//!             2probe on WebSocket            5 on WebSocket
//!  polling ───────────────────────► probing ───────────────► websocket
//!     ▲         answer 3probe          │
//!     └────────────────────────────────┘ the WebSocket closes or is late
//! ```

use std::borrow::Cow;

use super::Packet;

/// One of the two ways to carry packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// HTTP long polling.
    Polling,
    /// A WebSocket.
    WebSocket,
}

/// The heartbeat's times, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// From an answered ping to the next.
    pub ping_interval_ms: u64,
    /// How long an answer may take.
    pub ping_timeout_ms: u64,
}

/// What a packet from the client means.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// Text for the layer above.
    Message(Cow<'a, str>),
    /// Bytes for the layer above.
    Binary(Cow<'a, [u8]>),
    /// Answer on the probing WebSocket with this packet, and end the waiting poll with a noop.
    ProbeAnswer(Packet<'static>),
    /// The WebSocket is the transport from here on; polling is over.
    Upgraded,
    /// The client closed the session.
    Closed,
    /// Nothing to do.
    Nothing,
}

/// What the time has brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Send a ping on the current transport.
    Ping,
    /// The client did not answer: close.
    Timeout,
}

/// A packet that must not come now. The transport it came on must be closed; if that is the session's, the session too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the packet must not come now")]
pub struct Fault;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Polling,
    Probing,
    WebSocket,
    Closed,
}

/// One client's session.
#[derive(Debug)]
pub struct Session {
    phase: Phase,
    times: Times,
    waiting_for_pong: bool,
    deadline_ms: u64,
}

impl Session {
    /// A session that begins on a transport.
    pub fn open(transport: Transport, times: Times, now_ms: u64) -> Session {
        let phase = match transport {
            Transport::Polling => Phase::Polling,
            Transport::WebSocket => Phase::WebSocket,
        };
        let deadline_ms = now_ms.saturating_add(times.ping_interval_ms);
        Session {
            phase,
            times,
            waiting_for_pong: false,
            deadline_ms,
        }
    }

    /// The transport that carries the session.
    pub fn transport(&self) -> Transport {
        match self.phase {
            Phase::WebSocket => Transport::WebSocket,
            _ => Transport::Polling,
        }
    }

    /// Whether a WebSocket has probed and not yet taken over: polls are then answered at once.
    pub fn is_probing(&self) -> bool {
        self.phase == Phase::Probing
    }

    /// Takes a packet that came on a transport.
    pub fn receive<'a>(
        &mut self,
        on: Transport,
        packet: Packet<'a>,
        now_ms: u64,
    ) -> Result<Incoming<'a>, Fault> {
        match (self.phase, on) {
            (Phase::Closed, _) => Err(Fault),
            (Phase::WebSocket, Transport::Polling) => Err(Fault),
            (Phase::Polling | Phase::Probing, Transport::WebSocket) => self.receive_probe(packet),
            _ => self.receive_current(packet, now_ms),
        }
    }

    fn receive_probe<'a>(&mut self, packet: Packet<'a>) -> Result<Incoming<'a>, Fault> {
        match packet {
            Packet::Ping(text) if text == "probe" => {
                self.phase = Phase::Probing;
                Ok(Incoming::ProbeAnswer(Packet::Pong("probe".into())))
            }
            Packet::Upgrade if self.phase == Phase::Probing => {
                self.phase = Phase::WebSocket;
                Ok(Incoming::Upgraded)
            }
            _ => Err(Fault),
        }
    }

    fn receive_current<'a>(
        &mut self,
        packet: Packet<'a>,
        now_ms: u64,
    ) -> Result<Incoming<'a>, Fault> {
        match packet {
            Packet::Message(text) => Ok(Incoming::Message(text)),
            Packet::Binary(bytes) => Ok(Incoming::Binary(bytes)),
            Packet::Pong(_) => {
                if self.waiting_for_pong {
                    self.waiting_for_pong = false;
                    self.deadline_ms = now_ms.saturating_add(self.times.ping_interval_ms);
                }
                Ok(Incoming::Nothing)
            }
            Packet::Close => {
                self.close();
                Ok(Incoming::Closed)
            }
            Packet::Upgrade | Packet::Noop => Ok(Incoming::Nothing),
            Packet::Open(_) | Packet::Ping(_) => Err(Fault),
        }
    }

    /// The probing WebSocket is gone before it took over: polling goes on.
    pub fn probe_failed(&mut self) {
        if self.phase == Phase::Probing {
            self.phase = Phase::Polling;
        }
    }

    /// When [`Session::tick`] wants to be called, in the clock of `now_ms`.
    pub fn deadline_ms(&self) -> u64 {
        self.deadline_ms
    }

    /// When the client counts as gone, if it owes an answer to a ping.
    pub fn gone_at_ms(&self) -> Option<u64> {
        self.waiting_for_pong.then_some(self.deadline_ms)
    }

    /// Tells the time.
    pub fn tick(&mut self, now_ms: u64) -> Option<Due> {
        if self.phase == Phase::Closed || now_ms < self.deadline_ms {
            return None;
        }
        if self.waiting_for_pong {
            self.close();
            return Some(Due::Timeout);
        }
        self.waiting_for_pong = true;
        // A timer's own lateness must not add up; a server that was busy must not blame the client for it.
        let is_on_time = now_ms - self.deadline_ms <= self.times.ping_timeout_ms / 4;
        let from_ms = if is_on_time { self.deadline_ms } else { now_ms };
        self.deadline_ms = from_ms.saturating_add(self.times.ping_timeout_ms);
        Some(Due::Ping)
    }

    /// The server itself has not read for a while, so the time until now does not count against the client.
    pub fn forgive(&mut self, now_ms: u64) {
        if self.waiting_for_pong {
            self.deadline_ms = self
                .deadline_ms
                .max(now_ms.saturating_add(self.times.ping_timeout_ms));
        }
    }

    /// Ends the session from this side.
    pub fn close(&mut self) {
        self.phase = Phase::Closed;
    }

    /// Whether the session has ended.
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }
}
