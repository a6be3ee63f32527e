//! Streamed answers: their pieces joined and split by event, so that how TCP cut them does not matter.

use serde_json::{Value, json};

/// What a streamed answer comes to.
#[derive(Debug, Default)]
pub struct Stream {
    /// Status and media type.
    pub head: Value,
    /// All bytes, as text.
    pub text: String,
    /// `end`, or how it broke off.
    pub end: String,
}

impl Stream {
    /// Head, events and end as one value that can be compared. Equal shapes in a row count once.
    pub fn shape(&self) -> Value {
        let mut events: Vec<Value> = Vec::new();
        let is_lines = self.head["type"] == "application/x-ndjson";
        let separator = if is_lines { "\n" } else { "\n\n" };
        for block in self
            .text
            .replace("\r\n", "\n")
            .split(separator)
            .filter(|block| !block.trim().is_empty())
        {
            let event = event(block);
            if events
                .last()
                .is_none_or(|last| outline(last) != outline(&event))
            {
                events.push(event);
            }
        }
        json!({"head": self.head, "events": events, "end": self.end})
    }
}

fn event(block: &str) -> Value {
    let data = block.strip_prefix("data: ").unwrap_or(block);
    let data = data.replace("<ts>", "\"<num:ts>\"");
    serde_json::from_str(&data)
        .unwrap_or_else(|_| json!({"text": block.chars().take(40).collect::<String>()}))
}

/// The keys and kinds of a value: what two pieces of one answer have in common.
fn outline(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(key, field)| (key.clone(), outline(field)))
            .collect(),
        Value::Array(items) => items.iter().map(outline).collect(),
        Value::Null => json!("null"),
        Value::Bool(_) => json!("boolean"),
        Value::Number(_) => json!("number"),
        Value::String(text) if text.starts_with("<num:") => json!("number"),
        Value::String(_) => json!("text"),
    }
}
