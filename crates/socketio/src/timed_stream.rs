//! A TCP stream whose peer must take what is written to it.
//!
//! For the HTTP server below: it writes an answer as the peer takes it, and waits for that without an end. A WebSocket
//! is taken out of it, and has its own limit.

use std::{
    any::Any,
    fmt,
    future::Future,
    io,
    io::IoSlice,
    net::Shutdown,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep},
};

/// Bytes that give a peer one second more.
const BYTES_PER_SECOND: u64 = 4 * 1024;

/// What is kept with a connection until it is closed.
pub(crate) type Guard = Box<dyn Any + Send + Sync>;

/// A TCP stream whose peer must take what is written to it. While it takes nothing its time runs; what it takes gives
/// it a second more for every 4 KiB, up to the whole time again. One whose time is over is reset, which gives back what
/// the system holds for it.
///
/// To be put under hyper with `TokioIo`. A WebSocket of this crate that was opened on it is served as on the plain
/// stream.
pub struct TimedStream {
    tcp: TcpStream,
    time: Time,
    /// Since when the peer takes nothing, and the end of its time.
    blocked: Option<Box<(Instant, Pin<Box<Sleep>>)>>,
    guard: Option<Guard>,
}

impl fmt::Debug for TimedStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimedStream")
            .field("tcp", &self.tcp)
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

/// The time of a peer.
#[derive(Debug)]
struct Time {
    whole: Duration,
    left: Duration,
}

/// Bytes that the system takes before they are on their way, for one peer.
const UNSENT_BYTES: u32 = 128 * 1024;

impl Time {
    /// It took nothing for so long.
    fn spend(&mut self, time: Duration) {
        self.left = self.left.saturating_sub(time);
    }

    /// It took so many bytes.
    fn gain(&mut self, bytes: usize) {
        if self.left < self.whole {
            let ms = (bytes as u64).saturating_mul(1_000) / BYTES_PER_SECOND;
            let gained = Duration::from_millis(ms);
            self.left = self.left.saturating_add(gained).min(self.whole);
        }
    }
}

impl TimedStream {
    /// Gives the peer so much time to take what is written.
    pub fn new(tcp: TcpStream, time: Duration) -> TimedStream {
        // Otherwise the system takes megabytes on a fast way and says that there is room only when a third of them is
        // gone: a peer that reads slowly and steadily would look like one that does not read.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = SockRef::from(&tcp).set_tcp_notsent_lowat(UNSENT_BYTES);
        TimedStream {
            tcp,
            time: Time {
                whole: time,
                left: time,
            },
            blocked: None,
            guard: None,
        }
    }

    /// Keeps a value until the connection is closed, also when it has become a WebSocket: a place in somebody's count.
    #[must_use]
    pub fn with_guard(mut self, guard: impl Any + Send + Sync) -> TimedStream {
        self.guard = Some(Box::new(guard));
        self
    }

    pub(crate) fn into_parts(self) -> (TcpStream, Option<Guard>) {
        (self.tcp, self.guard)
    }

    /// Counts what a write came to.
    fn timed(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Pending => {
                let left = self.time.left;
                let start = || Box::new((Instant::now(), Box::pin(sleep(left))));
                let (_, end) = &mut **self.blocked.get_or_insert_with(start);
                if end.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                // What the peer has not taken would otherwise stay in the system's memory for minutes.
                let _ = SockRef::from(&self.tcp).set_linger(Some(Duration::ZERO));
                Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
            }
            Poll::Ready(Ok(bytes)) => {
                if let Some(blocked) = self.blocked.take() {
                    self.time.spend(blocked.0.elapsed());
                }
                self.time.gain(bytes);
                written
            }
            failed => failed,
        }
    }
}

impl AsyncRead for TimedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        read: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_read(cx, read)
    }
}

impl AsyncWrite for TimedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let stream = self.get_mut();
        let written = Pin::new(&mut stream.tcp).poll_write(cx, bytes);
        stream.timed(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let stream = self.get_mut();
        let written = Pin::new(&mut stream.tcp).poll_write_vectored(cx, slices);
        stream.timed(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match SockRef::from(&self.tcp).shutdown(Shutdown::Write) {
            // The peer was faster.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            shut => Poll::Ready(shut),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many times a peer takes its bytes, a second after it took the last, before its time is over.
    fn turns(bytes: usize) -> usize {
        let whole = Duration::from_secs(30);
        let mut time = Time { whole, left: whole };
        (0..1_000)
            .take_while(|_| {
                let is_in_time = time.left > Duration::from_secs(1);
                time.spend(Duration::from_secs(1));
                time.gain(bytes);
                is_in_time
            })
            .count()
    }

    #[test]
    fn who_takes_a_byte_now_and_then_has_its_time_and_who_takes_enough_has_no_end() {
        assert_eq!(turns(0), 29);
        assert_eq!(turns(1), 29);
        assert_eq!(turns(2 * 1024), 58);
        assert_eq!(turns(4 * 1024), 1_000);
        assert_eq!(turns(1 << 20), 1_000);
    }
}
