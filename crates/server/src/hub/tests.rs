//! What a defect costs: the sockets their transports, nobody an event, the server nothing.

use super::{Claims, Entered, Hub, Theirs};
use crate::app::App;
use crate::auth::actions::sign_up;
use crate::clock::Clock;
use crate::config::{Config, Settings};
use crate::listen::{Listening, listen};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use store::{Committed, Effect, What, users};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use wire::Room;
use wire::events::{ChannelPush, ChannelSeen, ServerEvent};

pub(crate) type Web = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub(crate) async fn started(folder: &std::path::Path) -> (App, Listening, String) {
    let settings = Settings {
        host: Some("127.0.0.1".into()),
        port: Some("0".into()),
        data_dir: Some(folder.to_string_lossy().into_owned()),
        webui_secret_key: Some("a key that only tests know".into()),
        ..Settings::default()
    };
    let config = Config::from_settings(&settings).unwrap();
    let app = App::start(config, Clock::System).await.unwrap();
    let listening = listen(&app).await.unwrap();
    let form = json!({"name": "ada", "email": "ada@example.org", "password": "correct horse"});
    let form = serde_json::from_value(form).unwrap();
    let token = sign_up(&app, form, [127, 0, 0, 1].into())
        .await
        .unwrap()
        .token;
    (app, listening, token)
}

pub(crate) async fn connect(listening: &Listening, token: &str, resume: &Value) -> Web {
    let url = format!(
        "ws://{}/ws/socket.io/?EIO=4&transport=websocket",
        listening.addr
    );
    let (mut web, _) = connect_async(url).await.unwrap();
    let auth = json!({"token": token, "resume": resume});
    web.send(Message::text(format!("40{auth}"))).await.unwrap();
    web
}

/// The next event of this name; none if the connection ended before.
pub(crate) async fn next(web: &mut Web, name: &str) -> Option<Value> {
    let event = async {
        while let Some(Ok(message)) = web.next().await {
            let text = message.into_text().unwrap_or_default();
            let event = text.strip_prefix("42").unwrap_or_default();
            if let Ok(Value::Array(parts)) = serde_json::from_str(event)
                && parts[0] == name
            {
                return Some(parts[1].clone());
            }
        }
        None
    };
    tokio::time::timeout(Duration::from_secs(10), event)
        .await
        .unwrap()
}

pub(crate) async fn emit(app: &App, channel_id: &str) {
    let channel_id = channel_id.into();
    let emitted = app.store.write(|tx| {
        tx.emit(
            Room::Everyone,
            ServerEvent::ChannelAdded(ChannelSeen { channel_id }),
        );
        Ok::<_, store::Error>(())
    });
    emitted.await.unwrap();
}

#[tokio::test]
async fn a_delivery_that_breaks_closes_transports_and_delivery_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (app, listening, token) = started(folder.path()).await;
    let mut web = connect(&listening, &token, &json!({})).await;
    let ready = next(&mut web, "ready").await.unwrap();
    emit(&app, "before").await;
    let before = next(&mut web, "channel:added").await.unwrap();

    let broken = app.hub.step(|_| panic!("a defect")).await;
    assert!(broken.is_none());
    assert_eq!(next(&mut web, "nothing").await, None, "the transport ends");
    emit(&app, "meanwhile").await;

    let mut resume = ready["rooms"].clone();
    resume["everyone"] = json!([before["seq"], before["at"]]);
    let mut web = connect(&listening, &token, &resume).await;
    let missed = next(&mut web, "channel:added").await.unwrap();
    assert_eq!(missed["channel_id"], "meanwhile");
    let resumed = next(&mut web, "resumed").await.unwrap();
    assert_eq!(resumed["rooms"]["everyone"]["recovered"], true);
    emit(&app, "after").await;
    let live = next(&mut web, "channel:added").await.unwrap();
    assert_eq!(live["channel_id"], "after");
    assert!(!app.broken.is_cancelled());
    listening.stop().await;
}

