//! An older copy of the database takes its place while clients hold newer positions.

#![allow(clippy::unwrap_used)] // in the helpers too, not only in the tests

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use store::{Clock, Error, Options, Store, log};
use wire::Room;
use wire::events::{ChannelSeen, ServerEvent};

/// Of two histories with the same numbers a client must be able to say which it has seen.
#[tokio::test]
async fn an_older_copy_that_is_restored_after_a_clock_was_fast_gives_events_other_times() {
    let folder = tempfile::tempdir().unwrap();
    let [path, copy] = ["t.db", "copy.db"].map(|name| folder.path().join(name));
    let now = Arc::new(AtomicI64::new(2_000_000));
    let clock: Clock = {
        let now = now.clone();
        Arc::new(move || now.load(Ordering::Relaxed))
    };
    let said_at = async |store: &Store| {
        let said = store.write(|tx| {
            let channel_id = "a".into();
            let seen = ServerEvent::ChannelAdded(ChannelSeen { channel_id });
            tx.emit(Room::Everyone, seen);
            Ok::<_, Error>(())
        });
        said.await.unwrap();
        let head = store.read(|conn| log::room_head(conn, &Room::Everyone.to_string()));
        let head = head.await.unwrap();
        (head.number, head.at_ms)
    };
    let open = |path| Store::open_beside(path, &Options::default(), clock.clone()).unwrap();
    let store = open(&path);
    assert_eq!(said_at(&store).await, (1, 2_000_000));
    now.store(1_000_000, Ordering::Relaxed);
    let backup = rusqlite::Connection::open(&path).unwrap();
    backup
        .execute("VACUUM INTO ?1", [copy.to_str().unwrap()])
        .unwrap();
    assert_eq!(said_at(&store).await, (2, 2_000_000), "time stands");
    let (number, at_ms) = said_at(&open(&copy)).await;
    assert!(number == 2 && at_ms > 2_000_000, "{number} at {at_ms}");
    now.store(3_000_000, Ordering::Relaxed);
    assert_eq!(said_at(&open(&copy)).await, (3, 3_000_000));
}
