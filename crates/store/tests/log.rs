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
                log::events_after(conn, "channel:a", 0, ALL)?,
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

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_loses_nothing_it_took() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        waiting_writes: 1,
        ..Options::default()
    };
    let (to, mut events) = mpsc::channel(1_024);
    let store = Store::open(&folder.path().join("t.db"), &options, clock(), to).unwrap();
    let (started, has_started) = std_mpsc::channel();
    let (go, may_go) = std_mpsc::channel();
    let running = {
        let store = store.clone();
        tokio::spawn(async move {
            store
                .write(move |tx| {
                    started.send(()).unwrap();
                    may_go.recv().unwrap();
                    tx.emit(room(1), seen("first"));
                    Ok::<_, Error>(())
                })
                .await
        })
    };
    tokio::task::spawn_blocking(move || has_started.recv().unwrap())
        .await
        .unwrap();
    let write = |store: Store| async move {
        let job = |tx: &mut Tx<'_>| {
            tx.emit(room(1), seen("later"));
            Ok::<_, Error>(())
        };
        store.write(job).await
    };
    // One fits into the queue; it must be sent before the next tries, so both are polled in order.
    let (waiting, refused) = tokio::join!(biased; write(store.clone()), async {
        let refused = write(store.clone()).await;
        go.send(()).unwrap();
        refused
    });
    assert!(matches!(refused, Err(Error::Busy)), "{refused:?}");
    waiting.unwrap();
    running.await.unwrap().unwrap();
    store.close().await;
    let mut rows = 0;
    while let Ok(batch) = events.try_recv() {
        rows += batch.len();
    }
    assert_eq!(rows, 2);
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

/// Emits `count` events to a room, one job each.
async fn emit_each(store: &Store, name: u8, count: usize) {
    for index in 0..count {
        store
            .write(move |tx| {
                tx.emit(room(name), seen(index.to_string()));
                Ok::<_, Error>(())
            })
            .await
            .unwrap();
    }
}

async fn prune_all(store: &Store, keep: store::retention::Retention, now_ms: i64) -> usize {
    let mut removed = 0;
    loop {
        let batch = store
            .write(move |tx| store::retention::prune(tx, keep, now_ms))
            .await
            .unwrap();
        removed += batch;
        if batch == 0 {
            return removed;
        }
    }
}

/// More than any test writes.
const ALL: log::Most = log::Most {
    events: 1_000,
    bytes: usize::MAX,
};

async fn kept_seqs(store: &Store, name: u8) -> Vec<i64> {
    let rows = store
        .read(move |conn| log::events_after(conn, &room(name).to_string(), 0, ALL))
        .await
        .unwrap();
    let seq = |row: Committed| match row.what {
        What::Event(event) => event.seq,
        What::Effect(_) => 0,
    };
    rows.into_iter().map(seq).collect()
}

#[tokio::test]
async fn a_room_keeps_its_newest_events_and_its_head() {
    let mut opened = open();
    tokio::spawn(async move { while opened.events.recv().await.is_some() {} });
    let store = opened.store;
    emit_each(&store, 1, 20).await;
    emit_each(&store, 2, 3).await;
    let keep = store::retention::Retention {
        per_room: 5,
        ..Default::default()
    };
    assert_eq!(prune_all(&store, keep, 0).await, 15);
    assert_eq!(kept_seqs(&store, 1).await, [16, 17, 18, 19, 20]);
    assert_eq!(kept_seqs(&store, 2).await, [1, 2, 3]);
    let name = room(1).to_string();
    let places = [(name.clone(), 0), (name.clone(), 15), (name.clone(), 16)];
    let (head, kept) = store
        .read(move |conn| {
            Ok::<_, Error>((log::room_head(conn, &name)?, log::kept_at(conn, &places)?))
        })
        .await
        .unwrap();
    assert_eq!(head.number, 20);
    assert!(matches!(
        kept[..],
        [
            log::KeptAt::Gone,
            log::KeptAt::Gone,
            log::KeptAt::Event { .. }
        ]
    ));
    emit_each(&store, 1, 1).await;
    assert_eq!(kept_seqs(&store, 1).await.last(), Some(&21));
}