#[tokio::test]
async fn a_socket_that_does_not_read_holds_little_and_gets_everything_in_order() {
    const EVENTS: usize = 3_000;
    let folder = tempfile::tempdir().unwrap();
    let (app, listening, token) = started(folder.path()).await;
    let mut web = connect(&listening, &token, &json!({})).await;
    let ready = next(&mut web, "ready").await.unwrap();
    let (id, before) = ("x".repeat(1_000), &ready["rooms"]["everyone"][0]);
    for _ in 0..EVENTS {
        emit(&app, &id).await;
    }
    let queued = app.hub.step(|hub| {
        let behind: Vec<_> = super::lock(&hub.0.behind).keys().copied().collect();
        let sockets = hub.0.io.sockets().into_iter();
        let sockets = sockets.filter(|socket| behind.contains(socket.id()));
        sockets
            .map(|socket| socket.queued_bytes())
            .collect::<Vec<_>>()
    });
    let queued = queued.await.unwrap();
    assert_eq!(queued.len(), 1, "it is behind");
    assert!(queued[0] < 128 * 1024, "{queued:?}");

    let mut expected = before.as_i64().unwrap();
    for _ in 0..EVENTS {
        let event = next(&mut web, "channel:added").await.unwrap();
        expected += 1;
        assert_eq!(event["seq"], expected);
    }
    let resumed = next(&mut web, "resumed").await.unwrap();
    assert_eq!(resumed["rooms"]["everyone"]["recovered"], true);
    emit(&app, "after").await;
    let live = next(&mut web, "channel:added").await.unwrap();
    assert_eq!(live["seq"], expected + 1);
    listening.stop().await;
}

/// A client whose socket is behind and asks, while it reads nothing, to go on from where it was.
struct Slow {
    app: App,
    listening: Listening,
    web: Web,
    /// The number it claims to have, and that of the newest event.
    numbers: (i64, i64),
    _folder: tempfile::TempDir,
}

fn asking(hub: &super::Hub) -> usize {
    let sockets = hub.0.io.sockets();
    let asking = sockets.iter().map(|socket| hub.askers(socket));
    asking.max().unwrap_or(0)
}

/// The claim has this time, given the one of the event itself.
async fn resuming_while_behind(at: impl Fn(i64) -> i64) -> Slow {
    let folder = tempfile::tempdir().unwrap();
    let (app, listening, token) = started(folder.path()).await;
    let mut web = connect(&listening, &token, &json!({})).await;
    let ready = next(&mut web, "ready").await.unwrap();
    let [before, before_at] = [0, 1].map(|part| ready["rooms"]["everyone"][part].as_i64().unwrap());
    let id = "x".repeat(10_000);
    let mut head = before;
    while app.hub.step(asking).await.unwrap() == 0 {
        emit(&app, &id).await;
        head += 1;
    }
    let claim = json!(["resume", {"everyone": [before, at(before_at)]}]);
    web.send(Message::text(format!("421{claim}")))
        .await
        .unwrap();
    while app.hub.step(asking).await.unwrap() < 2 {
        tokio::task::yield_now().await;
    }
    Slow {
        app,
        listening,
        web,
        numbers: (before, head),
        _folder: folder,
    }
}

/// What a socket that is behind is answered to `resume` with this time; the numbers it was given before.
async fn resumed_while_behind(at: impl Fn(i64) -> i64) -> (Value, Vec<i64>, i64) {
    let mut slow = resuming_while_behind(at).await;
    let (before, head) = slow.numbers;
    let mut given = Vec::new();
    let answer = loop {
        let text = slow.web.next().await.unwrap().unwrap().into_text().unwrap();
        if let Some(answer) = text.strip_prefix("431") {
            break serde_json::from_str(answer).unwrap();
        }
        let event = text.strip_prefix("42").map(serde_json::from_str::<Value>);
        if let Some(Ok(event)) = event
            && event[0] == "channel:added"
        {
            given.push(event[1]["seq"].as_i64().unwrap() - before);
        }
    };
    slow.listening.stop().await;
    (answer, given, head - before)
}

