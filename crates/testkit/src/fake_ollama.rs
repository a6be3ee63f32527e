//! A fake Ollama. `ollama-mock:latest` answers, `ollama-err:latest` breaks off with an error in mid-stream.

use std::ops::Deref;

use serde_json::{Value, json};

use super::fake_upstream::{Call, FakeUpstream, Reply, task_reply};

/// The models, in the order they are listed.
pub const MODELS: [&str; 2] = ["ollama-mock:latest", "ollama-err:latest"];

const WORDS: [&str; 4] = ["Hello", " from", " the", " mock"];

/// The running service; see [`FakeUpstream`] for what a test can do with it.
#[derive(Debug)]
pub struct FakeOllama(FakeUpstream);

impl FakeOllama {
    /// Starts it on a free port.
    pub async fn start() -> Self {
        Self(FakeUpstream::start(respond).await)
    }

    /// What goes into `OLLAMA_BASE_URLS`.
    pub fn base_url(&self) -> String {
        self.origin()
    }
}

impl Deref for FakeOllama {
    type Target = FakeUpstream;

    fn deref(&self) -> &FakeUpstream {
        &self.0
    }
}

fn respond(call: &Call) -> Reply {
    match call.path.as_str() {
        "/api/version" => Reply::json(200, &json!({"version": "0.9.9"})),
        "/api/ps" => Reply::json(200, &json!({"models": []})),
        "/api/tags" => Reply::json(200, &json!({"models": MODELS.map(listed)})),
        "/api/chat" => chat(call),
        _ => Reply::json(404, &json!({"error": "not found"})),
    }
}

fn listed(name: &str) -> Value {
    json!({
        "name": name, "model": name, "modified_at": "2024-01-01T00:00:00Z", "size": 1, "digest": "sha256:mock",
        "details": {"format": "gguf", "family": "mock", "families": ["mock"], "parameter_size": "1B",
            "quantization_level": "Q4_0"},
    })
}

fn line(model: &str, content: &str, done: bool) -> Value {
    let mut line = json!({
        "model": model, "created_at": "2024-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": content}, "done": done,
    });
    if done {
        line["done_reason"] = json!("stop");
        line["prompt_eval_count"] = json!(5);
        line["eval_count"] = json!(4);
        line["total_duration"] = json!(1_000_000_000);
        for key in ["load_duration", "prompt_eval_duration", "eval_duration"] {
            line[key] = json!(100_000_000);
        }
    }
    line
}

fn chat(call: &Call) -> Reply {
    let (model, task) = (call.model(), task_reply(&call.body));
    if call.body["stream"] == false {
        let text = task.unwrap_or_else(|| WORDS.concat());
        return Reply::json(200, &line(model, &text, true));
    }
    let breaks_off = model.starts_with("ollama-err") && task.is_none();
    let words = match &task {
        Some(text) => vec![text.as_str()],
        None => WORDS[..if breaks_off { 3 } else { 4 }].to_vec(),
    };
    let mut lines: Vec<Value> = words.iter().map(|word| line(model, word, false)).collect();
    lines.push(match breaks_off {
        true => json!({"error": "mock ollama error"}),
        false => line(model, "", true),
    });
    Reply::stream(
        "application/x-ndjson",
        lines.iter().map(|line| format!("{line}\n")),
    )
}