#[tokio::test]
async fn the_log_is_bounded_by_age_and_by_bytes() {
    let mut opened = open();
    tokio::spawn(async move { while opened.events.recv().await.is_some() {} });
    let store = opened.store;
    emit_each(&store, 1, 30).await;
    let rows = store
        .read(|conn| log::all_after(conn, 0, 100))
        .await
        .unwrap();
    let keep = store::retention::Retention {
        age: std::time::Duration::from_secs(60),
        ..Default::default()
    };
    let now_ms = rows[9].at_ms + 60_001;
    assert_eq!(
        prune_all(&store, keep, now_ms).await,
        rows.iter()
            .filter(|row| row.at_ms < now_ms - 60_000)
            .count()
    );
    let size = |row: &Committed| match &row.what {
        What::Event(event) => event.payload.get().len(),
        What::Effect(_) => 0,
    };
    let newest: usize = rows[25..].iter().map(size).sum();
    let keep = store::retention::Retention {
        bytes: i64::try_from(newest).unwrap(),
        ..Default::default()
    };
    prune_all(&store, keep, 0).await;
    assert_eq!(kept_seqs(&store, 1).await, [26, 27, 28, 29, 30]);
}

const MOST: log::Most = log::Most {
    events: 150,
    bytes: 100_000,
};

/// What was missed in rooms 1 and 2, as `room/seq`.
async fn missed(store: &Store, from: log::Head, most: log::Most) -> Option<Vec<String>> {
    let rooms = [room(1).to_string(), room(2).to_string()];
    let missed = store
        .read(move |conn| log::missed_after(conn, &rooms, from, most))
        .await
        .unwrap()?;
    let name = |row: Committed| match row.what {
        What::Event(event) => format!("{}/{}", event.room, event.seq),
        What::Effect(_) => "effect".to_owned(),
    };
    Some(missed.events.into_iter().map(name).collect())
}

#[tokio::test]
async fn what_was_missed_after_a_place_comes_in_the_order_of_the_log() {
    let mut opened = open();
    tokio::spawn(async move { while opened.events.recv().await.is_some() {} });
    let store = opened.store;
    let head = async || store.read(log::head).await.unwrap();
    let nothing = head().await;
    assert_eq!(missed(&store, nothing, MOST).await, Some(vec![]));
    emit_each(&store, 1, 1).await;
    let first = head().await;
    for name in [2, 3, 1, 2] {
        emit_each(&store, name, 1).await;
    }
    let (one, two) = (room(1), room(2));
    let later = [format!("{two}/1"), format!("{one}/2"), format!("{two}/2")];
    assert_eq!(missed(&store, first, MOST).await, Some(later.to_vec()));
    let all = missed(&store, nothing, MOST).await.unwrap();
    assert_eq!((all.len(), &all[1..]), (4, &later[..]));
    assert_eq!(missed(&store, head().await, MOST).await, Some(vec![]));
    let doubtful = |number, at_ms| missed(&store, log::Head { number, at_ms }, MOST);
    assert_eq!(doubtful(first.number, first.at_ms + 1).await, None);
    assert_eq!(doubtful(head().await.number, first.at_ms).await, None);
    assert_eq!(doubtful(0, 1).await, None);
    assert_eq!(doubtful(99, first.at_ms).await, None);
    assert_eq!(doubtful(-1, first.at_ms).await, None);
    let few = log::Most { events: 2, ..MOST };
    assert_eq!(missed(&store, first, few).await, None);
    let short = log::Most { bytes: 100, ..MOST };
    assert_eq!(missed(&store, first, short).await, None);
}

#[tokio::test]
async fn what_was_missed_and_pruned_is_in_doubt() {
    let mut opened = open();
    tokio::spawn(async move { while opened.events.recv().await.is_some() {} });
    let store = opened.store;
    emit_each(&store, 2, 1).await;
    let from = store.read(log::head).await.unwrap();
    emit_each(&store, 1, 105).await;
    assert_eq!(missed(&store, from, MOST).await.unwrap().len(), 105);
    let crowded = store::retention::Retention {
        per_room: 100,
        ..Default::default()
    };
    assert_eq!(prune_all(&store, crowded, 0).await, 5);
    assert_eq!(missed(&store, from, MOST).await, None);
    let last = store.read(log::head).await.unwrap();
    emit_each(&store, 1, 1).await;
    let old = store::retention::Retention {
        age: std::time::Duration::ZERO,
        ..Default::default()
    };
    assert_eq!(prune_all(&store, old, last.at_ms).await, 100);
    let one = Some(vec![format!("{}/106", room(1))]);
    assert_eq!(
        missed(&store, last, MOST).await,
        one,
        "the last one is here"
    );
    assert_eq!(prune_all(&store, old, last.at_ms + 1).await, 1);
    assert_eq!(missed(&store, last, MOST).await, None);
}
