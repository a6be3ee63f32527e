//! Connection state recovery over real sockets: from memory, and with an owner who knows what was missed.

#![allow(clippy::unwrap_used, reason = "test code outside a #[test] function")]

mod common;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use common::{World, Ws, config};
use serde_json::Value;
use socketio::{
    Class, Config, DisconnectReason, Event, Frame, Namespace, RecoveryWindow, Sid, Socket, Stamped,
};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

/// A client's CONNECT with this auth; its WebSocket and what CONNECT was answered with.
async fn connect(world: &World, auth: &str) -> (Ws, Value) {
    let mut ws = world.websocket().await;
    ws.send(&format!("40{auth}")).await;
    let answer = ws.text().await;
    let answer = answer.strip_prefix("40").expect("CONNECT");
    (ws, serde_json::from_str(answer).unwrap())
}

fn claim(session: &Value, offset: &str) -> String {
    serde_json::json!({"pid": session["pid"], "offset": offset}).to_string()
}

/// The next event: its arguments, name first.
async fn event(ws: &mut Ws) -> Vec<Value> {
    let text = ws.text().await;
    serde_json::from_str(text.strip_prefix("42").expect("an event")).unwrap()
}

/// A namespace that keeps events, and says when a socket is gone.
fn keeping(
    world: &World,
    bounds: RecoveryWindow,
) -> (Namespace, mpsc::UnboundedReceiver<DisconnectReason>) {
    let root = world.io.of("/");
    root.keep_for_recovery(bounds);
    root.on_connect(|socket, _| async move {
        if !socket.is_recovered() {
            socket.join("hall");
            socket.set_data(Arc::new("mine".to_owned()));
        }
        Ok(())
    });
    let (seen, gone) = mpsc::unbounded_channel();
    root.on_disconnect(move |_, reason| {
        let seen = seen.clone();
        async move { seen.send(reason).unwrap() }
    });
    (root, gone)
}

#[tokio::test]
async fn a_client_that_comes_back_is_the_same_and_gets_what_it_missed_in_order() {
    let world = World::start(config()).await;
    let (root, mut gone) = keeping(&world, RecoveryWindow::default());
    let (mut ws, first) = connect(&world, "").await;
    root.to("hall").emit("n", &1);
    let got = event(&mut ws).await;
    assert_eq!(got[..2], ["n".into(), Value::from(1)]);
    let offset = got[2].as_str().unwrap().to_owned();
    drop(ws);
    assert_eq!(gone.recv().await, Some(DisconnectReason::TransportClose));
    root.to("hall").emit("n", &2);
    root.to("elsewhere").emit("n", &0);
    root.to("hall").class(Class::Droppable).emit("n", &0);
    root.to("hall").except_room("hall").emit("n", &0);
    root.to(first["sid"].as_str().unwrap()).emit("n", &3);
    root.emit("n", &4);

    let (mut ws, second) = connect(&world, &claim(&first, &offset)).await;
    assert_eq!(second, first);
    for number in [2, 3, 4] {
        assert_eq!(event(&mut ws).await[1], number);
    }
    let socket = root.socket(first["sid"].as_str().unwrap()).unwrap();
    assert!(socket.is_recovered() && socket.is_in("hall"));
    assert_eq!(*socket.data::<String>().unwrap(), "mine");
    socket.emit("n", &5);
    let last = event(&mut ws).await;
    assert_eq!(last[1], 5);

    // And once more, with nothing missed.
    drop(ws);
    gone.recv().await.unwrap();
    let (mut ws, third) = connect(&world, &claim(&first, last[2].as_str().unwrap())).await;
    assert_eq!(third, first);
    root.to("hall").emit("n", &6);
    assert_eq!(event(&mut ws).await[1], 6);
}

#[tokio::test]
async fn a_client_that_breaks_off_within_a_bundle_gets_the_rest_of_it() {
    let world = World::start(config()).await;
    let (root, mut gone) = keeping(&world, RecoveryWindow::default());
    let (mut ws, first) = connect(&world, "").await;
    let frames = [1, 2, 3].map(|number| Frame::event("/", "n", &number).unwrap());
    let bundle = Frame::bundle(frames).unwrap();
    assert_eq!(root.to("hall").send(&bundle), 1);
    let mut offsets = Vec::new();
    for number in [1, 2, 3] {
        let got = event(&mut ws).await;
        assert_eq!(got[1], number);
        offsets.push(got[2].as_str().unwrap().to_owned());
    }
    offsets.dedup();
    assert_eq!(offsets.len(), 3);
    drop(ws);
    gone.recv().await.unwrap();
    let (mut ws, second) = connect(&world, &claim(&first, &offsets[0])).await;
    assert_eq!(second, first);
    for number in [2, 3] {
        assert_eq!(event(&mut ws).await[1], number);
    }
}

