//! One job with its types erased: run once inside a batch, answered once after the batch's commit.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use crate::log::Unnumbered;
use crate::{Conn, Error, Tx};

/// What the lane knows of a job.
pub(crate) trait AnyJob: Send {
    /// Whether the job is content to survive the end of the process, not of the machine.
    fn is_soft(&self) -> bool;
    /// Whether nobody waits for the answer any more.
    #[cfg(feature = "faults")]
    fn is_abandoned(&self) -> bool;
    /// Runs the job. None: it failed and must be rolled back; its error waits for `answer`.
    fn run(&mut self, conn: &Conn, at_ms: i64) -> Option<Vec<Unnumbered>>;
    /// Answers the caller: the job's own outcome, or the error that its whole batch was lost with.
    fn answer(self: Box<Self>, lost: Option<&Error>);
}

/// A job that waits for its turn, then for its commit.
pub(crate) struct Waiting<F, T, E> {
    job: Option<F>,
    outcome: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
    soft: bool,
}

impl<F, T, E> Waiting<F, T, E> {
    pub(crate) fn new(job: F, soft: bool) -> (Self, oneshot::Receiver<Result<T, E>>) {
        let (answer, answered) = oneshot::channel();
        (
            Waiting {
                job: Some(job),
                outcome: None,
                answer,
                soft,
            },
            answered,
        )
    }
}

impl<F, T, E> AnyJob for Waiting<F, T, E>
where
    F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn is_soft(&self) -> bool {
        self.soft
    }

    #[cfg(feature = "faults")]
    fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn run(&mut self, conn: &Conn, at_ms: i64) -> Option<Vec<Unnumbered>> {
        let job = self.job.take()?;
        let mut tx = Tx::new(conn, at_ms);
        let outcome = catch_unwind(AssertUnwindSafe(|| job(&mut tx))).unwrap_or_else(|panic| {
            let text = panic_text(panic.as_ref());
            tracing::error!(panic = text, "a database job panicked");
            Err(Error::Panicked(text).into())
        });
        let (outcome, kept) = match (outcome, tx.finish()) {
            (Ok(value), Ok(emitted)) => (Ok(value), Some(emitted)),
            (Ok(_), Err(mistake)) => (Err(mistake.into()), None),
            (Err(error), _) => (Err(error), None),
        };
        self.outcome = Some(outcome);
        kept
    }

    fn answer(self: Box<Self>, lost: Option<&Error>) {
        let outcome = match (lost, self.outcome) {
            (Some(error), _) => Err(error.clone().into()),
            (None, Some(outcome)) => outcome,
            (None, None) => Err(Error::Closed.into()),
        };
        // The caller may have gone; the job counts all the same.
        let _ = self.answer.send(outcome);
    }
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a text").to_owned()
}
