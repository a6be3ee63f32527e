//! The machinery of the fake models: an HTTP server that replays byte-exact replies, piece by piece.
//!
//! A test can hold a model's replies and release them one piece at a time, and can wait until a client hung up, so
//! nothing here needs a sleep. What the fakes say is in `fake_openai.rs` and `fake_ollama.rs`.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use axum::response::Response;
use bytes::Bytes;
use serde_json::Value;
use tokio::sync::{Semaphore, watch};

/// One request as it came in.
#[derive(Debug, Clone)]
pub struct Call {
    /// `GET`, `POST`, ...
    pub method: String,
    /// Without query.
    pub path: String,
    /// The header `Authorization`.
    pub authorization: Option<String>,
    /// The JSON body; null if there was none.
    pub body: Value,
}

impl Call {
    /// The `model` in the body, or nothing.
    pub fn model(&self) -> &str {
        self.body["model"].as_str().unwrap_or("")
    }

    /// The text of the last message of the user.
    pub fn last_user_text(&self) -> String {
        let messages = self.body["messages"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let last = messages
            .iter()
            .rev()
            .find(|message| message["role"] == "user");
        last.map(|message| text_of(&message["content"]))
            .unwrap_or_default()
    }
}

/// Text given as a string or as a list of parts.
pub fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Vec<&str> = parts
                .iter()
                .filter_map(|part| part["text"].as_str())
                .collect();
            texts.join(" ")
        }
        _ => String::new(),
    }
}

/// What the background tasks of a chat (title, tags, follow-ups, emoji) are answered, if this is one.
pub fn task_reply(body: &Value) -> Option<String> {
    let messages = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
    let texts: Vec<String> = messages
        .iter()
        .map(|message| text_of(&message["content"]))
        .collect();
    let asked = texts.join("\n");
    if !asked.contains("### Task") {
        return None;
    }
    let replies = [
        (
            "\"follow_ups\"",
            r#"{"follow_ups":["Mock follow-up one?","Mock follow-up two?"]}"#,
        ),
        ("\"tags\"", r#"{"tags":["MockTagA","MockTagB"]}"#),
        ("\"title\"", r#"{"title":"Mock Title"}"#),
        ("emoji", "🙂"),
    ];
    let reply = replies.iter().find(|(sign, _)| asked.contains(sign));
    reply.map(|(_, reply)| (*reply).to_owned())
}

/// A part of a reply.
#[derive(Debug, Clone)]
pub enum Step {
    /// Bytes in one write.
    Bytes(Bytes),
    /// Real time passes. Only for what a held gate cannot do.
    Wait(Duration),
}

/// How a reply ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As it should.
    Close,
    /// The connection breaks in the middle of the body.
    Cut,
    /// Never: the connection stays open and silent.
    Hang,
}

/// A whole reply.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The header `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub steps: Vec<Step>,
    /// And then?
    pub end: End,
}

impl Reply {
    /// A JSON answer in one piece.
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            content_type: "application/json",
            steps: vec![Step::Bytes(body.to_string().into())],
            end: End::Close,
        }
    }

    /// A stream of these pieces.
    pub fn stream(
        content_type: &'static str,
        pieces: impl IntoIterator<Item = impl Into<Bytes>>,
    ) -> Self {
        Self {
            status: 200,
            content_type,
            steps: pieces
                .into_iter()
                .map(|piece| Step::Bytes(piece.into()))
                .collect(),
            end: End::Close,
        }
    }

    /// The same with another end.
    #[must_use]
    pub fn ending(mut self, end: End) -> Self {
        self.end = end;
        self
    }
}

/// The door in front of a model's pieces.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    /// Lets `pieces` more pieces through.
    pub fn release(&self, pieces: usize) {
        self.0.add_permits(pieces);
    }

    /// Lets everything through from now on.
    pub fn open(&self) {
        self.0.add_permits(Semaphore::MAX_PERMITS / 4);
    }
}

/// How often what happened, by model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests that came in.
    pub started: usize,
    /// Replies that were sent to their end.
    pub completed: usize,
    /// Replies whose client hung up before their end.
    pub closed_by_client: usize,
}

/// The running server.
#[derive(Debug)]
pub struct FakeUpstream {
    address: SocketAddr,
    stage: Arc<Stage>,
    server: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct Stage {
    respond: fn(&Call) -> Reply,
    scripted: Mutex<HashMap<String, Reply>>,
    gates: Mutex<HashMap<String, Gate>>,
    calls: Mutex<Vec<Call>>,
    tallies: watch::Sender<HashMap<String, Tally>>,
}

impl FakeUpstream {
    /// Listens on a free port of 127.0.0.1 and answers with `respond`.
    pub async fn start(respond: fn(&Call) -> Reply) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port on loopback");
        let address = listener.local_addr().expect("a bound address");
        let stage = Arc::new(Stage {
            respond,
            scripted: Mutex::default(),
            gates: Mutex::default(),
            calls: Mutex::default(),
            tallies: watch::Sender::default(),
        });
        let router = axum::Router::new()
            .fallback(answer)
            .with_state(stage.clone());
        let server = tokio::spawn(async move {
            axum::serve(listener, router)
                .await
                .expect("serving ends only with the task");
        });
        Self {
            address,
            stage,
            server,
        }
    }

