//! From the body of a completion request to what the model is asked.

use llm::ChatRequest;
use serde_json::{Map, Value, json};
use store::chats::messages::Stored;
use wire::chats::CompletionRequest;

/// Keys of the task flow and of the contract's web client: ours, not the model's.
const OURS: [&str; 12] = [
    "chat_id",
    "id",
    "session_id",
    "user_message",
    "features",
    "variables",
    "model_item",
    "files",
    "filter_ids",
    "tool_ids",
    "tool_servers",
    "skill_ids",
];

/// Settings of a chat that are options of the model.
const OPTIONS: [&str; 10] = [
    "temperature",
    "top_p",
    "top_k",
    "max_tokens",
    "stop",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "reasoning_effort",
    "response_format",
];

/// What the model is asked.
pub fn ask(request: CompletionRequest, stream: bool, now_s: i64) -> ChatRequest {
    let mut body = request.rest;
    body.retain(|key, _| !OURS.contains(&key.as_str()));
    let mut messages = request.messages.unwrap_or_default();
    if let Some(params) = request.params {
        for (key, value) in params {
            if OPTIONS.contains(&key.as_str()) && !value.is_null() {
                body.entry(key).or_insert(value);
            } else if key == "system"
                && !messages
                    .iter()
                    .any(|message| message.get("role") == Some(&json!("system")))
            {
                messages.splice(0..0, system(&value));
            }
        }
    }
    body.insert("messages".into(), json!(messages));
    ChatRequest {
        model: request.model.unwrap_or_default(),
        stream,
        body,
        now_s,
    }
}

fn system(text: &Value) -> Option<Map<String, Value>> {
    let text = text.as_str().filter(|text| !text.trim().is_empty())?;
    let message = Map::from_iter([
        ("role".to_owned(), json!("system")),
        ("content".to_owned(), json!(text)),
    ]);
    Some(message)
}

/// A stored line of messages as the model reads it: without the blocks that show reasoning.
pub fn from_line<'a>(line: impl IntoIterator<Item = &'a Stored>) -> Vec<Map<String, Value>> {
    let line = line
        .into_iter()
        .filter(|message| !message.content.is_empty());
    line.map(|message| {
        let content = match message.role.as_str() {
            "assistant" => without_blocks(&message.content),
            _ => message.content.clone(),
        };
        Map::from_iter([
            ("role".to_owned(), json!(message.role)),
            ("content".to_owned(), json!(content)),
        ])
    })
    .collect()
}

/// A text without `<details type="...">` blocks, which are for people.
pub fn without_blocks(text: &str) -> String {
    let mut rest = text;
    let mut out = String::with_capacity(text.len());
    while let Some(begin) = rest.find("<details type=\"") {
        let Some(end) = rest[begin..].find("</details>") else {
            break;
        };
        out.push_str(&rest[..begin]);
        rest = rest[begin + end + "</details>".len()..].trim_start_matches('\n');
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(body: Value) -> CompletionRequest {
        serde_json::from_value(body).unwrap()
    }

    #[test]
    fn the_model_gets_its_options_and_none_of_our_keys() {
        let asked = ask(
            request(json!({
                "model": "m", "stream": true, "temperature": 1, "tools": [], "session_id": "s", "chat_id": "c", "id": "a",
                "features": {}, "variables": {}, "tool_ids": [], "parent_id": "q", "parent_message": {"id": "q"},
                "background_tasks": {"title_generation": true}, "stream_options": {"include_usage": true},
                "params": {"temperature": 0, "top_p": 0.5, "system": "Be brief.", "function_calling": "native", "seed": null},
                "messages": [{"role": "user", "content": "hi"}],
            })),
            true,
            7,
        );
        assert_eq!(
            Value::Object(asked.body),
            json!({
                "temperature": 1, "top_p": 0.5, "tools": [], "stream_options": {"include_usage": true},
                "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}],
            })
        );
    }

    #[test]
    fn a_system_message_of_the_caller_stays_the_only_one() {
        let asked = ask(
            request(
                json!({"params": {"system": "A"}, "messages": [{"role": "system", "content": "B"}]}),
            ),
            false,
            0,
        );
        assert_eq!(
            asked.body["messages"],
            json!([{"role": "system", "content": "B"}])
        );
    }

    #[test]
    fn blocks_for_people_are_not_shown_to_the_model() {
        let check =
            |text: &str, expected: &str| assert_eq!(without_blocks(text), expected, "{text}");
        check("plain", "plain");
        check(
            "<details type=\"reasoning\" done=\"true\">\n&gt; x\n</details>\nSo.",
            "So.",
        );
        check(
            "a<details type=\"x\">b</details>c<details type=\"x\">d",
            "ac<details type=\"x\">d",
        );
        check("<details>kept</details>", "<details>kept</details>");
    }
}
