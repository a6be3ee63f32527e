//! Socket.IO over real sockets: namespaces, events, acks both ways, attachments, rooms, reasons.

mod common;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use common::{DEADLINE, World, config};
use socketio::{
    AckError, Class, Config, ConnectError, Dialect, DisconnectReason, Event, Frame, Full, Limits,
    Namespace, Socket,
};
use tokio::sync::mpsc;

#[tokio::test]
async fn rooms_are_joined_and_events_held_until_connect_is_answered() {
    let world = World::start(config()).await;
    let root = world.io.of("/");
    let rooms = root.clone();
    root.on_connect(move |socket, auth| {
        let rooms = rooms.clone();
        async move {
            socket.join("everyone");
            socket.emit("ready", &auth);
            assert_eq!(rooms.to("everyone").emit("news", &1), 1);
            Ok(())
        }
    });
    let mut ws = world.websocket().await;
    ws.send(r#"40{"token":"t"}"#).await;
    assert!(ws.text().await.starts_with("40{\"sid\""));
    assert_eq!(ws.text().await, r#"42["ready",{"token":"t"}]"#);
    assert_eq!(ws.text().await, r#"42["news",1]"#);
}

#[tokio::test]
async fn namespaces_are_refused_in_the_words_of_each_reference() {
    for (dialect, unknown) in [
        (Dialect::Python, r#"44/nope,"Unable to connect""#),
        (Dialect::Node, r#"44/nope,{"message":"Invalid namespace"}"#),
    ] {
        let world = World::start(Config {
            dialect,
            ..config()
        })
        .await;
        world
            .io
            .of("/")
            .on_connect(|_, _| async { Err(ConnectError::new("no")) });
        let mut ws = world.websocket().await;
        ws.send("40/nope,{}").await;
        assert_eq!(ws.text().await, unknown);
        ws.send("40").await;
        assert_eq!(ws.text().await, r#"44{"message":"no"}"#);
        ws.send("40").await;
        assert_eq!(ws.text().await, r#"44{"message":"no"}"#);
    }
}

#[tokio::test]
async fn events_are_acknowledged_both_ways() {
    let world = World::start(config()).await;
    let root = world.io.of("/");
    root.on("sum", |_socket: Socket, event: Event| async move {
        let sum = event.arg::<i64>(0).unwrap() + event.arg::<i64>(1).unwrap();
        event.ack.unwrap().send(&sum);
    });
    root.on("ask", |socket: Socket, event: Event| async move {
        // The answer must come through although this handler still runs.
        let reply = socket
            .emit_with_ack("question", &"?", Duration::from_secs(5))
            .await
            .unwrap();
        event
            .ack
            .unwrap()
            .send_args(&(reply.arg::<String>(0).unwrap(), 2));
    });
    root.on("none", |_socket: Socket, event: Event| async move {
        event.ack.unwrap().send_empty();
    });
    let (mut ws, sid) = world.client().await;
    ws.send(r#"427["sum",1,2]"#).await;
    assert_eq!(ws.text().await, "437[3]");
    ws.send(r#"428["ask"]"#).await;
    ws.send(r#"429["none"]"#).await;
    assert_eq!(ws.text().await, r#"420["question","?"]"#);
    ws.send(r#"430["!"]"#).await;
    assert_eq!(ws.text().await, r#"438["!",2]"#);
    assert_eq!(ws.text().await, "439[]");
    let socket = root.socket(&sid).unwrap();
    let late = socket
        .emit_with_ack("question", &"?", Duration::from_millis(10))
        .await;
    assert_eq!(late.unwrap_err(), AckError::Timeout);
    ws.text().await;
    let gone = socket.emit_with_ack("question", &"?", Duration::from_secs(5));
    let (gone, ()) = tokio::join!(gone, async { drop(ws) });
    assert_eq!(gone.unwrap_err(), AckError::Disconnected);
}

#[tokio::test]
async fn a_broadcast_gathers_the_acks_of_all() {
    let world = World::start(config()).await;
    let root = world.io.of("/");
    let (mut quick, quick_sid) = world.client().await;
    let (_silent, silent_sid) = world.client().await;
    let asked = root
        .broadcast()
        .emit_with_ack("q", &1, Duration::from_millis(100));
    let (answers, ()) = tokio::join!(asked, async {
        assert_eq!(quick.text().await, r#"420["q",1]"#);
        quick.send("430[\"yes\"]").await;
    });
    assert_eq!(answers.len(), 2);
    for (socket, answer) in answers {
        if socket.id().as_str() == quick_sid {
            assert_eq!(answer.unwrap().arg::<String>(0).unwrap(), "yes");
        } else {
            assert_eq!(
                (socket.id().as_str(), answer.unwrap_err()),
                (silent_sid.as_str(), AckError::Timeout)
            );
        }
    }
}

#[tokio::test]
async fn attachments_travel_both_ways_on_both_transports() {
    let world = World::start(config()).await;
    world
        .io
        .of("/")
        .on_any(|socket: Socket, event: Event| async move {
            assert_eq!(
                event.binary(0).map(|bytes| bytes.as_ref()),
                Some([1, 2].as_slice())
            );
            let json = event
                .args
                .raw()
                .iter()
                .map(|raw| raw.get())
                .collect::<Vec<_>>()
                .join(",");
            socket.send(
                &Frame::binary_event("/", "back", &json, event.attachments.clone()),
                Class::Reliable,
            );
            event.ack.unwrap().send_json(&json, event.attachments);
        });
    let place = r#"{"_placeholder":true,"num":0}"#;
    let (mut ws, _) = world.client().await;
    ws.send(&format!("451-3[\"any\",{place}]")).await;
    ws.send_binary(&[1, 2]).await;
    assert_eq!(ws.text().await, format!("451-[\"back\",{place}]"));
    assert_eq!(ws.binary().await, [1, 2]);
    assert_eq!(ws.text().await, format!("461-3[{place}]"));
    assert_eq!(ws.binary().await, [1, 2]);
    let polling = world.polling().await;
    polling.post("40").await;
    polling.get().await;
    polling
        .post(&format!("451-3[\"any\",{place}]\u{1e}bAQI="))
        .await;
    let expected = format!("451-[\"back\",{place}]\u{1e}bAQI=\u{1e}461-3[{place}]\u{1e}bAQI=");
    let mut polled = polling.get().await.body;
    while polled.len() < expected.len() {
        polled = format!("{polled}\u{1e}{}", polling.get().await.body);
    }
    assert_eq!(polled, expected);
}

#[tokio::test]
async fn broadcasts_reach_whom_they_name() {
    let world = World::start(config()).await;
    let root = world.io.of("/");
    root.on("join", |socket: Socket, event: Event| async move {
        socket.join(&event.arg::<String>(0).unwrap());
        socket.set_flags(event.arg(1).unwrap());
        event.ack.unwrap().send_empty();
    });
    let mut clients = Vec::new();
    for (room, flags) in [("a", 0), ("a", 1), ("b", 3)] {
        let (mut ws, sid) = world.client().await;
        ws.send(&format!("420[\"join\",\"{room}\",{flags}]")).await;
        assert_eq!(ws.text().await, "430[]");
        clients.push((ws, root.socket(&sid).unwrap()));
    }
    assert_eq!(root.to("a").emit("x", &1), 2);
    assert_eq!(
        root.to("a").to("b").except(clients[0].1.id()).emit("x", &2),
        2
    );
    assert_eq!(root.broadcast().with_flags(1).emit("x", &3), 2);
    assert_eq!(
        root.broadcast()
            .with_flags(2)
            .class(Class::Droppable)
            .emit("x", &4),
        1
    );
    assert_eq!(root.broadcast().except_room("a").emit("x", &5), 1);
    assert_eq!(root.to(clients[0].1.id().as_str()).emit("x", &6), 1);
    assert_eq!(root.to("nobody").emit("x", &7), 0);
    root.in_room("a").join("c");
    assert_eq!(root.to("a").to("c").emit("x", &8), 2);
    for (client, expected) in clients
        .iter_mut()
        .zip([&[1, 6, 8][..], &[1, 2, 3, 8], &[2, 3, 4, 5]])
    {
        for number in expected {
            assert_eq!(client.0.text().await, format!("42[\"x\",{number}]"));
        }
    }
    assert_eq!(
        (root.count(), root.room_count(), root.in_room("c").count()),
        (3, 3, 2)
    );
    root.in_room("c").leave("c");
    root.in_room("a").disconnect(true);
    for (client, _) in &mut clients[..2] {
        assert_eq!(client.text().await, "41");
        assert_eq!(client.close_code().await, 1000);
    }
    assert_eq!((root.count(), root.room_count()), (1, 1));
}

#[tokio::test]
async fn the_reason_of_a_disconnect_is_told_once_after_the_last_event() {
    let world = World::start(config()).await;
    let root = world.io.of("/");
    let (seen, mut log) = mpsc::unbounded_channel();
    let events = seen.clone();
    root.on_any(move |socket: Socket, event: Event| {
        let events = events.clone();
        async move {
            tokio::task::yield_now().await;
            events
                .send(format!("{} {}", event.name, socket.is_connected()))
                .unwrap();
        }
    });
    root.on_disconnect(move |socket, reason: DisconnectReason| {
        let seen = seen.clone();
        async move {
            assert!(socket.rooms().is_empty());
            seen.send(reason.to_string()).unwrap();
        }
    });
    let (mut ws, _) = world.client().await;
    ws.send(r#"42["a"]"#).await;
    ws.send("41").await;
    assert!(log.recv().await.unwrap().starts_with("a "));
    assert_eq!(log.recv().await.unwrap(), "client namespace disconnect");
    drop(ws);
    let (ws, _) = world.client().await;
    drop(ws);
    assert_eq!(log.recv().await.unwrap(), "transport close");
    let (mut ws, sid) = world.client().await;
    root.socket(&sid).unwrap().disconnect(false);
    assert_eq!(ws.text().await, "41");
    assert_eq!(log.recv().await.unwrap(), "server namespace disconnect");
    ws.send(r#"42["late"]"#).await;
    ws.send("40").await;
    assert!(ws.text().await.starts_with("40{"));
    ws.send("4x").await;
    assert_eq!(log.recv().await.unwrap(), "parse error");
    assert_eq!(ws.close_code().await, 1002);
    world.no_connections().await;
}

#[tokio::test]
async fn a_handler_that_panics_harms_nobody() {
    let world = World::start(config()).await;
    let root = world.io.of("/");
    root.on("bad", |_socket: Socket, _event: Event| async move {
        panic!("on purpose")
    });
    root.on("good", |_socket: Socket, event: Event| async move {
        event.ack.unwrap().send(&true);
    });
    let (mut ws, _) = world.client().await;
    ws.send(r#"420["bad"]"#).await;
    ws.send(r#"421["good"]"#).await;
    assert_eq!(ws.text().await, "431[true]");
}

#[tokio::test]
async fn packets_out_of_turn_or_over_a_limit_close_the_connection() {
    let limits = Limits {
        attachments: 1,
        json_depth: 4,
        event_name_bytes: 8,
        namespaces: 1,
        ..Limits::default()
    };
    let world = World::start(Config { limits, ..config() }).await;
    world.io.of("/");
    world.io.of("/b");
    for bad in [
        r#"42["x""#,
        r#"42["much too long"]"#,
        r#"42["x",[[[[1]]]]]"#,
        r#"452-["x",1,2]"#,
        r#"42/b,["x"]"#,
        "40",
        "4",
        "2probe",
        "7",
        "",
    ] {
        let (mut ws, _) = world.client().await;
        ws.send(bad).await;
        assert_eq!(ws.close_code().await, 1002, "{bad}");
    }
    let (mut ws, _) = world.client().await;
    ws.send("40/b,").await;
    assert_eq!(ws.text().await, r#"44/b,{"message":"too many namespaces"}"#);
}

#[tokio::test]
async fn too_many_events_close_the_connection() {
    let limits = Limits {
        events_per_second: 1,
        events_burst: 5,
        ..Limits::default()
    };
    let world = World::start(Config { limits, ..config() }).await;
    let (mut ws, _) = {
        world.io.of("/");
        world.client().await
    };
    for _ in 0..10 {
        ws.send(r#"42["x"]"#).await;
    }
    assert_eq!(ws.close_code().await, 1008);
}

#[tokio::test]
async fn a_client_that_sends_faster_than_handlers_run_is_slowed_and_nothing_is_lost() {
    let limits = Limits {
        waiting_events: 4,
        events_per_second: 0,
        ..Limits::default()
    };
    let world = World::start(Config { limits, ..config() }).await;
    let (seen, mut log) = mpsc::unbounded_channel();
    let (gate, opened) = tokio::sync::watch::channel(false);
    world
        .io
        .of("/")
        .on("n", move |_socket: Socket, event: Event| {
            let (seen, mut opened) = (seen.clone(), opened.clone());
            async move {
                opened.wait_for(|open| *open).await.unwrap();
                seen.send(event.arg::<u32>(0).unwrap()).unwrap();
            }
        });
    let (mut ws, _) = world.client().await;
    for number in 0..1000 {
        ws.send(&format!("42[\"n\",{number}]")).await;
    }
    gate.send(true).unwrap();
    for number in 0..1000 {
        assert_eq!(log.recv().await, Some(number));
    }
}

/// The handler that runs waits for it, and those that wait can only run when it has come.
#[tokio::test]
async fn an_acknowledgement_is_read_behind_any_number_of_events_that_wait() {
    let world = World::start(config()).await;
    let root = world.io.of("/");
    let (seen, mut log) = mpsc::unbounded_channel();
    let (asked, told) = (seen.clone(), seen.clone());
    root.on("ask", move |socket: Socket, _| {
        let asked = asked.clone();
        async move {
            let reply = socket.emit_with_ack("question", &1, DEADLINE * 10).await;
            asked.send(reply.unwrap().arg::<u32>(0).unwrap()).unwrap();
        }
    });
    root.on("n", move |_, event: Event| {
        let told = told.clone();
        async move { told.send(event.arg::<u32>(0).unwrap()).unwrap() }
    });
    let (mut ws, _) = world.client().await;
    ws.send(r#"42["ask"]"#).await;
    for number in 0..500 {
        ws.send(&format!("42[\"n\",{number}]")).await;
    }
    assert_eq!(ws.text().await, r#"420["question",1]"#);
    ws.send("430[1000]").await;
    let heard = tokio::time::timeout(DEADLINE, log.recv()).await;
    assert_eq!(heard.expect("the answer to be read"), Some(1000));
    for number in 0..500 {
        assert_eq!(log.recv().await, Some(number));
    }
    drop(seen);
}

#[tokio::test]
async fn a_full_queue_is_told_to_the_owner_who_catches_up_after_the_drain() {
    let limits = Limits {
        queue_soft_bytes: 64 * 1024,
        queue_low_bytes: 1024,
        ..Limits::default()
    };
    let world = World::start(Config { limits, ..config() }).await;
    let root = world.io.of("/");
    let refused = Arc::new(Mutex::new(0));
    let count = refused.clone();
    root.on_full(move |_, _| {
        *count.lock().unwrap() += 1;
        Full::Refuse
    });
    root.on_drain(|socket| {
        socket.emit("caught-up", &());
    });
    let (mut ws, sid) = world.client().await;
    let socket = root.socket(&sid).unwrap();
    let frame = Frame::event_json("/", "big", &format!("\"{}\"", "x".repeat(30_000)));
    let mut queued = 0;
    while socket.send(&frame, Class::Reliable) {
        queued += 1;
    }
    assert!(!socket.send(&frame, Class::Reliable));
    assert_eq!(*refused.lock().unwrap(), 2);
    for _ in 0..queued {
        assert!(ws.text().await.starts_with("42[\"big\""));
    }
    assert_eq!(ws.text().await, "42[\"caught-up\",null]");
}

/// An owner with much to send: as much as goes until the queue is long, and more whenever it is short again.
fn send_in_turns(root: &Namespace, frames: usize) -> impl Fn(&Socket) + Send + Sync + 'static {
    let sent = Arc::new(Mutex::new(0));
    let go_on = move |socket: &Socket| {
        let mut sent = sent.lock().expect("it does not panic");
        while *sent < frames && !socket.await_drain() {
            let args = format!("{sent},\"{}\"", "x".repeat(1_000));
            let frame = Frame::event_json("/", "e", &args);
            assert!(socket.send(&frame, Class::Reliable));
            assert!(socket.queued_bytes() < 10_000);
            *sent += 1;
        }
    };
    root.on_drain(go_on.clone());
    go_on
}

#[tokio::test]
async fn an_owner_sends_in_turns_as_a_websocket_or_a_poll_takes_it_away() {
    const FRAMES: usize = 3_000;
    let limits = Limits {
        queue_low_bytes: 8 * 1024,
        ..Limits::default()
    };
    let world = World::start(Config { limits, ..config() }).await;
    let root = world.io.of("/");
    let (mut ws, sid) = world.client().await;
    let socket = root.socket(&sid).unwrap();
    send_in_turns(&root, FRAMES)(&socket);
    for number in 0..FRAMES {
        let text = ws.text().await;
        assert!(text.starts_with(&format!("42[\"e\",{number},")), "{text}");
    }
    assert!(!socket.await_drain(), "it is short");
    drop(ws);

    let client = world.polling().await;
    client.post("40").await;
    let answer = client.get().await.body;
    let sid = answer.split('"').nth(3).unwrap();
    let socket = root.socket(sid).unwrap();
    send_in_turns(&root, FRAMES)(&socket);
    let mut number = 0;
    while number < FRAMES {
        for text in client.get().await.body.split('\u{1e}') {
            assert!(text.starts_with(&format!("42[\"e\",{number},")), "{text}");
            number += 1;
        }
    }
    assert!(!socket.await_drain(), "it is short");
    client.post("1").await;
    world.no_connections().await;
    assert!(socket.is_gone() && !socket.await_drain());
}

#[tokio::test]
async fn an_owner_that_waits_for_the_drain_is_told_when_the_socket_is_gone() {
    let world = World::start(config()).await;
    let root = world.io.of("/");
    let (seen, mut told) = mpsc::unbounded_channel();
    root.on_drain(move |socket| _ = seen.send(socket.is_gone()));
    let (ws, sid) = world.client().await;
    let socket = root.socket(&sid).unwrap();
    let frame = Frame::event_json("/", "big", &format!("\"{}\"", "x".repeat(30_000)));
    // More than the system takes for a peer that does not read.
    while socket.queued_bytes() < 200_000 {
        assert!(socket.send(&frame, Class::Reliable));
    }
    assert!(socket.await_drain());
    drop(ws);
    assert_eq!(told.recv().await, Some(true));
}

#[tokio::test]
async fn a_reader_that_stops_is_closed_and_others_go_on() {
    let world = World::start(config()).await;
    let root = world.io.of("/");
    let (seen, mut log) = mpsc::unbounded_channel();
    root.on_disconnect(move |_, reason: DisconnectReason| {
        let seen = seen.clone();
        async move { seen.send(reason).unwrap() }
    });
    let (_stuck, _) = world.client().await;
    let (mut ws, _) = world.client().await;
    let frame = Frame::event_json("/", "big", &format!("\"{}\"", "x".repeat(200_000)));
    let gone = async {
        let mut number = 0;
        loop {
            root.broadcast().send(&frame);
            number += 1;
            assert!(ws.text().await.starts_with("42[\"big\""));
            if let Ok(reason) = log.try_recv() {
                return (reason, number);
            }
        }
    };
    let (reason, _) = tokio::time::timeout(Duration::from_secs(20), gone)
        .await
        .unwrap();
    assert_eq!(reason, DisconnectReason::SlowReader);
}

#[tokio::test]
async fn the_handshake_and_data_stay_with_the_socket() {
    let world = World::start(config()).await;
    let root = world.io.of("/");
    root.on_connect(|socket, _| async move {
        socket.set_data(Arc::new(Bytes::from_static(b"mine")));
        Ok(())
    });
    let mut ws = world.websocket_with("&who=me").await;
    ws.text().await;
    ws.send("40").await;
    ws.text().await;
    let socket = root.sockets().pop().unwrap();
    assert_eq!(socket.handshake().query("who"), Some("me"));
    assert_eq!(socket.handshake().header("origin"), None);
    assert_eq!(
        socket.handshake().remote_addr(),
        Some([127, 0, 0, 1].into())
    );
    assert_eq!(*socket.data::<Bytes>().unwrap(), b"mine"[..]);
    assert!(socket.data::<String>().is_none());
}
