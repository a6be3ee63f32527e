//! One place to ask: an OpenAI-compatible service, an Ollama, or the built-in demo.
//!
//! A closed set, hence an enum. Which upstream has which model is known to `upstreams.rs`.

use std::fmt;

use bytes::Bytes;
use futures_util::Stream;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, RequestBuilder, Url};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, timeout_at};

use crate::answer::{Answer, AnswerStream, StreamDialect};
use crate::demo::{self, Performance};
use crate::error::{Error, message_in};
use crate::model::Model;
use crate::ollama;
use crate::source::Source;
use crate::upstreams::Http;

/// The longest unstreamed answer or model list, in bytes.
const MAX_WHOLE_BYTES: usize = 16 * 1024 * 1024;
/// How much of an error page that is not JSON is quoted, in characters.
const QUOTED_CHARS: usize = 300;

/// A question in OpenAI's terms.
#[derive(Debug, Clone)]
pub struct ChatRequest {
    /// The model's id.
    pub model: String,
    /// Whether the answer shall be streamed.
    pub stream: bool,
    /// The rest of the body: `messages`, `temperature`, `tools`, ... Sent on as it is (translated for Ollama).
    pub body: Map<String, Value>,
    /// The time in seconds, for answers whose upstream gives none.
    pub now_s: i64,
}

/// Where models are asked.
#[derive(Clone)]
pub enum Upstream {
    /// A service that speaks OpenAI's API.
    OpenAi {
        /// As a rule ends in `/v1`.
        base_url: Url,
        /// Sent as a bearer token.
        key: Option<Key>,
        /// Its number among the OpenAI addresses of the settings, from 0.
        index: usize,
    },
    /// An Ollama server.
    Ollama {
        /// Without `/api`.
        base_url: Url,
        /// Its number among the Ollama addresses of the settings, from 0.
        index: usize,
    },
    /// The built-in demo model.
    Demo,
}

/// An API key. Shown by nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// `None` if there is nothing in it.
    pub fn new(key: &str) -> Option<Self> {
        let key = key.trim();
        (!key.is_empty()).then(|| Self(key.to_owned()))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// As [`fmt::Display`]: an address may hold a password.
impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Upstream({self})")
    }
}

/// The address without user, password and query: an upstream's name for people and logs.
impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenAi { base_url, .. } | Self::Ollama { base_url, .. } => {
                f.write_str(&public_address(base_url))
            }
            Self::Demo => f.write_str("the built-in demo"),
        }
    }
}

fn public_address(url: &Url) -> String {
    let mut url = url.clone();
    // Fails only for addresses that cannot have them.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.as_str().trim_end_matches('/').to_owned()
}

impl Upstream {
    /// The models it offers now, as it names them.
    pub(crate) async fn models(&self, http: &Http, now_s: i64) -> Result<Vec<Model>, Error> {
        let (path, key) = match self {
            Self::OpenAi { .. } => (&["models"][..], "data"),
            Self::Ollama { .. } => (&["api", "tags"][..], "models"),
            Self::Demo => return Ok(vec![Model::demo(now_s)]),
        };
        let patience = http.timeouts.list;
        let silent = |_| Error::Silent {
            upstream: self.to_string(),
            after: patience,
        };
        let body = timeout_at(Instant::now() + patience, async {
            match self.ask(http, Method::GET, path, None).await? {
                Answered::Refused(error) => Err(error),
                Answered::Ok(_, source) => source.read_whole(MAX_WHOLE_BYTES).await,
            }
        });
        let body = body.await.map_err(silent)??;
        let listed: Value =
            serde_json::from_slice(&body).map_err(|_| self.unreadable("the list is not JSON"))?;
        let entries = listed[key].as_array().or(listed.as_array());
        let entries =
            entries.ok_or_else(|| self.unreadable("the answer is not a list of models"))?;
        Ok(entries
            .iter()
            .filter_map(|entry| self.model_of(entry, now_s))
            .collect())
    }

