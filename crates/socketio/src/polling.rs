//! Where the requests of a polling client and the task that drives its connection meet: one waiting GET, one POST at a
//! time, and the WebSocket that wants to take over.

use std::{
    future::{Future, poll_fn},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use futures_util::task::AtomicWaker;
use socketio_proto::engine::{SEPARATOR, push_binary, push_text};
use tokio::time::Sleep;

use crate::{
    DisconnectReason,
    admission::ProbePlace,
    conn::{Close, Conn, Out},
    websocket::WebSocket,
};

/// Bytes of packets put into one answer, unless a single one is larger.
const MAX_ANSWER_BYTES: usize = 512 * 1024;

/// How long a GET waits while a WebSocket probes. The client ends its polling when it sees the answer to its probe; a
/// noop before that would only make it ask again.
const PROBE_PATIENCE: Duration = Duration::from_millis(30);

#[derive(Debug, Default)]
struct State {
    has_get: bool,
    has_post: bool,
    /// A body and how much of it the driver has taken.
    inbox: Option<(String, usize)>,
    candidate: Option<Candidate>,
    is_probing: bool,
    is_upgraded: bool,
    /// The packet that tells the waiting GET that the session is over.
    ended: Option<&'static str>,
    close_was_told: bool,
    /// The client itself has closed.
    is_closed_by_client: bool,
}

/// A WebSocket that wants to take over.
#[derive(Debug)]
pub(crate) struct Candidate {
    pub(crate) websocket: Box<WebSocket>,
    pub(crate) place: ProbePlace,
}

impl State {
    fn is_over(&self) -> bool {
        self.is_upgraded || self.ended.is_some()
    }
}

/// The polling half of a connection.
#[derive(Debug, Default)]
pub(crate) struct Polling {
    state: Mutex<State>,
    get: AtomicWaker,
    post: AtomicWaker,
    /// When the client counts as gone; 0 while it owes no answer to a ping. A request that comes later finds no session,
    /// even if it is seen before the driver's timer.
    gone_at_ms: AtomicU64,
}

/// The session does not take this request: HTTP 400.
#[derive(Debug)]
pub(crate) struct Refused;

impl Polling {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The driver says when the client counts as gone.
    pub(crate) fn set_gone_at_ms(&self, at_ms: Option<u64>) {
        self.gone_at_ms.store(at_ms.unwrap_or(0), Ordering::Release);
    }

    fn is_gone(&self, conn: &Conn) -> bool {
        let at_ms = self.gone_at_ms.load(Ordering::Acquire);
        at_ms != 0 && conn.shared.now_ms() >= at_ms
    }

    /// Something may have been queued.
    pub(crate) fn ring(&self) {
        self.get.wake();
    }

    /// The driver's next packet, as text.
    pub(crate) fn next_packet(&self) -> Option<String> {
        let mut state = self.state();
        let (body, from) = state.inbox.as_mut()?;
        let rest = body.get(*from..).unwrap_or_default();
        let (packet, is_last) = match rest.split_once(SEPARATOR) {
            Some((packet, _)) => (packet.to_owned(), false),
            None => (rest.to_owned(), true),
        };
        *from += packet.len() + SEPARATOR.len_utf8();
        if is_last {
            state.inbox = None;
            drop(state);
            self.post.wake();
        }
        Some(packet)
    }

    /// Whether the driver has not taken all that was posted.
    pub(crate) fn has_posted(&self) -> bool {
        self.state().inbox.is_some()
    }

    /// A WebSocket wants to take over; answers it back if that cannot be.
    pub(crate) fn offer(&self, candidate: Candidate) -> Result<(), Candidate> {
        let mut state = self.state();
        if state.is_over() || state.is_probing || state.candidate.is_some() {
            return Err(candidate);
        }
        state.candidate = Some(candidate);
        Ok(())
    }

    pub(crate) fn take_candidate(&self) -> Option<Candidate> {
        self.state().candidate.take()
    }

    /// While a WebSocket probes, polls are answered at once.
    pub(crate) fn set_probing(&self, is_probing: bool) {
        self.state().is_probing = is_probing;
        self.get.wake();
    }

    /// The WebSocket has taken over.
    pub(crate) fn upgraded(&self) {
        let mut state = self.state();
        state.is_probing = false;
        state.is_upgraded = true;
        drop(state);
        self.get.wake();
        self.post.wake();
    }

    /// The client closes: its GET ends with a noop, even if that comes a little later than the POST that says so.
    pub(crate) fn closed_by_client(&self) {
        self.state().is_closed_by_client = true;
    }

    /// The session is over; `packet` tells the waiting GET.
    pub(crate) fn end(&self, packet: &'static str) {
        let mut state = self.state();
        state.ended.get_or_insert(packet);
        state.inbox = None;
        state.candidate = None;
        drop(state);
        self.get.wake();
        self.post.wake();
    }

    /// Whether a GET waits for its answer.
    pub(crate) fn has_get(&self) -> bool {
        self.state().has_get
    }

    /// Whether a GET has taken what was queued and the news of the close.
    pub(crate) fn close_was_told(&self) -> bool {
        self.state().close_was_told
    }
}

/// Answers a GET with what is queued, as soon as there is something.
pub(crate) async fn read(conn: &Arc<Conn>) -> Result<String, Refused> {
    let polling = conn.polling.as_deref().ok_or(Refused)?;
    {
        let mut state = polling.state();
        let is_cut = conn.out().close.is_some_and(|close| !close.flush);
        if state.is_over() || state.close_was_told || is_cut || polling.is_gone(conn) {
            return Err(Refused);
        }
        if state.has_get {
            drop(state);
            conn.close(Close::now(DisconnectReason::TransportError, 1002));
            return Err(Refused);
        }
        state.has_get = true;
    }
    let mut waiting = Waiting {
        conn,
        is_answered: false,
    };
    let mut patience: Option<Pin<Box<Sleep>>> = None;
    let answer = poll_fn(|cx| {
        polling.get.register(cx.waker());
        match polling.answer(conn) {
            Answer::Payload(payload) => Poll::Ready(Ok(payload)),
            Answer::TooLate => Poll::Ready(Err(Refused)),
            Answer::Probing => {
                let patience =
                    patience.get_or_insert_with(|| Box::pin(tokio::time::sleep(PROBE_PATIENCE)));
                patience.as_mut().poll(cx).map(|()| Ok("6".to_owned()))
            }
            Answer::Nothing => Poll::Pending,
        }
    })
    .await;
    waiting.is_answered = true;
    answer
}

/// What there is to say to a GET.
enum Answer {
    Payload(String),
    /// A WebSocket has taken over while it waited.
    TooLate,
    /// A WebSocket probes: a noop is due soon.
    Probing,
    Nothing,
}

/// A GET that has not been answered. A client that hangs up has lost its session, as in the reference.
struct Waiting<'a> {
    conn: &'a Arc<Conn>,
    is_answered: bool,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(polling) = self.conn.polling.as_deref() {
            polling.state().has_get = false;
        }
        if !self.is_answered {
            self.conn
                .close(Close::now(DisconnectReason::TransportClose, 1002));
        }
    }
}

