//! A chat's rows as the document that the contract's clients know: `{title, models, history: {currentId, messages}, ...}`.

use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use store::chats::{Stored, messages};
use wire::chats::Chat;
use wire::{ChatId, MessageId};

/// The chat with all its messages. `growing` has the text so far of messages that are being generated.
pub fn shown(
    chat: &Stored,
    messages: &[messages::Stored],
    growing: &HashMap<MessageId, String>,
) -> Chat {
    let children = children_of(messages);
    let mut shown = Map::new();
    for message in messages {
        // A run that ended since its text was taken is in the row.
        let text = growing.get(&message.id).filter(|_| !message.is_done);
        let mut value = one(message, &children);
        if let Some(text) = text {
            value.insert("content".into(), json!(text));
        }
        shown.insert(message.id.0.clone(), Value::Object(value));
    }
    let line: Vec<Value> = line_to(chat.current_id.as_ref(), messages)
        .iter()
        .filter_map(|message| shown.get(message.id.as_str()).cloned())
        .collect();
    let mut document = chat.extra.clone();
    document.insert("id".into(), json!(chat.id));
    document.insert("title".into(), json!(chat.title));
    for (key, empty) in [
        ("models", json!([])),
        ("params", json!({})),
        ("tags", json!([])),
    ] {
        document.entry(key).or_insert(empty);
    }
    let timestamp = json!(chat.created_at_ms);
    document.entry("timestamp").or_insert(timestamp);
    document.insert("messages".into(), Value::Array(line));
    document.insert(
        "history".into(),
        json!({"currentId": chat.current_id, "messages": shown}),
    );
    Chat {
        id: chat.id.clone(),
        user_id: chat.user_id.clone(),
        title: chat.title.clone(),
        chat: Value::Object(document),
        updated_at: chat.updated_at_ms / 1000,
        created_at: chat.created_at_ms / 1000,
        share_id: None,
        archived: chat.archived_at_ms.is_some(),
        pinned: chat.pinned_at_ms.is_some(),
        meta: chat.meta.clone(),
        folder_id: None,
    }
}

/// Some messages of a chat as events carry them.
pub fn shown_messages(
    all: &[messages::Stored],
    wanted: &HashSet<MessageId>,
) -> BTreeMap<String, Value> {
    let children = children_of(all);
    let wanted = all.iter().filter(|message| wanted.contains(&message.id));
    wanted
        .map(|message| (message.id.0.clone(), Value::Object(one(message, &children))))
        .collect()
}

/// One message of a chat as events carry it.
pub fn shown_message(all: &[messages::Stored], id: &MessageId) -> BTreeMap<String, Value> {
    shown_messages(all, &HashSet::from([id.clone()]))
}

/// From the first message to this one, along the parents. Ends at a loop or where a parent is missing.
pub fn line_to<'a>(
    last: Option<&MessageId>,
    messages: &'a [messages::Stored],
) -> Vec<&'a messages::Stored> {
    let by_id: HashMap<&str, &messages::Stored> = messages
        .iter()
        .map(|message| (message.id.as_str(), message))
        .collect();
    let (mut line, mut seen) = (Vec::new(), HashSet::new());
    let mut next = last;
    while let Some(message) = next.and_then(|id| by_id.get(id.as_str())) {
        if !seen.insert(message.id.as_str()) {
            break;
        }
        line.push(*message);
        next = message.parent_id.as_ref();
    }
    line.reverse();
    line
}

type Children<'a> = HashMap<&'a str, Vec<&'a str>>;

fn children_of(messages: &[messages::Stored]) -> Children<'_> {
    let mut children = Children::new();
    for message in messages {
        if let Some(parent) = &message.parent_id {
            let siblings = children.entry(parent.as_str()).or_default();
            siblings.push(message.id.as_str());
        }
    }
    children
}

