//! Opening the database file: options, the lock that keeps a second server away, pragmas, migrations.
//!
//! A server holds `<file>.lock` for its life, beside the file that all links lead to. A command line tool that works beside a running server opens without the
//! lock; it cannot migrate then. SQLite itself keeps the two from writing at the same moment.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::OpenError;

/// How hard a commit is made to last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synchronous {
    /// Flushed before it is answered: survives a power cut. The default.
    Full,
    /// Flushed now and then: survives the end of the process, not of the machine.
    Normal,
}

impl Synchronous {
    pub(crate) fn pragma(self) -> &'static str {
        #[cfg(feature = "faults")]
        if crate::fault::is_planted("synchronous_off") {
            return "PRAGMA synchronous = OFF";
        }
        match self {
            Synchronous::Full => "PRAGMA synchronous = FULL",
            Synchronous::Normal => "PRAGMA synchronous = NORMAL",
        }
    }
}

/// How a store is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// How hard commits are made to last. Default: full.
    pub synchronous: Synchronous,
    /// How long a statement waits for another process's lock. Default: 2 s.
    pub busy_timeout: Duration,
    /// How many jobs may wait for the lane; one more is [`crate::Error::Busy`]. Default: 4,096.
    pub waiting_writes: usize,
    /// How many reads may wait for a connection; one more is [`crate::Error::Busy`]. Default: 1,024.
    pub waiting_reads: usize,
    /// How long a read may take; a longer one is ended with [`crate::Error::Unavailable`]. Default: 2 s.
    pub longest_read: Duration,
    /// Reading connections, a thread each. Default: 4.
    pub readers: usize,
    /// How often pages are moved from the write-ahead log into the database. Default: 1 s.
    pub checkpoint_every: Duration,
    /// A write-ahead log whose file is larger starts over, and the file is cut to this size. Default: 64 MiB.
    pub large_wal_bytes: u64,
}

/// Small where faults are played, so that a short run meets a log that is large.
const LARGE_WAL_BYTES: u64 = if cfg!(feature = "faults") { 1 } else { 64 } * 1024 * 1024;

impl Default for Options {
    fn default() -> Self {
        Options {
            synchronous: Synchronous::Full,
            busy_timeout: Duration::from_secs(2),
            waiting_writes: 4_096,
            waiting_reads: 1_024,
            longest_read: Duration::from_secs(2),
            readers: 4,
            checkpoint_every: Duration::from_secs(1),
            large_wal_bytes: LARGE_WAL_BYTES,
        }
    }
}

/// The lock file of a server; unlocked when dropped.
pub(crate) struct Lock {
    _file: File,
}

/// The one name of the database file, whatever links lead to it: locks and write-ahead log stand beside it. Creates the
/// folder, and an empty file where there is none.
pub(crate) fn resolve(database: &Path) -> Result<PathBuf, OpenError> {
    let of = |path: &Path, cause| OpenError::Io {
        path: path.into(),
        cause,
    };
    if let Some(folder) = database
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder).map_err(|cause| of(folder, cause))?;
    }
    let failed = |cause| of(database, cause);
    match database.canonicalize() {
        // A link may lead to where no file is yet. Where one is, none may be opened here: its closing would end the locks
        // that SQLite holds on it for this process.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let mut new = File::options();
            let new = new.create(true).truncate(false).write(true);
            new.open(database).map_err(failed)?;
            database.canonicalize().map_err(failed)
        }
        other => other.map_err(failed),
    }
}

/// Refuses a file with more than one name: by another one, another server could open it with a log of its own.
pub(crate) fn refuse_hard_links(database: &Path) -> Result<(), OpenError> {
    let file = std::fs::metadata(database).map_err(|cause| OpenError::Io {
        path: database.into(),
        cause,
    })?;
    match names(&file) {
        0 | 1 => Ok(()),
        names => Err(OpenError::HardLinked {
            path: database.into(),
            names,
        }),
    }
}

#[cfg(unix)]
fn names(file: &std::fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(file)
}

#[cfg(not(unix))]
fn names(_: &std::fs::Metadata) -> u64 {
    1
}

/// Takes the lock, or says who has it. The path is a resolved one.
pub(crate) fn lock_beside(database: &Path) -> Result<Lock, OpenError> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let failed = |cause| OpenError::Io {
        path: path.clone(),
        cause,
    };
    let mut file = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let known = file.read_to_string(&mut pid).is_ok() && !pid.trim().is_empty();
            let pid = if known {
                pid.trim().to_owned()
            } else {
                "unknown".into()
            };
            return Err(OpenError::InUse {
                path: database.into(),
                pid,
            });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    file.set_len(0).map_err(failed)?;
    file.rewind().map_err(failed)?;
    writeln!(file, "{}", std::process::id()).map_err(failed)?;
    Ok(Lock { _file: file })
}

/// The connection that writes. Creates the file.
pub(crate) fn writer(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    let db = connect(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        options,
    )?;
    let pragmas = format!(
        "PRAGMA journal_mode = WAL; {}; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = {}; PRAGMA foreign_keys = ON; PRAGMA cache_size = -8000",
        options.synchronous.pragma(),
        options.large_wal_bytes
    );
    db.execute_batch(&pragmas)
        .map_err(|cause| OpenError::Sqlite {
            path: path.into(),
            cause,
        })?;
    Ok(db)
}

/// A connection that only reads.
pub(crate) fn reader(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    let db = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, options)?;
    db.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -2000")
        .map_err(|cause| OpenError::Sqlite {
            path: path.into(),
            cause,
        })?;
    Ok(db)
}

/// The checkpointer's connection. It waits for no lock.
pub(crate) fn checkpointer(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    let never = Options {
        busy_timeout: Duration::ZERO,
        ..options.clone()
    };
    connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, &never)
}

fn connect(path: &Path, flags: OpenFlags, options: &Options) -> Result<Connection, OpenError> {
    let failed = |cause| OpenError::Sqlite {
        path: path.into(),
        cause,
    };
    let db = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(failed)?;
    db.busy_timeout(options.busy_timeout).map_err(failed)?;
    // A plan that depends on bound values is made anew at every run of a kept statement, which costs ten times the run.
    // No plan of ours depends on them.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(failed)?;
    Ok(db)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // in the helpers too, not only in the tests

    use super::*;
    use rusqlite::StatementStatus;
    use std::fs;

    fn files_below(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let of = |path: PathBuf| match path.is_dir() {
            true => files_below(&path),
            false => vec![path],
        };
        entries.flat_map(of).collect()
    }

    #[test]
    fn a_kept_statement_is_not_prepared_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let db = writer(&path, &Options::default()).unwrap();
        crate::migrations::apply(&db, &path, 0).unwrap();
        for file in files_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("sql")) {
            let text = crate::conn::numbered(&fs::read_to_string(&file).unwrap());
            let mut statement = db.prepare(&text).unwrap();
            if !statement.readonly() {
                continue;
            }
            for run in 0..3 {
                for place in 1..=statement.parameter_count() {
                    let is_list = text.contains("json_each");
                    let value = if is_list {
                        "[]".to_owned()
                    } else {
                        run.to_string()
                    };
                    statement.raw_bind_parameter(place, value).unwrap();
                }
                // What is bound may be no number where one is wanted.
                let _ = statement.raw_query().next();
                statement.clear_bindings();
            }
            let prepared = statement.get_status(StatementStatus::RePrepare);
            assert_eq!(prepared, 0, "{}", file.display());
        }
    }
}
