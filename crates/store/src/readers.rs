//! A few reading connections, a thread each, that share one bounded queue.
//!
//! A read is one transaction, so rows and positions read in it belong together. Unlike a job of the lane, a read whose
//! caller has gone is skipped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::lane::panic_text;
use crate::{Conn, Error};

type Read = Box<dyn FnOnce(&Conn) + Send>;

/// The sending half: hands reads to the threads.
#[derive(Clone)]
pub(crate) struct Readers {
    queue: SyncSender<Read>,
}

impl Readers {
    /// Starts a thread for each connection; at most `waiting` reads wait.
    pub(crate) fn start(connections: Vec<Connection>, waiting: usize) -> std::io::Result<Readers> {
        let (queue, reads) = sync_channel::<Read>(waiting);
        let reads = Arc::new(Mutex::new(reads));
        for (number, connection) in connections.into_iter().enumerate() {
            let reads = reads.clone();
            std::thread::Builder::new()
                .name(format!("store-read-{number}"))
                .spawn(move || serve(&Conn::new(connection), &reads))?;
        }
        Ok(Readers { queue })
    }

    pub(crate) async fn read<T, E, F>(&self, read: F) -> Result<T, E>
    where
        F: FnOnce(&Conn) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let boxed: Read = Box::new(move |conn| {
            if !answer.is_closed() {
                // The caller may leave while the read runs; then nobody wants the rows.
                let _ = answer.send(in_transaction(conn, read));
            }
        });
        match self.queue.try_send(boxed) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(Error::Busy.into()),
            Err(TrySendError::Disconnected(_)) => return Err(Error::Closed.into()),
        }
        answered.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }
}

fn serve(conn: &Conn, reads: &Mutex<Receiver<Read>>) {
    loop {
        let next = reads.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(read) => {
                read(conn);
                if let Some(error) = conn.take_lost() {
                    tracing::warn!(%error, "the database could not be read");
                }
            }
            Err(_) => return,
        }
    }
}

fn in_transaction<T, E: From<Error>>(
    conn: &Conn,
    read: impl FnOnce(&Conn) -> Result<T, E>,
) -> Result<T, E> {
    conn.control("BEGIN DEFERRED")?;
    let outcome = catch_unwind(AssertUnwindSafe(|| read(conn)))
        .unwrap_or_else(|panic| Err(Error::Panicked(panic_text(panic.as_ref())).into()));
    let ended = conn.control("ROLLBACK");
    let value = outcome?;
    ended?;
    Ok(value)
}