    fn model_of(&self, entry: &Value, now_s: i64) -> Option<Model> {
        match self {
            Self::OpenAi { index, .. } => Model::from_openai(entry, *index),
            Self::Ollama { index, .. } => Model::from_ollama(entry, *index, now_s),
            Self::Demo => None,
        }
    }

    /// Asks the model.
    pub(crate) async fn chat(&self, http: &Http, request: ChatRequest) -> Result<Answer, Error> {
        let ChatRequest {
            model,
            stream,
            mut body,
            now_s,
        } = request;
        let (path, body) = match self {
            Self::OpenAi { .. } => {
                body.insert("model".into(), json!(model));
                body.insert("stream".into(), json!(stream));
                (&["chat", "completions"][..], Value::Object(body))
            }
            Self::Ollama { .. } => (&["api", "chat"][..], ollama::request(&model, stream, &body)),
            Self::Demo => return Ok(self.perform(http, stream, &body, now_s)),
        };
        let (content_type, source) = match self.ask(http, Method::POST, path, Some(&body)).await? {
            Answered::Refused(error) => return Ok(Answer::Refused(error)),
            Answered::Ok(content_type, source) => (content_type, source),
        };
        let is_ollama = matches!(self, Self::Ollama { .. });
        let is_json = content_type.starts_with("application/json");
        // Some upstreams answer `stream: true` with one JSON object, some the reverse: what came counts. Only for
        // Ollama's NDJSON some proxies say plain JSON, and there one line is an answer as well.
        if if is_ollama { !stream } else { is_json } {
            return self.whole(source, is_ollama, now_s).await;
        }
        Ok(Answer::Stream(AnswerStream {
            source,
            content_type: if is_ollama {
                "text/event-stream".into()
            } else {
                content_type
            },
            dialect: match is_ollama {
                true => StreamDialect::Ollama {
                    model,
                    created_s: now_s,
                },
                false => StreamDialect::OpenAi,
            },
        }))
    }

    /// Asks an Ollama in its own words, and gives its answer as it is. `None` if this is no Ollama.
    pub(crate) async fn ollama_chat(
        &self,
        http: &Http,
        body: &Value,
    ) -> Option<Result<OllamaAnswer, Error>> {
        if !matches!(self, Self::Ollama { .. }) {
            return None;
        }
        Some(
            match self
                .ask(http, Method::POST, &["api", "chat"], Some(body))
                .await
            {
                Ok(Answered::Ok(content_type, source)) => Ok(OllamaAnswer {
                    content_type,
                    source,
                }),
                Ok(Answered::Refused(error)) | Err(error) => Err(error),
            },
        )
    }

    async fn whole(&self, source: Source, is_ollama: bool, now_s: i64) -> Result<Answer, Error> {
        let body = source.read_whole(MAX_WHOLE_BYTES).await?;
        let parsed: Value =
            serde_json::from_slice(&body).map_err(|_| self.unreadable("the answer is not JSON"))?;
        let upstream = self.to_string();
        if is_ollama && !parsed["error"].is_null() {
            let message = message_in(&parsed);
            return Err(Error::Failed {
                upstream,
                message,
                error: parsed["error"].clone(),
            });
        }
        let body = match is_ollama {
            true => Bytes::from(ollama::completion(parsed, now_s).to_string()),
            false => body,
        };
        Ok(Answer::Whole { upstream, body })
    }

    fn perform(&self, http: &Http, stream: bool, body: &Map<String, Value>, now_s: i64) -> Answer {
        if !stream {
            return Answer::Whole {
                upstream: self.to_string(),
                body: demo::completion(body, now_s).to_string().into(),
            };
        }
        let performance = Performance::new(body, now_s, http.demo_pace);
        Answer::Stream(AnswerStream {
            source: Source::demo(self.to_string(), performance),
            dialect: StreamDialect::OpenAi,
            content_type: "text/event-stream; charset=utf-8".into(),
        })
    }

