//! What another process writes beside the server (a tool on the command line) reaches the server's sockets.

#![allow(clippy::unwrap_used)] // in the helpers too, not only in the tests

use std::time::{Duration, Instant};

use store::{Effect, Error, Options, Store, What, system_clock};
use tokio::sync::mpsc;

/// Far more than the second within which it must come.
const LATE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_tools_write_is_handed_on_while_the_server_writes_without_a_pause_and_emits_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.db");
    let (to, mut events) = mpsc::channel(8);
    let store = Store::open(&path, &Options::default(), system_clock(), to).unwrap();
    let tool = Store::open_beside(&path, &Options::default(), system_clock()).unwrap();
    let user_id = wire::UserId::from("ada");
    let revoked = Effect::EndUser { user_id };
    let effect = revoked.clone();
    let revoking = tool.write(move |tx| {
        tx.effect(effect);
        Ok::<_, Error>(())
    });
    revoking.await.unwrap();
    let written = Instant::now();
    let mut writes = 0;
    let rows = loop {
        if let Ok(rows) = events.try_recv() {
            break rows;
        }
        assert!(
            written.elapsed() < LATE,
            "nothing came, {writes} writes later"
        );
        store.write_soft(|_| Ok::<_, Error>(())).await.unwrap();
        writes += 1;
    };
    assert!(
        matches!(&rows[..], [row] if matches!(&row.what, What::Effect(effect) if *effect == revoked)),
        "{rows:?}"
    );
}
