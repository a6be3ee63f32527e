//! A client's document, merged into a chat's rows message by message.
//!
//! Old clients send the whole history after each answer, from every tab. So nothing is removed by leaving it out, keys
//! that a client does not send are kept, and the text of an answer is the server's while it grows: what a tab has seen
//! of it must not overwrite what came after.

use crate::error::Error;
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use store::Tx;
use store::chats::{Stored, messages};
use wire::MessageId;

/// The longest text of one message, in bytes.
pub const MAX_CONTENT_BYTES: usize = 1 << 20;
/// The longest title, in characters.
pub const MAX_TITLE_CHARS: usize = 300;
/// The most that clients may keep in one chat or message under keys of their own, as JSON text.
const MAX_EXTRA_BYTES: usize = 1 << 20;
const MAX_ID_BYTES: usize = 128;

/// A chat inside a job: its row and its messages.
pub struct Turn {
    /// The chat's row.
    pub chat: Stored,
    /// All its messages, oldest first.
    pub messages: Vec<messages::Stored>,
    /// Those that were changed or added.
    pub changed: HashSet<MessageId>,
}

impl Turn {
    /// Loads the messages of a chat.
    pub fn of(tx: &Tx<'_>, chat: Stored) -> Result<Turn, Error> {
        let messages = messages::of_chat(tx, &chat.id)?;
        Ok(Turn {
            chat,
            messages,
            changed: HashSet::new(),
        })
    }

    /// Merges the contract's document. `growing` are the messages that are being generated.
    pub fn merge(
        &mut self,
        tx: &mut Tx<'_>,
        document: Map<String, Value>,
        growing: &HashSet<MessageId>,
        now_ms: i64,
    ) -> Result<(), Error> {
        for (key, value) in document {
            match key.as_str() {
                // The linear list repeats what is in the history.
                "id" | "messages" => {}
                "title" => {
                    if let Value::String(title) = value {
                        self.chat.title = checked_title(&title)?;
                    }
                }
                "history" => self.merge_history(tx, value, growing, now_ms)?,
                _ => {
                    self.chat.extra.insert(key, value);
                }
            }
        }
        checked_extra(&self.chat.extra)
    }

    fn merge_history(
        &mut self,
        tx: &mut Tx<'_>,
        mut history: Value,
        growing: &HashSet<MessageId>,
        now_ms: i64,
    ) -> Result<(), Error> {
        let sent = history.get_mut("messages").map(Value::take);
        let Some(Value::Object(sent)) = sent else {
            return Ok(());
        };
        let mut sent: Vec<(MessageId, Map<String, Value>)> = sent
            .into_iter()
            .filter_map(|(id, message)| match message {
                Value::Object(message) => Some((MessageId(id), message)),
                _ => None,
            })
            .collect();
        // New siblings get their order from their time; JSON objects have none.
        sent.sort_by_key(|(_, message)| created_at_ms(message).unwrap_or(i64::MAX));
        for (id, message) in sent {
            self.merge_message(tx, &id, message, growing.contains(&id), now_ms)?;
        }
        if let Some(current) = history["currentId"].as_str().map(MessageId::from)
            && self.position(&current).is_some()
        {
            self.chat.current_id = Some(current);
        }
        Ok(())
    }

    /// Merges one message of the contract's shape; a new one is added.
    pub fn merge_message(
        &mut self,
        tx: &mut Tx<'_>,
        id: &MessageId,
        mut sent: Map<String, Value>,
        is_growing: bool,
        now_ms: i64,
    ) -> Result<(), Error> {
        let held = self.position(id);
        let mut message = match held {
            Some(at) => self.messages[at].clone(),
            None => new_message(id, &sent, now_ms)?,
        };
        let is_stale = message.is_done
            && message.role == "assistant"
            && sent.get("done") != Some(&json!(true));
        if held.is_some() && (is_growing || is_stale) {
            for key in ["content", "done", "error"] {
                sent.remove(key);
            }
        }
        apply(&mut message, sent)?;
        if held.is_some_and(|at| self.messages[at] == message) {
            return Ok(());
        }
        message.updated_at_ms = now_ms;
        self.put(tx, message)
    }

    /// Stores a message, new or changed.
    pub fn put(&mut self, tx: &mut Tx<'_>, mut message: messages::Stored) -> Result<(), Error> {
        let held = self.position(&message.id);
        if held.is_none() && self.messages.len() as i64 >= messages::MAX_MESSAGES {
            let detail = format!(
                "a chat may have at most {} messages; start a new one",
                messages::MAX_MESSAGES
            );
            return Err(Error::refused("chat_full", detail));
        }
        messages::put(tx, &mut self.chat, &mut message)?;
        self.changed.insert(message.id.clone());
        match held {
            Some(at) => self.messages[at] = message,
            None => self.messages.push(message),
        }
        Ok(())
    }

    /// The message with this id.
    pub fn get(&self, id: &MessageId) -> Option<&messages::Stored> {
        self.position(id).map(|at| &self.messages[at])
    }

    fn position(&self, id: &MessageId) -> Option<usize> {
        self.messages.iter().position(|message| message.id == *id)
    }

