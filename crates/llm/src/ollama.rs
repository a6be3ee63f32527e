//! Ollama's dialect, translated: an OpenAI-style request in, OpenAI-style chunks out (wire contract 6.3).
//!
//! Pure. Better than the reference: one `id` for all chunks of an answer, empty lines in mid-stream say nothing instead
//! of `stop`, null numbers count as 0, and an `error` line stays an error.

use serde_json::{Map, Value, json};

use crate::delta::take;

/// Turns the lines of one answer into chunks.
#[derive(Debug)]
pub(crate) struct Translator {
    id: String,
    created_s: i64,
    called_tools: bool,
}

/// What a line became.
#[derive(Debug, PartialEq)]
pub(crate) enum Line {
    /// A chunk without an end.
    Chunk(Value),
    /// The last chunk: it has a finish reason and usage.
    Last(Value),
    /// Nothing to tell.
    Empty,
    /// The error that ends the answer.
    Error(Value),
}

impl Translator {
    /// `created_s` is the answer's time in seconds.
    pub(crate) fn new(model: &str, created_s: i64) -> Self {
        Self {
            id: answer_id(model),
            created_s,
            called_tools: false,
        }
    }

    /// Translates one parsed NDJSON line.
    pub(crate) fn line(&mut self, mut line: Value) -> Line {
        if !line["error"].is_null() {
            return Line::Error(take(&mut line, "error"));
        }
        let delta = message_of(take(&mut line, "message"));
        self.called_tools |= delta.contains_key("tool_calls");
        let done = line["done"].as_bool().unwrap_or(false);
        if delta.is_empty() && !done {
            return Line::Empty;
        }
        let reason = match (done, self.called_tools) {
            (false, _) => Value::Null,
            (true, true) => json!("tool_calls"),
            (true, false) => json!(line["done_reason"].as_str().unwrap_or("stop")),
        };
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created_s,
            "model": line["model"].as_str().unwrap_or("ollama"),
            "choices": [{"index": 0, "logprobs": null, "finish_reason": reason, "delta": delta}],
        });
        if !done {
            return Line::Chunk(chunk);
        }
        chunk["usage"] = usage_of(&line);
        Line::Last(chunk)
    }
}

/// A whole, unstreamed answer.
pub(crate) fn completion(mut answer: Value, created_s: i64) -> Value {
    let model = answer["model"].as_str().unwrap_or("ollama").to_owned();
    let mut choice = json!({"index": 0, "logprobs": null, "finish_reason": "stop"});
    if !answer["message"]["content"].is_null() {
        let content = answer["message"]["content"].clone();
        let mut message = message_of(take(&mut answer, "message"));
        message.insert("role".into(), json!("assistant"));
        message.insert("content".into(), content);
        if message.contains_key("tool_calls") {
            choice["finish_reason"] = json!("tool_calls");
        }
        choice["message"] = Value::Object(message);
    }
    json!({
        "id": answer_id(&model),
        "object": "chat.completion",
        "created": created_s,
        "model": model,
        "choices": [choice],
        "usage": usage_of(&answer),
    })
}

fn answer_id(model: &str) -> String {
    format!("{model}-{}", uuid::Uuid::new_v4())
}

/// The message's parts that say something, under OpenAI's names.
fn message_of(mut message: Value) -> Map<String, Value> {
    let mut delta = Map::new();
    for (theirs, ours) in [("content", "content"), ("thinking", "reasoning_content")] {
        if let Some(text) = message
            .get(theirs)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
        {
            delta.insert(ours.into(), json!(text));
        }
    }
    if let Value::Array(calls) = take(&mut message, "tool_calls")
        && !calls.is_empty()
    {
        let calls: Vec<Value> = calls.into_iter().map(call_of).collect();
        delta.insert("tool_calls".into(), Value::Array(calls));
    }
    delta
}

