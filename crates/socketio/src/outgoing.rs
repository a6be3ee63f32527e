//! Frames on their way into a stream, all in one vectored write where it takes that. Holds no memory while idle.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use socketio_proto::websocket::{Opcode, encode};

/// Frames put into one write.
const MAX_SLICES: usize = 128;

/// What takes bytes.
pub(crate) trait Sink {
    /// Whether it has a buffer of its own, such as TLS, that is to be flushed.
    fn is_buffered(&self) -> bool;

    /// Takes what it can. `Pending` if that is nothing: the task is woken when it would take something.
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;

    /// Lets go what is in its own buffer.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}

/// What one task writes to its stream.
pub(crate) struct Outgoing<S> {
    pub(crate) stream: S,
    /// Whole frames; of the first, `written` bytes are out.
    writing: VecDeque<Bytes>,
    written: usize,
    /// The newest ping to answer; older ones need no answer.
    pong: Option<Vec<u8>>,
    /// Whether an answer is on its way already. A peer that asks and does not read gets one and no more.
    has_pong: bool,
    /// Whether the stream's own buffer may still hold bytes.
    is_unflushed: bool,
}

impl<S: Sink> Outgoing<S> {
    pub(crate) fn new(stream: S) -> Outgoing<S> {
        Outgoing {
            stream,
            writing: VecDeque::new(),
            written: 0,
            pong: None,
            has_pong: false,
            is_unflushed: false,
        }
    }

    /// How many frames are not out.
    pub(crate) fn len(&self) -> usize {
        self.writing.len()
    }

    /// Queues an answer to a ping.
    pub(crate) fn answer_ping(&mut self, payload: Vec<u8>) {
        self.pong = Some(payload);
    }

    /// Queues a whole frame.
    pub(crate) fn queue(&mut self, frame: Bytes) {
        self.writing.push_back(frame);
    }

    /// Whether there is nothing to write, not even an answer to a ping.
    pub(crate) fn is_idle(&self) -> bool {
        self.is_drained() && self.pong.is_none()
    }

    /// Whether nothing waits to be written here.
    pub(crate) fn is_drained(&self) -> bool {
        self.writing.is_empty() && !self.is_unflushed
    }

    /// Writes what is queued here. Answers the bytes written: zero if nothing waits, `Pending` if the peer takes no more.
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if !self.has_pong
            && let Some(payload) = self.pong.take()
        {
            self.has_pong = true;
            self.queue(encode(Opcode::Pong, &payload).into());
        }
        if self.writing.is_empty() {
            if self.is_unflushed {
                ready!(self.stream.poll_flush(cx))?;
                self.is_unflushed = false;
            }
            return Poll::Ready(Ok(0));
        }
        let mut slices = [IoSlice::new(&[]); MAX_SLICES];
        let mut count = 0;
        for (slice, frame) in slices.iter_mut().zip(&self.writing) {
            let from = if count == 0 { self.written } else { 0 };
            *slice = IoSlice::new(frame.get(from..).unwrap_or_default());
            count += 1;
        }
        let bytes = ready!(self.stream.poll_write(cx, &slices[..count]))?;
        if bytes == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        self.is_unflushed = self.stream.is_buffered();
        self.advance(bytes);
        Poll::Ready(Ok(bytes))
    }

    fn advance(&mut self, bytes: usize) {
        self.written += bytes;
        while let Some(first) = self.writing.front() {
            if self.written < first.len() {
                return;
            }
            self.written -= first.len();
            self.writing.pop_front();
        }
        self.written = 0;
        self.has_pong = false;
        self.writing = VecDeque::new();
    }
}