#[tokio::test]
async fn in_doubt_a_client_begins_anew() {
    let world = World::start(config()).await;
    let bounds = RecoveryWindow {
        max_events: 2,
        ..RecoveryWindow::default()
    };
    let (root, mut gone) = keeping(&world, bounds);
    for (offset, pid, missed) in [
        ("9999", None, 0),
        ("nonsense", None, 0),
        ("1", Some("invented"), 0),
        ("1", None, 3),
    ] {
        let (mut ws, mut first) = connect(&world, "").await;
        root.emit("n", &1);
        event(&mut ws).await;
        drop(ws);
        gone.recv().await.unwrap();
        for _ in 0..missed {
            root.emit("n", &0);
        }
        if let Some(pid) = pid {
            first["pid"] = pid.into();
        }
        let (mut ws, second) = connect(&world, &claim(&first, offset)).await;
        assert!(second["pid"] != first["pid"] && second["sid"] != first["sid"]);
        root.emit("n", &7);
        assert_eq!(event(&mut ws).await[1], 7, "nothing of before");
        drop(ws);
        gone.recv().await.unwrap();
    }
}

#[tokio::test]
async fn who_left_on_purpose_does_not_come_back_as_the_same() {
    let world = World::start(config()).await;
    let (root, mut gone) = keeping(&world, RecoveryWindow::default());
    for by_server in [false, true] {
        let (mut ws, first) = connect(&world, "").await;
        root.emit("n", &1);
        let offset = event(&mut ws).await[2].as_str().unwrap().to_owned();
        if by_server {
            root.in_room("hall").disconnect(false);
        } else {
            ws.send("41").await;
        }
        gone.recv().await.unwrap();
        drop(ws);
        let (_ws, second) = connect(&world, &claim(&first, &offset)).await;
        assert_ne!(second["pid"], first["pid"]);
        root.in_room("hall").disconnect(true);
        gone.recv().await.unwrap();
    }
}

#[tokio::test]
async fn a_client_whose_old_connection_is_not_known_to_be_dead_takes_its_place() {
    let world = World::start(config()).await;
    let (root, mut gone) = keeping(&world, RecoveryWindow::default());
    let (mut old, first) = connect(&world, "").await;
    root.emit("n", &1);
    let offset = event(&mut old).await[2].as_str().unwrap().to_owned();
    root.emit("n", &2);
    let (mut ws, second) = connect(&world, &claim(&first, &offset)).await;
    assert_eq!(second, first);
    assert_eq!(event(&mut ws).await[1], 2);
    assert_eq!(gone.recv().await, Some(DisconnectReason::TransportClose));
    assert_eq!(old.close_code().await, 1001);
    assert_eq!(root.count(), 1);
    root.emit("n", &3);
    assert_eq!(event(&mut ws).await[1], 3);
}

/// Events race with clients that break off and come back: each sees every number once, in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_while_events_race_with_comings_back() {
    const EVENTS: u64 = 2_000;
    let world = World::start(config()).await;
    let (root, _gone) = keeping(&world, RecoveryWindow::default());
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(connect(&world, "").await);
    }
    let sender = tokio::spawn(async move {
        for number in 0..EVENTS {
            root.to("hall").emit("n", &number);
            if number % 8 == 0 {
                tokio::task::yield_now().await;
            }
        }
    });
    let world = &world;
    let readers = clients.into_iter().map(|(mut ws, first)| async move {
        let (mut next, mut breaks) = (0, 0);
        while next < EVENTS {
            let got = event(&mut ws).await;
            assert_eq!(got[1], next);
            next += 1;
            if next % 97 == 0 {
                drop(ws);
                let auth = claim(&first, got[2].as_str().unwrap());
                let again;
                (ws, again) = connect(world, &auth).await;
                assert_eq!(again, first);
                breaks += 1;
            }
        }
        breaks
    });
    let breaks = futures_util::future::join_all(readers).await;
    assert!(breaks.iter().all(|breaks| *breaks == EVENTS / 97));
    sender.await.unwrap();
}

/// An owner with a log: offsets are places in it, and a `pid` names who it is for.
struct Log {
    events: Mutex<Vec<Stamped>>,
}

