//! Keeps the event log bounded: once a minute, small batches between other writes, until nothing is left to remove.

use crate::app::App;
use std::time::Duration;

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

async fn prune(app: &App) {
    let (keep, now_ms) = (app.config.retention, app.clock.now_ms());
    let mut removed = 0;
    while !app.stopping.is_cancelled() {
        let batch = app
            .store
            .write_soft(move |tx| store::retention::prune(tx, keep, now_ms))
            .await;
        match batch {
            Ok(0) => break,
            Ok(rows) => removed += rows,
            Err(error) => {
                tracing::warn!(%error, "the event log could not be pruned; trying again in a minute");
                break;
            }
        }
    }
    forget_commands(app, now_ms).await;
    if removed > 0 {
        tracing::info!(removed, "pruned the event log");
    }
}

/// The most commands one batch forgets.
const COMMANDS: u32 = 500;

async fn forget_commands(app: &App, now_ms: i64) {
    loop {
        let batch = app
            .store
            .write_soft(move |tx| store::commands::prune(tx, now_ms, COMMANDS))
            .await;
        match batch {
            Ok(rows) if rows >= COMMANDS as usize && !app.stopping.is_cancelled() => {}
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(%error, "old commands could not be forgotten; trying again in a minute");
                return;
            }
        }
    }
}
