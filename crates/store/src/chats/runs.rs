//! Runs: one generation each, started and ended once, with the text it has so far in batches.
//!
//! While a run is under way its text stands in `run_piece`, so that storing it costs what was added and not what is
//! there; its end puts the whole text into the message.

use rusqlite::{Row, params};
use wire::{ChatId, MessageId, TaskId, UserId};

use crate::conn::sql;
use crate::{Conn, Error, Tx};

/// How many runs are looked at in one go.
const MAX_RUNS: i64 = 10_000;

/// A run that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Which.
    pub id: TaskId,
    /// In which chat.
    pub chat_id: ChatId,
    /// Into which message it writes.
    pub message_id: MessageId,
    /// Whose.
    pub user_id: UserId,
    /// Who answers.
    pub model: String,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The model came to its end.
    Finished,
    /// Its owner stopped it.
    Stopped,
    /// It broke.
    Failed {
        /// A stable word.
        code: String,
    },
}

/// Notes that a run began.
pub fn insert(tx: &mut Tx<'_>, run: &Running, now_ms: i64) -> Result<(), Error> {
    tx.run(
        sql!("runs/insert"),
        params![
            run.id.as_str(),
            run.chat_id.as_str(),
            run.message_id.as_str(),
            run.user_id.as_str(),
            run.model,
            now_ms,
        ],
    )?;
    Ok(())
}

/// Notes how a run ended and forgets its pieces. False if it had ended before, or its chat is gone.
pub fn end(
    tx: &mut Tx<'_>,
    id: &TaskId,
    ended: &Ended,
    kept_bytes: usize,
    now_ms: i64,
) -> Result<bool, Error> {
    let (state, code) = match ended {
        Ended::Finished => ("finished", None),
        Ended::Stopped => ("stopped", None),
        Ended::Failed { code } => ("failed", Some(code)),
    };
    let kept_bytes = i64::try_from(kept_bytes).unwrap_or(i64::MAX);
    let params = params![id.as_str(), state, code, kept_bytes, now_ms];
    let was_running = tx.run(sql!("runs/end"), params)? == 1;
    tx.run(sql!("runs/delete_pieces"), [id.as_str()])?;
    Ok(was_running)
}

/// All runs that have not ended, oldest first.
pub fn running(conn: &Conn) -> Result<Vec<Running>, Error> {
    conn.all(sql!("runs/running"), [MAX_RUNS], running_row)
}

/// The runs of a chat that have not ended, oldest first.
pub fn running_in_chat(conn: &Conn, chat: &ChatId) -> Result<Vec<Running>, Error> {
    conn.all(sql!("runs/running_in_chat"), [chat.as_str()], running_row)
}

/// Stores a piece of a run's text; nothing if the run has ended or its chat is gone.
pub fn put_piece(
    tx: &mut Tx<'_>,
    id: &TaskId,
    offset_bytes: usize,
    text: &str,
) -> Result<(), Error> {
    let offset_bytes = i64::try_from(offset_bytes).unwrap_or(i64::MAX);
    tx.run(
        sql!("runs/put_piece"),
        params![id.as_str(), offset_bytes, text],
    )?;
    Ok(())
}

/// Forgets the pieces of a run: its text begins anew.
pub fn delete_pieces(tx: &mut Tx<'_>, id: &TaskId) -> Result<(), Error> {
    tx.run(sql!("runs/delete_pieces"), [id.as_str()])?;
    Ok(())
}

/// The text of a run as far as it was stored.
pub fn text(conn: &Conn, id: &TaskId) -> Result<String, Error> {
    let pieces: Vec<String> = conn.all(sql!("runs/pieces"), [id.as_str()], |row| row.get(0))?;
    Ok(pieces.concat())
}

fn running_row(row: &Row<'_>) -> rusqlite::Result<Running> {
    Ok(Running {
        id: TaskId(row.get(0)?),
        chat_id: ChatId(row.get(1)?),
        message_id: MessageId(row.get(2)?),
        user_id: UserId(row.get(3)?),
        model: row.get(4)?,
    })
}