    /// A new answer without text yet.
    pub fn empty_answer(
        id: &MessageId,
        parent_id: Option<MessageId>,
        now_ms: i64,
    ) -> messages::Stored {
        messages::Stored {
            id: id.clone(),
            no: 0,
            parent_id,
            role: "assistant".to_owned(),
            content: String::new(),
            model: None,
            is_done: false,
            error: None,
            extra: Map::new(),
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
        }
    }
}

/// A title without line breaks, cut to its longest length.
pub fn checked_title(title: &str) -> Result<String, Error> {
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    let len = title.chars().count();
    if len > MAX_TITLE_CHARS {
        return Err(Error::TooLarge {
            what: "the title in characters",
            len,
            max: MAX_TITLE_CHARS,
        });
    }
    Ok(title)
}

/// A text that is not too long for a message.
pub fn checked_content(content: String) -> Result<String, Error> {
    match content.len() {
        len if len > MAX_CONTENT_BYTES => Err(Error::TooLarge {
            what: "the message in bytes",
            len,
            max: MAX_CONTENT_BYTES,
        }),
        _ => Ok(content),
    }
}

/// What clients keep under keys of their own, if it is not too much.
pub fn checked_extra(extra: &Map<String, Value>) -> Result<(), Error> {
    let len = serde_json::to_vec(extra).map_or(0, |text| text.len());
    if len > MAX_EXTRA_BYTES {
        return Err(Error::TooLarge {
            what: "what the client keeps there, in bytes",
            len,
            max: MAX_EXTRA_BYTES,
        });
    }
    Ok(())
}

fn new_message(
    id: &MessageId,
    sent: &Map<String, Value>,
    now_ms: i64,
) -> Result<messages::Stored, Error> {
    if id.as_str().is_empty() || id.as_str().len() > MAX_ID_BYTES {
        return Err(Error::TooLarge {
            what: "the message's id in bytes",
            len: id.as_str().len(),
            max: MAX_ID_BYTES,
        });
    }
    let role = sent.get("role").and_then(Value::as_str).unwrap_or("user");
    if !matches!(role, "user" | "assistant" | "system" | "tool") {
        return Err(Error::refused(
            "unknown_role",
            "a message's role is user, assistant, system or tool",
        ));
    }
    let mut message = Turn::empty_answer(id, None, created_at_ms(sent).unwrap_or(now_ms));
    message.role = role.to_owned();
    message.is_done = role != "assistant";
    message.updated_at_ms = now_ms;
    Ok(message)
}

/// Old clients write seconds; what is clearly milliseconds is taken as such.
fn created_at_ms(sent: &Map<String, Value>) -> Option<i64> {
    let at = sent
        .get("timestamp")?
        .as_i64()
        .filter(|at| (1..1 << 50).contains(at))?;
    Some(if at < 100_000_000_000 { at * 1000 } else { at })
}

fn apply(message: &mut messages::Stored, sent: Map<String, Value>) -> Result<(), Error> {
    for (key, value) in sent {
        match (key.as_str(), value) {
            ("id" | "childrenIds" | "role" | "timestamp", _) => {}
            ("parentId", Value::Null) => message.parent_id = None,
            ("parentId", Value::String(parent)) => message.parent_id = Some(MessageId(parent)),
            ("content", Value::String(content)) => message.content = checked_content(content)?,
            // Parts instead of text: kept as they are, beside the text they hold.
            ("content", Value::Array(parts)) => {
                let texts: Vec<&str> = parts
                    .iter()
                    .filter_map(|part| part["text"].as_str())
                    .collect();
                message.content = checked_content(texts.join("\n"))?;
                message
                    .extra
                    .insert("content_parts".into(), Value::Array(parts));
            }
            ("model", Value::String(model)) => message.model = Some(model),
            ("done", Value::Bool(is_done)) => {
                message.is_done = is_done || message.role != "assistant"
            }
            ("error", Value::Null | Value::Bool(false)) => message.error = None,
            ("error", error) => message.error = Some(error),
            ("parentId" | "content" | "model" | "done", _) => {}
            (_, value) => {
                message.extra.insert(key, value);
            }
        }
    }
    checked_extra(&message.extra)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn times_are_read_in_seconds_and_in_milliseconds() {
        let at = |value: Value| created_at_ms(&object(json!({ "timestamp": value })));
        assert_eq!(at(json!(1_763_900_000)), Some(1_763_900_000_000));
        assert_eq!(at(json!(1_763_900_000_123_i64)), Some(1_763_900_000_123));
        assert_eq!(at(json!("soon")), None);
        assert_eq!(at(json!(-5)), None);
    }

    #[test]
    fn a_title_is_one_line_of_bounded_length() {
        assert_eq!(checked_title(" a \n b ").unwrap(), "a b");
        assert!(checked_title(&"x".repeat(301)).is_err());
    }

    #[test]
    fn keys_that_are_not_sent_stay_and_wrong_types_change_nothing() {
        let mut message = Turn::empty_answer(&"a".into(), Some("q".into()), 1);
        message.extra.insert("usage".into(), json!({"total": 1}));
        let sent = json!({"content": 5, "parentId": 7, "done": "yes", "model": null, "sources": [1], "childrenIds": ["z"]});
        apply(&mut message, object(sent)).unwrap();
        assert_eq!(
            message.extra,
            object(json!({"usage": {"total": 1}, "sources": [1]}))
        );
        assert_eq!((message.content.as_str(), message.is_done), ("", false));
        assert_eq!(message.parent_id, Some("q".into()));
    }
}
