//! A connection's queue between its driver, broadcasters that write past it, and whoever closes it.

use shuttle::{future::block_on, thread};

use crate::{
    Class, DisconnectReason, Full,
    conn::Close,
    drive::{Link, WIDE, event},
    flush::Later,
    in_many_orders,
    queue::{ENTRY_BYTES, Marks},
};

fn open(marks: Marks) -> Link {
    Link::open(0, marks, 0, Full::Close)
}

fn drive(link: &Link) -> thread::JoinHandle<()> {
    let driver = link.drive();
    thread::spawn(|| block_on(driver))
}

/// Queues events `from/0`, `from/1`, ... Every second is one of a broadcast, whose flush comes after it.
fn send(link: &Link, from: u32, count: u32) -> u32 {
    let mut queued = 0;
    for number in 0..count {
        let mut later = Later::soon();
        let is_broadcast = (from + number).is_multiple_of(2);
        let broadcast = is_broadcast.then_some(&mut later);
        queued += u32::from(link.socket.send(&event(from, number), broadcast));
        later.conns.iter().for_each(|conn| conn.flush());
    }
    queued
}

/// Whoever writes, every frame leaves once, whole and in its sender's order, and nothing is left lying.
#[test]
fn every_frame_leaves_once_and_in_order() {
    in_many_orders(|| {
        let link = open(WIDE);
        let driver = drive(&link);
        let senders: Vec<_> = (0..2)
            .map(|from| {
                let link = link.clone();
                thread::spawn(move || send(&link, from, 4))
            })
            .collect();
        for sender in senders {
            assert_eq!(sender.join().unwrap(), 4);
        }
        link.wait_for(8);
        let farewell = Close::after_flush(DisconnectReason::ServerDisconnect, 1000);
        link.conn.close(farewell);
        driver.join().unwrap();
        assert_eq!(link.arrived().len(), 8);
        for from in 0..2 {
            assert_eq!(link.arrived_from(from), [0, 1, 2, 3]);
        }
        assert_eq!(link.conn.out().queue.bytes(), 0);
    });
}

/// What was queued when the connection closes at once leaves or not, but never in part, doubled or out of order, and
/// nothing that was queued later leaves at all.
#[test]
fn a_close_at_any_moment_cuts_no_frame() {
    in_many_orders(|| {
        let link = open(WIDE);
        let driver = drive(&link);
        let sender = {
            let link = link.clone();
            thread::spawn(move || send(&link, 0, 5))
        };
        let close = Close::now(DisconnectReason::TransportClose, 1001);
        link.conn.close(close);
        let queued = sender.join().unwrap();
        driver.join().unwrap();
        let events = link.arrived_from(0);
        let sent = u32::try_from(events.len()).unwrap();
        assert!(
            sent <= queued && events == (0..sent).collect::<Vec<_>>(),
            "{events:?}"
        );
        assert!(!link.conn.push_raw(&event(0, 9), Class::Reliable));
    });
}

/// A queue never passes its mark, whoever pushes and drains at the same time, and a full one closes the connection once.
#[test]
fn a_full_queue_closes_the_connection() {
    in_many_orders(|| {
        let most = 3 * ENTRY_BYTES;
        let link = open(Marks {
            soft: most,
            hard: most,
        });
        let driver = drive(&link);
        let watched = link.conn.clone();
        let watcher = thread::spawn(move || {
            for _ in 0..4 {
                let bytes = watched.out().queue.bytes();
                assert!(bytes <= most, "{bytes}");
                thread::yield_now();
            }
        });
        let queued = send(&link, 0, 6);
        let close = link.conn.out().close;
        assert_eq!(queued < 6, close.is_some());
        if let Some(close) = close {
            assert_eq!(
                (close.reason, close.code),
                (DisconnectReason::SlowReader, 1013)
            );
        }
        let farewell = Close::after_flush(DisconnectReason::ServerDisconnect, 1000);
        link.conn.close(farewell);
        watcher.join().unwrap();
        driver.join().unwrap();
        let events = link.arrived_from(0);
        assert!(events.windows(2).all(|two| two[0] < two[1]), "{events:?}");
    });
}

/// An owner that was refused a frame is told to go on, whenever the queue becomes short, and gets everything through.
#[test]
fn an_owner_that_was_refused_is_told_to_go_on() {
    in_many_orders(|| {
        let entry = ENTRY_BYTES;
        let marks = Marks {
            soft: 2 * entry,
            hard: 1 << 20,
        };
        let link = Link::open(0, marks, entry, Full::Refuse);
        let driver = drive(&link);
        for number in 0..6 {
            let frame = event(0, number);
            loop {
                let mut later = Later::soon();
                let broadcast = number.is_multiple_of(2).then_some(&mut later);
                let is_queued = link.socket.send(&frame, broadcast);
                later.conns.iter().for_each(|conn| conn.flush());
                if is_queued {
                    break;
                }
                // If it is not told, this never ends.
                while link.socket.is_behind() {
                    thread::yield_now();
                }
            }
        }
        link.wait_for(6);
        let farewell = Close::after_flush(DisconnectReason::ServerDisconnect, 1000);
        link.conn.close(farewell);
        driver.join().unwrap();
        assert_eq!(link.arrived_from(0), [0, 1, 2, 3, 4, 5]);
    });
}

/// Who asks to be told when the queue is short is told, or hears at once that it is.
#[test]
fn who_awaits_the_drain_is_told_of_it() {
    in_many_orders(|| {
        let link = Link::open(0, WIDE, ENTRY_BYTES, Full::Close);
        let driver = drive(&link);
        let other = link.clone();
        let other = thread::spawn(move || send(&other, 1, 2));
        for number in 0..4 {
            assert!(link.socket.send(&event(0, number), None));
            if link.conn.await_drain(&link.socket) {
                // If it is not told, this never ends.
                while link.socket.is_awaiting_drain() {
                    thread::yield_now();
                }
            }
        }
        other.join().unwrap();
        link.wait_for(6);
        assert_eq!(link.arrived_from(0), [0, 1, 2, 3]);
        let farewell = Close::after_flush(DisconnectReason::ServerDisconnect, 1000);
        link.conn.close(farewell);
        driver.join().unwrap();
    });
}
