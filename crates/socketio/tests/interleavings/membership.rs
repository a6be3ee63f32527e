//! Joins, leaves and walks of rooms at the same time.

use std::sync::Arc;

use shuttle::thread;

use crate::{in_many_orders, rooms::Rooms, socket::Socket};

fn members(rooms: &Rooms, name: &str) -> Vec<u32> {
    let mut seen = Vec::new();
    if let Some(room) = rooms.get(name) {
        room.walk().each(|socket| seen.push(socket.number()));
    }
    seen.sort_unstable();
    seen
}

/// Each of three joins, leaves and joins again; a room that empties and one that is entered meet. In the end all are in
/// the one room that the table knows.
#[test]
fn who_has_joined_is_in_the_room_that_the_table_knows() {
    in_many_orders(|| {
        let rooms = Arc::new(Rooms::default());
        let comers: Vec<_> = (0..3)
            .map(|number| {
                let rooms = rooms.clone();
                thread::spawn(move || {
                    let socket = Socket::numbered(number);
                    let (room, place) = rooms.join("hall", &socket);
                    assert!(members(&rooms, "hall").contains(&number));
                    rooms.leave(&room, place);
                    assert!(!members(&rooms, "hall").contains(&number));
                    let (room, place) = rooms.join("hall", &socket);
                    (room, place)
                })
            })
            .collect();
        let held: Vec<_> = comers
            .into_iter()
            .map(|comer| comer.join().unwrap())
            .collect();
        assert_eq!(members(&rooms, "hall"), [0, 1, 2]);
        let known = rooms.get("hall").unwrap();
        assert_eq!(known.count(), 3);
        for (room, place) in held {
            assert!(
                Arc::ptr_eq(&room, &known),
                "nobody is in a room that was dropped"
            );
            rooms.leave(&room, place);
        }
        assert_eq!((rooms.len(), members(&rooms, "hall")), (0, vec![]));
    });
}

/// A walk sees everybody who was in the room all the time, and nobody twice, whoever comes and goes meanwhile.
#[test]
fn a_walk_sees_everybody_once() {
    in_many_orders(|| {
        let rooms = Arc::new(Rooms::default());
        let (stays, _) = (
            rooms.join("hall", &Socket::numbered(7)),
            rooms.join("hall", &Socket::numbered(8)),
        );
        let others: Vec<_> = (0..2)
            .map(|number| {
                let rooms = rooms.clone();
                thread::spawn(move || {
                    let (room, place) = rooms.join("hall", &Socket::numbered(number));
                    rooms.leave(&room, place);
                })
            })
            .collect();
        for _ in 0..3 {
            let seen = members(&rooms, "hall");
            assert!(seen.ends_with(&[7, 8]), "{seen:?}");
            assert!(seen.windows(2).all(|two| two[0] < two[1]), "{seen:?}");
        }
        others.into_iter().for_each(|other| other.join().unwrap());
        drop(stays);
        assert_eq!(members(&rooms, "hall"), [7, 8]);
    });
}
