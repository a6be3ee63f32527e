//! Brings a database to the version of this program: each file of `migrations/sqlite` once, in the order of its number,
//! each in a transaction of its own together with the row that remembers it.
//!
//! Only forwards. A database that a newer program has changed is refused before anything is touched.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::OpenError;

/// One file of `migrations/sqlite`: its number, its name, its text.
struct Migration {
    number: u32,
    name: &'static str,
    text: &'static str,
}

macro_rules! migrations {
    ($($number:literal $name:literal,)*) => {
        &[$(Migration {
            number: $number,
            name: $name,
            text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite/", $name, ".sql")),
        },)*]
    };
}

/// Every migration, in order.
const ALL: &[Migration] = migrations![
    1 "0001_log",
    2 "0002_people",
    3 "0003_channels",
    4 "0004_chats",
    5 "0005_retention",
    6 "0006_memory",
    7 "0007_commands",
    8 "0008_command_by_key",
    9 "0009_arrivals",
    10 "0010_effects",
];

const MEMORY: &str = "CREATE TABLE IF NOT EXISTS migration (
    number INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, applied_at_ms INTEGER NOT NULL) STRICT";

/// How many migrations are missing. Errors if the database is newer than the program, or of another program.
pub(crate) fn missing(db: &Connection, path: &Path) -> Result<usize, OpenError> {
    let failed = |cause| OpenError::Sqlite {
        path: path.into(),
        cause,
    };
    let tables = |like: &str| -> rusqlite::Result<u32> {
        db.query_row(
            "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table' AND name LIKE ?1",
            [like],
            |r| r.get(0),
        )
    };
    if tables("migration").map_err(failed)? == 0 {
        return match tables("%").map_err(failed)? {
            0 => Ok(ALL.len()),
            _ => Err(OpenError::NotOurs { path: path.into() }),
        };
    }
    let newest: u32 = db
        .query_row(
            "SELECT COALESCE(MAX(number), 0) FROM migration",
            [],
            |row| row.get(0),
        )
        .map_err(failed)?;
    let known = ALL
        .iter()
        .map(|migration| migration.number)
        .max()
        .unwrap_or(0);
    if newest > known {
        return Err(OpenError::TooNew {
            path: path.into(),
            found: newest,
            known,
        });
    }
    let mut count = 0;
    for migration in ALL {
        count += usize::from(!is_applied(db, migration).map_err(failed)?);
    }
    Ok(count)
}

/// Applies what is missing; how many that were.
pub(crate) fn apply(db: &Connection, path: &Path, now_ms: i64) -> Result<usize, OpenError> {
    if missing(db, path)? == 0 {
        return Ok(0);
    }
    db.execute_batch(MEMORY)
        .map_err(|cause| OpenError::Sqlite {
            path: path.into(),
            cause,
        })?;
    let mut count = 0;
    for migration in ALL {
        let failed = |cause| OpenError::Migration {
            name: migration.name,
            cause,
        };
        if is_applied(db, migration).map_err(failed)? {
            continue;
        }
        let tx = db.unchecked_transaction().map_err(failed)?;
        tx.execute_batch(migration.text).map_err(failed)?;
        tx.execute(
            "INSERT INTO migration (number, name, applied_at_ms) VALUES (?1, ?2, ?3)",
            params![migration.number, migration.name, now_ms],
        )
        .map_err(failed)?;
        tx.commit().map_err(failed)?;
        tracing::info!(migration = migration.name, "migrated the database");
        count += 1;
    }
    Ok(count)
}

fn is_applied(db: &Connection, migration: &Migration) -> rusqlite::Result<bool> {
    db.query_row(
        "SELECT EXISTS (SELECT 1 FROM migration WHERE number = ?1)",
        [migration.number],
        |row| row.get(0),
    )
}

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn every_file_is_listed_once_under_its_own_number() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let listed: Vec<String> = ALL
            .iter()
            .map(|migration| format!("{}.sql", migration.name))
            .collect();
        assert_eq!(files, listed);
        for migration in ALL {
            assert!(
                migration
                    .name
                    .starts_with(&format!("{:04}_", migration.number)),
                "{}",
                migration.name
            );
        }
    }
}
