//! What a plugin or an agent reports about a message over HTTP: stored as the contract says (3.1), then told to the tabs.

use super::actions::tell;
use super::document::MAX_EVENT_BYTES;
use super::merge::{Turn, checked_content, checked_extra};
use super::owned;
use crate::app::App;
use crate::auth::Actor;
use crate::error::Error;
use serde_json::{Value, json};
use store::chats::{self, messages};
use wire::chats::ReportChatEvent;
use wire::events::ChatEvent;
use wire::{ChatId, MessageId};

/// Takes the report of an event about one message of the caller's chat.
///
/// # Errors
/// [`Error::ChatNotFound`]; an unknown type; what is too large.
pub async fn report(
    app: &App,
    actor: &Actor,
    id: ChatId,
    message_id: MessageId,
    event: ReportChatEvent,
) -> Result<(), Error> {
    let (owner, now_ms) = (actor.id().clone(), app.clock.now_ms());
    let len = json!(event.data).to_string().len();
    if len > MAX_EVENT_BYTES {
        let (what, max) = ("the event in bytes", MAX_EVENT_BYTES);
        return Err(Error::TooLarge { what, len, max });
    }
    app.command(actor, move |tx| {
        let mut turn = Turn::of(tx, owned(tx, &owner, &id)?)?;
        let mut message = turn.get(&message_id).cloned().ok_or(Error::ChatNotFound)?;
        let before = message.clone();
        let told = apply(&mut message, event)?;
        if message != before {
            message.updated_at_ms = now_ms;
            turn.put(tx, message)?;
            turn.chat.updated_at_ms = now_ms;
            chats::update(tx, &turn.chat)?;
        }
        tell(tx, &turn.chat, Some(message_id), told);
        Ok(())
    })
    .await
}

/// Stores what the contract says for the event's type; the event as the tabs get it.
fn apply(message: &mut messages::Stored, event: ReportChatEvent) -> Result<ChatEvent, Error> {
    let event = json!({"type": event.kind, "data": event.data});
    let unknown = || {
        Error::refused(
            "unknown_event",
            "an event about a message is of one of the types in docs/asyncapi.json",
        )
    };
    let event: ChatEvent = serde_json::from_value(event).map_err(|_| unknown())?;
    let text_in = |data: &Value| {
        let text = data["content"].as_str().map(str::to_owned);
        text.ok_or_else(|| {
            Error::refused("content_missing", "this event needs data.content as text")
        })
    };
    match &event {
        ChatEvent::MessageAppended(data) => {
            message.content = checked_content(format!("{}{}", message.content, text_in(data)?))?;
        }
        ChatEvent::MessageReplaced(data) => message.content = checked_content(text_in(data)?)?,
        ChatEvent::Status(data) => append(message, "statusHistory", [data.clone()]),
        ChatEvent::Files(data) => prepend(message, "files", data),
        ChatEvent::Embeds(data) => prepend(message, "embeds", data),
        ChatEvent::Source(data) if data["type"].is_null() => {
            append(message, "sources", [data.clone()])
        }
        ChatEvent::MessageError(failure) => message.error = Some(failure.error.clone()),
        ChatEvent::Source(_) | ChatEvent::Notification(_) => {}
        _ => return Err(unknown()),
    }
    checked_extra(&message.extra)?;
    Ok(event)
}

fn append(message: &mut messages::Stored, key: &str, added: impl IntoIterator<Item = Value>) {
    let list = message.extra.entry(key).or_insert_with(|| json!([]));
    match list.as_array_mut() {
        Some(list) => list.extend(added),
        None => *list = added.into_iter().collect(),
    }
}

/// New ones first, as the contract says.
fn prepend(message: &mut messages::Stored, key: &str, data: &Value) {
    let added = data[key].as_array().cloned().unwrap_or_default();
    let held = message.extra.remove(key);
    append(message, key, added);
    if let Some(Value::Array(held)) = held {
        append(message, key, held);
    }
}
