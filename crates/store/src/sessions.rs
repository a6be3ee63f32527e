//! Sessions: a token is valid while its row stands, its time has not come, and its person may sign in.

use std::collections::HashMap;

use rusqlite::params;
use wire::UserId;

use crate::conn::{json_list, sql};
use crate::users::{self, User};
use crate::{Conn, Effect, Error, Tx};

/// How many sessions a person may have; signing in once more ends the oldest.
const MAX_PER_USER: i64 = 500;

/// Remembers a session under the token's `jti`. `expires_at_ms`: none is for ever.
pub fn start(
    tx: &Tx<'_>,
    id: &str,
    user_id: &UserId,
    now_ms: i64,
    expires_at_ms: Option<i64>,
) -> Result<(), Error> {
    tx.run(
        sql!("sessions/insert"),
        params![id, user_id.as_str(), now_ms, expires_at_ms],
    )?;
    tx.run(
        sql!("sessions/prune"),
        params![user_id.as_str(), now_ms, MAX_PER_USER],
    )
    .map(drop)
}

/// Whose session this is, while it is valid.
pub fn user_of(conn: &Conn, id: &str, now_ms: i64) -> Result<Option<User>, Error> {
    conn.first(
        sql!("sessions/user_of"),
        params![id, now_ms],
        users::from_row,
    )
}

/// Whose sessions these are, by their ids: those that are valid.
pub fn users_of(conn: &Conn, ids: &[String], now_ms: i64) -> Result<HashMap<String, User>, Error> {
    let rows = conn.all(
        sql!("sessions/users_of"),
        params![json_list(ids)?, now_ms],
        |row| Ok((row.get(9)?, users::from_row(row)?)),
    )?;
    Ok(rows.into_iter().collect())
}

/// Ends a session; its sockets are disconnected.
pub fn end(tx: &mut Tx<'_>, id: &str) -> Result<(), Error> {
    tx.run(sql!("sessions/delete"), [id])?;
    tx.effect(Effect::EndSession {
        session_id: id.into(),
    });
    Ok(())
}

/// Ends all sessions of a person; all sockets of the person are disconnected.
pub fn end_all(tx: &mut Tx<'_>, user_id: &UserId) -> Result<(), Error> {
    tx.run(
        sql!("sessions/delete_of_user"),
        params![user_id.as_str(), ""],
    )?;
    tx.effect(Effect::EndUser {
        user_id: user_id.clone(),
    });
    Ok(())
}

/// Ends all sessions of a person but one; their sockets are disconnected.
pub fn end_others(tx: &mut Tx<'_>, user_id: &UserId, kept: &str) -> Result<(), Error> {
    let ended: Vec<String> = tx.all(
        sql!("sessions/of_user"),
        params![user_id.as_str(), kept],
        |row| row.get(0),
    )?;
    tx.run(
        sql!("sessions/delete_of_user"),
        params![user_id.as_str(), kept],
    )?;
    for session_id in ended {
        tx.effect(Effect::EndSession { session_id });
    }
    Ok(())
}
