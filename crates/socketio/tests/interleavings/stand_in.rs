//! What the files under test need of the rest of the crate and of the system, as little as will do: sockets that are
//! numbers, streams that take bytes as they like, a clock that the test moves.

use std::sync::Arc;

/// As `Namespace::on_full` has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    Queue,
    Refuse,
    Close,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sid;

#[derive(Debug, Default)]
pub(crate) struct Handshake;

pub(crate) mod socket {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::{Arc, Full};
    use crate::{Class, Frame, conn::Conn, flush::Later};

    /// A socket is its number, and a connection that some tests need.
    #[derive(Debug, Clone)]
    pub(crate) struct Socket(Arc<Inner>);

    #[derive(Debug)]
    struct Inner {
        number: u32,
        conn: Option<Arc<Conn>>,
        /// What its owner answers when the queue is full.
        full: Full,
        is_behind: AtomicBool,
        is_awaiting_drain: AtomicBool,
    }

    pub(crate) struct Hall;

    impl Hall {
        pub(crate) fn own_key(&self, class: Class) -> Class {
            class
        }
    }

    impl Socket {
        pub(crate) fn numbered(number: u32) -> Socket {
            Socket::new(number, None, Full::Close)
        }

        pub(crate) fn new(number: u32, conn: Option<Arc<Conn>>, full: Full) -> Socket {
            Socket(Arc::new(Inner {
                number,
                conn,
                full,
                is_behind: AtomicBool::new(false),
                is_awaiting_drain: AtomicBool::new(false),
            }))
        }

        pub(crate) fn number(&self) -> u32 {
            self.0.number
        }

        /// Sends a reliable frame; as one of many with `later`.
        pub(crate) fn send(&self, frame: &Frame, later: Option<&mut Later>) -> bool {
            let conn = self.0.conn.as_ref().unwrap();
            conn.push(self, frame, Class::Reliable, later)
        }

        pub(crate) fn hall(&self) -> Hall {
            Hall
        }

        pub(crate) fn is_behind(&self) -> bool {
            self.0.is_behind.load(Ordering::Acquire)
        }

        pub(crate) fn set_behind(&self) {
            self.0.is_behind.store(true, Ordering::Release);
        }

        pub(crate) fn is_awaiting_drain(&self) -> bool {
            self.0.is_awaiting_drain.load(Ordering::Acquire)
        }

        pub(crate) fn set_awaiting_drain(&self) {
            self.0.is_awaiting_drain.store(true, Ordering::Release);
        }

        /// Told that the queue is short.
        pub(crate) fn drained(&self) {
            self.0.is_behind.store(false, Ordering::Release);
            self.0.is_awaiting_drain.store(false, Ordering::Release);
        }

        pub(crate) fn ask_owner(&self, _: &Frame) -> Full {
            self.0.full
        }
    }
}

pub(crate) mod polling {
    #[derive(Debug)]
    pub(crate) struct Polling;

    impl Polling {
        pub(crate) fn ring(&self) {}
    }
}

pub(crate) mod server {
    use crate::{Config, queue::Marks};

    #[derive(Debug)]
    pub(crate) struct Shared {
        pub(crate) config: Config,
        pub(crate) marks: Marks,
    }
}

pub(crate) mod websocket {
    use std::{
        io::{self, IoSlice},
        task::{Context, Poll},
    };

    use super::Arc;
    use crate::{outgoing::Sink, sync::Mutex};

    /// A stream that takes what it likes, or nothing just now.
    #[derive(Debug, Default)]
    pub(crate) struct TcpStream(pub(crate) Mutex<Vec<u8>>);

    pub(crate) fn write_past(stream: &TcpStream, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let all: Vec<u8> = slices
            .iter()
            .flat_map(|slice| slice.iter().copied())
            .collect();
        let most =
            shuttle::rand::Rng::gen_range(&mut shuttle::rand::thread_rng(), 0..=all.len() + 4);
        let taken = most.min(all.len());
        if taken == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        stream.0.lock().unwrap().extend_from_slice(&all[..taken]);
        Ok(taken)
    }

    impl Sink for Arc<TcpStream> {
        fn is_buffered(&self) -> bool {
            false
        }

        fn poll_write(
            &mut self,
            cx: &mut Context<'_>,
            slices: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            match write_past(self, slices) {
                Err(_) => {
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
                taken => Poll::Ready(taken),
            }
        }

        fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
}

/// Tasks of shuttle, and a clock that moves when the test says so or when somebody has slept.
pub(crate) mod runtime {
    use std::{cell::Cell, convert::Infallible, future::Future, sync::LazyLock, time::Duration};

    pub(crate) use shuttle::future::yield_now;
    pub(crate) use tokio::time::Instant;

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);

    // Of one order that is tried: shuttle runs it on one thread of the system.
    std::thread_local! {
        static PASSED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    }

    pub(crate) fn start() {
        PASSED.set(Duration::ZERO);
    }

    pub(crate) fn pass(time: Duration) {
        PASSED.set(PASSED.get() + time);
    }

    pub(crate) fn now() -> Instant {
        *START + PASSED.get()
    }

    /// Others do much or little meanwhile.
    pub(crate) async fn sleep_until(at: Instant) {
        for _ in 0..shuttle::rand::Rng::gen_range(&mut shuttle::rand::thread_rng(), 0..4) {
            yield_now().await;
        }
        PASSED.set(PASSED.get().max(at - *START));
    }

    pub(crate) struct Handle;

    impl Handle {
        pub(crate) fn try_current() -> Result<Handle, Infallible> {
            Ok(Handle)
        }

        pub(crate) fn current() -> Handle {
            Handle
        }

        pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
            drop(shuttle::future::spawn(task));
        }
    }
}