/// So a client asks whether its connection is alive.
#[tokio::test]
async fn a_socket_that_is_behind_is_answered_at_once_if_it_claims_nothing() {
    let slow = resuming_while_behind(|at| at).await;
    let hub = &slow.app.hub;
    let [socket] = &slow.app.io.sockets()[..] else {
        panic!("one socket");
    };
    let (say, said) = tokio::sync::oneshot::channel();
    let answer = |resumed| drop(say.send(resumed));
    hub.resume(socket, &Claims::new(), answer).await.unwrap();
    let resumed = tokio::time::timeout(Duration::from_secs(10), said).await;
    assert!(resumed.unwrap().unwrap().rooms.is_empty());
    let askers = hub.step(asking).await.unwrap();
    assert_eq!(askers, 2, "who claimed something waits on");
    slow.listening.stop().await;
}

#[tokio::test]
async fn a_socket_that_goes_away_while_it_is_behind_and_resuming_leaves_nothing() {
    let Slow {
        app,
        listening,
        web,
        _folder,
        ..
    } = resuming_while_behind(|at| at).await;
    drop(web);
    let gone = async {
        while !app.io.sockets().is_empty() || !super::lock(&app.hub.0.behind).is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), gone)
        .await
        .expect("nothing is left of it");
    assert_eq!(app.hub.0.feeding.len(), 0);
    listening.stop().await;
    let stopped = tokio::time::timeout(Duration::from_secs(20), app.stop());
    stopped.await.expect("the server stops");
}

#[tokio::test]
async fn so_many_resumes_of_a_slow_socket_wait_and_no_more() {
    let mut slow = resuming_while_behind(|at| at).await;
    for number in 2..=17 {
        let claim = json!(["resume", {"everyone": slow.numbers.0}]);
        let message = Message::text(format!("42{number}{claim}"));
        slow.web.send(message).await.unwrap();
    }
    // They do not wait for each other: the first has no answer yet.
    while slow.app.hub.step(asking).await.unwrap() < 16 {
        tokio::task::yield_now().await;
    }
    let mut acks = std::collections::BTreeMap::new();
    while acks.len() < 17 {
        let text = slow.web.next().await.unwrap().unwrap().into_text().unwrap();
        if let Some((number, answer)) = text.strip_prefix("43").and_then(|ack| ack.split_once('['))
        {
            let is_resumed = answer.contains("\"recovered\":true");
            assert!(is_resumed || answer.contains("too_many"), "{answer}");
            acks.insert(number.parse::<u32>().unwrap(), is_resumed);
        }
    }
    let resumed = acks.iter().filter(|(_, is_resumed)| **is_resumed);
    let resumed: Vec<u32> = resumed.map(|(number, _)| *number).collect();
    assert_eq!(resumed, Vec::from_iter(1..=15));
    slow.listening.stop().await;
}

#[tokio::test]
async fn a_socket_that_is_behind_is_answered_resume_when_it_is_live() {
    let (answer, given, missed) = resumed_while_behind(|at| at).await;
    let everyone = &answer[0]["rooms"]["everyone"];
    assert_eq!(everyone["recovered"], true, "{answer}");
    // What was on its way already comes once more, and then the rest.
    let again = given.iter().rposition(|number| *number == 1).unwrap();
    assert_eq!(given[again..], Vec::from_iter(1..=missed));
    assert_eq!(given[..again], Vec::from_iter(1..=again as i64));
}

#[tokio::test]
async fn a_socket_that_is_behind_is_told_that_its_claim_is_of_another_history() {
    let (answer, given, missed) = resumed_while_behind(|at| at + 1).await;
    let everyone = &answer[0]["rooms"]["everyone"];
    assert_eq!(everyone["recovered"], false, "{answer}");
    assert!(given.len() < usize::try_from(missed).unwrap());
}

