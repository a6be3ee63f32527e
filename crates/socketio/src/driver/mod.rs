//! The one task of a connection. It reads, lets handlers run, writes what is queued, keeps the heartbeat, moves the
//! session from polling to WebSocket, and ends it.
//!
//! ```text
//!  live ──────► closing: sockets leave their rooms, ──────► ending: handlers run ──────► done
//!               what is queued goes out, then the            to their end,
//!               close, then the peer's answer or             `on_disconnect` last
//!               the grace is over
//! ```

mod closing;
mod probe;
mod writing;

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use socketio_proto::{
    engine::{Due, Incoming, Packet, Session, Transport, decode_payload},
    websocket::Message,
};
use tokio::time::Sleep;

use self::{closing::Closing, probe::Probe, writing::Writing};
use crate::{
    DisconnectReason, EngineMessage, EngineSocket, Frame,
    admission::Admission,
    conn::{Close, Conn},
    dispatch::Dispatch,
    polling::Polling,
    websocket::{ReadError, WebSocket},
};

/// Messages taken in one turn before others get theirs.
const MESSAGES_PER_TURN: usize = 64;
const NEVER: u64 = u64::MAX;

#[derive(Debug, Clone, Copy)]
enum Phase {
    Live,
    Closing(Closing),
    Ending,
}

/// The task of one connection.
pub(crate) struct Driver {
    conn: Arc<Conn>,
    session: Session,
    websocket: Option<WebSocket>,
    probe: Option<Probe>,
    dispatch: Dispatch,
    phase: Phase,
    admission: Option<Admission>,
    connect_by_ms: u64,
    writing: Writing,
    was_paused: bool,
    /// Whether the WebSocket took over before there was room for all that had been posted.
    has_posted: bool,
    timer: Pin<Box<Sleep>>,
    timer_ms: u64,
}

impl Driver {
    /// The driver of a connection that begins on this WebSocket, or with polling.
    pub(crate) fn new(
        conn: Arc<Conn>,
        admission: Admission,
        websocket: Option<WebSocket>,
    ) -> Driver {
        let shared = conn.shared.clone();
        let now_ms = shared.now_ms();
        let transport = if websocket.is_some() {
            Transport::WebSocket
        } else {
            Transport::Polling
        };
        // Only Socket.IO has something to connect to.
        let connect_by_ms = match &shared.on_message {
            Some(_) => NEVER,
            None => now_ms.saturating_add(millis(shared.config.connect_timeout)),
        };
        conn.out().stream = websocket.as_ref().and_then(WebSocket::shared_stream);
        conn.set_deflates(
            websocket
                .as_ref()
                .is_some_and(|websocket| websocket.deflates),
        );
        let session = Session::open(transport, shared.times, now_ms);
        // For what is due first: a timer that has run out by the first turn wakes the task once for nothing.
        let timer_ms = match session.deadline_ms() {
            NEVER => now_ms,
            first_ms => first_ms,
        };
        Driver {
            session,
            websocket,
            probe: None,
            dispatch: Dispatch::new(&conn, now_ms),
            phase: Phase::Live,
            admission: Some(admission),
            connect_by_ms,
            writing: Writing::new(),
            was_paused: false,
            has_posted: false,
            timer: Box::pin(tokio::time::sleep_until(shared.instant(timer_ms))),
            timer_ms,
            conn,
        }
    }

    fn polling(&self) -> Option<&Polling> {
        self.conn
            .polling
            .as_deref()
            .filter(|_| self.websocket.is_none())
    }

    /// One turn while the connection is open. `Err` says how it is to end.
    fn live(&mut self, cx: &mut Context<'_>, now_ms: u64) -> Result<(), Close> {
        self.take_notices(now_ms);
        let mut messages = 0;
        loop {
            if self.dispatch.poll(&self.conn, cx) {
                self.connected();
            }
            if !self.dispatch.has_room(&self.conn) {
                self.was_paused = true;
                break;
            }
            if std::mem::take(&mut self.was_paused) {
                self.session.forgive(now_ms);
            }
            if !self.read(cx, now_ms)? {
                break;
            }
            messages += 1;
            if messages >= MESSAGES_PER_TURN {
                cx.waker().wake_by_ref();
                break;
            }
        }
        self.poll_probe(cx, now_ms)?;
        // What was posted before an upgrade may have become events just now.
        if self.dispatch.poll(&self.conn, cx) {
            self.connected();
        }
        self.heartbeat(now_ms)?;
        if let Some(polling) = self.polling() {
            polling.set_gone_at_ms(self.session.gone_at_ms());
        }
        self.write(cx, now_ms)?;
        match self.conn.out().close {
            Some(close) => Err(close),
            None => Ok(()),
        }
    }

