//! The handle: opens the database, starts the threads, and is the two doors [`Store::write`] and [`Store::read`].

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::{mpsc, oneshot};

use crate::checkpoint::{Checkpointer, Wal};
use crate::lane::{Lane, Message, Subscriber, Trouble, Waiting};
use crate::log::{self, Committed};
use crate::open::{self, Lock, Options};
use crate::readers::Readers;
use crate::{Conn, Error, OpenError, Tx, migrations};

/// Tells the time, in milliseconds since 1970. Tests give one that they can set.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The database. Clones share it; it is closed by [`Store::close`] or with the last clone.
#[derive(Clone)]
pub struct Store {
    lane: SyncSender<Message>,
    readers: Readers,
    shared: Arc<Shared>,
}

/// What lives as long as any clone.
struct Shared {
    path: PathBuf,
    migrated: usize,
    /// How many jobs found the queue full; the lane says it.
    refused: Arc<AtomicU64>,
    /// Dropped first: the checkpointer ends with it.
    checkpointer: Mutex<Option<Sender<()>>>,
    lock: Mutex<Option<Lock>>,
}

impl Store {
    /// Opens the database for a server: creates or migrates it and keeps every other server away. What is committed goes
    /// to `events` in `pos` order, before the callers are answered; while that queue is full, the lane waits, so its
    /// reader must not wait for a write.
    pub fn open(
        path: &Path,
        options: &Options,
        clock: Clock,
        events: mpsc::Sender<Vec<Committed>>,
    ) -> Result<Store, OpenError> {
        let path = &open::resolve(path)?;
        let lock = open::lock_beside(path)?;
        Store::start(path, options, clock, Some(events), Some(lock))
    }

    /// Opens the database for a tool, also while a server runs: what is written reaches the server's sockets within a
    /// second. If no server runs, the database is created or migrated like by [`Store::open`].
    pub fn open_beside(path: &Path, options: &Options, clock: Clock) -> Result<Store, OpenError> {
        let path = &open::resolve(path)?;
        let lock = match open::lock_beside(path) {
            Ok(lock) => Some(lock),
            Err(OpenError::InUse { .. }) => None,
            Err(error) => return Err(error),
        };
        Store::start(path, options, clock, None, lock)
    }

    fn start(
        path: &Path,
        options: &Options,
        clock: Clock,
        events: Option<mpsc::Sender<Vec<Committed>>>,
        lock: Option<Lock>,
    ) -> Result<Store, OpenError> {
        let failed = |cause| OpenError::Io {
            path: path.into(),
            cause,
        };
        open::refuse_hard_links(path)?;
        let writer = open::writer(path, options)?;
        if lock.is_none() && migrations::missing(&writer, path)? > 0 {
            return Err(OpenError::MigrationWaits { path: path.into() });
        }
        let migrated = migrations::apply(&writer, path, clock())?;
        let readers: Result<Vec<_>, _> = (0..options.readers.max(1))
            .map(|_| open::reader(path, options))
            .collect();
        let readers = Readers::start(readers?, options.waiting_reads, options.longest_read)
            .map_err(failed)?;

        let conn = Conn::new(writer);
        let unreadable = |cause| OpenError::Unreadable {
            path: path.into(),
            cause,
        };
        let handed = log::head(&conn).map_err(unreadable)?.number;
        let not_before_ms = log::not_before_ms(&conn, clock()).map_err(unreadable)?;
        let wal = Arc::new(Wal::default());
        let (stop, stopped) = channel();
        let db = open::checkpointer(path, options)?;
        let checkpointer = Checkpointer::new(db, path, wal.clone(), options);
        spawn("store-checkpoint", move || checkpointer.run(&stopped)).map_err(failed)?;

        let refused = Arc::new(AtomicU64::new(0));
        let (lane, messages) = sync_channel(options.waiting_writes);
        let worker = Lane {
            conn,
            clock,
            not_before_ms,
            synchronous: options.synchronous,
            subscriber: events.map(|queue| Subscriber { queue, handed }),
            wal,
            trouble: Trouble::new(options, refused.clone()),
        };
        spawn("store-lane", move || worker.run(&messages)).map_err(failed)?;
        let shared = Shared {
            path: path.into(),
            migrated,
            refused,
            checkpointer: Mutex::new(Some(stop)),
            lock: Mutex::new(lock),
        };
        Ok(Store {
            lane,
            readers,
            shared: Arc::new(shared),
        })
    }

    /// Runs a job in a transaction and answers after its commit; the job's events are on their way then.
    ///
    /// The job is synchronous, runs to its end even when the caller is gone, and shares its commit with others: keep it
    /// short, and let nothing but the database happen in it. An `Err` or a panic rolls back this job alone.
    /// Errors of its own: [`Error::Busy`] when too many wait, [`Error::Full`] and [`Error::Unavailable`] when the commit
    /// failed, [`Error::Closed`].
    pub async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.queue(job, false).await
    }

    /// Like [`Store::write`] for a job whose loss in a power cut is allowed (pieces of an answer, read markers): a batch
    /// of such jobs alone is committed without waiting for the disk. It survives the end of the process.
    pub async fn write_soft<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.queue(job, true).await
    }

    async fn queue<T, E, F>(&self, job: F, soft: bool) -> Result<T, E>
    where
        F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (waiting, answered) = Waiting::new(job, soft);
        match self.lane.try_send(Message::Job(Box::new(waiting))) {
            Ok(()) => answered.await.unwrap_or_else(|_| Err(Error::Closed.into())),
            Err(TrySendError::Full(_)) => {
                self.shared.refused.fetch_add(1, Ordering::Relaxed);
                Err(Error::Busy.into())
            }
            Err(TrySendError::Disconnected(_)) => Err(Error::Closed.into()),
        }
    }

    /// Runs a read in one read transaction on one of the reading connections. Keep it under two seconds: what it sees
    /// cannot leave the write-ahead log meanwhile. Errors of its own as [`Store::write`].
    pub async fn read<T, E, F>(&self, read: F) -> Result<T, E>
    where
        F: FnOnce(&Conn) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        self.readers.read(read).await
    }

    /// Finishes what waits and closes the writing side; later writes are [`Error::Closed`]. Returns when all is on disk
    /// and another server may open the file.
    pub async fn close(&self) {
        let (answer, answered) = oneshot::channel();
        let lane = self.lane.clone();
        // Sending waits while the queue is full, which must not hold up an executor's thread.
        let sent =
            tokio::task::spawn_blocking(move || lane.send(Message::Close(answer)).is_ok()).await;
        if matches!(sent, Ok(true)) {
            let _ = answered.await; // an error says that it was closed already
        }
        self.shared
            .checkpointer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        self.shared
            .lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// How many migrations were applied when the store was opened.
    pub fn migrated(&self) -> usize {
        self.shared.migrated
    }
}

/// The system's clock.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new()
        .name(name.into())
        .spawn(work)
        .map(|_| ())
}
