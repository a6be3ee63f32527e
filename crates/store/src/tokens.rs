//! API keys: known by the hash of the key alone, so a copy of the database opens nothing.

use rusqlite::{Row, params};
use wire::UserId;

use crate::conn::sql;
use crate::users::{self, User};
use crate::{Conn, Effect, Error, Tx};

/// A key as it may be listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The key's id: what `token revoke` takes.
    pub id: String,
    /// Whose.
    pub user_id: UserId,
    /// Whose, as the address they sign in with.
    pub email: String,
    /// What it is for, in its owner's words.
    pub name: String,
    /// The key's last four characters.
    pub hint: String,
    /// When it was made, milliseconds.
    pub created_at_ms: i64,
    /// When it was used last, milliseconds; at most a minute old.
    pub last_used_at_ms: Option<i64>,
}

/// Who calls with a key.
#[derive(Debug, Clone)]
pub struct KeyHolder {
    /// Whose key it is.
    pub user: User,
    /// The key's id.
    pub key_id: String,
    /// When it was used last, milliseconds.
    pub last_used_at_ms: Option<i64>,
}

/// Stores a key by its hash; its id.
pub fn insert(
    tx: &Tx<'_>,
    user_id: &UserId,
    name: &str,
    hash: &str,
    hint: &str,
    now_ms: i64,
) -> Result<String, Error> {
    let id = crate::new_id();
    tx.run(
        sql!("tokens/insert"),
        params![id, user_id.as_str(), name, hash, hint, now_ms],
    )?;
    Ok(id)
}

/// Whose key has this hash, while its person may sign in.
pub fn holder(conn: &Conn, hash: &str) -> Result<Option<KeyHolder>, Error> {
    conn.first(sql!("tokens/user_of"), [hash], |row| {
        Ok(KeyHolder {
            user: users::from_row(row)?,
            key_id: row.get(9)?,
            last_used_at_ms: row.get(10)?,
        })
    })
}

/// All keys, oldest first, at most 1,000.
pub fn list(conn: &Conn) -> Result<Vec<ApiKey>, Error> {
    conn.all(sql!("tokens/list"), [], from_row)
}

/// A person's keys, oldest first.
pub fn of_user(conn: &Conn, user_id: &UserId) -> Result<Vec<ApiKey>, Error> {
    conn.all(sql!("tokens/of_user"), [user_id.as_str()], from_row)
}

/// Revokes a key; false if there is none of this id.
pub fn revoke(tx: &mut Tx<'_>, id: &str) -> Result<bool, Error> {
    let owner: Option<String> = tx.first(sql!("tokens/delete"), [id], |row| row.get(0))?;
    if owner.is_some() {
        tx.effect(Effect::EndSession {
            session_id: id.into(),
        });
    }
    Ok(owner.is_some())
}

/// Revokes a person's keys of this name; how many there were.
pub fn revoke_named(tx: &Tx<'_>, user_id: &UserId, name: &str) -> Result<usize, Error> {
    tx.run(sql!("tokens/delete_named"), params![user_id.as_str(), name])
}

/// Revokes all keys of a person.
pub fn revoke_all(tx: &Tx<'_>, user_id: &UserId) -> Result<(), Error> {
    tx.run(sql!("tokens/delete_of_user"), [user_id.as_str()])
        .map(drop)
}

/// Notes that a key was used.
pub fn set_used(tx: &Tx<'_>, id: &str, now_ms: i64) -> Result<(), Error> {
    tx.run(sql!("tokens/set_used"), params![id, now_ms])
        .map(drop)
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<ApiKey> {
    Ok(ApiKey {
        id: row.get(0)?,
        user_id: UserId(row.get(1)?),
        email: row.get(2)?,
        name: row.get(3)?,
        hint: row.get(4)?,
        created_at_ms: row.get(5)?,
        last_used_at_ms: row.get(6)?,
    })
}
