//! A WebSocket on a byte stream: messages in, shared frames out through `outgoing`. Holds no buffer while idle.

use std::{
    cell::RefCell,
    fmt,
    future::poll_fn,
    io,
    io::{IoSlice, Read},
    net::Shutdown,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use socketio_proto::websocket::{Decoder, Message, WebSocketError, close_frame};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

pub(crate) use tokio::net::TcpStream;

use crate::{
    Config, TimedStream,
    outgoing::{Outgoing, Sink},
    timed_stream::Guard,
};

/// Bytes read at once, into a buffer that all connections of a thread share.
const READ_BYTES: usize = 64 * 1024;

thread_local! {
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
}

/// What a WebSocket reads from and writes to.
pub(crate) enum Stream {
    /// Shared with those who write to it past the driver; see `Out::write_directly`.
    Tcp(Arc<TcpStream>),
    Other(Box<TokioIo<Upgraded>>),
}

/// Why nothing more can be read.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The stream has ended or broken.
    Gone,
    /// The peer broke the protocol.
    WebSocket(WebSocketError),
}

/// What one WebSocket may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SocketLimits {
    /// Longest message from the peer.
    pub(crate) message_bytes: usize,
    /// Bytes the system holds before they are on their way.
    pub(crate) unsent_bytes: u32,
    /// Whether messages may be compressed.
    pub(crate) deflates: bool,
}

impl SocketLimits {
    pub(crate) fn of(config: &Config, deflates: bool) -> SocketLimits {
        SocketLimits {
            message_bytes: config.max_payload,
            unsent_bytes: config.unsent_bytes,
            deflates,
        }
    }

    fn decoder(self) -> Decoder {
        match self.deflates {
            true => Decoder::with_deflate(self.message_bytes),
            false => Decoder::new(self.message_bytes),
        }
    }
}

/// One WebSocket.
pub(crate) struct WebSocket {
    /// The writing half, and the stream.
    pub(crate) out: Outgoing<Stream>,
    decoder: Decoder,
    /// Whether messages may be compressed.
    pub(crate) deflates: bool,
    /// Bytes read and not decoded, and how many of them are.
    unread: (Vec<u8>, usize),
    end: End,
    /// What is given back when it is closed.
    _guard: Option<Guard>,
}

/// How far the peer's half has come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// Messages come.
    Open,
    /// It broke the protocol: what else it sends is thrown away.
    Broken,
    /// It sent its close frame: no more comes.
    Closed,
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("writing", &self.out.len())
            .finish_non_exhaustive()
    }
}

impl WebSocket {
    /// Takes over an upgraded HTTP connection. A plain TCP stream is unwrapped, so that writes go straight to it.
    pub(crate) fn new(upgraded: Upgraded, limits: SocketLimits) -> WebSocket {
        let (stream, read, guard) = unwrap(upgraded);
        if let Stream::Tcp(tcp) = &stream {
            // Both are worth trying and nothing is lost where the system does not know them. Without the first, small
            // frames wait for the peer's acknowledgement.
            let _ = tcp.set_nodelay(true);
            #[cfg(any(target_os = "linux", target_os = "android"))]
            let _ = SockRef::from(&**tcp).set_tcp_notsent_lowat(limits.unsent_bytes);
        }
        WebSocket {
            out: Outgoing::new(stream),
            decoder: limits.decoder(),
            deflates: limits.deflates,
            unread: (read.to_vec(), 0),
            end: End::Open,
            _guard: guard,
        }
    }

    /// The next message.
    pub(crate) fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Message, ReadError>> {
        let polled = self.poll_decode(cx);
        match &polled {
            Poll::Ready(Ok(Message::Close(_)) | Err(ReadError::Gone)) => self.end = End::Closed,
            Poll::Ready(Err(ReadError::WebSocket(_))) => self.end = End::Broken,
            _ => {}
        }
        polled
    }

