//! The start of a run: may they, the turn is stored, the model is asked meanwhile, and the caller hears the run's id.

use super::drive::{self, Asking};
use super::{Handle, prompt, title};
use crate::app::App;
use crate::auth::Actor;
use crate::chats::actions::{tell_list, tell_messages};
use crate::chats::{NO_TITLES, Turn, is_temporary, line_to, owned};
use crate::error::Error;
use crate::http::command::once;
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::sync::Arc;
use store::chats::runs::{self, Running};
use store::chats::{self, messages};
use store::{Tx, new_id};
use tokio_util::task::AbortOnDropHandle;
use wire::chats::{CompletionRequest, TaskStarted};
use wire::{ChatId, MessageId, TaskId};

/// The longest id of a chat or message that a client may choose: every piece carries both.
const MAX_ID_BYTES: usize = 128;

/// Starts to answer in a chat and returns as soon as the turn is stored. It starts also if the caller hangs up
/// meanwhile: what was stored as begun must have somebody who ends it.
///
/// # Errors
/// An unknown model; a chat that is not the caller's; a message that is being written already; too many at once.
pub async fn start(
    app: &App,
    actor: &Actor,
    chat_id: ChatId,
    message_id: MessageId,
    request: CompletionRequest,
) -> Result<TaskStarted, Error> {
    let (app, actor) = (app.clone(), actor.clone());
    let tasks = app.runs.0.tasks.clone();
    let starting =
        tasks.spawn(async move { begin(&app, &actor, chat_id, message_id, request).await });
    starting.await.map_err(|_| Error::Internal)?
}

async fn begin(
    app: &App,
    actor: &Actor,
    chat_id: ChatId,
    message_id: MessageId,
    mut request: CompletionRequest,
) -> Result<TaskStarted, Error> {
    let _turn = app.turn(actor).await;
    if let Some(started) = app.answer_before(actor).await? {
        return Ok(started);
    }
    checked_id("chat_id, in bytes", chat_id.as_str())?;
    checked_id("id, in bytes", message_id.as_str())?;
    let model = request.model.clone().unwrap_or_default();
    crate::openai::known(app, &model).await?;
    let run = Running {
        id: TaskId(new_id()),
        chat_id,
        message_id,
        user_id: actor.id().clone(),
        model,
    };
    let is_stored = !is_temporary(&run.chat_id);
    let handle = app.runs.reserve(run, is_stored)?;
    // From here on the place must be given back whatever happens.
    let place = Place {
        app: app.clone(),
        handle: Some(handle.clone()),
    };
    let turn = NewTurn::of(&request);
    let wants_title = request
        .background_tasks
        .as_ref()
        .and_then(|tasks| tasks.title_generation)
        .unwrap_or(false);
    if is_stored {
        may_answer(app, &handle.run, &mut request).await?;
    }
    let asked = prompt::ask(request, true, app.clock.now_s());
    let models = app.models.clone();
    let asking: Asking =
        AbortOnDropHandle::new(tokio::spawn(async move { models.chat(asked).await }));
    let started = TaskStarted {
        status: true,
        task_id: handle.run.id.clone(),
    };
    let turned = match is_stored {
        true => store_turn(app, actor, &handle, turn, started.clone()).await?,
        false => remember(app, actor, started.clone()).await?,
    };
    let needs_title = match turned {
        Turned::Now { needs_title } => needs_title,
        Turned::Before(started) => return Ok(started),
    };
    place.keep();
    drive::spawn(app, handle, asking, wants_title && needs_title);
    Ok(started)
}

fn checked_id(what: &'static str, id: &str) -> Result<(), Error> {
    let (len, max) = (id.len(), MAX_ID_BYTES);
    if len <= max {
        return Ok(());
    }
    Err(Error::TooLarge { what, len, max })
}

/// A run's place that is given back unless the run begins.
struct Place {
    app: App,
    handle: Option<Arc<Handle>>,
}

impl Place {
    fn keep(mut self) -> Arc<Handle> {
        self.handle.take().expect("it is taken only here")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            self.app.runs.release(&handle.run.id);
        }
    }
}

/// What the request says of the turn itself.
struct NewTurn {
    parent_id: Option<MessageId>,
    question: Option<Map<String, Value>>,
    question_text: Option<String>,
}

impl NewTurn {
    fn of(request: &CompletionRequest) -> NewTurn {
        let question = request.parent_message.clone();
        let question = question.or_else(|| {
            request
                .rest
                .get("user_message")
                .and_then(Value::as_object)
                .cloned()
        });
        let is_user = |message: &&Map<String, Value>| message.get("role") == Some(&json!("user"));
        let last = request
            .messages
            .as_ref()
            .and_then(|all| all.iter().rev().find(is_user));
        let in_question = |question: &Map<String, Value>| {
            question
                .get("id")
                .and_then(Value::as_str)
                .map(MessageId::from)
        };
        NewTurn {
            parent_id: request
                .parent_id
                .clone()
                .or_else(|| question.as_ref().and_then(in_question)),
            question,
            question_text: last
                .and_then(|message| message.get("content")?.as_str().map(str::to_owned)),
        }
    }
}