    fn connected(&mut self) {
        if let Some(admission) = &mut self.admission {
            admission.connected();
        }
        self.connect_by_ms = NEVER;
    }

    /// Sees to what others left for the driver.
    fn take_notices(&mut self, now_ms: u64) {
        let left = std::mem::take(&mut self.conn.out().left);
        left.iter().for_each(|socket| self.dispatch.left(socket));
        if let Some(candidate) = self.polling().and_then(Polling::take_candidate) {
            let timeout_ms = millis(self.conn.shared.config.upgrade_timeout);
            self.probe = Some(Probe {
                websocket: candidate.websocket,
                _place: candidate.place,
                until_ms: now_ms.saturating_add(timeout_ms),
            });
        }
        self.tell_drained();
    }

    fn tell_drained(&mut self) {
        if self.conn.is_short_again() {
            self.dispatch.drained();
        }
    }

    /// Takes in one message. Answers whether there was one.
    fn read(&mut self, cx: &mut Context<'_>, now_ms: u64) -> Result<bool, Close> {
        if self.has_posted {
            if self.read_posted(now_ms)? {
                return Ok(true);
            }
            self.has_posted = false;
        }
        if let Some(websocket) = &mut self.websocket {
            let Poll::Ready(read) = websocket.poll_message(cx) else {
                return Ok(false);
            };
            let message = read.map_err(read_failed)?;
            return self.message(message, now_ms).map(|()| true);
        }
        self.read_posted(now_ms)
    }

    /// Takes in one packet that was posted. Answers whether there was one.
    fn read_posted(&mut self, now_ms: u64) -> Result<bool, Close> {
        let posted = self.conn.polling.as_deref();
        let Some(text) = posted.and_then(Polling::next_packet) else {
            return Ok(false);
        };
        let packet = decode_payload(&text).next().and_then(Result::ok);
        let packet = packet.ok_or(Close::now(DisconnectReason::ParseError, 1002))?;
        let on = self.session.transport();
        self.packet(on, packet, now_ms).map(|()| true)
    }

    fn message(&mut self, message: Message, now_ms: u64) -> Result<(), Close> {
        match message {
            Message::Text(text) => {
                let packet = Packet::decode(&text)
                    .map_err(|_| Close::now(DisconnectReason::ParseError, 1002))?;
                self.packet(Transport::WebSocket, packet, now_ms)
            }
            Message::Binary(bytes) => {
                self.packet(Transport::WebSocket, Packet::Binary(bytes.into()), now_ms)
            }
            Message::Ping(payload) => {
                if let Some(websocket) = &mut self.websocket {
                    websocket.answer_ping(payload);
                }
                Ok(())
            }
            Message::Pong(_) => Ok(()),
            Message::Close(code) => Err(Close::now(
                DisconnectReason::TransportClose,
                code.unwrap_or(1000),
            )),
        }
    }

    fn packet(&mut self, on: Transport, packet: Packet<'_>, now_ms: u64) -> Result<(), Close> {
        let incoming = self.session.receive(on, packet, now_ms);
        let incoming = incoming.map_err(|_| Close::now(DisconnectReason::ParseError, 1002))?;
        match incoming {
            Incoming::Message(text) => self.deliver(EngineMessage::Text(text.into_owned()), now_ms),
            Incoming::Binary(bytes) => {
                self.deliver(EngineMessage::Binary(bytes.into_owned().into()), now_ms)
            }
            Incoming::Closed => {
                if let Some(polling) = self.polling() {
                    polling.closed_by_client();
                    self.conn.out().queue.clear();
                    return Err(Close::after_flush(DisconnectReason::TransportClose, 1000));
                }
                Err(Close::now(DisconnectReason::TransportClose, 1000))
            }
            Incoming::ProbeAnswer(_) | Incoming::Upgraded | Incoming::Nothing => Ok(()),
        }
    }

