//! What a connection shares with everyone who sends to it: its queue, and the bell of the task that drives it.
//!
//! The task itself is in `driver`; requests of a polling client meet it through `polling`.

use std::{
    io::IoSlice,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    Class, DisconnectReason, Frame, Full, Handshake, Sid, Socket,
    flush::{Awaited, Later},
    polling::Polling,
    queue::{Entry, Pushed, Queue},
    server::Shared,
    sync::{AtomicWaker, Mutex, MutexGuard},
    websocket::{TcpStream, write_past},
};

/// Frames put into one write past the driver.
const MAX_SLICES: usize = 64;

/// How a connection is to end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Close {
    pub(crate) reason: DisconnectReason,
    /// The WebSocket close code.
    pub(crate) code: u16,
    /// Whether what is queued goes out first.
    pub(crate) flush: bool,
}

impl Close {
    pub(crate) fn now(reason: DisconnectReason, code: u16) -> Close {
        Close {
            reason,
            code,
            flush: false,
        }
    }

    pub(crate) fn after_flush(reason: DisconnectReason, code: u16) -> Close {
        Close {
            reason,
            code,
            flush: true,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Out {
    pub(crate) queue: Queue,
    /// Set once; nothing is queued after that.
    pub(crate) close: Option<Close>,
    /// Whether an owner waits to hear that the queue is short again.
    pub(crate) awaits_drain: bool,
    /// Sockets that the server disconnected and the driver has not seen to.
    pub(crate) left: Vec<Socket>,
    /// The WebSocket's stream, if it is plain TCP.
    pub(crate) stream: Option<Arc<TcpStream>>,
    /// Whether the driver has nothing on its way, so that others may write to the stream while they hold this.
    pub(crate) is_direct: bool,
    /// What flushes the queue, where the driver does not know of what is in it.
    pub(crate) awaited: Awaited,
}

impl Out {
    /// Writes what is queued. False if the driver has to go on with it.
    fn write_directly(&mut self) -> bool {
        let Some(stream) = self.stream.as_deref().filter(|_| self.is_direct) else {
            return false;
        };
        if self.close.is_some() || self.awaits_drain {
            return false;
        }
        while !self.queue.is_empty() {
            let written = if let Some(bytes) = self.queue.only() {
                write_past(stream, &[IoSlice::new(bytes)])
            } else {
                let mut slices = [IoSlice::new(&[]); MAX_SLICES];
                let count = self.queue.slices(&mut slices);
                write_past(stream, slices.get(..count).unwrap_or_default())
            };
            match written {
                Ok(bytes @ 1..) => self.queue.advance(bytes),
                _ => return false,
            }
        }
        true
    }
}

/// A connection as its senders see it.
#[derive(Debug)]
pub(crate) struct Conn {
    pub(crate) sid: Sid,
    pub(crate) shared: Arc<Shared>,
    pub(crate) handshake: Handshake,
    out: Mutex<Out>,
    /// Whether what is queued now goes to a WebSocket that takes compressed messages.
    deflates: AtomicBool,
    driver: AtomicWaker,
    /// Present if the session began with polling.
    pub(crate) polling: Option<Box<Polling>>,
}

impl Conn {
    pub(crate) fn new(
        sid: Sid,
        shared: Arc<Shared>,
        handshake: Handshake,
        polling: Option<Box<Polling>>,
    ) -> Conn {
        Conn {
            sid,
            shared,
            handshake,
            out: Mutex::default(),
            deflates: AtomicBool::new(false),
            driver: AtomicWaker::new(),
            polling,
        }
    }

    pub(crate) fn out(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The driver says whether its transport takes compressed messages.
    pub(crate) fn set_deflates(&self, deflates: bool) {
        self.deflates.store(deflates, Ordering::Release);
    }

    fn deflates(&self) -> bool {
        self.deflates.load(Ordering::Acquire)
    }

    /// The frame as this client is to get it: compressed, if that is agreed and worth it. Every client of a frame gets
    /// the same bytes.
    fn encoded<'a>(&self, frame: &'a Frame) -> &'a Frame {
        match self.shared.config.compression {
            Some(compression) if self.deflates() => frame.deflated(compression.threshold_bytes),
            _ => frame,
        }
    }

    /// The driver waits for this bell.
    pub(crate) fn listen(&self, waker: &std::task::Waker) {
        self.driver.register(waker);
    }

    /// Something is to be done: sent, closed or taken in.
    pub(crate) fn ring(&self) {
        self.driver.wake();
        if let Some(polling) = &self.polling {
            polling.ring();
        }
    }

    /// Writes what waits for a flush, or lets the driver do it.
    pub(crate) fn flush(&self) {
        let mut out = self.out();
        let is_seen = std::mem::take(&mut out.awaited) == Awaited::Nothing;
        let is_done = is_seen || out.write_directly();
        drop(out);
        if !is_done {
            self.ring();
        }
    }

    /// Lets the driver write what waits for a flush.
    pub(crate) fn flush_by_driver(&self) {
        let awaited = std::mem::take(&mut self.out().awaited);
        if awaited != Awaited::Nothing {
            self.ring();
        }
    }

    /// Queues a frame for one of the connection's sockets by the rules of its class. Answers whether it was queued. With
    /// `later`, the connection is put there if nobody else sees to what it has queued: it is to be flushed.
    pub(crate) fn push(
        self: &Arc<Self>,
        socket: &Socket,
        frame: &Frame,
        class: Class,
        later: Option<&mut Later>,
    ) -> bool {
        let marks = self.shared.marks;
        let encoded = self.encoded(frame);
        let class = socket.hall().own_key(class);
        let mut asked = false;
        loop {
            let mut out = self.out();
            if out.close.is_some() {
                return false;
            }
            let was_empty = out.queue.is_empty();
            // A socket that is behind stays behind until its owner has been told to go on.
            let pushed = match class {
                Class::Reliable if socket.is_behind() && !asked => Pushed::Soft,
                _ => out.queue.push(encoded, class, marks, asked),
            };
            if pushed == Pushed::Queued {
                if let Some(later) = later {
                    // Whoever waits for a window of another room leaves with what leaves sooner.
                    let is_sooner =
                        out.awaited == Awaited::Window && later.awaited == Awaited::Task;
                    if was_empty || is_sooner {
                        out.awaited = later.awaited;
                        later.conns.push(self.clone());
                    }
                    return true;
                }
                let is_unseen = std::mem::take(&mut out.awaited) != Awaited::Nothing || was_empty;
                drop(out);
                if is_unseen {
                    self.ring();
                }
                return true;
            }
            drop(out);
            match pushed {
                Pushed::Queued => return true,
                Pushed::Dropped => return false,
                Pushed::Hard => {
                    self.close(Close::now(DisconnectReason::SlowReader, 1013));
                    return false;
                }
                Pushed::Soft => match socket.ask_owner(frame) {
                    Full::Queue => asked = true,
                    Full::Refuse => {
                        self.note_refusal(socket);
                        return false;
                    }
                    Full::Close => {
                        self.close(Close::now(DisconnectReason::SlowReader, 1013));
                        return false;
                    }
                },
            }
        }
    }

    /// Queues a frame that belongs to no socket.
    pub(crate) fn push_raw(&self, frame: &Frame, class: Class) -> bool {
        let frame = self.encoded(frame);
        let mut out = self.out();
        if out.close.is_some() {
            return false;
        }
        let was_empty = out.queue.is_empty();
        let pushed = out.queue.push(frame, class, self.shared.marks, true);
        let was_empty = std::mem::take(&mut out.awaited) != Awaited::Nothing || was_empty;
        drop(out);
        if pushed == Pushed::Hard {
            self.close(Close::now(DisconnectReason::SlowReader, 1013));
        } else if was_empty {
            self.ring();
        }
        pushed == Pushed::Queued
    }

    /// Withdraws frames that wait at the end of the queue. What was queued compressed is compressed already, so nothing is
    /// while the queue is locked.
    pub(crate) fn withdraw<'f>(&self, newest_first: impl Iterator<Item = &'f Frame>) -> usize {
        let deflates = self.shared.config.compression.is_some() && self.deflates();
        let frames = newest_first.map(|frame| match deflates {
            true => frame.deflated_before(),
            false => frame,
        });
        self.out().queue.withdraw(frames)
    }

    /// Whether the queue is short again and an owner waits for that. Answers so once: the owners are to be told.
    pub(crate) fn is_short_again(&self) -> bool {
        let low = self.shared.config.limits.queue_low_bytes;
        let mut out = self.out();
        let is_short = out.awaits_drain && out.queue.bytes() <= low;
        out.awaits_drain &= !is_short;
        is_short
    }

    /// Has the owner told when the queue is short again; not if it is short now, which is the answer false. A connection
    /// that is closing may end before.
    pub(crate) fn await_drain(&self, socket: &Socket) -> bool {
        let low = self.shared.config.limits.queue_low_bytes;
        let mut out = self.out();
        let is_long = out.close.is_some() || out.queue.bytes() > low;
        if is_long {
            socket.set_awaiting_drain();
            out.awaits_drain = true;
        }
        is_long
    }

    fn note_refusal(&self, socket: &Socket) {
        let mut out = self.out();
        socket.set_behind();
        out.awaits_drain = true;
        let short = out.queue.bytes() <= self.shared.config.limits.queue_low_bytes;
        drop(out);
        if short {
            self.ring();
        }
    }

    /// Queues what the protocol itself says. That is short; a client that asks for more and more of it, and reads none of
    /// it, is a slow reader.
    pub(crate) fn push_protocol(&self, frame: Frame) -> bool {
        let mut out = self.out();
        if out.close.is_some() {
            return false;
        }
        let is_queued = out.queue.push_protocol(frame, self.shared.marks);
        drop(out);
        match is_queued {
            true => self.ring(),
            false => self.close(Close::now(DisconnectReason::SlowReader, 1013)),
        }
        is_queued
    }

    /// Queues what was sent before CONNECT was answered; bounded when it was held.
    pub(crate) fn push_held(&self, held: Vec<Entry>) {
        if held.is_empty() {
            return;
        }
        let held: Vec<Entry> = held
            .into_iter()
            .map(|entry| Entry {
                frame: self.encoded(&entry.frame).clone(),
                class: entry.class,
            })
            .collect();
        let mut out = self.out();
        if out.close.is_none() {
            held.into_iter()
                .for_each(|entry| out.queue.push_always(entry));
        }
        drop(out);
        self.ring();
    }

    /// Ends the connection; the first call decides how.
    pub(crate) fn close(&self, close: Close) {
        let mut out = self.out();
        if out.close.is_some() {
            return;
        }
        out.close = Some(close);
        if !close.flush {
            out.queue.clear();
        }
        drop(out);
        self.ring();
    }
}