#[tokio::test]
async fn a_room_in_which_too_much_was_missed_costs_the_others_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (app, listening, token) = started(folder.path()).await;
    let mut web = connect(&listening, &token, &json!({})).await;
    let ready = next(&mut web, "ready").await.unwrap();
    let rooms = ready["rooms"].as_object().unwrap();
    assert!(rooms.len() > 1, "{ready}");
    drop(web);
    let missed = app.store.write(|tx| {
        for number in 0..2_200 {
            let channel_id = number.to_string().into();
            let event = ServerEvent::ChannelAdded(ChannelSeen { channel_id });
            tx.emit(Room::Everyone, event);
        }
        Ok::<_, store::Error>(())
    });
    missed.await.unwrap();
    // Rooms come in another order each time.
    for _ in 0..8 {
        let mut web = connect(&listening, &token, &ready["rooms"]).await;
        let resumed = next(&mut web, "resumed").await.unwrap();
        for room in rooms.keys() {
            let recovered = &resumed["rooms"][room]["recovered"];
            assert_eq!(recovered, room != "everyone", "{room}: {resumed}");
        }
    }
    listening.stop().await;
}

#[tokio::test]
async fn a_stock_client_that_does_not_read_is_closed_when_a_thousand_frames_wait() {
    let folder = tempfile::tempdir().unwrap();
    let (app, listening, token) = started(folder.path()).await;
    let mut web = connect(&listening, &token, &Value::Null).await;
    while app.io.sockets().is_empty() {
        web.next().await.unwrap().unwrap();
    }
    let socket = app.io.sockets().remove(0);
    let mut most = 0;
    while socket.is_connected() {
        let emitted = app.store.write(|tx| {
            let ada = users::by_email(tx, "ada@example.org")?;
            let typing = ChannelPush::Typing {
                channel_id: "any".into(),
                message_id: None,
                data: json!({"type": "x".repeat(300)}),
                user: ada.ok_or(store::Error::Closed)?.as_author(),
            };
            tx.emit(Room::Everyone, ServerEvent::Channel(typing));
            Ok::<_, store::Error>(())
        });
        emitted.await.unwrap();
        app.hub.step(|_| ()).await.unwrap();
        most = most.max(socket.queued_frames());
    }
    assert!((900..=1_000).contains(&most), "{most}");
    listening.stop().await;
}

#[tokio::test]
async fn a_part_that_ends_before_the_server_is_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let (app, listening, _) = started(folder.path()).await;
    app.keep("part", async { panic!("a defect") });
    app.broken.cancelled().await;
    listening.stop().await;
}

#[tokio::test]
async fn nobody_enters_a_room_before_that_is_delivered_which_let_them_in() {
    let folder = tempfile::tempdir().unwrap();
    let (app, listening, token) = started(folder.path()).await;
    let mut web = connect(&listening, &token, &json!({})).await;
    next(&mut web, "resumed").await.unwrap();
    let socket = app.io.sockets().pop().unwrap();
    // A hub of our own, that is handed over what we give it.
    let (batches, taken) = mpsc::channel(1);
    let (io, store, arrivals) = (app.io.clone(), app.store.clone(), app.arrivals.clone());
    let (hub, inbox) = Hub::new(io, store, arrivals, taken).await.unwrap();
    let delivery = tokio::spawn(hub.clone().run(inbox));
    let pos = hub.cursor().number + 1;
    let room = Room::Channel("new".into());
    let theirs = Theirs {
        user_id: "ada".into(),
        session_id: "desk".into(),
        rooms: Arc::new(HashSet::from([room.clone()])),
        read_at_pos: pos,
    };
    let entering = hub.settle(&socket, &theirs);
    tokio::pin!(entering);
    tokio::select! {
        biased;
        _ = &mut entering => panic!("the room is entered"),
        passed = hub.step(|_| ()) => assert!(passed.is_some()),
    }
    let what = What::Effect(Effect::EndSession {
        session_id: "another".into(),
    });
    let batch = vec![Committed {
        pos,
        at_ms: 1,
        what,
    }];
    batches.send(batch).await.unwrap();
    assert_eq!(entering.await.unwrap(), Entered::Yes);
    assert!(socket.is_in(&room.to_string()));

    let later = Theirs {
        read_at_pos: pos + 1,
        ..theirs.clone()
    };
    let never = hub.settle(&socket, &later);
    drop(batches);
    assert!(never.await.is_err(), "the server stops");
    delivery.await.unwrap();
    listening.stop().await;
}
