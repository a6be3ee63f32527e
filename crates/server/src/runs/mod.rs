//! Runs: answers that are being written. A run belongs to the server, not to the request or the tab that asked for it.
//!
//! [`start::start`] begins one, `drive` takes it from the model's first word to its end, `text` folds what the
//! model says into the text of the message, `save` stores what all runs have gained in batches, `end` ends one,
//! exactly once. Readers are served from the memory here: [`Runs::texts`]. Design: part 3.3.

mod drive;
mod end;
pub mod http;
mod prompt;
mod save;
mod start;
mod text;
mod title;

pub use end::recover;
pub use prompt::ask;
pub use save::save_all;
pub use start::start;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use store::chats::runs::Running;
use text::Text;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wire::{ChatId, MessageId, TaskId, UserId};

use crate::error::Error;

/// How many answers one person may have in the making.
const MAX_RUNS_PER_PERSON: usize = 16;
/// How many the server writes at the same time.
const MAX_RUNS: usize = 2_000;
/// How long the end of the server waits for runs to be written down.
const END_TIMEOUT: Duration = Duration::from_secs(2);

/// All runs of this server that have not ended. Cheap to clone.
#[derive(Clone, Default)]
pub struct Runs(Arc<Shared>);

#[derive(Default)]
struct Shared {
    handles: Mutex<HashMap<TaskId, Arc<Handle>>>,
    grown: Notify,
    tasks: TaskTracker,
}

/// One run: what it is, its text, and how to stop it.
struct Handle {
    run: Running,
    /// Whether the chat is stored; a temporary conversation is not.
    is_stored: bool,
    text: Mutex<Text>,
    stop: CancellationToken,
    /// Its end is written, or is being committed: the tabs may hear of it before the run is forgotten.
    has_ended: AtomicBool,
}

impl Handle {
    fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }

    fn text(&self) -> MutexGuard<'_, Text> {
        // Nothing panics while it is held; a text is a text all the same.
        self.text.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runs {
    fn handles(&self) -> MutexGuard<'_, HashMap<TaskId, Arc<Handle>>> {
        self.0
            .handles
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the place of a run that is about to begin.
    fn reserve(&self, run: Running, is_stored: bool) -> Result<Arc<Handle>, Error> {
        let mut handles = self.handles();
        let of_person = handles
            .values()
            .filter(|one| one.run.user_id == run.user_id)
            .count();
        if of_person >= MAX_RUNS_PER_PERSON || handles.len() >= MAX_RUNS {
            return Err(Error::TooMany { retry_after_s: 5 });
        }
        let same = |one: &Running| one.chat_id == run.chat_id && one.message_id == run.message_id;
        if handles
            .values()
            .any(|one| same(&one.run) && !one.has_ended())
        {
            return Err(Error::Conflict {
                code: "already_generating",
                detail: "an answer is being written into this message already".to_owned(),
            });
        }
        let id = run.id.clone();
        let handle = Arc::new(Handle {
            run,
            is_stored,
            text: Mutex::default(),
            stop: CancellationToken::new(),
            has_ended: AtomicBool::new(false),
        });
        handles.insert(id, handle.clone());
        Ok(handle)
    }

    fn release(&self, id: &TaskId) {
        self.handles().remove(id);
    }

    /// The texts so far of the messages of a chat that are being written.
    #[must_use]
    pub fn texts(&self, chat: &ChatId) -> HashMap<MessageId, String> {
        let mut handles = self.of(|run| run.chat_id == *chat);
        // Of two into the same message the one that goes on counts.
        handles.sort_by_key(|handle| !handle.has_ended());
        let text = |handle: &Arc<Handle>| {
            (
                handle.run.message_id.clone(),
                handle.text().whole().to_owned(),
            )
        };
        handles.iter().map(text).collect()
    }

    /// The messages of a chat whose end is not stored. Within a job this is exact: a run ends in one.
    #[must_use]
    pub fn growing(&self, chat: &ChatId) -> HashSet<MessageId> {
        let handles = self.of(|run| run.chat_id == *chat);
        let growing = handles.iter().filter(|handle| !handle.has_ended());
        growing
            .map(|handle| handle.run.message_id.clone())
            .collect()
    }

    /// The runs of one person, or those of them in one chat.
    #[must_use]
    pub fn ids(&self, owner: &UserId, chat: Option<&ChatId>) -> Vec<TaskId> {
        let is_wanted =
            |run: &Running| run.user_id == *owner && chat.is_none_or(|chat| run.chat_id == *chat);
        self.of(is_wanted)
            .iter()
            .filter(|handle| !handle.has_ended())
            .map(|handle| handle.run.id.clone())
            .collect()
    }

    /// Stops a run of this person; false if there is none with this id.
    #[must_use]
    pub fn stop(&self, owner: &UserId, id: &TaskId) -> bool {
        self.stop_all(|run| run.id == *id && run.user_id == *owner) > 0
    }

    /// Stops all runs that are meant; how many they were.
    pub fn stop_all(&self, is_meant: impl Fn(&Running) -> bool) -> usize {
        let mut handles = self.of(is_meant);
        handles.retain(|handle| !handle.has_ended());
        handles.iter().for_each(|handle| handle.stop.cancel());
        handles.len()
    }

    fn of(&self, is_meant: impl Fn(&Running) -> bool) -> Vec<Arc<Handle>> {
        self.handles()
            .values()
            .filter(|handle| is_meant(&handle.run))
            .cloned()
            .collect()
    }

    /// Whether no answer is being written.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.handles().is_empty()
    }

    /// Waits until every run has written down its end; they end because the server stops.
    pub async fn ended(&self) {
        self.0.tasks.close();
        if tokio::time::timeout(END_TIMEOUT, self.0.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                runs = self.0.tasks.len(),
                "some answers were cut off by the stop"
            );
        }
    }
}
