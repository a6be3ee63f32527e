//! The window in which frames of a busy room wait for each other: who opens it, who waits, and its end by time, by size,
//! or by what leaves sooner.

use std::{sync::Arc, time::Duration};

use shuttle::{future, thread};

use crate::{
    DisconnectReason, Frame, Full,
    conn::Close,
    drive::{Link, WIDE, event},
    flush::through,
    in_many_orders,
    rooms::{Room, Rooms},
    runtime::pass,
};

/// As many as a flush needs to be a task of its own.
const MEMBERS: u32 = 4;
const WINDOW: Duration = Duration::from_millis(15);
/// Between two events: more than what leaves in one write anyway.
const GAP: Duration = Duration::from_millis(3);
/// Closes an open window.
const FULL_BYTES: usize = 32 * 1024;

struct World {
    links: Vec<Link>,
    room: Arc<Room>,
    drivers: Vec<future::JoinHandle<()>>,
}

impl World {
    fn open(rooms: &Rooms) -> World {
        let links: Vec<_> = (0..MEMBERS)
            .map(|number| Link::open(number, WIDE, 0, Full::Close))
            .collect();
        let mut drivers = Vec::new();
        for link in &links {
            rooms.join("busy", &link.socket);
            rooms.join("quiet", &link.socket);
            drivers.push(future::spawn(link.drive()));
        }
        let room = rooms.get("busy").unwrap();
        let nothing = |bytes| through(&room, bytes, WINDOW, |_| 0);
        // Busy, and with windows that were worth it, whose timers still run.
        for _ in 0..10 {
            nothing(1);
        }
        for _ in 0..2 {
            nothing(1);
            pass(GAP);
            nothing(FULL_BYTES);
        }
        World {
            links,
            room,
            drivers,
        }
    }

    /// All have got everything of all senders; then they are closed.
    fn end(self, senders: &[u32], each: u32) {
        for link in &self.links {
            link.wait_for(senders.len() * each as usize);
            let numbers: Vec<_> = (0..each).collect();
            for from in senders {
                assert_eq!(link.arrived_from(*from), numbers);
            }
            assert_eq!(link.arrived().len(), senders.len() * each as usize);
            let farewell = Close::after_flush(DisconnectReason::ServerDisconnect, 1000);
            link.conn.close(farewell);
        }
        for driver in self.drivers {
            future::block_on(driver).unwrap();
        }
    }
}

/// As a broadcast does it; the window counts so many bytes for the frame.
fn broadcast(room: &Arc<Room>, frame: &Frame, bytes: usize) -> usize {
    through(room, bytes, WINDOW, |later| {
        let mut reached = 0;
        room.walk()
            .each(|socket| reached += usize::from(socket.send(frame, Some(later))));
        reached
    })
}

/// Two broadcast to a busy room; windows open, fill, and end by their timers, old and new.
#[test]
fn what_gathers_leaves_once_and_in_order() {
    in_many_orders(|| {
        let rooms = Rooms::default();
        let world = World::open(&rooms);
        let senders: Vec<_> = (0..2)
            .map(|from| {
                let room = world.room.clone();
                thread::spawn(move || {
                    for number in 0..3 {
                        pass(GAP);
                        let is_full = from == 1 && number == 1;
                        let bytes = if is_full { FULL_BYTES } else { 200 };
                        let reached = broadcast(&room, &event(from, number), bytes);
                        assert_eq!(reached, MEMBERS as usize);
                    }
                })
            })
            .collect();
        senders
            .into_iter()
            .for_each(|sender| sender.join().unwrap());
        world.end(&[0, 1], 3);
    });
}

/// What waits is taken along by what leaves sooner: an event to one alone, and one to a room that is in no hurry.
#[test]
fn what_leaves_sooner_takes_along_what_waits() {
    in_many_orders(|| {
        let rooms = Rooms::default();
        let world = World::open(&rooms);
        let quiet = rooms.get("quiet").unwrap();
        let mut senders = Vec::new();
        for (from, room) in [(0, world.room.clone()), (1, quiet)] {
            senders.push(thread::spawn(move || {
                for number in 0..2 {
                    pass(GAP);
                    broadcast(&room, &event(from, number), 200);
                }
            }));
        }
        let sockets: Vec<_> = world.links.iter().map(|link| link.socket.clone()).collect();
        senders.push(thread::spawn(move || {
            for number in 0..2 {
                for socket in &sockets {
                    assert!(socket.send(&event(2, number), None));
                }
            }
        }));
        senders
            .into_iter()
            .for_each(|sender| sender.join().unwrap());
        world.end(&[0, 1, 2], 2);
    });
}