fn call_of(mut call: Value) -> Value {
    let mut function = take(&mut call, "function");
    let index = call["index"]
        .as_u64()
        .or(function["index"].as_u64())
        .unwrap_or(0);
    let id = match call["id"].as_str() {
        Some(id) => id.to_owned(),
        None => format!("call_{}", uuid::Uuid::new_v4()),
    };
    let arguments = match take(&mut function, "arguments") {
        Value::String(text) => text,
        Value::Null => "{}".to_owned(),
        object => object.to_string(),
    };
    json!({
        "index": index,
        "id": id,
        "type": "function",
        "function": {"name": take(&mut function, "name"), "arguments": arguments},
    })
}

fn usage_of(line: &Value) -> Value {
    let count = |key: &str| line[key].as_u64().unwrap_or(0);
    let per_second = |tokens: u64, duration_ns: u64| match duration_ns {
        0 => json!("N/A"),
        _ => json!((tokens as f64 / duration_ns as f64 * 1e11).round() / 100.0),
    };
    let total_s = count("total_duration") / 1_000_000_000;
    let (prompt, answer) = (count("prompt_eval_count"), count("eval_count"));
    json!({
        "response_token/s": per_second(answer, count("eval_duration")),
        "prompt_token/s": per_second(prompt, count("prompt_eval_duration")),
        "total_duration": count("total_duration"),
        "load_duration": count("load_duration"),
        "prompt_eval_count": prompt,
        "prompt_tokens": prompt,
        "prompt_eval_duration": count("prompt_eval_duration"),
        "eval_count": answer,
        "completion_tokens": answer,
        "eval_duration": count("eval_duration"),
        "approximate_total": format!("{}h{}m{}s", total_s / 3600, total_s / 60 % 60, total_s % 60),
        "total_tokens": prompt + answer,
        "completion_tokens_details": {
            "reasoning_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    })
}

/// OpenAI's name of an option and Ollama's.
const OPTIONS: [(&str, &str); 9] = [
    ("temperature", "temperature"),
    ("top_p", "top_p"),
    ("top_k", "top_k"),
    ("seed", "seed"),
    ("stop", "stop"),
    ("frequency_penalty", "frequency_penalty"),
    ("presence_penalty", "presence_penalty"),
    ("max_tokens", "num_predict"),
    ("max_completion_tokens", "num_predict"),
];

/// The body of `/api/chat` for an OpenAI-style body.
pub(crate) fn request(model: &str, stream: bool, body: &Map<String, Value>) -> Value {
    let no_messages = Vec::new();
    let messages = body
        .get("messages")
        .and_then(Value::as_array)
        .unwrap_or(&no_messages);
    let mut request = json!({
        "model": model,
        "stream": stream,
        "messages": messages.iter().map(message_for).collect::<Vec<_>>(),
    });
    let mut options = body
        .get("options")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    for (theirs, ours) in OPTIONS {
        if let Some(value) = body.get(theirs).filter(|value| !value.is_null()) {
            options.insert(ours.into(), value.clone());
        }
    }
    if !options.is_empty() {
        request["options"] = Value::Object(options);
    }
    for key in ["tools", "keep_alive", "think", "format"] {
        if let Some(value) = body.get(key).filter(|value| !value.is_null()) {
            request[key] = value.clone();
        }
    }
    if let Some(format) = body.get("response_format") {
        match format["type"].as_str() {
            Some("json_object") => request["format"] = json!("json"),
            Some("json_schema") => request["format"] = format["json_schema"]["schema"].clone(),
            _ => {}
        }
    }
    request
}

fn message_for(message: &Value) -> Value {
    let mut out = json!({"role": message["role"].as_str().unwrap_or("user")});
    match &message["content"] {
        Value::Array(parts) => {
            let texts: Vec<&str> = parts
                .iter()
                .filter_map(|part| part["text"].as_str())
                .collect();
            out["content"] = json!(texts.join("\n"));
            let images = parts
                .iter()
                .filter_map(|part| part["image_url"]["url"].as_str());
            // Ollama wants bare base64, without the `data:` URL's head.
            let images: Vec<&str> = images
                .filter_map(|url| url.split_once("base64,"))
                .map(|cut| cut.1)
                .collect();
            if !images.is_empty() {
                out["images"] = json!(images);
            }
        }
        content => out["content"] = json!(content.as_str().unwrap_or("")),
    }
    if let Some(calls) = message["tool_calls"].as_array() {
        let calls = calls.iter().map(|call| {
            let text = call["function"]["arguments"].as_str().unwrap_or("{}");
            let arguments: Value = serde_json::from_str(text).unwrap_or_else(|_| json!({}));
            json!({"function": {"name": call["function"]["name"], "arguments": arguments}})
        });
        out["tool_calls"] = calls.collect();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_becomes_a_chunk_and_the_last_one_has_usage() {
        let mut translator = Translator::new("m", 7);
        let Line::Chunk(chunk) =
            translator.line(json!({"model": "m", "message": {"content": "Hi"}, "done": false}))
        else {
            panic!("a chunk")
        };
        assert_eq!(chunk["choices"][0]["delta"], json!({"content": "Hi"}));
        assert_eq!(chunk["choices"][0]["finish_reason"], Value::Null);
        assert_eq!(
            translator.line(json!({"message": {"content": ""}, "done": false})),
            Line::Empty
        );
        let Line::Last(last) = translator.line(json!({
            "model": "m", "message": {"content": ""}, "done": true, "done_reason": "length",
            "total_duration": 3_723_000_000_000_u64, "prompt_eval_count": 5, "prompt_eval_duration": 100_000_000,
            "eval_count": 4, "eval_duration": null,
        })) else {
            panic!("the last chunk")
        };
        assert_eq!(last["id"], chunk["id"]);
        assert_eq!(last["choices"][0]["finish_reason"], "length");
        assert_eq!(last["usage"]["prompt_token/s"], 50.0);
        assert_eq!(last["usage"]["response_token/s"], "N/A");
        assert_eq!(last["usage"]["approximate_total"], "1h2m3s");
        assert_eq!(last["usage"]["total_tokens"], 9);
    }

    #[test]
    fn an_error_line_stays_an_error() {
        let line = Translator::new("m", 0).line(json!({"error": "out of memory"}));
        assert_eq!(line, Line::Error(json!("out of memory")));
    }

    #[test]
    fn tool_calls_become_json_text_and_end_the_answer_as_such() {
        let mut translator = Translator::new("m", 0);
        let call = json!({"function": {"name": "f", "arguments": {"a": 1}}});
        let Line::Chunk(chunk) =
            translator.line(json!({"message": {"content": "", "tool_calls": [call]}}))
        else {
            panic!("a chunk")
        };
        let call = &chunk["choices"][0]["delta"]["tool_calls"][0];
        assert_eq!(
            call["function"],
            json!({"name": "f", "arguments": "{\"a\":1}"})
        );
        assert!(call["id"].as_str().unwrap().starts_with("call_"));
        let Line::Last(last) = translator.line(json!({"done": true, "done_reason": "stop"})) else {
            panic!("the end")
        };
        assert_eq!(last["choices"][0]["finish_reason"], "tool_calls");
    }

    #[test]
    fn a_request_is_translated() {
        let Value::Object(body) = json!({
            "temperature": 0.5, "max_tokens": 9, "response_format": {"type": "json_object"}, "n": 2,
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "see"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
                {"role": "assistant", "content": null,
                    "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{\"a\":1}"}}]},
            ],
        }) else {
            unreachable!()
        };
        assert_eq!(
            request("m", true, &body),
            json!({
                "model": "m", "stream": true, "format": "json",
                "options": {"temperature": 0.5, "num_predict": 9},
                "messages": [
                    {"role": "user", "content": "see", "images": ["AAAA"]},
                    {"role": "assistant", "content": "",
                        "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}]},
                ],
            })
        );
    }
}
