//! Keeps the event log and the list of commands bounded: once a minute, small batches between other writes, until nothing is left to remove.

use crate::app::App;
use std::time::Duration;
use store::Tx;

/// How often the log is looked at.
const EVERY: Duration = Duration::from_secs(60);

/// Runs until the server stops.
pub async fn run(app: App) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => prune(&app).await,
            () = app.stopping.cancelled() => return,
        }
    }
}

/// The most commands one batch forgets.
const COMMANDS: u32 = 500;

async fn prune(app: &App) {
    let (keep, now_ms) = (app.config.retention, app.clock.now_ms());
    let removed = remove(app, "the event log", move |tx| {
        store::retention::prune(tx, keep, now_ms)
    });
    let removed = removed.await;
    if removed > 0 {
        tracing::info!(removed, "pruned the event log");
    }
    remove(app, "old commands", move |tx| {
        store::commands::prune(tx, now_ms, COMMANDS)
    })
    .await;
}

/// Removes batch by batch until nothing is left to remove; how many rows that were.
async fn remove(
    app: &App,
    what: &'static str,
    batch: impl Fn(&mut Tx<'_>) -> Result<usize, store::Error> + Clone + Send + 'static,
) -> usize {
    let mut removed = 0;
    while !app.stopping.is_cancelled() {
        match app.store.write_soft(batch.clone()).await {
            Ok(0) => break,
            Ok(rows) => removed += rows,
            Err(error) => {
                tracing::warn!(%error, what, "it could not be made shorter; trying again in a minute");
                break;
            }
        }
    }
    removed
}
