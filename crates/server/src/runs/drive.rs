//! Takes a run from the model's first word to its end: folds, coalesces, publishes, and says how it ended.
//!
//! The first piece leaves 20 ms after the first word, then at most one every 50 ms. Everything a run waits for ends it
//! when it is stopped, and dropping the model's answer closes the connection to it.

use super::end::{self, Outcome};
use super::text::Piece;
use super::{Handle, Runs};
use crate::app::App;
use llm::{Answer, Delta, Deltas};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;
use wire::Room;
use wire::chats::RunPosition;
use wire::events::{ChatEvent, ChatPush, ServerEvent};

/// How long words are gathered before they are sent.
const GATHER: Duration = Duration::from_millis(20);
/// The least time between two pieces.
const BETWEEN_PIECES: Duration = Duration::from_millis(50);
/// The largest piece; what is longer leaves in several.
const MAX_PIECE_BYTES: usize = 48 * 1024;
/// The largest other event of a model that is passed on.
const MAX_EXTRA_BYTES: usize = 64 * 1024;

/// The model's answer, being asked for.
pub type Asking = AbortOnDropHandle<Result<Answer, llm::Error>>;

/// What a run knows besides its text.
#[derive(Debug, Default)]
pub struct Told {
    /// Token counts.
    pub usage: Option<Value>,
    /// Sources the model's side named.
    pub sources: Option<Value>,
    /// Parts of the stream that could not be read.
    pub garbled: usize,
}

/// Runs in the background until the run has ended.
pub fn spawn(app: &App, handle: Arc<Handle>, asking: Asking, wants_title: bool) {
    let app = app.clone();
    let tasks = app.runs.0.tasks.clone();
    tasks.spawn(async move {
        let mut told = Told::default();
        let outcome = tokio::select! {
            outcome = follow(&app, &handle, asking, &mut told) => outcome,
            () = handle.stop.cancelled() => Outcome::Stopped,
            () = app.stopping.cancelled() => Outcome::failed("server_stopped", "the server was stopped while it answered"),
        };
        let is_finished = matches!(outcome, Outcome::Finished);
        handle.text().end_reasoning(app.clock.now_ms());
        publish_rest(&app, &handle).await;
        end::end(&app, &handle, outcome, told).await;
        if is_finished && wants_title {
            super::title::give(&app, &handle.run).await;
        }
    });
}

async fn follow(app: &App, handle: &Arc<Handle>, asking: Asking, told: &mut Told) -> Outcome {
    let answer = match asking.await {
        Ok(answer) => answer.and_then(Answer::into_deltas),
        Err(_) => {
            return Outcome::failed(
                "internal",
                "the model could not be asked; the error is in the server's log",
            );
        }
    };
    match answer {
        Ok(deltas) => fold(app, handle, deltas, told).await,
        Err(error) => Outcome::of(&error),
    }
}

async fn fold(app: &App, handle: &Arc<Handle>, mut deltas: Deltas, told: &mut Told) -> Outcome {
    let mut last_sent: Option<Instant> = None;
    let mut send_at: Option<Instant> = None;
    loop {
        tokio::select! {
            biased;
            () = async { sleep_until(send_at.unwrap_or_else(Instant::now)).await }, if send_at.is_some() => {
                let now = Instant::now();
                send_at = publish_text(app, handle).then_some(now + BETWEEN_PIECES);
                last_sent = Some(now);
            }
            delta = deltas.next() => match delta {
                None => return Outcome::Finished,
                Some(Err(error)) => return Outcome::of(&error),
                Some(Ok(delta)) => {
                    if let Some(outcome) = take(app, handle, delta, told) {
                        return outcome;
                    }
                    let soon = Instant::now() + GATHER;
                    send_at = send_at.or(Some(last_sent.map_or(soon, |sent| soon.max(sent + BETWEEN_PIECES))));
                    app.runs.0.grown.notify_one();
                }
            },
        }
    }
}

/// Folds one part; an outcome ends the run early.
fn take(app: &App, handle: &Handle, delta: Delta, told: &mut Told) -> Option<Outcome> {
    let now_ms = app.clock.now_ms();
    match delta {
        Delta::Content(text) | Delta::Reasoning(text)
            if !handle.text().has_room_for(text.len()) =>
        {
            return Some(Outcome::failed(
                "answer_too_long",
                "the answer is longer than this server keeps",
            ));
        }
        Delta::Content(text) => handle.text().say(&text, now_ms),
        Delta::Reasoning(text) => handle.text().think(&text, now_ms),
        Delta::Usage(usage) if size_of(&usage) > MAX_EXTRA_BYTES => {}
        Delta::Usage(usage) => {
            publish_other(app, handle, json!({ "usage": usage }));
            told.usage = Some(usage);
        }
        Delta::Extra(extra) => take_extra(app, handle, extra, told),
        Delta::Garbled => {
            told.garbled += 1;
            tracing::warn!(run.id = %handle.run.id, "a part of an answer could not be read");
        }
        // Nothing here runs tools, and none are offered to the model unless the caller does it.
        Delta::ToolCall(_) | Delta::Finish(_) => {}
    }
    None
}

fn take_extra(app: &App, handle: &Handle, mut extra: Map<String, Value>, told: &mut Told) {
    // Nothing else: an upstream could end the answer in the tabs with a `done` of its own.
    extra.retain(|key, _| matches!(key.as_str(), "sources" | "selected_model_id"));
    if extra.is_empty() || size_of(&extra) > MAX_EXTRA_BYTES {
        return;
    }
    if told.sources.is_none() {
        told.sources = extra.get("sources").cloned();
    }
    publish_other(app, handle, Value::Object(extra));
}

fn size_of(value: &impl serde::Serialize) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |text| text.len())
}

/// Sends the tabs the next piece of the text; whether there is more.
fn publish_text(app: &App, handle: &Handle) -> bool {
    // Taken and sent under one lock: pieces leave in the order of their offsets.
    let mut text = handle.text();
    let (data, offset) = match text.unsent(MAX_PIECE_BYTES) {
        None => return false,
        Some(Piece::Whole(whole)) => (json!({ "content": whole }), 0),
        Some(Piece::More { offset, text }) => {
            let chunk = json!({
                "object": "chat.completion.chunk",
                "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}],
            });
            (chunk, offset)
        }
    };
    publish(app, handle, data, Some(offset));
    text.has_unsent()
}

/// Sends the tabs all that they have not seen, at the usual pace: a burst would fill the queues of slow ones.
async fn publish_rest(app: &App, handle: &Handle) {
    while publish_text(app, handle) && !app.stopping.is_cancelled() {
        tokio::time::sleep(BETWEEN_PIECES).await;
    }
}

fn publish_other(app: &App, handle: &Handle, data: Value) {
    publish(app, handle, data, None);
}

fn publish(app: &App, handle: &Handle, data: Value, offset: Option<usize>) {
    let run = &handle.run;
    let push = ChatPush {
        chat_id: Some(run.chat_id.clone()),
        message_id: Some(run.message_id.clone()),
        data: ChatEvent::Completion(data),
        run: offset.map(|offset| RunPosition {
            id: run.id.clone(),
            offset: offset as u64,
        }),
    };
    app.publish
        .piece(&Room::User(run.user_id.clone()), &ServerEvent::Chat(push));
}

impl Runs {
    /// Waits until some run has grown.
    pub(super) async fn grown(&self) {
        self.0.grown.notified().await;
    }
}
