//! What a person set for themselves: one JSON object, whose top-level keys are merged, with a version.

use rusqlite::params;
use serde_json::{Map, Value};
use wire::UserId;

use crate::conn::sql;
use crate::{Conn, Error, Tx};

/// A person's settings, or none if nothing was ever set.
pub fn of_user(conn: &Conn, user_id: &UserId) -> Result<Option<Map<String, Value>>, Error> {
    let text: Option<String> = conn.first(sql!("settings/of_user"), [user_id.as_str()], |row| {
        row.get(0)
    })?;
    Ok(text.map(|text| serde_json::from_str(&text).unwrap_or_default())) // only `merge` writes it
}

/// Replaces the top-level keys given and keeps the others; the settings as they are now.
pub fn merge(
    tx: &Tx<'_>,
    user_id: &UserId,
    change: Map<String, Value>,
    now_ms: i64,
) -> Result<Map<String, Value>, Error> {
    let mut settings = of_user(tx, user_id)?.unwrap_or_default();
    settings.extend(change);
    let text = Value::Object(settings.clone()).to_string();
    tx.one(
        sql!("settings/set"),
        params![user_id.as_str(), text, now_ms],
        |row| row.get::<_, i64>(0),
    )?;
    Ok(settings)
}

/// Forgets a person's settings.
pub fn delete(tx: &Tx<'_>, user_id: &UserId) -> Result<(), Error> {
    tx.run(sql!("settings/delete"), [user_id.as_str()])
        .map(drop)
}
