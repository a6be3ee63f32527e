//! The lane and the log: numbers without holes, events exactly of the jobs that succeeded, jobs that nobody can cancel.

#![allow(clippy::unwrap_used)] // in the helpers too, not only in the tests

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, mpsc as std_mpsc};

use proptest::prelude::*;
use serde_json::Value;
use store::{Clock, Committed, Effect, Error, OpenError, Options, Store, Tx, What, log};
use tempfile::TempDir;
use tokio::sync::mpsc;
use wire::Room;
use wire::events::{ChannelSeen, ChatEvent, ChatPush, ServerEvent};

/// A store on a temporary file with the queue that a hub would read.
struct Opened {
    store: Store,
    events: mpsc::Receiver<Vec<Committed>>,
    folder: TempDir,
}

fn clock() -> Clock {
    let now = Arc::new(AtomicI64::new(1_763_900_000_000));
    Arc::new(move || now.fetch_add(1, Ordering::Relaxed))
}

fn open() -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let (to, events) = mpsc::channel(1_024);
    let store = Store::open(
        &folder.path().join("t.db"),
        &Options::default(),
        clock(),
        to,
    )
    .unwrap();
    Opened {
        store,
        events,
        folder,
    }
}

fn room(name: u8) -> Room {
    Room::Channel(name.to_string().into())
}

fn seen(channel: impl Into<String>) -> ServerEvent {
    ServerEvent::ChannelAdded(ChannelSeen {
        channel_id: channel.into().into(),
    })
}

fn emit_numbers(tx: &mut Tx<'_>, job: usize, rooms: &[u8]) {
    for (index, name) in rooms.iter().enumerate() {
        tx.emit(room(*name), seen(format!("{job}/{index}")));
    }
}

