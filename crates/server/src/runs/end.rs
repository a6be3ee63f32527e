//! The end of a run: its text goes into its message, its tabs are told, in one commit and once.

use super::Handle;
use super::drive::Told;
use crate::app::App;
use crate::chats::actions::{tell, tell_list, tell_message};
use crate::chats::{NO_TITLES, Turn};
use crate::error::Error;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use store::Tx;
use store::chats::runs::{self, Ended, Running};
use store::chats::{self};
use wire::Room;
use wire::events::{ChatEvent, ChatMessageError, ChatPush, ServerEvent};

/// The largest text, as JSON, that is sent once more with the end; the tabs have seen it in pieces.
const MAX_FINAL_BYTES: usize = 256 * 1024;
/// The longest sentence of an upstream that is kept.
const MAX_SENTENCE_CHARS: usize = 1_000;
/// How often the end is tried to be written while the database does not answer.
const TRIES: u32 = 6;

/// How a run ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The model came to its end.
    Finished,
    /// Its owner stopped it.
    Stopped,
    /// It broke: a stable word and a sentence for people.
    Failed {
        /// The word.
        code: String,
        /// The sentence.
        sentence: String,
    },
}

impl Outcome {
    /// A failure of ours.
    pub fn failed(code: &str, sentence: &str) -> Outcome {
        Outcome::Failed {
            code: code.to_owned(),
            sentence: sentence.to_owned(),
        }
    }

    /// A failure of the model's side.
    pub fn of(error: &llm::Error) -> Outcome {
        Outcome::Failed {
            code: error.code().to_owned(),
            // An upstream may put a whole page into its error.
            sentence: error.to_string().chars().take(MAX_SENTENCE_CHARS).collect(),
        }
    }

    fn ended(&self) -> Ended {
        match self {
            Outcome::Finished => Ended::Finished,
            Outcome::Stopped => Ended::Stopped,
            Outcome::Failed { code, .. } => Ended::Failed { code: code.clone() },
        }
    }
}

/// Ends a run and forgets it.
pub async fn end(app: &App, handle: &Arc<Handle>, outcome: Outcome, told: Told) {
    let run = handle.run.clone();
    let text = handle.text().whole().to_owned();
    tracing::info!(run.id = %run.id, model = run.model, outcome = ?outcome.ended(), garbled = told.garbled,
        size_bytes = text.len(), "an answer ended");
    if handle.is_stored {
        let told = Arc::new(told);
        write(app, handle, &outcome, &text, &told).await;
    } else {
        for event in last_events(&run, &outcome, &text, NO_TITLES[1]) {
            app.publish.piece(&Room::User(run.user_id.clone()), &event);
        }
    }
    app.runs.release(&run.id);
}

