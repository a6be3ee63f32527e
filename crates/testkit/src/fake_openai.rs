//! A fake OpenAI-compatible service. The model's id chooses what happens, as in the upstream of the recordings.

use std::ops::Deref;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::fake_upstream::{Call, End, FakeUpstream, Reply, Step, task_reply};

/// The models, in the order they are listed.
pub const MODELS: [&str; 13] = [
    "mock-gpt",
    "mock-n",
    "mock-slow",
    "mock-error-mid",
    "mock-cut",
    "mock-http-500",
    "mock-badjson",
    "mock-bigline",
    "mock-reason",
    "mock-split",
    "mock-comment",
    "mock-nonstream",
    "mock-tool",
];

const SSE: &str = "text/event-stream; charset=utf-8";
const WORDS: [&str; 4] = ["Hello", " from", " the", " mock"];

/// The running service; see [`FakeUpstream`] for what a test can do with it.
#[derive(Debug)]
pub struct FakeOpenAi(FakeUpstream);

impl FakeOpenAi {
    /// Starts it on a free port.
    pub async fn start() -> Self {
        Self(FakeUpstream::start(respond).await)
    }

    /// What goes into `OPENAI_API_BASE_URLS`.
    pub fn base_url(&self) -> String {
        format!("{}/v1", self.origin())
    }
}

impl Deref for FakeOpenAi {
    type Target = FakeUpstream;

    fn deref(&self) -> &FakeUpstream {
        &self.0
    }
}

/// A chunk with this delta, as a JSON object.
pub fn chunk(model: &str, delta: Value, finish: Option<&str>) -> Value {
    json!({
        "id": "chatcmpl-mock", "object": "chat.completion.chunk", "created": 1_700_000_000, "model": model,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    })
}

/// `data: <json>` and a blank line.
pub fn event(data: &Value) -> String {
    format!("data: {data}\n\n")
}

fn usage() -> Value {
    json!({"prompt_tokens": 5, "completion_tokens": 4, "total_tokens": 9})
}

fn token(model: &str, nth: usize, text: &str) -> String {
    let delta = match nth {
        0 => json!({"role": "assistant", "content": text}),
        _ => json!({"content": text}),
    };
    event(&chunk(model, delta, None))
}

/// The first `count` words of the usual answer.
fn words(model: &str, count: usize) -> Vec<String> {
    let words = WORDS.iter().take(count).enumerate();
    words.map(|(nth, word)| token(model, nth, word)).collect()
}

/// The proper end: finish reason, usage, `[DONE]`.
fn end(model: &str) -> [String; 3] {
    let mut last = chunk(model, json!({}), None);
    last["choices"] = json!([]);
    last["usage"] = usage();
    [
        event(&chunk(model, json!({}), Some("stop"))),
        event(&last),
        "data: [DONE]\n\n".into(),
    ]
}

fn with_end(model: &str, mut pieces: Vec<String>) -> Reply {
    pieces.extend(end(model));
    Reply::stream(SSE, pieces)
}

fn respond(call: &Call) -> Reply {
    let path = call.path.as_str();
    if path.ends_with("/models") {
        let models = MODELS.map(
            |id| json!({"id": id, "object": "model", "created": 1_700_000_000, "owned_by": "mock"}),
        );
        return Reply::json(200, &json!({"object": "list", "data": models}));
    }
    if !path.ends_with("/chat/completions") {
        return Reply::json(404, &json!({"error": {"message": "not found"}}));
    }
    let (model, task) = (call.model(), task_reply(&call.body));
    if model == "mock-http-500" && task.is_none() {
        let error = json!({"message": "mock upstream exploded", "type": "server_error", "code": "mock_500"});
        return Reply::json(500, &json!({ "error": error }));
    }
    if call.body["stream"] != true || model == "mock-nonstream" {
        let message =
            json!({"role": "assistant", "content": task.unwrap_or_else(|| WORDS.concat())});
        return Reply::json(
            200,
            &json!({
                "id": "chatcmpl-mock", "object": "chat.completion", "created": 1_700_000_000, "model": model,
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage(),
            }),
        );
    }
    match task {
        Some(text) => with_end(model, vec![token(model, 0, &text)]),
        None => streamed(call, model),
    }
}