    /// `http://127.0.0.1:<port>`.
    pub fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers chats with this model from now on with `reply`.
    pub fn script(&self, model: &str, reply: Reply) {
        self.stage
            .scripted
            .lock()
            .expect("no test panicked")
            .insert(model.to_owned(), reply);
    }

    /// Keeps all pieces of the model's future replies back until the gate lets them through. The head goes out at once.
    pub fn hold(&self, model: &str) -> Gate {
        let gate = Gate(Arc::new(Semaphore::new(0)));
        self.stage
            .gates
            .lock()
            .expect("no test panicked")
            .insert(model.to_owned(), gate.clone());
        gate
    }

    /// All requests so far.
    pub fn calls(&self) -> Vec<Call> {
        self.stage.calls.lock().expect("no test panicked").clone()
    }

    /// What happened with the model so far.
    pub fn tally(&self, model: &str) -> Tally {
        self.stage
            .tallies
            .borrow()
            .get(model)
            .copied()
            .unwrap_or_default()
    }

    /// Waits until what happened with the model is as wanted. Fails the test after 10 s.
    pub async fn until(&self, model: &str, wanted: impl Fn(Tally) -> bool) {
        let mut tallies = self.stage.tallies.subscribe();
        let tally = |all: &HashMap<String, Tally>| all.get(model).copied().unwrap_or_default();
        let waited = tokio::time::timeout(
            Duration::from_secs(10),
            tallies.wait_for(|all| wanted(tally(all))),
        )
        .await;
        assert!(
            waited.is_ok(),
            "waited in vain; so far: {:?}",
            self.tally(model)
        );
    }

    /// Waits until a client hung up on the model.
    pub async fn closed_by_client(&self, model: &str) {
        self.until(model, |tally| tally.closed_by_client > 0).await;
    }
}

impl Drop for FakeUpstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(stage): State<Arc<Stage>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 64 << 20)
        .await
        .unwrap_or_default();
    let authorization = head
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let call = Call {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        authorization: authorization.map(ToOwned::to_owned),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    };
    let model = call.model().to_owned();
    let scripted = stage
        .scripted
        .lock()
        .expect("no test panicked")
        .get(&model)
        .cloned();
    let reply = scripted.unwrap_or_else(|| (stage.respond)(&call));
    let gate = stage
        .gates
        .lock()
        .expect("no test panicked")
        .get(&model)
        .cloned();
    stage.calls.lock().expect("no test panicked").push(call);
    let playing = Playing {
        steps: reply.steps.into_iter(),
        end: reply.end,
        gate,
        watched: Watched::new(stage, model),
    };
    Response::builder()
        .status(reply.status)
        .header(CONTENT_TYPE, reply.content_type)
        .header(CACHE_CONTROL, "no-cache")
        .body(Body::from_stream(futures_util::stream::unfold(
            playing,
            Playing::next,
        )))
        .expect("a valid status")
}

/// Counts how one reply ended; dropped before that, its client hung up.
struct Watched {
    stage: Arc<Stage>,
    model: String,
    ended: bool,
}

impl Watched {
    fn new(stage: Arc<Stage>, model: String) -> Self {
        let watched = Self {
            stage,
            model,
            ended: false,
        };
        watched.count(|tally| tally.started += 1);
        watched
    }

    fn count(&self, count: impl FnOnce(&mut Tally)) {
        self.stage
            .tallies
            .send_modify(|all| count(all.entry(self.model.clone()).or_default()));
    }

    fn end(&mut self) {
        self.ended = true;
        self.count(|tally| tally.completed += 1);
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.ended {
            self.count(|tally| tally.closed_by_client += 1);
        }
    }
}

struct Playing {
    steps: std::vec::IntoIter<Step>,
    end: End,
    gate: Option<Gate>,
    watched: Watched,
}

impl Playing {
    async fn next(mut self) -> Option<(Result<Bytes, std::io::Error>, Self)> {
        loop {
            match self.steps.next() {
                Some(Step::Wait(time)) => tokio::time::sleep(time).await,
                Some(Step::Bytes(bytes)) => {
                    match &self.gate {
                        Some(gate) => gate
                            .0
                            .acquire()
                            .await
                            .expect("gates are never closed")
                            .forget(),
                        // Makes hyper write what it has, so that pieces stay pieces.
                        None => tokio::task::yield_now().await,
                    }
                    return Some((Ok(bytes), self));
                }
                None => break,
            }
        }
        match self.end {
            End::Hang => std::future::pending().await,
            End::Close => {
                self.watched.end();
                None
            }
            End::Cut => {
                // hyper throws away what it has not written yet when a body fails: let it write first.
                tokio::task::yield_now().await;
                self.watched.end();
                Some((Err(std::io::Error::other("cut on purpose")), self))
            }
        }
    }
}