/// The chat is the caller's; without messages in the request the stored conversation is what the model is asked.
async fn may_answer(
    app: &App,
    run: &Running,
    request: &mut CompletionRequest,
) -> Result<(), Error> {
    let (run, parent_id) = (run.clone(), request.parent_id.clone());
    let is_without = request.messages.as_ref().is_none_or(Vec::is_empty);
    let line = app.store.read(move |conn| {
        let chat = owned(conn, &run.user_id, &run.chat_id).map_err(|_| Error::NotFound("chat"))?;
        if !is_without {
            return Ok(Vec::new());
        }
        let all = messages::of_chat(conn, &run.chat_id)?;
        let last = parent_id.or(chat.current_id);
        Ok::<_, Error>(prompt::from_line(line_to(last.as_ref(), &all)))
    });
    let mut line = line.await?;
    if is_without {
        if line.is_empty()
            && let Some(question) = &request.parent_message
        {
            line.push(
                question
                    .iter()
                    .filter(|(key, _)| matches!(key.as_str(), "role" | "content"))
                    .map(|(k, v)| (k.clone(), v.clone()))
                    .collect(),
            );
        }
        request.messages = Some(line);
    }
    Ok(())
}

/// What became of the command that starts a run.
enum Turned {
    /// The turn is stored now; whether the chat has no title of its own.
    Now { needs_title: bool },
    /// It was before, under the same key.
    Before(TaskStarted),
}

/// Stores question, empty answer and run, and tells the tabs.
async fn store_turn(
    app: &App,
    actor: &Actor,
    handle: &Handle,
    new: NewTurn,
    started: TaskStarted,
) -> Result<Turned, Error> {
    let (actor, run, now_ms) = (actor.clone(), handle.run.clone(), app.clock.now_ms());
    app.store
        .write(move |tx| {
            let mut turned = None;
            let started = once(tx, &actor, |tx| {
                let needs_title = write_turn(tx, &run, new, now_ms)?;
                turned = Some(Turned::Now { needs_title });
                Ok(started)
            })?;
            Ok(turned.unwrap_or(Turned::Before(started)))
        })
        .await
}

/// Of a conversation that is not stored only the command is.
async fn remember(app: &App, actor: &Actor, started: TaskStarted) -> Result<Turned, Error> {
    let is_now = Turned::Now { needs_title: false };
    if actor.command.is_none() {
        return Ok(is_now);
    }
    let id = started.task_id.clone();
    let first = app.command(actor, move |_| Ok(started)).await?;
    Ok(match first.task_id == id {
        true => is_now,
        false => Turned::Before(first),
    })
}

fn write_turn(tx: &mut Tx<'_>, run: &Running, new: NewTurn, now_ms: i64) -> Result<bool, Error> {
    let chat = owned(tx, &run.user_id, &run.chat_id).map_err(|_| Error::NotFound("chat"))?;
    let before = chat.clone();
    let mut turn = Turn::of(tx, chat)?;
    if let (Some(id), Some(question)) = (&new.parent_id, new.question) {
        turn.merge_message(tx, id, question, false, now_ms)?;
    } else if let (Some(id), Some(text)) = (&new.parent_id, &new.question_text)
        && turn.get(id).is_none()
    {
        let question = Map::from_iter([
            ("role".to_owned(), json!("user")),
            ("content".to_owned(), json!(text)),
            ("parentId".to_owned(), json!(turn.chat.current_id)),
        ]);
        turn.merge_message(tx, id, question, false, now_ms)?;
    }
    let held = turn.get(&run.message_id).cloned();
    let mut answer =
        held.unwrap_or_else(|| Turn::empty_answer(&run.message_id, new.parent_id.clone(), now_ms));
    answer.parent_id = new.parent_id.or(answer.parent_id);
    answer.role = "assistant".to_owned();
    answer.model = Some(run.model.clone());
    answer.content.clear();
    (answer.is_done, answer.error, answer.updated_at_ms) = (false, None, now_ms);
    turn.put(tx, answer)?;
    turn.chat.current_id = Some(run.message_id.clone());
    let question = turn
        .get(&run.message_id)
        .and_then(|answer| answer.parent_id.clone());
    let question = question
        .and_then(|id| turn.get(&id))
        .map(|question| question.content.clone());
    let needs_title = NO_TITLES.contains(&turn.chat.title.as_str());
    if needs_title
        && let Some(title) =
            title::of_question(question.or(new.question_text).as_deref().unwrap_or(""))
    {
        turn.chat.title = title;
    }
    turn.chat.updated_at_ms = now_ms;
    chats::update(tx, &turn.chat)?;
    runs::insert(tx, run, now_ms)?;
    turn.changed = with_parents(&turn);
    tell_messages(tx, &turn);
    if turn.chat.title != before.title {
        tell_list(tx, &turn.chat);
    }
    Ok(needs_title)
}

/// The changed messages and those whose list of children they are in.
fn with_parents(turn: &Turn) -> HashSet<MessageId> {
    let parents = turn
        .changed
        .iter()
        .filter_map(|id| turn.get(id)?.parent_id.clone());
    parents.chain(turn.changed.iter().cloned()).collect()
}