fn streamed(call: &Call, model: &str) -> Reply {
    match model {
        "mock-n" => counted(call, model, 10, 5),
        "mock-slow" => counted(call, model, 200, 100),
        "mock-error-mid" => {
            let error = json!({"message": "mock mid-stream error", "type": "server_error", "code": "mock_mid"});
            let mut pieces = words(model, 3);
            pieces.extend([event(&json!({ "error": error })), "data: [DONE]\n\n".into()]);
            Reply::stream(SSE, pieces)
        }
        "mock-cut" => Reply::stream(SSE, words(model, 3)).ending(End::Cut),
        "mock-badjson" => {
            let mut pieces = words(model, 1);
            pieces.extend([
                "data: {\"id\": \"broken\", \n\n".into(),
                token(model, 1, " after"),
            ]);
            with_end(model, pieces)
        }
        "mock-bigline" => {
            let big = "X".repeat(number(call, "big", 300_000) as usize);
            let mut pieces = vec![token(model, 0, &big)];
            pieces.extend(words(model, 2));
            with_end(model, pieces)
        }
        "mock-reason" => {
            let thought = |text| event(&chunk(model, json!({"reasoning_content": text}), None));
            let mut pieces: Vec<String> = ["Think", " a", " bit"].map(thought).into();
            pieces.extend(words(model, 3));
            with_end(model, pieces)
        }
        "mock-tool" => tool(call, model),
        "mock-split" => split(model),
        "mock-comment" => {
            let pieces = WORDS.iter().flat_map(|word| {
                let chunk = chunk(model, json!({"content": word}), None);
                [
                    ": ping\r\n\r\n".to_owned(),
                    format!("data: {chunk}\r\n\r\n"),
                ]
            });
            with_end(model, pieces.collect())
        }
        _ => with_end(model, words(model, 4)),
    }
}

/// `n=<count> d=<ms>` in the last message of the user: that many tokens, so many milliseconds apart.
fn counted(call: &Call, model: &str, count: u64, delay_ms: u64) -> Reply {
    let (count, delay_ms) = (number(call, "n", count), number(call, "d", delay_ms));
    let mut reply = with_end(model, Vec::new());
    let tokens = (0..count as usize).flat_map(|nth| {
        let token = token(model, nth, &format!(" t{nth}"));
        let wait = (delay_ms > 0).then(|| Step::Wait(Duration::from_millis(delay_ms)));
        [Some(Step::Bytes(token.into())), wait]
            .into_iter()
            .flatten()
    });
    reply.steps.splice(0..0, tokens.collect::<Vec<_>>());
    reply
}

fn number(call: &Call, name: &str, default: u64) -> u64 {
    let text = call.last_user_text();
    let digits = text.split_once(&format!("{name}=")).map(|(_, rest)| rest);
    let digits = digits.and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
    digits
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(default)
}

/// A tool call at first; words once a tool's result is in the history.
fn tool(call: &Call, model: &str) -> Reply {
    let messages = call.body["messages"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let has_result =
        |message: &Value| message["role"] == "tool" || !message["tool_calls"].is_null();
    if messages.len() > 2 || messages.iter().any(has_result) {
        return with_end(model, words(model, 4));
    }
    let first = json!({"index": 0, "id": "call_mock1", "type": "function",
        "function": {"name": "mock_tool", "arguments": ""}});
    let second = json!({"index": 0, "function": {"arguments": "{\"a\":1}"}});
    Reply::stream(
        SSE,
        [
            event(&chunk(
                model,
                json!({"role": "assistant", "tool_calls": [first]}),
                None,
            )),
            event(&chunk(model, json!({"tool_calls": [second]}), None)),
            event(&chunk(model, json!({}), Some("tool_calls"))),
            "data: [DONE]\n\n".into(),
        ],
    )
}

/// Cut every 37 bytes: inside characters, inside `data:`.
fn split(model: &str) -> Reply {
    let texts = ["Grüße", " — ", "日本語", " 🙂"];
    let all: String = texts
        .iter()
        .map(|text| event(&chunk(model, json!({"content": text}), None)))
        .collect();
    let pieces = all.as_bytes().chunks(37).map(Bytes::copy_from_slice);
    Reply::stream(
        SSE,
        pieces
            .chain(end(model).map(Bytes::from))
            .collect::<Vec<_>>(),
    )
}