impl Polling {
    fn answer(&self, conn: &Conn) -> Answer {
        let mut state = self.state();
        let mut out = conn.out();
        if !state.is_over() && !out.queue.is_empty() {
            let payload = take_payload(&mut out);
            let is_driver_waiting = out.awaits_drain || out.close.is_some();
            drop((out, state));
            if is_driver_waiting {
                conn.ring();
            }
            return Answer::Payload(payload);
        }
        if let Some(packet) = state.ended {
            return Answer::Payload(packet.to_owned());
        }
        if state.is_upgraded {
            return Answer::TooLate;
        }
        if out.close.is_some() {
            state.close_was_told = true;
            let is_closed_by_client = state.is_closed_by_client;
            drop((out, state));
            conn.ring();
            let farewell = if is_closed_by_client { "6" } else { "1" };
            return Answer::Payload(farewell.to_owned());
        }
        if state.is_probing {
            Answer::Probing
        } else {
            Answer::Nothing
        }
    }
}

fn take_payload(out: &mut Out) -> String {
    let mut payload = String::new();
    let mut taken = 0;
    out.queue.take(MAX_ANSWER_BYTES, |frame| {
        taken += frame.size_bytes();
        for part in frame.parts() {
            match part.is_binary {
                true => push_binary(&mut payload, part.payload()),
                // Every text part was made from a string.
                false => push_text(
                    &mut payload,
                    std::str::from_utf8(part.payload()).unwrap_or_default(),
                ),
            }
        }
    });
    out.queue.written(taken);
    payload
}

/// A POST has come. A second one at the same time ends the session.
pub(crate) fn begin_post(conn: &Arc<Conn>) -> Result<Posting<'_>, Refused> {
    let polling = conn.polling.as_deref().ok_or(Refused)?;
    let mut state = polling.state();
    if state.is_over() || polling.is_gone(conn) {
        return Err(Refused);
    }
    if state.has_post {
        drop(state);
        conn.close(Close::now(DisconnectReason::TransportError, 1002));
        return Err(Refused);
    }
    state.has_post = true;
    Ok(Posting { conn, polling })
}

/// A POST that has not been answered.
pub(crate) struct Posting<'a> {
    conn: &'a Arc<Conn>,
    polling: &'a Polling,
}

impl Posting<'_> {
    /// Hands the body to the driver, when it has taken the one before.
    pub(crate) async fn write(self, body: String) -> Result<(), Refused> {
        if self.polling.is_gone(self.conn) {
            return Err(Refused);
        }
        let mut body = Some(body);
        poll_fn(|cx| {
            self.polling.post.register(cx.waker());
            let mut state = self.polling.state();
            if state.is_over() {
                return Poll::Ready(Err(Refused));
            }
            if state.inbox.is_some() {
                return Poll::Pending;
            }
            state.inbox = body.take().map(|body| (body, 0));
            Poll::Ready(Ok(()))
        })
        .await?;
        self.conn.ring();
        Ok(())
    }
}

impl Drop for Posting<'_> {
    fn drop(&mut self) {
        self.polling.state().has_post = false;
    }
}
