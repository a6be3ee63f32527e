//! Rooms against a naive model: after any sequence of joins, leaves and disconnects, both agree on who is where.

#![allow(clippy::unwrap_used, reason = "test code outside a #[test] function")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::{World, config};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use socketio::Socket;

const SOCKETS: usize = 12;

#[test]
fn rooms_agree_with_a_naive_model() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let steps = prop::collection::vec((0..5u8, 0..SOCKETS, 0..6u8), 0..200);
    TestRunner::new(Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    })
    .run(&steps, |steps| {
        runtime.block_on(check(steps));
        Ok(())
    })
    .unwrap();
}

async fn check(steps: Vec<(u8, usize, u8)>) {
    let world = World::start(config()).await;
    let root = world.io.of("/");
    let mut clients = Vec::new();
    let mut sockets: Vec<Socket> = Vec::new();
    for _ in 0..SOCKETS {
        let (ws, sid) = world.client().await;
        clients.push(ws);
        sockets.push(root.socket(&sid).unwrap());
    }
    let mut model: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
    let mut gone = BTreeSet::new();
    for (step, at, room) in steps {
        let (socket, room) = (&sockets[at], format!("room-{room}"));
        let members = model.entry(room.clone()).or_default();
        match step {
            0 | 1 => {
                assert_eq!(socket.join(&room), !gone.contains(&at));
                if !gone.contains(&at) {
                    members.insert(at);
                }
            }
            2 | 3 => assert_eq!(socket.leave(&room), members.remove(&at)),
            _ if room == "room-5" => {
                socket.disconnect(false);
                gone.insert(at);
                model.values_mut().for_each(|members| {
                    members.remove(&at);
                });
            }
            _ => {
                socket.leave_all();
                model.values_mut().for_each(|members| {
                    members.remove(&at);
                });
            }
        }
    }
    model.retain(|_, members| !members.is_empty());
    assert_eq!(
        (root.room_count(), root.count()),
        (model.len(), SOCKETS - gone.len())
    );
    for (room, members) in &model {
        let ids: BTreeSet<String> = root
            .in_room(room)
            .sockets()
            .iter()
            .map(|socket| socket.id().to_string())
            .collect();
        let expected: BTreeSet<String> = members
            .iter()
            .map(|at| sockets[*at].id().to_string())
            .collect();
        assert_eq!(ids, expected, "{room}");
        assert_eq!(root.to(room).emit("x", &1), members.len());
        assert!(members.iter().all(|at| sockets[*at].is_in(room)));
    }
}