#[tokio::test]
async fn an_event_carries_its_room_number_and_time() {
    let mut t = open();
    let answer: Result<u8, Error> = t
        .store
        .write(|tx| {
            tx.emit(Room::Channel("a".into()), seen("a"));
            tx.effect(Effect::Join {
                user_id: "u".into(),
                room: Room::Channel("a".into()),
            });
            tx.emit(Room::User("u".into()), seen("b"));
            Ok(7)
        })
        .await;
    assert_eq!(answer.unwrap(), 7);
    // The events were handed on before the caller was answered.
    let rows = t.events.try_recv().unwrap();
    assert_eq!(
        rows.iter().map(|row| row.pos).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    let What::Event(first) = &rows[0].what else {
        panic!("{rows:?}")
    };
    let payload: Value = serde_json::from_str(first.payload.get()).unwrap();
    assert_eq!(
        payload,
        serde_json::json!({ "room": "channel:a", "seq": 1, "at": rows[0].at_ms, "channel_id": "a" })
    );
    assert!(
        matches!(&rows[1].what, What::Effect(Effect::Join { user_id, .. }) if user_id.as_str() == "u")
    );

    let (kept, head) = t
        .store
        .read(|conn| {
            Ok::<_, Error>((
                log::events_after(conn, "channel:a", 0, 10)?,
                log::room_head(conn, "channel:a")?,
            ))
        })
        .await
        .unwrap();
    let What::Event(event) = &kept[0].what else {
        panic!("{kept:?}")
    };
    assert_eq!((event.payload.get(), head.number), (first.payload.get(), 1));
}

#[tokio::test]
async fn a_job_goes_on_when_its_caller_has_left() {
    let mut t = open();
    let (started, has_started) = std_mpsc::channel();
    let (go, may_go) = std_mpsc::channel();
    let store = t.store.clone();
    let caller = tokio::spawn(async move {
        store
            .write(move |tx| {
                started.send(()).unwrap();
                may_go.recv().unwrap();
                tx.emit(room(1), seen("a"));
                Ok::<_, Error>(())
            })
            .await
    });
    tokio::task::spawn_blocking(move || has_started.recv().unwrap())
        .await
        .unwrap();
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    go.send(()).unwrap();
    assert_eq!(t.events.recv().await.unwrap().len(), 1);
    let head = t.store.read(log::head).await.unwrap();
    assert_eq!(head.number, 1);
}

#[tokio::test]
async fn a_payload_that_cannot_be_stored_fails_its_job() {
    let t = open();
    let large = ServerEvent::Chat(ChatPush {
        chat_id: None,
        message_id: None,
        data: ChatEvent::Title("x".repeat(store::MAX_PAYLOAD_BYTES)),
        run: None,
    });
    let answer = t
        .store
        .write(move |tx| {
            tx.emit(room(1), large);
            Ok::<_, Error>(())
        })
        .await;
    assert!(matches!(answer, Err(Error::Payload { .. })), "{answer:?}");
    let answer = t
        .store
        .write(|tx| {
            (0u8..=100).for_each(|n| tx.emit(room(n), seen("a")));
            Ok::<_, Error>(())
        })
        .await;
    assert!(matches!(answer, Err(Error::TooManyRooms)), "{answer:?}");
    assert_eq!(t.store.read(log::head).await.unwrap().number, 0);
}

#[tokio::test]
async fn a_second_server_on_the_same_file_is_refused_and_told_why() {
    let t = open();
    let path = t.folder.path().join("t.db");
    let again = || Store::open(&path, &Options::default(), clock(), mpsc::channel(1).0);
    let Err(refused) = again() else {
        panic!("opened twice")
    };
    assert!(matches!(refused, OpenError::InUse { .. }));
    assert!(
        refused
            .to_string()
            .contains(&std::process::id().to_string()),
        "{refused}"
    );
    t.store.close().await;
    assert!(matches!(
        t.store.write(|_| Ok::<_, Error>(())).await,
        Err(Error::Closed)
    ));
    assert!(again().is_ok());
}

#[tokio::test]
async fn what_a_tool_writes_beside_the_server_is_handed_on_in_order() {
    let mut t = open();
    let tool =
        Store::open_beside(&t.folder.path().join("t.db"), &Options::default(), clock()).unwrap();
    let emit = |store: Store, room: u8| async move {
        store
            .write(move |tx| {
                emit_numbers(tx, 0, &[room]);
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    };
    emit(t.store.clone(), 1).await;
    emit(tool.clone(), 2).await;
    emit(t.store.clone(), 3).await;
    emit(tool, 4).await; // nothing follows: the lane finds it by itself
    let mut seen = Vec::new();
    while seen.len() < 4 {
        seen.extend(
            t.events
                .recv()
                .await
                .unwrap()
                .into_iter()
                .map(|row| row.pos),
        );
    }
    assert_eq!(seen, [1, 2, 3, 4]);
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    let t = open();
    let path = t.folder.path().join("t.db");
    t.store.close().await;
    let db = rusqlite::Connection::open(&path).unwrap();
    db.execute("INSERT INTO migration VALUES (9999, '9999_later', 0)", [])
        .unwrap();
    let refused = Store::open_beside(&path, &Options::default(), clock())
        .err()
        .unwrap();
    assert!(
        matches!(refused, OpenError::TooNew { found: 9999, .. }),
        "{refused}"
    );

    let other = t.folder.path().join("other.db");
    rusqlite::Connection::open(&other)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    let refused = Store::open_beside(&other, &Options::default(), clock())
        .err()
        .unwrap();
    assert!(matches!(refused, OpenError::NotOurs { .. }), "{refused}");
}

/// What one random job does.
#[derive(Debug, Clone)]
enum Ending {
    Succeeds,
    Fails,
    Panics,
}

fn jobs() -> impl Strategy<Value = Vec<(Vec<u8>, Ending)>> {
    let ending = prop_oneof![4 => Just(Ending::Succeeds), 1 => Just(Ending::Fails), 1 => Just(Ending::Panics)];
    proptest::collection::vec((proptest::collection::vec(0u8..5, 0..4), ending), 1..60)
}

async fn check_jobs(jobs: Vec<(Vec<u8>, Ending)>) {
    let mut t = open();
    let running: Vec<_> = jobs
        .iter()
        .cloned()
        .enumerate()
        .map(|(number, (rooms, ending))| {
            let store = t.store.clone();
            tokio::spawn(async move {
                store
                    .write(move |tx| {
                        emit_numbers(tx, number, &rooms);
                        match ending {
                            Ending::Succeeds => Ok(()),
                            Ending::Fails => Err(Error::Conflict("on purpose".into())),
                            Ending::Panics => panic!("on purpose"),
                        }
                    })
                    .await
            })
        })
        .collect();
    let mut expected: Vec<(usize, usize)> = Vec::new();
    for (number, (job, (rooms, ending))) in running.into_iter().zip(&jobs).enumerate() {
        let answer = job.await.unwrap();
        match ending {
            Ending::Succeeds => answer.unwrap(),
            Ending::Fails => assert!(matches!(answer, Err(Error::Conflict(_)))),
            Ending::Panics => assert!(matches!(answer, Err(Error::Panicked(_)))),
        }
        if matches!(ending, Ending::Succeeds) {
            expected.extend((0..rooms.len()).map(|index| (number, index)));
        }
    }
    t.store.close().await;
    let mut handed = Vec::new();
    while let Ok(rows) = t.events.try_recv() {
        handed.extend(rows);
    }
    let stored = t
        .store
        .read(|conn| log::all_after(conn, 0, 10_000))
        .await
        .unwrap();
    let text = |rows: &[Committed]| format!("{rows:?}");
    assert_eq!(text(&handed), text(&stored));

    let mut next_seq: HashMap<Arc<str>, i64> = HashMap::new();
    let mut found = Vec::new();
    for (pos, row) in (1..).zip(&stored) {
        assert_eq!(row.pos, pos);
        let What::Event(event) = &row.what else {
            panic!("{row:?}")
        };
        let next = next_seq.entry(event.room.clone()).or_insert(1);
        assert_eq!(event.seq, *next);
        *next += 1;
        let payload: Value = serde_json::from_str(event.payload.get()).unwrap();
        let (job, index) = payload["channel_id"]
            .as_str()
            .unwrap()
            .split_once('/')
            .unwrap();
        found.push((job.parse().unwrap(), index.parse().unwrap()));
    }
    found.sort_unstable();
    assert_eq!(found, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn numbers_have_no_holes_whatever_jobs_do(jobs in jobs()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        runtime.block_on(check_jobs(jobs));
    }
}
