//! A model's answer, in two forms: its bytes for an API client, or its deltas for a run.
//!
//! As bytes it is what an OpenAI-compatible upstream would have sent, unchanged if it is one. As deltas it ends with
//! `None` if the model finished, or with exactly one error. Dropping it closes the connection to the upstream.

use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::Stream;
use serde_json::Value;

use crate::decoder::{Decoder, Fault};
use crate::delta::{Delta, read_chunk};
use crate::error::{Error, message_in};
use crate::source::Source;
use crate::sse_out::SseOut;

/// What came back.
#[derive(Debug)]
pub enum Answer {
    /// The answer is being written.
    Stream(AnswerStream),
    /// The whole answer: an OpenAI `chat.completion` as JSON text.
    Whole {
        /// Which upstream.
        upstream: String,
        /// JSON text.
        body: Bytes,
    },
    /// An HTTP error; see [`Error::Refused`], which this always is.
    Refused(Error),
}

impl Answer {
    /// The answer's parts. `Err` if the upstream refused.
    pub fn into_deltas(self) -> Result<Deltas, Error> {
        match self {
            Self::Stream(stream) => Ok(stream.into_deltas()),
            Self::Whole { upstream, body } => Deltas::of_whole(&upstream, &body),
            Self::Refused(error) => Err(error),
        }
    }
}

/// An answer that is being written.
#[derive(Debug)]
pub struct AnswerStream {
    pub(crate) source: Source,
    pub(crate) dialect: StreamDialect,
    pub(crate) content_type: String,
}

/// How the upstream writes.
#[derive(Debug)]
pub(crate) enum StreamDialect {
    OpenAi,
    Ollama { model: String, created_s: i64 },
}

impl AnswerStream {
    /// The content type to announce for [`Self::into_sse`].
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The answer as Server-Sent Events for an API client; an OpenAI upstream's bytes are passed through unchanged.
    ///
    /// With `guard_bytes`, longer lines are replaced (see [`crate::LineGuard`]). If the upstream is cut or falls silent,
    /// a last event `{error}` says so where an event can stand, and no `[DONE]` follows; in the middle of a line the
    /// stream ends with `Err`, which must break the client's connection.
    pub fn into_sse(
        self,
        guard_bytes: Option<usize>,
    ) -> impl Stream<Item = Result<Bytes, Error>> + Send + 'static {
        let out = SseOut::new(self.source, self.dialect, guard_bytes);
        futures_util::stream::unfold(out, |mut out| async move {
            let item = out.next().await?;
            Some((item, out))
        })
    }

    /// The answer's parts.
    pub fn into_deltas(self) -> Deltas {
        let decoder = match self.dialect {
            StreamDialect::OpenAi => Decoder::openai(),
            StreamDialect::Ollama { .. } => Decoder::ollama(),
        };
        Deltas {
            origin: Some((self.source, decoder)),
            ready: VecDeque::new(),
            fault: None,
        }
    }
}

/// The parts of an answer, one after the other.
#[derive(Debug)]
pub struct Deltas {
    /// `None` when nothing more is to be read.
    origin: Option<(Source, Decoder)>,
    ready: VecDeque<Delta>,
    fault: Option<Error>,
}

impl Deltas {
    fn of_whole(upstream: &str, body: &[u8]) -> Result<Self, Error> {
        let unreadable = |what| Error::Unreadable {
            upstream: upstream.to_owned(),
            what,
        };
        let whole: Value =
            serde_json::from_slice(body).map_err(|_| unreadable("the answer is not JSON"))?;
        let mut deltas = Vec::new();
        let error = read_chunk(whole, &mut deltas).err();
        let fault = match error {
            Some(error) => Some(failed(upstream, error)),
            // A whole answer needs no finish reason, but it must be one.
            None if !deltas
                .iter()
                .any(|delta| !matches!(delta, Delta::Extra(_) | Delta::Garbled)) =>
            {
                Some(unreadable("the answer has no choices"))
            }
            None => None,
        };
        Ok(Self {
            origin: None,
            ready: deltas.into(),
            fault,
        })
    }

    /// The next part; `None` when the answer is finished. After an error there is nothing more. May be dropped and
    /// asked again without losing anything.
    pub async fn next(&mut self) -> Option<Result<Delta, Error>> {
        loop {
            if let Some(delta) = self.ready.pop_front() {
                return Some(Ok(delta));
            }
            if let Some(error) = self.fault.take() {
                self.origin = None;
                return Some(Err(error));
            }
            let (source, decoder) = self.origin.as_mut()?;
            let mut deltas = Vec::new();
            let ended = match source.next().await {
                Ok(Some(bytes)) => {
                    let pushed = decoder.push(&bytes, &mut deltas);
                    self.fault = pushed.err().map(|fault| error_of(source.upstream(), fault));
                    false
                }
                Ok(None) => {
                    let finished = decoder.finish(&mut deltas);
                    self.fault = finished
                        .err()
                        .map(|fault| error_of(source.upstream(), fault));
                    true
                }
                // Whole already: what broke was only the goodbye.
                Err(_) if decoder.is_finished() => true,
                Err(error) => {
                    self.fault = Some(error);
                    true
                }
            };
            self.ready = deltas.into();
            if ended {
                self.origin = None;
            }
        }
    }
}

/// The error that a fault of this upstream is.
pub(crate) fn error_of(upstream: &str, fault: Fault) -> Error {
    let upstream = upstream.to_owned();
    match fault {
        Fault::Said(error) => failed(&upstream, error),
        Fault::Cut => Error::Cut { upstream },
        Fault::TooLong => Error::Unreadable {
            upstream,
            what: "a line is too long",
        },
    }
}

fn failed(upstream: &str, error: Value) -> Error {
    Error::Failed {
        upstream: upstream.to_owned(),
        message: message_in(&error),
        error,
    }
}
