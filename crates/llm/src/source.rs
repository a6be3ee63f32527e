//! Where an answer's bytes come from, with the patience we have: a deadline for the first byte and one for each next.
//!
//! The deadline lives here and not in the call, so that `next` may be dropped and asked again (in a `select!`, say)
//! without starting the wait anew. Dropping the source closes the connection to the upstream.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use crate::demo::Performance;
use crate::error::Error;

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For a connection. 10 s.
    pub connect: Duration,
    /// From the request to the first byte of the answer; a local model may have to be loaded first. 300 s.
    pub first_byte: Duration,
    /// Between two reads of an answer. 120 s.
    pub next_byte: Duration,
    /// For a whole list of models. 5 s.
    pub list: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            first_byte: Duration::from_secs(300),
            next_byte: Duration::from_secs(120),
            list: Duration::from_secs(5),
        }
    }
}

/// An answer's bytes as they come.
#[derive(Debug)]
pub(crate) struct Source {
    upstream: String,
    origin: Origin,
    deadline: Instant,
    wait: Duration,
    next_wait: Duration,
}

#[derive(Debug)]
enum Origin {
    Http(reqwest::Response),
    Demo(Performance),
}

impl Source {
    /// `asked_at` is when the request went out.
    pub(crate) fn http(
        upstream: String,
        response: reqwest::Response,
        asked_at: Instant,
        timeouts: &Timeouts,
    ) -> Self {
        Self {
            upstream,
            origin: Origin::Http(response),
            deadline: asked_at + timeouts.first_byte,
            wait: timeouts.first_byte,
            next_wait: timeouts.next_byte,
        }
    }

    pub(crate) fn demo(upstream: String, performance: Performance) -> Self {
        let wait = Timeouts::default().first_byte;
        Self {
            upstream,
            origin: Origin::Demo(performance),
            deadline: Instant::now() + wait,
            wait,
            next_wait: wait,
        }
    }

    /// Which upstream this is, for errors.
    pub(crate) fn upstream(&self) -> &str {
        &self.upstream
    }

    /// The next bytes; `None` at the end. May be dropped and asked again.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let response = match &mut self.origin {
            Origin::Demo(performance) => return Ok(performance.next().await),
            Origin::Http(response) => response,
        };
        match timeout_at(self.deadline, response.chunk()).await {
            Err(_) => Err(Error::Silent {
                upstream: self.upstream.clone(),
                after: self.wait,
            }),
            Ok(Ok(bytes)) => {
                self.wait = self.next_wait;
                self.deadline = Instant::now() + self.wait;
                Ok(bytes)
            }
            Ok(Err(error)) => {
                tracing::debug!(upstream = %self.upstream, error = %error.without_url(), "an answer's connection broke");
                Err(Error::Cut {
                    upstream: self.upstream.clone(),
                })
            }
        }
    }

    /// Everything, at most `max_bytes` of it.
    pub(crate) async fn read_whole(mut self, max_bytes: usize) -> Result<Bytes, Error> {
        let mut whole = Vec::new();
        while let Some(bytes) = self.next().await? {
            if whole.len() + bytes.len() > max_bytes {
                return Err(Error::Unreadable {
                    upstream: self.upstream,
                    what: "the answer is too long",
                });
            }
            whole.extend_from_slice(&bytes);
        }
        Ok(whole.into())
    }
}