fn one(message: &messages::Stored, children: &Children<'_>) -> Map<String, Value> {
    let mut shown = message.extra.clone();
    let children = children.get(message.id.as_str());
    shown.insert("id".into(), json!(message.id));
    shown.insert("parentId".into(), json!(message.parent_id));
    shown.insert(
        "childrenIds".into(),
        json!(children.map_or(&[][..], Vec::as_slice)),
    );
    shown.insert("role".into(), json!(message.role));
    shown.insert("content".into(), json!(message.content));
    shown.insert("timestamp".into(), json!(message.created_at_ms / 1000));
    if let Some(model) = &message.model {
        shown.insert("model".into(), json!(model));
    }
    if message.role == "assistant" {
        shown.insert("done".into(), json!(message.is_done));
    }
    if let Some(error) = &message.error {
        shown.insert("error".into(), error.clone());
    }
    shown
}

/// The largest event about messages, in bytes of JSON.
pub const MAX_EVENT_BYTES: usize = 256 * 1024;

/// Messages as an event can carry them: of those that would make it too large only what places them in the tree is
/// left, and a client that holds no more of them fetches the chat.
pub fn fitting(mut messages: BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let size = |value: &Value| value.to_string().len();
    let mut total: usize = messages.values().map(size).sum();
    for value in messages.values_mut() {
        if total <= MAX_EVENT_BYTES {
            break;
        }
        let before = size(value);
        if let Some(value) = value.as_object_mut() {
            value.retain(|key, _| {
                matches!(
                    key.as_str(),
                    "id" | "parentId" | "childrenIds" | "role" | "done"
                )
            });
        }
        total = total - before + size(value);
    }
    messages
}

/// The chat a temporary conversation names: nothing of it is stored.
pub fn is_temporary(id: &ChatId) -> bool {
    id.as_str().starts_with("local:")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(id: &str, parent: Option<&str>) -> messages::Stored {
        messages::Stored {
            id: id.into(),
            no: 0,
            parent_id: parent.map(Into::into),
            role: "assistant".into(),
            content: "text".into(),
            model: None,
            is_done: false,
            error: None,
            extra: Map::new(),
            created_at_ms: 7_000,
            updated_at_ms: 7_000,
        }
    }

    #[test]
    fn the_line_follows_the_parents_and_survives_loops_and_holes() {
        let ids = |last: &str, all: &[messages::Stored]| -> Vec<String> {
            let line = line_to(Some(&last.into()), all);
            line.iter().map(|message| message.id.0.clone()).collect()
        };
        let tree = [
            message("a", None),
            message("b", Some("a")),
            message("c", Some("a")),
        ];
        assert_eq!(ids("c", &tree), ["a", "c"]);
        assert_eq!(ids("x", &[message("x", Some("gone"))]), ["x"]);
        assert_eq!(
            ids("a", &[message("a", Some("b")), message("b", Some("a"))]),
            ["b", "a"]
        );
        assert!(ids("gone", &tree).is_empty());
    }

    #[test]
    fn a_message_has_its_children_and_what_clients_kept_in_it() {
        let mut tree = [
            message("a", None),
            message("b", Some("a")),
            message("c", Some("a")),
        ];
        tree[0].extra.insert("sources".into(), json!([1]));
        let shown = shown_message(&tree, &"a".into());
        assert_eq!(
            shown["a"],
            json!({"id": "a", "parentId": null, "childrenIds": ["b", "c"], "role": "assistant", "content": "text",
                "timestamp": 7, "done": false, "sources": [1]})
        );
    }

    #[test]
    fn an_event_has_a_largest_size() {
        let mut large = message("a", None);
        large.content = "x".repeat(300_000);
        let tree = [large, message("b", None)];
        let told = fitting(shown_messages(
            &tree,
            &tree.iter().map(|m| m.id.clone()).collect(),
        ));
        assert!(told["a"].get("content").is_none());
        assert_eq!(told["b"]["content"], "text");
    }
}
