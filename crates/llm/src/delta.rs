//! The parts of an answer, whatever the upstream's dialect: what a run folds into a message.

use serde_json::{Map, Value};

/// One part of an answer, in the order it came.
#[derive(Debug, Clone, PartialEq)]
pub enum Delta {
    /// Text to append to the answer. Never empty.
    Content(String),
    /// Text to append to the model's reasoning. Never empty.
    Reasoning(String),
    /// A part of a tool call.
    ToolCall(ToolCallPart),
    /// Token counts as the upstream reported them; the last one is valid.
    Usage(Value),
    /// Why the model stopped: `stop`, `length`, `tool_calls`, ... More usage may follow.
    Finish(String),
    /// An object without choices that is none of the above (`sources`, `selected_model_id`, `event`).
    Extra(Map<String, Value>),
    /// An event that is not JSON. Text may be missing here; the stream itself went on.
    Garbled,
}

/// A part of the tool call number `index`. Names and arguments come in pieces that are appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCallPart {
    /// Which of the answer's tool calls, from 0.
    pub index: u64,
    /// The call's id; only its first part has one.
    pub id: Option<String>,
    /// The function's name; only the first part has one.
    pub name: Option<String>,
    /// A piece of the arguments' JSON text.
    pub arguments: String,
}

/// Appends what one chunk (or one whole answer) says. `Err` is the upstream's `error` object, which ends the answer.
pub(crate) fn read_chunk(chunk: Value, deltas: &mut Vec<Delta>) -> Result<(), Value> {
    let Value::Object(mut chunk) = chunk else {
        deltas.push(Delta::Garbled);
        return Ok(());
    };
    let error = chunk.remove("error").filter(|error| !error.is_null());
    let usage = chunk.remove("usage").filter(|usage| !usage.is_null());
    match chunk.remove("choices") {
        Some(Value::Array(choices)) => choices.into_iter().for_each(|c| read_choice(c, deltas)),
        _ if usage.is_none() && error.is_none() && !chunk.is_empty() => {
            deltas.push(Delta::Extra(chunk));
        }
        _ => {}
    }
    deltas.extend(usage.map(Delta::Usage));
    error.map_or(Ok(()), Err)
}

fn read_choice(mut choice: Value, deltas: &mut Vec<Delta>) {
    // Only the first of several alternatives becomes a message.
    if choice["index"].as_u64().unwrap_or(0) != 0 {
        return;
    }
    let key = if choice["delta"].is_object() {
        "delta"
    } else {
        "message"
    };
    let mut part = take(&mut choice, key);
    for key in ["reasoning_content", "reasoning", "thinking"] {
        if let Some(text) = text_of(take(&mut part, key)) {
            deltas.push(Delta::Reasoning(text));
            break;
        }
    }
    if let Some(text) = text_of(take(&mut part, "content")) {
        deltas.push(Delta::Content(text));
    }
    if let Value::Array(calls) = take(&mut part, "tool_calls") {
        let parts = calls.into_iter().zip(0..);
        deltas.extend(parts.map(|(call, nth)| Delta::ToolCall(read_call(call, nth))));
    }
    if let Value::String(reason) = take(&mut choice, "finish_reason") {
        deltas.push(Delta::Finish(reason));
    }
}

/// Text as a string or as a list of `{text}` parts; `None` if there is none.
fn text_of(value: Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text,
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part["text"].as_str())
            .collect(),
        _ => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

fn read_call(mut call: Value, nth: u64) -> ToolCallPart {
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        _ => None,
    };
    let mut function = take(&mut call, "function");
    ToolCallPart {
        index: call["index"].as_u64().unwrap_or(nth),
        id: text(take(&mut call, "id")),
        name: text(take(&mut function, "name")),
        arguments: match take(&mut function, "arguments") {
            Value::String(text) => text,
            Value::Null => String::new(),
            object => object.to_string(),
        },
    }
}

/// Takes what is under the key; null if there is nothing, or nothing with keys. (`value[key].take()` would panic.)
pub(crate) fn take(value: &mut Value, key: &str) -> Value {
    value.get_mut(key).map(Value::take).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(chunk: Value) -> (Vec<Delta>, Option<Value>) {
        let mut deltas = Vec::new();
        let error = read_chunk(chunk, &mut deltas).err();
        (deltas, error)
    }

    #[test]
    fn reads_text_reasoning_usage_and_the_end() {
        let (deltas, error) = read(json!({
            "choices": [{"index": 0, "delta": {"reasoning": "hm", "content": "hi"}, "finish_reason": "stop"},
                        {"index": 1, "delta": {"content": "another answer"}}],
            "usage": {"total_tokens": 9},
        }));
        assert_eq!(error, None);
        assert_eq!(
            deltas,
            [
                Delta::Reasoning("hm".into()),
                Delta::Content("hi".into()),
                Delta::Finish("stop".into()),
                Delta::Usage(json!({"total_tokens": 9})),
            ]
        );
    }

    #[test]
    fn chunks_of_any_shape_are_survived() {
        assert_eq!(read(json!({})).0, []);
        assert_eq!(read(json!([1])).0, [Delta::Garbled]);
        assert_eq!(
            read(json!({"choices": [7, null, [], {"delta": {"content": null}}]})).0,
            []
        );
        assert_eq!(read(json!({"choices": [], "usage": null})).0, []);
        let calls = json!({"choices": [{"delta": {"tool_calls": [1, {"function": 2}]}}]});
        assert_eq!(read(calls).0.len(), 2);
        assert_eq!(read(json!({"sources": []})).0.len(), 1);
        assert_eq!(read(json!({"error": "no"})).1, Some(json!("no")));
        assert_eq!(read(json!({"error": null, "choices": []})).1, None);
    }

    #[test]
    fn content_may_be_a_list_of_parts() {
        let chunk = json!({"choices": [{"message": {"content": [{"text": "a"}, {"text": "b"}]}}]});
        assert_eq!(read(chunk).0, [Delta::Content("ab".into())]);
    }

    #[test]
    fn tool_calls_keep_their_index_and_their_arguments_text() {
        let chunk = json!({"choices": [{"delta": {"tool_calls": [
            {"index": 2, "id": "c1", "function": {"name": "f", "arguments": "{\"a\""}},
            {"function": {"arguments": {"b": 2}}},
        ]}}]});
        let part = |index, id: Option<&str>, name: Option<&str>, arguments: &str| {
            Delta::ToolCall(ToolCallPart {
                index,
                id: id.map(Into::into),
                name: name.map(Into::into),
                arguments: arguments.into(),
            })
        };
        assert_eq!(
            read(chunk).0,
            [
                part(2, Some("c1"), Some("f"), "{\"a\""),
                part(1, None, None, "{\"b\":2}")
            ]
        );
    }
}
