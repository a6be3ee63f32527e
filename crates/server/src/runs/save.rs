//! Stores what the runs of this server have gained: one batch for all of them, four times a second while any grows.
//!
//! A crash costs at most this much text, and the end that is then written says how much was kept.

use super::text::Piece;
use super::{Handle, Runs};
use crate::app::App;
use crate::error::Error;
use std::sync::Arc;
use std::time::Duration;
use store::chats::runs;
use wire::TaskId;

/// The time between two batches.
const BETWEEN_BATCHES: Duration = Duration::from_millis(250);

/// Saves until the server stops.
pub async fn save_all(app: App) {
    loop {
        tokio::select! {
            () = app.runs.grown() => {}
            () = app.stopping.cancelled() => return,
        }
        tokio::time::sleep(BETWEEN_BATCHES).await;
        save(&app).await;
    }
}

async fn save(app: &App) {
    let handles = app.runs.of(|_| true);
    let gained: Vec<(Arc<Handle>, Piece)> = handles
        .into_iter()
        .filter(|handle| handle.is_stored)
        .filter_map(|handle| {
            let piece = handle.text().unsaved()?;
            Some((handle, piece))
        })
        .collect();
    if gained.is_empty() {
        return;
    }
    let batch: Vec<(TaskId, Piece)> = gained
        .iter()
        .map(|(handle, piece)| (handle.run.id.clone(), piece.clone()))
        .collect();
    let saved = app.store.write_soft(move |tx| {
        for (id, piece) in batch {
            match piece {
                Piece::More { offset, text } => runs::put_piece(tx, &id, offset, &text)?,
                Piece::Whole(text) => {
                    runs::delete_pieces(tx, &id)?;
                    runs::put_piece(tx, &id, 0, &text)?;
                }
            }
        }
        Ok::<_, Error>(())
    });
    if let Err(error) = saved.await {
        if !error.is_said() {
            tracing::warn!(%error, "what answers have gained could not be stored; it is tried again");
        }
        gained
            .iter()
            .for_each(|(handle, _)| handle.text().was_not_saved());
        app.runs.grow();
    }
}

impl Runs {
    /// Asks for another batch.
    fn grow(&self) {
        self.0.grown.notify_one();
    }
}
