//! What can go wrong: [`Error`] for reads and jobs, [`OpenError`] when the database is opened.
//!
//! The classes of [`Error`] are those a caller answers differently: try again later (`Busy`, `Unavailable`), call the
//! operator (`Full`), somebody was faster (`Conflict`), a defect of ours (the rest). Texts say the cause themselves, so that
//! one line is enough wherever they are printed.

use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::ErrorCode;

/// Why a read or a job was not done. Nothing of a failed job is stored, unless [`Error::is_surely_undone`] says otherwise.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The queue is full: answer 503 with `Retry-After`.
    #[error("the database has too much waiting")]
    Busy,
    /// The database did not answer (input/output, locked for too long): answer 503.
    #[error("the database did not answer: {0}")]
    Unavailable(Arc<rusqlite::Error>),
    /// The disk or the database's limit is full: answer 507, and an operator must act.
    #[error("no space is left for the database")]
    Full,
    /// The store was closed; the program is stopping.
    #[error("the database is closed")]
    Closed,
    /// A unique key, a check or a reference forbids the row. The text is SQLite's, for the log only.
    #[error("a constraint forbids it: {0}")]
    Conflict(String),
    /// A job panicked; the others of its batch went on.
    #[error("a database job panicked: {0}")]
    Panicked(String),
    /// An event's payload is not a JSON object, or larger than [`crate::MAX_PAYLOAD_BYTES`].
    #[error("event {name} cannot be stored: {why}")]
    Payload {
        /// The event's name.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// A job emitted to more than [`crate::MAX_ROOMS_PER_JOB`] rooms; wider audiences have a room of their own.
    #[error("a job emitted to more than {} rooms", crate::MAX_ROOMS_PER_JOB)]
    TooManyRooms,
    /// The database refused a statement or holds what it should not: a defect.
    #[error("a database statement failed: {0}")]
    Statement(Arc<rusqlite::Error>),
}

impl Error {
    /// Whether the store itself has said this in the log, once for all who meet it.
    #[must_use]
    pub fn is_said(&self) -> bool {
        matches!(self, Error::Busy) || self.is_of_the_database()
    }

    /// Whether surely nothing of the job is stored, or will be. Not so with an input/output error, which may come when the
    /// commit is written but not flushed: the next start may find it whole. And not when the store was closed meanwhile.
    #[must_use]
    pub fn is_surely_undone(&self) -> bool {
        match self {
            Error::Unavailable(cause) => {
                // A read that took too long changed nothing.
                let is_interrupted =
                    cause.sqlite_error_code() == Some(ErrorCode::OperationInterrupted);
                self.is_locked() || is_interrupted
            }
            Error::Closed => false,
            _ => true,
        }
    }

    /// Whether another process holds the database's lock.
    pub(crate) fn is_locked(&self) -> bool {
        let Error::Unavailable(cause) = self else {
            return false;
        };
        let codes = [ErrorCode::DatabaseBusy, ErrorCode::DatabaseLocked];
        cause
            .sqlite_error_code()
            .is_some_and(|code| codes.contains(&code))
    }

    /// Whether the whole batch is lost with this error, not only the job that met it.
    pub(crate) fn is_of_the_database(&self) -> bool {
        matches!(self, Error::Unavailable(_) | Error::Full)
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        // The shared index beside the database cannot grow: no space for it either.
        let no_index =
            |code: &rusqlite::ffi::Error| code.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
        if error.sqlite_error().is_some_and(no_index) {
            return Error::Full;
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Error::Full,
            Some(ErrorCode::ConstraintViolation) => Error::Conflict(error.to_string()),
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::OutOfMemory
                | ErrorCode::FileLockingProtocolFailed
                | ErrorCode::OperationInterrupted
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase,
            ) => Error::Unavailable(Arc::new(error)),
            _ => Error::Statement(Arc::new(error)),
        }
    }
}

/// Why the database could not be opened. Each text says what is wrong and, where there is one, the remedy.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another server works on the same file.
    #[error(
        "another server is running on {path} (process {pid}): stop it first, or give this one another data folder"
    )]
    InUse {
        /// The database file.
        path: PathBuf,
        /// The process that holds it, or "unknown".
        pid: String,
    },
    /// The file has several names, of which SQLite would keep a write-ahead log each.
    #[error(
        "the database {path} has {names} names (hard links): opened by two of them it would be destroyed. Find them with \
         `find / -xdev -samefile {path}` and remove all but this one, or copy the file and remove this one"
    )]
    HardLinked {
        /// The database file.
        path: PathBuf,
        /// How many names it has.
        names: u64,
    },
    /// A newer program has changed the database.
    #[error(
        "the database {path} is of a newer version (migration {found}, this program knows {known}): run the newer program, or restore a backup"
    )]
    TooNew {
        /// The database file.
        path: PathBuf,
        /// The newest migration in the database.
        found: u32,
        /// The newest migration that this program knows.
        known: u32,
    },
    /// An older database is in use by a server of another version, so it cannot be migrated now.
    #[error(
        "the database {path} must be migrated, but a server is running on it: stop the server first"
    )]
    MigrationWaits {
        /// The database file.
        path: PathBuf,
    },
    /// The file is a SQLite database of some other program.
    #[error("{path} is a database of another program")]
    NotOurs {
        /// The database file.
        path: PathBuf,
    },
    /// A migration failed; the database is as it was before it.
    #[error("migration {name} failed: {cause}")]
    Migration {
        /// The migration's file name.
        name: &'static str,
        /// What SQLite said.
        cause: rusqlite::Error,
    },
    /// The folder or the lock file cannot be used.
    #[error("{path} cannot be used: {cause}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The log's head cannot be read.
    #[error("the database {path} cannot be read: {cause}")]
    Unreadable {
        /// The database file.
        path: PathBuf,
        /// What went wrong.
        cause: Error,
    },
    /// SQLite cannot open the file.
    #[error("the database {path} cannot be opened: {cause}")]
    Sqlite {
        /// The database file.
        path: PathBuf,
        /// What SQLite said.
        cause: rusqlite::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    #[test]
    fn only_a_lost_flush_and_a_closed_store_leave_open_what_was_done() {
        let of = |code| Error::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        for (error, is_undone) in [
            (Error::Busy, true),
            (Error::Full, true),
            (of(ffi::SQLITE_FULL), true),
            (of(ffi::SQLITE_BUSY), true),
            (of(ffi::SQLITE_BUSY_SNAPSHOT), true),
            (of(ffi::SQLITE_INTERRUPT), true),
            (of(ffi::SQLITE_CONSTRAINT_UNIQUE), true),
            (of(ffi::SQLITE_IOERR_FSYNC), false),
            (of(ffi::SQLITE_IOERR_WRITE), false),
            (Error::Closed, false),
        ] {
            assert_eq!(error.is_surely_undone(), is_undone, "{error}");
        }
    }
}
