//! Connections as the tests drive them: the crate's queue and writing half on a stream that takes bytes as it likes.

use std::{
    future::{Future, poll_fn},
    sync::Arc,
    task::Poll,
};

use crate::{
    Config, Frame, Full, Handshake, Sid, conn::Conn, outgoing::Outgoing, queue::Marks,
    server::Shared, socket::Socket, websocket::TcpStream, writing::Writing,
};

pub(crate) const WIDE: Marks = Marks {
    soft: 1 << 20,
    hard: 1 << 20,
};

/// A connection, its one socket, and where its bytes go.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) conn: Arc<Conn>,
    pub(crate) socket: Socket,
    pub(crate) stream: Arc<TcpStream>,
}

impl Link {
    pub(crate) fn open(number: u32, marks: Marks, low: usize, full: Full) -> Link {
        let mut config = Config::default();
        config.limits.queue_low_bytes = low;
        let shared = Arc::new(Shared { config, marks });
        let conn = Arc::new(Conn::new(Sid, shared, Handshake, None));
        let stream = Arc::new(TcpStream::default());
        conn.out().stream = Some(stream.clone());
        Link {
            socket: Socket::new(number, Some(conn.clone()), full),
            conn,
            stream,
        }
    }

    /// The connection's task, as far as it writes: until the connection is closed and nothing is on its way.
    pub(crate) fn drive(&self) -> impl Future<Output = ()> + Send + use<> {
        let Link { conn, socket, .. } = self.clone();
        let mut writing = Writing::new();
        let mut outgoing = Outgoing::new(self.stream.clone());
        let tell_drained = move |conn: &Conn| {
            if conn.is_short_again() {
                socket.drained();
            }
        };
        poll_fn(move |cx| {
            conn.listen(cx.waker());
            tell_drained(&conn);
            // Before it writes: what others have begun to write meanwhile is finished.
            let is_closed = conn.out().close.is_some();
            if writing.write(&conn, &mut outgoing, cx, 0).unwrap() {
                tell_drained(&conn);
            }
            match is_closed && outgoing.is_idle() {
                true => Poll::Ready(()),
                false => Poll::Pending,
            }
        })
    }

    /// The events on the stream, as sender and number; anything that is no whole frame fails.
    pub(crate) fn arrived(&self) -> Vec<(u32, u32)> {
        let bytes = self.stream.0.lock().unwrap().clone();
        let mut rest = &bytes[..];
        let mut events = Vec::new();
        while let [0x81, length, more @ ..] = rest {
            let (payload, after) = more.split_at(usize::from(*length));
            let event = std::str::from_utf8(payload).unwrap();
            let event = event
                .strip_prefix("42[\"e\",\"")
                .and_then(|event| event.strip_suffix("\"]"));
            let (from, number) = event.unwrap().split_once('/').unwrap();
            events.push((from.parse().unwrap(), number.parse().unwrap()));
            rest = after;
        }
        assert!(rest.is_empty(), "a frame was cut: {rest:?}");
        events
    }

    /// The numbers of what has come from one sender.
    pub(crate) fn arrived_from(&self, from: u32) -> Vec<u32> {
        let events = self.arrived();
        let own = events.iter().filter(|event| event.0 == from);
        own.map(|event| event.1).collect()
    }

    /// Waits until so many events are out. To be called before anything is closed, which would wake the driver: if
    /// nobody saw to a frame, this never ends, and shuttle says so.
    pub(crate) fn wait_for(&self, events: usize) {
        while self.stream.0.lock().unwrap().len() < events * event(0, 0).size_bytes() {
            shuttle::thread::yield_now();
        }
    }
}

/// An event that says whose it is and which. All are as long if both are below ten.
pub(crate) fn event(from: u32, number: u32) -> Frame {
    Frame::event_json("/", "e", &format!("\"{from}/{number}\""))
}
