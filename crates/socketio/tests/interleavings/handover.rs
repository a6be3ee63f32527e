//! A connection's queue between its driver, broadcasters that write past it, and whoever closes it.
//!
//! The driver here does what `Driver::write` does, on a stream that takes bytes as it likes.

use std::{future::poll_fn, sync::Arc, task::Poll};

use shuttle::{future::block_on, thread};

use crate::{
    Class, Config, DisconnectReason, Frame, Handshake, Sid, Socket,
    conn::{Close, Conn},
    flush::{Awaited, Later},
    in_many_orders,
    queue::{Entry, Marks},
    server::Shared,
    websocket::{TcpStream, write_past},
};

fn open(marks: Marks) -> (Arc<Conn>, Arc<TcpStream>) {
    let shared = Arc::new(Shared {
        config: Config::default(),
        marks,
    });
    let conn = Arc::new(Conn::new(Sid, shared, Handshake, None));
    let stream = Arc::new(TcpStream::default());
    conn.out().stream = Some(stream.clone());
    (conn, stream)
}

/// Writes until the connection is closed and nothing is left. As in `Driver`, only frames that the driver has taken are
/// its own; the rest may leave past it while it has none.
fn drive(conn: &Conn, stream: &TcpStream) {
    let mut writing: Vec<u8> = Vec::new();
    let mut gone = 0;
    block_on(poll_fn(|cx| {
        conn.listen(cx.waker());
        loop {
            let mut out = conn.out();
            out.queue.written(std::mem::take(&mut gone));
            if writing.is_empty() {
                out.awaited = Awaited::Nothing;
                out.queue
                    .take_bytes(40, |bytes| writing.extend_from_slice(&bytes));
            }
            out.is_direct = writing.is_empty();
            if out.is_direct {
                return match out.close {
                    Some(_) => Poll::Ready(()),
                    None => Poll::Pending,
                };
            }
            drop(out);
            match write_past(stream, &[std::io::IoSlice::new(&writing)]) {
                Ok(bytes) => {
                    writing.drain(..bytes);
                    gone = bytes;
                }
                Err(_) => {
                    cx.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
        }
    }));
}

/// Queues events `from/0`, `from/1`, ... Every second is one of a broadcast, whose flush comes after it.
fn send(conn: &Arc<Conn>, from: u32, count: u32) -> u32 {
    let mut queued = 0;
    for number in 0..count {
        let frame = Frame::event_json("/", "e", &format!("\"{from}/{number}\""));
        let mut later = Later {
            conns: Vec::new(),
            awaited: Awaited::Task,
        };
        let is_broadcast = (from + number).is_multiple_of(2);
        let broadcast = is_broadcast.then_some(&mut later);
        queued += u32::from(conn.push(&Socket(from), &frame, Class::Reliable, broadcast));
        later.conns.iter().for_each(|conn| conn.flush());
    }
    queued
}

/// The events on the stream; anything that is no whole frame fails.
fn arrived(stream: &TcpStream) -> Vec<(u32, u32)> {
    let bytes = stream.0.lock().unwrap().clone();
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

fn of(events: &[(u32, u32)], from: u32) -> Vec<u32> {
    let own = events.iter().filter(|event| event.0 == from);
    own.map(|event| event.1).collect()
}

const WIDE: Marks = Marks {
    soft: 1 << 20,
    hard: 1 << 20,
};

/// Whoever writes, every frame leaves once, whole and in its sender's order, and nothing is left lying.
#[test]
fn every_frame_leaves_once_and_in_order() {
    in_many_orders(|| {
        let (conn, stream) = open(WIDE);
        let driver = {
            let (conn, stream) = (conn.clone(), stream.clone());
            thread::spawn(move || drive(&conn, &stream))
        };
        let senders: Vec<_> = (0..2)
            .map(|from| {
                let conn = conn.clone();
                thread::spawn(move || send(&conn, from, 4))
            })
            .collect();
        for sender in senders {
            assert_eq!(sender.join().unwrap(), 4);
        }
        // Before the close, which would wake the driver: if nobody saw to a frame, this never ends, and shuttle says so.
        let size = Frame::event_json("/", "e", "\"0/0\"").size_bytes();
        while stream.0.lock().unwrap().len() < 8 * size {
            thread::yield_now();
        }
        conn.close(Close::after_flush(DisconnectReason::ServerDisconnect, 1000));
        driver.join().unwrap();
        let events = arrived(&stream);
        assert_eq!(events.len(), 8);
        for from in 0..2 {
            assert_eq!(of(&events, from), [0, 1, 2, 3]);
        }
        assert_eq!(conn.out().queue.bytes(), 0);
    });
}

/// What was queued when the connection closes at once leaves or not, but never in part, doubled or out of order, and
/// nothing that was queued later leaves at all.
#[test]
fn a_close_at_any_moment_cuts_no_frame() {
    in_many_orders(|| {
        let (conn, stream) = open(WIDE);
        let driver = {
            let (conn, stream) = (conn.clone(), stream.clone());
            thread::spawn(move || drive(&conn, &stream))
        };
        let sender = {
            let conn = conn.clone();
            thread::spawn(move || send(&conn, 0, 5))
        };
        conn.close(Close::now(DisconnectReason::TransportClose, 1001));
        let queued = sender.join().unwrap();
        driver.join().unwrap();
        let events = of(&arrived(&stream), 0);
        let sent = u32::try_from(events.len()).unwrap();
        assert!(
            sent <= queued && events == (0..sent).collect::<Vec<_>>(),
            "{events:?}"
        );
        assert!(!conn.push_raw(&Frame::event_json("/", "e", ""), Class::Reliable));
    });
}

/// A queue never passes its mark, whoever pushes and drains at the same time, and a full one closes the connection once.
#[test]
fn a_full_queue_closes_the_connection() {
    in_many_orders(|| {
        let most = 3 * size_of::<Entry>();
        let marks = Marks {
            soft: most,
            hard: most,
        };
        let (conn, stream) = open(marks);
        let driver = {
            let (conn, stream) = (conn.clone(), stream.clone());
            thread::spawn(move || drive(&conn, &stream))
        };
        let watched = conn.clone();
        let watcher = thread::spawn(move || {
            for _ in 0..4 {
                let bytes = watched.out().queue.bytes();
                assert!(bytes <= most, "{bytes}");
                thread::yield_now();
            }
        });
        let queued = send(&conn, 0, 6);
        let close = conn.out().close;
        assert_eq!(queued < 6, close.is_some());
        if let Some(close) = close {
            assert_eq!(
                (close.reason, close.code),
                (DisconnectReason::SlowReader, 1013)
            );
        }
        conn.close(Close::after_flush(DisconnectReason::ServerDisconnect, 1000));
        watcher.join().unwrap();
        driver.join().unwrap();
        let events = of(&arrived(&stream), 0);
        assert!(events.windows(2).all(|two| two[0] < two[1]), "{events:?}");
    });
}