fn owned(world: &World) -> (Namespace, Arc<Log>) {
    let root = world.io.of("/");
    let log = Arc::new(Log {
        events: Mutex::default(),
    });
    root.on_recover(|request| async move {
        assert_eq!(request.auth()["pid"], request.pid());
        request.offset()?.parse::<usize>().ok()?;
        Sid::parse(request.pid().strip_prefix("pid-")?)
    });
    let kept = log.clone();
    root.on_connect(move |socket, auth| {
        let kept = kept.clone();
        async move {
            let asks = socket.handshake().query("recovery") == Some("1");
            if socket.is_recovered() {
                let seen: usize = auth.unwrap()["offset"].as_str().unwrap().parse().unwrap();
                let missed = kept.events.lock().unwrap();
                match missed.get(seen..) {
                    Some(missed) => missed.iter().for_each(|event| {
                        socket.send_stamped(event, Class::Reliable);
                    }),
                    None => drop(socket.offer_recovery("another")),
                }
            } else if asks {
                assert!(socket.offer_recovery(&format!("pid-{}", socket.id())));
            }
            socket.join("hall");
            Ok(())
        }
    });
    (root, log)
}

fn publish(root: &Namespace, log: &Log, number: u32) {
    let mut events = log.events.lock().unwrap();
    let frame = Frame::event("/", "n", &number).unwrap();
    let event = Stamped::new(frame, (events.len() + 1).to_string());
    events.push(event.clone());
    root.to("hall").send_stamped(&event);
}

#[tokio::test]
async fn an_owner_offers_recovery_to_those_who_ask_and_the_others_get_no_offsets() {
    let world = World::start(config()).await;
    let (root, log) = owned(&world);
    let (mut stock, plain) = connect(&world, "").await;
    assert_eq!(plain.get("pid"), None);
    let mut ws = world.websocket_with("&recovery=1").await;
    ws.text().await;
    ws.send("40").await;
    let first: Value = serde_json::from_str(&ws.text().await[2..]).unwrap();
    publish(&root, &log, 1);
    assert_eq!(stock.text().await, r#"42["n",1]"#);
    assert_eq!(ws.text().await, r#"42["n",1,"1"]"#);
    ws.0.close(None).await.unwrap();
    world_has(&root, 1).await;
    publish(&root, &log, 2);
    assert_eq!(stock.text().await, r#"42["n",2]"#);
    let (mut ws, second) = connect(&world, &claim(&first, "1")).await;
    assert_eq!(second, first);
    assert_eq!(ws.text().await, r#"42["n",2,"2"]"#);
    ws.0.close(None).await.unwrap();
    world_has(&root, 1).await;

    // The handler itself finds that it cannot: the client is told that it begins anew.
    let (_ws, third) = connect(&world, &claim(&first, "77")).await;
    assert_eq!(third["pid"], "another");
    let socket = root.socket(third["sid"].as_str().unwrap()).unwrap();
    assert!(!socket.is_recovered() && !socket.offer_recovery("late"));
    // An offset that is no number, and a `pid` that is none: a new session without any.
    for auth in [claim(&first, "x"), r#"{"pid":"who","offset":"1"}"#.into()] {
        assert_eq!(connect(&world, &auth).await.1.get("pid"), None);
    }
}

async fn world_has(root: &Namespace, sockets: usize) {
    while root.count() != sockets {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn an_id_is_free_only_when_the_last_handler_of_its_holder_has_run() {
    let world = World::start(Config {
        close_grace: Duration::from_millis(50),
        ..config()
    })
    .await;
    let (root, _log) = owned(&world);
    let (gate, opened) = tokio::sync::watch::channel(false);
    let started = Arc::new(tokio::sync::Notify::new());
    let starts = started.clone();
    root.on("slow", move |_: Socket, _: Event| {
        let (mut opened, starts) = (opened.clone(), starts.clone());
        async move {
            starts.notify_one();
            opened.wait_for(|open| *open).await.unwrap();
        }
    });
    let mut ws = world.websocket_with("&recovery=1").await;
    ws.text().await;
    ws.send("40").await;
    let first: Value = serde_json::from_str(&ws.text().await[2..]).unwrap();
    ws.send(r#"42["slow"]"#).await;
    started.notified().await;
    let (_second, late) = connect(&world, &claim(&first, "0")).await;
    assert_ne!(late["sid"], first["sid"], "its holder still runs");
    assert!(matches!(ws.next().await, Message::Close(_)));
    gate.send(true).unwrap();
    let again = async {
        loop {
            let (_ws, again) = connect(&world, &claim(&first, "0")).await;
            if again["sid"] == first["sid"] {
                return;
            }
        }
    };
    tokio::time::timeout(common::DEADLINE, again).await.unwrap();
}
