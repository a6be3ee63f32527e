//! The built-in demo model: canned text behind the same interface, so that a fresh installation can be tried at once.
//!
//! Not a language model and it says so. Its answers are deterministic, come at a reading pace and cost nothing until
//! somebody asks. It is offered only while no upstream is configured.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

/// The demo model's id.
pub const DEMO_ID: &str = "demo";
/// The demo model's name, as shown to people.
pub const DEMO_NAME: &str = "Demo model (built in)";
/// What people read about it in the model list.
pub(crate) const DEMO_DESCRIPTION: &str = "A demonstration with canned answers. Set OPENAI_API_BASE_URLS or OLLAMA_BASE_URLS to talk to a real model.";

const INTRODUCTION: &str = "\
**This is a demonstration.** I am the demo model that is built into this server: my answers are canned text, \
and nothing you write leaves this machine.

To talk to a real model, stop the server and start it again with the address of one:

```sh
# Any service that speaks OpenAI's API (several: separate them by semicolons)
export OPENAI_API_BASE_URLS=\"https://api.openai.com/v1\"
export OPENAI_API_KEYS=\"sk-your-key\"

# Or Ollama on this machine
export OLLAMA_BASE_URLS=\"http://127.0.0.1:11434\"

tidings serve
```

Then I disappear, and the models found there take my place in the list. `tidings check` says which of them \
can be reached.

What you can try with me meanwhile:

- open this chat in a second tab: the words appear in both at the same time
- close this tab while I write: the answer goes on and is complete when you come back
- rename the chat, or delete it, and watch the other tab follow
";

const REMINDER: &str = "\
Still the demonstration: I read nothing into your words, so here is the same advice again, shorter.

1. Set `OPENAI_API_BASE_URLS` and `OPENAI_API_KEYS`, or `OLLAMA_BASE_URLS`.
2. Start the server again.
3. Pick one of the real models at the top of this page.

A formatted example, to see how answers look:

```python
def greet(name: str) -> str:
    return f\"Hello, {name}!\"
```
";

/// The whole answer to a conversation. Only the number of turns matters.
pub(crate) fn answer_to(body: &Map<String, Value>) -> &'static str {
    let messages = body.get("messages").and_then(Value::as_array);
    let turns = messages.map_or(0, |all| {
        all.iter()
            .filter(|message| message["role"] == "user")
            .count()
    });
    if turns > 1 { REMINDER } else { INTRODUCTION }
}

/// An answer in the making, as the SSE bytes an OpenAI-compatible upstream would send.
#[derive(Debug)]
pub(crate) struct Performance {
    events: VecDeque<String>,
    pace: Duration,
    next_at: Instant,
}

impl Performance {
    /// One word every `pace`.
    pub(crate) fn new(body: &Map<String, Value>, created_s: i64, pace: Duration) -> Self {
        let text = answer_to(body);
        let chunk = |delta: Value, reason: Value| {
            json!({
                "id": "chatcmpl-demo", "object": "chat.completion.chunk", "created": created_s, "model": DEMO_ID,
                "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
            })
        };
        let mut chunks = vec![chunk(
            json!({"role": "assistant", "content": ""}),
            Value::Null,
        )];
        chunks.extend(
            text.split_inclusive(' ')
                .map(|word| chunk(json!({"content": word}), Value::Null)),
        );
        chunks.push(chunk(json!({}), json!("stop")));
        let mut last = chunk(json!({}), Value::Null);
        last["choices"] = json!([]);
        last["usage"] = usage(text);
        chunks.push(last);
        let events = chunks.iter().map(|chunk| format!("data: {chunk}\n\n"));
        Self {
            events: events.chain(["data: [DONE]\n\n".to_owned()]).collect(),
            pace,
            next_at: Instant::now() + pace,
        }
    }

    /// The next bytes when it is time for them; `None` after the last. May be dropped and asked again.
    pub(crate) async fn next(&mut self) -> Option<Bytes> {
        if !self.pace.is_zero() {
            tokio::time::sleep_until(self.next_at).await;
            self.next_at = Instant::now() + self.pace;
        }
        self.events.pop_front().map(Bytes::from)
    }
}

/// The unstreamed answer.
pub(crate) fn completion(body: &Map<String, Value>, created_s: i64) -> Value {
    let text = answer_to(body);
    json!({
        "id": "chatcmpl-demo", "object": "chat.completion", "created": created_s, "model": DEMO_ID,
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": usage(text),
    })
}

fn usage(text: &str) -> Value {
    let words = text.split_whitespace().count();
    json!({"prompt_tokens": 0, "completion_tokens": words, "total_tokens": words})
}