    /// Throws away what comes until the peer has sent its close frame or the stream ends. To be called when our close
    /// frame is out.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.end {
                End::Closed => {
                    let _ = self.poll_shutdown(cx);
                    return Poll::Ready(());
                }
                End::Open => {
                    // A message, or the end: either way look again.
                    let _ = ready!(self.poll_message(cx));
                }
                End::Broken => {
                    let _ = self.poll_shutdown(cx);
                    self.unread = (Vec::new(), 0);
                    if let Err(ReadError::Gone) = ready!(self.poll_read(cx, false)) {
                        self.end = End::Closed;
                    }
                }
            }
        }
    }

    /// Closes a WebSocket that nobody wants.
    pub(crate) async fn refuse(mut self: Box<Self>) {
        self.queue_close(1002, "the session does not take a WebSocket");
        poll_fn(|cx| {
            while !self.is_drained() {
                if ready!(self.poll_write(cx)).is_err() {
                    return Poll::Ready(());
                }
            }
            self.poll_end(cx)
        })
        .await;
    }

    fn poll_decode(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, ReadError>> {
        loop {
            let (bytes, from) = &mut self.unread;
            if !bytes.is_empty() {
                let mut input = bytes.get(*from..).unwrap_or_default();
                let decoded = self.decoder.decode(&mut input);
                *from = bytes.len() - input.len();
                if input.is_empty() {
                    self.unread = (Vec::new(), 0);
                }
                if let Some(message) = decoded.map_err(ReadError::WebSocket)? {
                    return Poll::Ready(Ok(message));
                }
            }
            if let Some(message) = ready!(self.poll_read(cx, true))? {
                return Poll::Ready(Ok(message));
            }
        }
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        decode: bool,
    ) -> Poll<Result<Option<Message>, ReadError>> {
        READ_BUFFER.with_borrow_mut(|buffer| {
            let polled = match &mut self.out.stream {
                Stream::Tcp(tcp) => poll_read_tcp(tcp, cx, buffer),
                Stream::Other(other) => {
                    let mut read = ReadBuf::new(buffer);
                    let polled = Pin::new(other.as_mut()).poll_read(cx, &mut read);
                    polled.map_ok(|()| read.filled().len())
                }
            };
            let len = ready!(polled).map_err(|_| ReadError::Gone)?;
            let mut input = buffer.get(..len).unwrap_or_default();
            if input.is_empty() {
                return Poll::Ready(Err(ReadError::Gone));
            }
            if !decode {
                return Poll::Ready(Ok(None));
            }
            let message = self
                .decoder
                .decode(&mut input)
                .map_err(ReadError::WebSocket)?;
            self.unread = (input.to_vec(), 0);
            Poll::Ready(Ok(message))
        })
    }

    /// Queues an answer to a ping.
    pub(crate) fn answer_ping(&mut self, payload: Vec<u8>) {
        self.out.answer_ping(payload);
    }

    /// Queues a whole frame.
    pub(crate) fn queue(&mut self, frame: Bytes) {
        self.out.queue(frame);
    }

    /// Queues the closing frame.
    pub(crate) fn queue_close(&mut self, code: u16, reason: &str) {
        self.out.queue(close_frame(code, reason).into());
    }

    /// The stream, if others can write to it.
    pub(crate) fn shared_stream(&self) -> Option<Arc<TcpStream>> {
        match &self.out.stream {
            Stream::Tcp(tcp) => Some(tcp.clone()),
            Stream::Other(_) => None,
        }
    }

    /// Ends the connection with a reset: what the system holds for it is thrown away at once.
    pub(crate) fn abort(self) {
        if let Stream::Tcp(tcp) = &self.out.stream {
            // Takes effect when the last who may write to it lets go. Where the system does not know it, nothing is lost.
            let _ = SockRef::from(&**tcp).set_linger(Some(Duration::ZERO));
        }
    }

    /// Whether nothing waits to be written here.
    pub(crate) fn is_drained(&self) -> bool {
        self.out.is_drained()
    }

    /// See [`Outgoing::poll_write`].
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.out.poll_write(cx)
    }

    /// Flushes and ends the writing half.
    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.out.stream {
            Stream::Tcp(tcp) => Poll::Ready(SockRef::from(&**tcp).shutdown(Shutdown::Write)),
            Stream::Other(other) => Pin::new(other.as_mut()).poll_shutdown(cx),
        }
    }
}