    /// Hands a message to the layer above.
    fn deliver(&mut self, message: EngineMessage, now_ms: u64) -> Result<(), Close> {
        if let Some(on_message) = &self.conn.shared.on_message {
            on_message(&EngineSocket(self.conn.clone()), message);
            return Ok(());
        }
        let taken = match message {
            EngineMessage::Text(text) => self.dispatch.text(&self.conn, text, now_ms),
            EngineMessage::Binary(bytes) => self.dispatch.binary(&self.conn, bytes, now_ms),
        };
        taken.map_err(|reason| match reason {
            DisconnectReason::TooManyEvents => Close::after_flush(reason, 1008),
            _ => Close::now(reason, 1002),
        })
    }

    fn heartbeat(&mut self, now_ms: u64) -> Result<(), Close> {
        if self.was_paused {
            self.session.forgive(now_ms);
        }
        match self.session.tick(now_ms) {
            Some(Due::Ping) => {
                self.conn.push_protocol(Frame::ping());
            }
            Some(Due::Timeout) => return Err(Close::now(DisconnectReason::PingTimeout, 1001)),
            None => {}
        }
        if now_ms >= self.connect_by_ms && !self.dispatch.has_namespace() {
            return Err(Close::now(DisconnectReason::ConnectTimeout, 1008));
        }
        if now_ms >= self.blocked_until_ms() {
            return Err(Close::now(DisconnectReason::SlowReader, 1013));
        }
        Ok(())
    }

    fn blocked_until_ms(&self) -> u64 {
        self.writing
            .blocked_until_ms(self.conn.shared.times.ping_timeout_ms)
    }

    /// Writes what is queued until there is no more or the peer takes no more.
    fn write(&mut self, cx: &mut Context<'_>, now_ms: u64) -> Result<(), Close> {
        let Some(websocket) = &mut self.websocket else {
            return Ok(());
        };
        if self
            .writing
            .write(&self.conn, &mut websocket.out, cx, now_ms)?
        {
            self.tell_drained();
        }
        Ok(())
    }

    fn deadline_ms(&self) -> u64 {
        match &self.phase {
            Phase::Live => {
                let probe_ms = self.probe.as_ref().map_or(NEVER, |probe| probe.until_ms);
                let connect_ms = if self.dispatch.has_namespace() {
                    NEVER
                } else {
                    self.connect_by_ms
                };
                self.session
                    .deadline_ms()
                    .min(connect_ms)
                    .min(probe_ms)
                    .min(self.blocked_until_ms())
            }
            Phase::Closing(closing) => closing.until_ms,
            Phase::Ending => NEVER,
        }
    }

    /// Arms the timer for the next deadline. Answers whether that is past already.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> bool {
        let deadline_ms = self.deadline_ms();
        if deadline_ms == NEVER {
            return false;
        }
        // A timer that fires early is cheap; moving it at every turn is not.
        if deadline_ms < self.timer_ms || self.timer.is_elapsed() {
            self.timer_ms = deadline_ms;
            let instant = self.conn.shared.instant(deadline_ms);
            self.timer.as_mut().reset(instant);
        }
        self.timer.as_mut().poll(cx).is_ready()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // However the task ends, nobody is left waiting for it, and nobody in a room.
        self.conn
            .close(Close::now(DisconnectReason::TransportClose, 1006));
        if !self.dispatch.is_over() {
            self.dispatch.abandon();
            let left = std::mem::take(&mut self.conn.out().left);
            drop(left); // outside the lock
        }
        if let Some(polling) = self.conn.polling.as_deref() {
            polling.end("1");
        }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let driver = self.get_mut();
        loop {
            driver.conn.listen(cx.waker());
            let now_ms = driver.conn.shared.now_ms();
            match driver.phase {
                Phase::Live => {
                    if let Err(close) = driver.live(cx, now_ms) {
                        driver.begin_closing(close, now_ms);
                        continue;
                    }
                }
                Phase::Closing(mut closing) => {
                    if driver.poll_closing(&mut closing, cx, now_ms).is_ready() {
                        driver.begin_ending();
                        continue;
                    }
                    driver.phase = Phase::Closing(closing);
                }
                Phase::Ending => {
                    driver.dispatch.poll(&driver.conn, cx);
                    return if driver.dispatch.is_idle() {
                        Poll::Ready(())
                    } else {
                        Poll::Pending
                    };
                }
            }
            if !driver.poll_timer(cx) {
                return Poll::Pending;
            }
        }
    }
}

fn read_failed(error: ReadError) -> Close {
    match error {
        ReadError::Gone => Close::now(DisconnectReason::TransportClose, 1006),
        ReadError::WebSocket(error) => {
            Close::now(DisconnectReason::TransportError, error.close_code())
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(NEVER)
}