async fn write(app: &App, handle: &Arc<Handle>, outcome: &Outcome, text: &str, told: &Arc<Told>) {
    let run = &handle.run;
    let mut wait = Duration::from_millis(100);
    for tried in 1..=TRIES {
        let (handle, outcome, text, told) = (
            handle.clone(),
            outcome.clone(),
            text.to_owned(),
            told.clone(),
        );
        let now_ms = app.clock.now_ms();
        let written = app
            .store
            .write(move |tx| {
                write_end(tx, &handle.run, &outcome, text, Some(&told), now_ms)?;
                handle.has_ended.store(true, Ordering::Relaxed);
                Ok::<_, Error>(())
            })
            .await;
        let Err(error) = written else { return };
        tracing::error!(%error, tried, "the end of an answer could not be stored");
        let is_passing = matches!(
            error,
            Error::Store(store::Error::Busy | store::Error::Unavailable(_) | store::Error::Full)
        );
        if !is_passing || app.stopping.is_cancelled() {
            break;
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
    // Nobody may wait for ever: said without a number, and the run is ended when the server starts the next time.
    let lost = Outcome::failed(
        "not_stored",
        "the answer could not be stored; the error is in the server's log",
    );
    for event in last_events(run, &lost, text, "") {
        app.publish.piece(&Room::User(run.user_id.clone()), &event);
    }
}

/// Writes the end in one job; nothing if the run had ended before, or its chat is gone.
fn write_end(
    tx: &mut Tx<'_>,
    run: &Running,
    outcome: &Outcome,
    text: String,
    told: Option<&Told>,
    now_ms: i64,
) -> Result<(), Error> {
    if !runs::end(tx, &run.id, &outcome.ended(), text.len(), now_ms)? {
        return Ok(());
    }
    let Some(chat) = chats::by_id(tx, &run.chat_id)? else {
        return Ok(());
    };
    let mut turn = Turn::of(tx, chat)?;
    if let Some(mut message) = turn.get(&run.message_id).cloned() {
        message.content = text;
        message.is_done = true;
        message.updated_at_ms = now_ms;
        message.error = failure(outcome, message.content.len());
        if let Some(usage) = told.and_then(|told| told.usage.clone()) {
            message.extra.insert("usage".into(), usage);
        }
        if let Some(sources) = told.and_then(|told| told.sources.clone()) {
            message.extra.entry("sources").or_insert(sources);
        }
        turn.put(tx, message)?;
    }
    turn.chat.updated_at_ms = now_ms;
    chats::update(tx, &turn.chat)?;
    if matches!(outcome, Outcome::Stopped) {
        tell_message(tx, &turn, &run.message_id);
    }
    let text = turn
        .get(&run.message_id)
        .map_or("", |message| message.content.as_str());
    for event in last_events(run, outcome, text, &turn.chat.title) {
        tx.emit(Room::User(run.user_id.clone()), event);
    }
    tell_list(tx, &turn.chat);
    Ok(())
}

/// What the tabs hear last of a run.
fn last_events(run: &Running, outcome: &Outcome, text: &str, title: &str) -> Vec<ServerEvent> {
    let events = match outcome {
        Outcome::Finished => {
            let mut last = json!({"done": true, "title": title});
            let content = json!(text);
            if content.to_string().len() <= MAX_FINAL_BYTES {
                last["content"] = content;
            }
            vec![ChatEvent::Completion(last)]
        }
        Outcome::Stopped => vec![ChatEvent::TasksCancelled],
        Outcome::Failed { .. } => {
            let error = failure(outcome, text.len()).unwrap_or_default();
            vec![
                ChatEvent::MessageError(ChatMessageError { error }),
                ChatEvent::TasksCancelled,
            ]
        }
    };
    let push = |data| {
        ServerEvent::Chat(ChatPush {
            chat_id: Some(run.chat_id.clone()),
            message_id: Some(run.message_id.clone()),
            data,
            run: None,
        })
    };
    events.into_iter().map(push).collect()
}

/// What the message keeps of a failure.
fn failure(outcome: &Outcome, kept_bytes: usize) -> Option<Value> {
    match outcome {
        Outcome::Failed { code, sentence } => {
            Some(json!({"content": sentence, "code": code, "kept": kept_bytes}))
        }
        Outcome::Finished | Outcome::Stopped => None,
    }
}

/// Ends the runs that a server which died left behind, with the text that was stored of them.
///
/// # Errors
/// The store's.
pub async fn recover(app: &App) -> Result<(), Error> {
    let lost = Outcome::failed(
        "node_lost",
        "the server went away while it answered; the text so far was kept",
    );
    for run in app
        .store
        .read(|conn| Ok::<_, Error>(runs::running(conn)?))
        .await?
    {
        // A job each: one job tells only so many rooms.
        let (lost, now_ms) = (lost.clone(), app.clock.now_ms());
        tracing::warn!(run.id = %run.id, "ends an answer that a former start left behind");
        let ended = app.store.write(move |tx| {
            let text = runs::text(tx, &run.id)?;
            write_end(tx, &run, &lost, text, None, now_ms)
        });
        ended.await?;
    }
    Ok(())
}

/// The title a chat gets; told to all tabs.
pub fn retitle(tx: &mut Tx<'_>, run: &Running, title: &str, now_ms: i64) -> Result<(), Error> {
    let Some(mut chat) = chats::by_id(tx, &run.chat_id)? else {
        return Ok(());
    };
    title.clone_into(&mut chat.title);
    chat.updated_at_ms = chat.updated_at_ms.max(now_ms);
    chats::update(tx, &chat)?;
    tell(
        tx,
        &chat,
        Some(run.message_id.clone()),
        ChatEvent::Title(title.to_owned()),
    );
    tell_list(tx, &chat);
    Ok(())
}