    /// Sends a request and waits for the head of the answer.
    async fn ask(
        &self,
        http: &Http,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<Answered, Error> {
        let asked_at = Instant::now();
        let wait = http.timeouts.first_byte;
        let sent = timeout_at(
            asked_at + wait,
            self.request(http, method, path, body)?.send(),
        )
        .await;
        let silent = |_| Error::Silent {
            upstream: self.to_string(),
            after: wait,
        };
        let response = sent
            .map_err(silent)?
            .map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let content_type = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or("text/event-stream").to_owned();
        let source = Source::http(self.to_string(), response, asked_at, &http.timeouts);
        if (200..300).contains(&status) {
            return Ok(Answered::Ok(content_type, source));
        }
        let page = source.read_whole(MAX_WHOLE_BYTES).await.unwrap_or_default();
        Ok(Answered::Refused(self.refused(status, &page)))
    }

    fn request(
        &self,
        http: &Http,
        method: Method,
        path: &[&str],
        body: Option<&Value>,
    ) -> Result<RequestBuilder, Error> {
        let (base_url, key) = match self {
            Self::OpenAi { base_url, key, .. } => (base_url, key.as_ref()),
            Self::Ollama { base_url, .. } => (base_url, None),
            Self::Demo => return Err(self.unreadable("it has no address")),
        };
        let mut url = base_url.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => segments.pop_if_empty().extend(path),
            Err(()) => {
                return Err(Error::BadAddress {
                    address: self.to_string(),
                });
            }
        };
        let mut request = http.client.request(method, url);
        if let Some(Key(key)) = key {
            let value = HeaderValue::try_from(format!("Bearer {key}"));
            let mut value = value.map_err(|_| Error::Unreachable {
                upstream: self.to_string(),
                reason: "its key has characters that no HTTP header may have".into(),
            })?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        Ok(match body {
            Some(body) => request.json(body),
            None => request,
        })
    }

    fn refused(&self, status: u16, page: &[u8]) -> Error {
        let mut text = String::from_utf8_lossy(page).into_owned();
        if let Self::OpenAi {
            key: Some(Key(key)),
            ..
        } = self
        {
            text = text.replace(key.as_str(), "***");
        }
        let (message, body) = match serde_json::from_str::<Value>(&text) {
            Ok(parsed @ Value::Object(_)) => (message_in(&parsed), text),
            _ => {
                let quoted: String = text.trim().chars().take(QUOTED_CHARS).collect();
                let error = json!({"message": quoted, "type": "upstream_error", "code": "upstream_refused"});
                (quoted, json!({"error": error}).to_string())
            }
        };
        Error::Refused {
            upstream: self.to_string(),
            // A redirect we did not follow is no answer a client could use.
            status: if status < 400 { 502 } else { status },
            message,
            body: body.into(),
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> Error {
        // reqwest's own text has the whole address in it; the innermost cause is what helps.
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        let reason = match error.is_timeout() {
            true => "no connection within the time allowed".to_owned(),
            false => cause.to_string(),
        };
        Error::Unreachable {
            upstream: self.to_string(),
            reason,
        }
    }

    fn unreadable(&self, what: &'static str) -> Error {
        Error::Unreadable {
            upstream: self.to_string(),
            what,
        }
    }
}

/// An Ollama's own answer: NDJSON if it was asked to stream. Dropping it closes the connection.
#[derive(Debug)]
pub struct OllamaAnswer {
    content_type: String,
    source: Source,
}

impl OllamaAnswer {
    /// What the upstream said it is.
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The bytes as they come. `Err` must break the client's connection.
    pub fn into_bytes(self) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static {
        futures_util::stream::unfold(Some(self.source), |source| async move {
            let mut source = source?;
            match source.next().await {
                Ok(bytes) => Some((Ok(bytes?), Some(source))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }
}

enum Answered {
    /// Its content type and its body.
    Ok(String, Source),
    Refused(Error),
}
