//! Jobs of a connection without transport or driver.

use std::{sync::Mutex, task::Waker};

use tokio::sync::Semaphore;

use super::*;
use crate::{Config, Handshake, RecoveryWindow, Server, conn::Close};

/// A connection without transport or driver: the test is the driver.
struct World {
    server: Server,
    conn: Arc<Conn>,
    dispatch: Dispatch,
}

impl World {
    fn new(config: Config) -> World {
        let server = Server::new(config);
        server.of("/");
        let sid = Sid::random().unwrap();
        let conn = Conn::new(sid, server.0.clone(), Handshake::default(), None);
        let dispatch = Dispatch::new(&conn, 0);
        World {
            server,
            conn: Arc::new(conn),
            dispatch,
        }
    }

    fn text(&mut self, text: &str) {
        self.dispatch.text(&self.conn, text.to_owned(), 0).unwrap();
    }

    /// Lets every CONNECT wait for a permit, once it is seen.
    fn hold_connects(&self, gate: &Arc<Semaphore>, see: impl Fn(&Socket) + Send + Sync + 'static) {
        let gate = gate.clone();
        self.server.of("/").on_connect(move |socket, _| {
            see(&socket);
            let gate = gate.clone();
            async move {
                gate.acquire().await.unwrap().forget();
                Ok(())
            }
        });
    }

    fn poll(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        self.dispatch.poll(&self.conn, &mut cx);
    }
}

#[test]
fn events_that_wait_are_bounded_in_bytes() {
    let mut config = Config::default();
    config.limits.waiting_bytes = 1_500;
    let mut world = World::new(config);
    let gate = Arc::new(Semaphore::new(0));
    let handlers_gate = gate.clone();
    world.server.of("/").on("big", move |_, _| {
        let gate = handlers_gate.clone();
        async move { gate.acquire().await.unwrap().forget() }
    });
    world.text("0");
    world.poll();
    let big = format!(r#"2["big","{}"]"#, "x".repeat(900));
    let mut room = Vec::new();
    for _ in 0..3 {
        world.text(&big);
        world.poll();
        room.push(world.dispatch.has_room(&world.conn));
    }
    assert_eq!(room, [true, true, false], "one runs, two wait");
    for _ in 0..3 {
        gate.add_permits(1);
        world.poll();
        assert!(world.dispatch.has_room(&world.conn));
    }
    assert!(world.dispatch.is_idle() && world.dispatch.jobs.bytes() == 0);
}

#[test]
fn a_socket_that_is_disconnected_while_its_connection_ends_is_told_so_and_freed() {
    let mut world = World::new(Config::default());
    let log = Arc::new(Mutex::new(Vec::new()));
    let seen = log.clone();
    world.server.of("/").on_disconnect(move |_, reason| {
        seen.lock().unwrap().push(reason);
        async {}
    });
    world.text("0");
    world.poll();
    let socket = world.server.of("/").sockets().pop().unwrap();
    // As in `Driver::begin_closing`, with another thread between its steps.
    let close = Close::now(DisconnectReason::TransportClose, 1006);
    world.conn.close(close);
    let left = std::mem::take(&mut world.conn.out().left);
    left.iter().for_each(|socket| world.dispatch.left(socket));
    socket.disconnect(false);
    world.dispatch.end(close.reason);
    world.poll();
    assert_eq!(*log.lock().unwrap(), [DisconnectReason::ServerDisconnect]);
    let conn = Arc::downgrade(&world.conn);
    drop((socket, world));
    assert!(conn.upgrade().is_none());
}

#[test]
fn a_connection_that_ends_before_its_connect_is_heard_leaves_no_session() {
    let mut world = World::new(Config::default());
    let root = world.server.of("/");
    root.keep_for_recovery(RecoveryWindow::default());
    world.text("0");
    world.dispatch.end(DisconnectReason::TransportClose);
    world.poll();
    assert!(world.dispatch.is_idle());
    assert_eq!(root.0.memory().unwrap().sessions(), 0);
}

#[test]
fn short_events_and_the_auth_of_a_connect_count_by_the_memory_they_take() {
    let mut config = Config::default();
    (config.limits.waiting_events, config.limits.waiting_bytes) = (usize::MAX, 100_000);
    let mut world = World::new(config);
    let gate = Arc::new(Semaphore::new(0));
    world.hold_connects(&gate, |_| {});
    world.text("0");
    world.poll();
    let auth = format!(r#"0{{"a":"{}"}}"#, "x".repeat(30_000));
    let mut asked = 0;
    while world.dispatch.has_room(&world.conn) {
        world.text("1");
        world.text(&auth);
        asked += 1;
    }
    assert_eq!(asked, 4);
    gate.add_permits(10);
    world.poll();
    assert!(world.dispatch.is_idle() && world.dispatch.jobs.bytes() == 0);
    let hold = gate.clone();
    world.server.of("/").on("e", move |_, _| {
        let gate = hold.clone();
        async move { gate.acquire().await.unwrap().forget() }
    });
    gate.forget_permits(10);
    let mut sent = 0;
    while world.dispatch.has_room(&world.conn) {
        world.text(r#"2["e"]"#);
        world.poll();
        sent += 1;
    }
    assert!((300..1_000).contains(&sent), "{sent}");
}

#[test]
fn who_leaves_before_its_turn_has_come_was_never_here() {
    let mut world = World::new(Config::default());
    let gate = Arc::new(Semaphore::new(0));
    let log = Arc::new(Mutex::new(Vec::new()));
    let (seen, ended) = (log.clone(), log.clone());
    world.hold_connects(&gate, move |socket| {
        seen.lock()
            .unwrap()
            .push(format!("connect {}", socket.id()));
    });
    world.server.of("/").on_disconnect(move |socket, reason| {
        let text = format!("{} {}", reason.as_str(), socket.id());
        ended.lock().unwrap().push(text);
        async {}
    });
    world.text("0");
    world.poll();
    for _ in 0..20 {
        world.text("1");
        world.text("0");
    }
    gate.add_permits(2);
    world.poll();
    let log = log.lock().unwrap();
    let [first, left, second] = log.as_slice() else {
        panic!("{log:?}")
    };
    let first = first.strip_prefix("connect ").unwrap();
    assert_eq!(*left, format!("client namespace disconnect {first}"));
    // The one that asked last is connected, and the one that left is told nothing.
    let now = world.server.of("/").sockets();
    let [now] = now.as_slice() else {
        panic!("{now:?}")
    };
    assert_eq!(*second, format!("connect {}", now.id()));
    world.text(r#"2["e"]"#);
    let answer = format!("40{{\"sid\":\"{}\"}}", now.id());
    assert_eq!(
        world.conn.out().queue.only().unwrap()[2..],
        *answer.as_bytes()
    );
}
