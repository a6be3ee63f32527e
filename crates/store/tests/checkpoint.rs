//! The write-ahead log while somebody else reads: no write waits for them or is refused, and the file gets small again.

#![allow(clippy::unwrap_used)] // in the helpers too, not only in the tests

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use store::{Error, Options, Store, system_clock};
use tokio::sync::mpsc;
use wire::Room;
use wire::events::{ChannelSeen, ServerEvent};

const LARGE_BYTES: u64 = 256 * 1024;

async fn write(store: &Store, payload_bytes: usize) -> Result<(), Error> {
    let job = move |tx: &mut store::Tx<'_>| {
        let channel_id = "x".repeat(payload_bytes).into();
        let event = ServerEvent::ChannelAdded(ChannelSeen { channel_id });
        tx.emit(Room::Channel("a".into()), event);
        Ok(())
    };
    store.write(job).await
}

fn size_bytes(wal: &Path) -> u64 {
    std::fs::metadata(wal).map_or(0, |file| file.len())
}

#[tokio::test]
async fn a_reader_that_stays_refuses_no_write_and_leaves_a_small_log_when_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let options = Options {
        // Whoever else takes the write lock, however shortly, shows as a write that was refused.
        busy_timeout: Duration::ZERO,
        checkpoint_every: Duration::from_millis(5),
        large_wal_bytes: LARGE_BYTES,
        ..Options::default()
    };
    let (to, mut events) = mpsc::channel(1_024);
    let store = Store::open(&path, &options, system_clock(), to).unwrap();
    let emptied = tokio::spawn(async move { while events.recv().await.is_some() {} });
    let wal = folder.path().join("t.db-wal");
    write(&store, 10).await.unwrap();

    let reader = Connection::open(&path).unwrap();
    reader
        .execute_batch("BEGIN; SELECT * FROM event LIMIT 1")
        .unwrap();
    for _ in 0..100 {
        write(&store, 50_000).await.unwrap();
    }
    assert!(size_bytes(&wal) > 10 * LARGE_BYTES, "{}", size_bytes(&wal));

    reader.execute_batch("ROLLBACK").unwrap();
    let gone = Instant::now();
    while size_bytes(&wal) > LARGE_BYTES {
        assert!(gone.elapsed() < Duration::from_secs(20), "it stays large");
        write(&store, 10).await.unwrap();
    }
    store.close().await;
    emptied.await.unwrap();
}
