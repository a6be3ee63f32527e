//! A connection as resources see it, and the loading of their SQL texts.
//!
//! Every statement is prepared once per connection and kept. [`sql!`] loads `sql/<name>.sql` at compile time and turns
//! `$n` into `?n` once, because SQLite takes `$1` for a *name* and numbers it by first appearance.

use std::cell::RefCell;

use rusqlite::{Connection, Params, Row};
use serde::Serialize;

use crate::Error;

/// How many prepared statements a connection keeps.
const KEPT_STATEMENTS: usize = 256;

/// A place to read from: a reading connection inside a read transaction, or the lane's inside a job.
pub struct Conn {
    inner: Connection,
    /// The first error of the database itself that a statement met; the lane gives up the whole batch for it.
    lost: RefCell<Option<Error>>,
}

impl Conn {
    pub(crate) fn new(inner: Connection) -> Conn {
        inner.set_prepared_statement_cache_capacity(KEPT_STATEMENTS);
        Conn {
            inner,
            lost: RefCell::new(None),
        }
    }

    /// The first row, or none.
    pub(crate) fn first<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, Error> {
        self.noting(|db| {
            let mut statement = db.prepare_cached(sql)?;
            let mut rows = statement.query(params)?;
            rows.next()?.map(read).transpose()
        })
    }

    /// The one row that must exist; none is an [`Error::Statement`].
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        self.first(sql, params, read)?
            .ok_or_else(|| rusqlite::Error::QueryReturnedNoRows.into())
    }

    /// All rows, in the statement's order. The statement must have a limit of its own.
    pub(crate) fn all<T>(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        self.noting(|db| {
            let mut statement = db.prepare_cached(sql)?;
            let mut rows = statement.query(params)?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(read(row)?);
            }
            Ok(found)
        })
    }

    /// Reads rows in the statement's order until `read` has enough and answers none.
    pub(crate) fn while_some(
        &self,
        sql: &str,
        params: impl Params,
        mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<Option<()>>,
    ) -> Result<(), Error> {
        self.noting(|db| {
            let mut statement = db.prepare_cached(sql)?;
            let mut rows = statement.query(params)?;
            while let Some(row) = rows.next()? {
                if read(row)?.is_none() {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Runs a statement without rows; how many rows it changed. Only inside a job: resources take a [`crate::Tx`] for it.
    pub(crate) fn run(&self, sql: &str, params: impl Params) -> Result<usize, Error> {
        self.noting(|db| db.prepare_cached(sql)?.execute(params))
    }

    /// Runs a control statement (`BEGIN`, `SAVEPOINT`, `COMMIT`, ...).
    pub(crate) fn control(&self, sql: &str) -> Result<(), Error> {
        self.noting(|db| db.prepare_cached(sql)?.execute([]))
            .map(|_| ())
    }

    /// The error of the database itself that was met since the last call.
    pub(crate) fn take_lost(&self) -> Option<Error> {
        self.lost.take()
    }

    pub(crate) fn raw(&self) -> &Connection {
        &self.inner
    }

    fn noting<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        work(&self.inner).map_err(|error| {
            let error = Error::from(error);
            if error.is_of_the_database() {
                self.lost.borrow_mut().get_or_insert_with(|| error.clone());
            }
            error
        })
    }
}

/// A list as a statement takes it that is asked about many at once: JSON, for `json_each`.
pub(crate) fn json_list<T: Serialize>(list: &[T]) -> Result<String, Error> {
    serde_json::to_string(list).map_err(|error| Error::Payload {
        name: "a list".into(),
        why: error.to_string(),
    })
}

/// The place in such a list that a row answers: `json_each`'s `key`, in the first column.
pub(crate) fn place(row: &Row<'_>) -> rusqlite::Result<usize> {
    let key: i64 = row.get(0)?;
    usize::try_from(key).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(0, key))
}

/// The text of `sql/<name>.sql`, ready for SQLite: `sql!("users/by_id")`.
macro_rules! sql {
    ($name:literal) => {{
        static TEXT: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
            crate::conn::numbered(include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/sql/",
                $name,
                ".sql"
            )))
        });
        TEXT.as_str()
    }};
}
pub(crate) use sql;

/// `$1` as `?1`; a `$` that no digit follows stays.
pub(crate) fn numbered(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.trim_end().chars().peekable();
    while let Some(character) = characters.next() {
        let is_place = character == '$' && characters.peek().is_some_and(char::is_ascii_digit);
        out.push(if is_place { '?' } else { character });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::numbered;

    #[test]
    fn places_are_numbered_and_nothing_else_changes() {
        assert_eq!(numbered("a = $2 AND b = $10\n"), "a = ?2 AND b = ?10");
        assert_eq!(numbered("json ->> '$.ui'"), "json ->> '$.ui'");
    }
}