impl Sink for Stream {
    fn is_buffered(&self) -> bool {
        matches!(self, Stream::Other(_))
    }

    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Stream::Tcp(tcp) => poll_write_tcp(tcp, cx, slices),
            Stream::Other(other) => Pin::new(other.as_mut()).poll_write_vectored(cx, slices),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(_) => Poll::Ready(Ok(())),
            Stream::Other(other) => Pin::new(other.as_mut()).poll_flush(cx),
        }
    }
}

fn poll_read_tcp(
    tcp: &TcpStream,
    cx: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    loop {
        ready!(tcp.poll_read_ready(cx))?;
        match read_now(tcp, buffer) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return Poll::Ready(read),
        }
    }
}

/// A read that does not fill the buffer has taken all there was: the stream is not asked again before more comes.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn read_now(tcp: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    let mut len = 0;
    let tried = tcp.try_io(Interest::READABLE, || {
        len = (&*SockRef::from(tcp)).read(buffer)?;
        if len > 0 && len < buffer.len() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(())
    });
    match tried {
        Err(error) if len == 0 => Err(error),
        _ => Ok(len),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn read_now(tcp: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
    tcp.try_read(buffer)
}

fn poll_write_tcp(
    tcp: &TcpStream,
    cx: &mut Context<'_>,
    slices: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    loop {
        ready!(tcp.poll_write_ready(cx))?;
        match write_now(tcp, slices) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            written => return Poll::Ready(written),
        }
    }
}

/// Writes what the system takes at once.
fn write_now(tcp: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    match slices {
        [only] => tcp.try_write(only),
        _ => tcp.try_write_vectored(slices),
    }
}

/// As [`write_now`] past the runtime: what it knows of the stream is neither asked nor told. For those who leave the rest
/// to the driver, which writes in the ordinary way, when the system does not take everything.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn write_past(tcp: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    /// `MSG_NOSIGNAL`: a peer that is gone is an error, whatever the program does about signals.
    const NO_SIGNAL: i32 = 0x4000;
    let socket = SockRef::from(tcp);
    match slices {
        [only] => socket.send_with_flags(only, NO_SIGNAL),
        _ => socket.send_vectored_with_flags(slices, NO_SIGNAL),
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn write_past(tcp: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    write_now(tcp, slices)
}

/// Finds the TCP stream under hyper's wrappers: hyper's own, or the one of hyper-util that axum's `serve` uses; and in
/// our [`TimedStream`].
fn unwrap(upgraded: Upgraded) -> (Stream, Bytes, Option<Guard>) {
    let upgraded = match downcast::<TimedStream>(upgraded) {
        Ok((timed, read)) => {
            let (tcp, guard) = timed.into_parts();
            return (Stream::Tcp(Arc::new(tcp)), read, guard);
        }
        Err(upgraded) => upgraded,
    };
    match downcast::<TcpStream>(upgraded) {
        Ok((tcp, read)) => (Stream::Tcp(Arc::new(tcp)), read, None),
        Err(upgraded) => {
            let other = Stream::Other(Box::new(TokioIo::new(upgraded)));
            (other, Bytes::new(), None)
        }
    }
}

/// The stream as it was given to hyper, if it is a `T`, and what was read of it.
fn downcast<T: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    upgraded: Upgraded,
) -> Result<(T, Bytes), Upgraded> {
    let upgraded = match upgraded.downcast::<TokioIo<T>>() {
        Ok(parts) => return Ok((parts.io.into_inner(), parts.read_buf)),
        Err(upgraded) => upgraded,
    };
    hyper_util::server::conn::auto::upgrade::downcast::<TokioIo<T>>(upgraded)
        .map(|parts| (parts.io.into_inner(), parts.read_buf))
}
