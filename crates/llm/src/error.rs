//! What can go wrong between us and an upstream. Every error names the upstream by its address, never with a key.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

/// Why a model could not answer, or stopped.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// No upstream offers the model.
    #[error("no upstream offers the model {0:?}")]
    ModelNotFound(String),
    /// An address in the settings is not an http or https URL.
    #[error("{address:?} is not an http or https address")]
    BadAddress {
        /// The address without user, password and query.
        address: String,
    },
    /// The HTTP client could not be made (TLS roots missing, for example).
    #[error("the HTTP client could not be made: {reason}")]
    Client {
        /// What the library said.
        reason: String,
    },
    /// No connection, or it broke before an answer began.
    #[error("{upstream} cannot be reached: {reason}")]
    Unreachable {
        /// Which upstream.
        upstream: String,
        /// What the network said.
        reason: String,
    },
    /// The upstream answered the request with an HTTP error.
    #[error("{upstream} answered {status}: {message}")]
    Refused {
        /// Which upstream.
        upstream: String,
        /// Its HTTP status, 400 or above.
        status: u16,
        /// The sentence in its body, or the body's beginning.
        message: String,
        /// Its body as JSON text, keys removed.
        body: Bytes,
    },
    /// The upstream reported an error inside its stream.
    #[error("{upstream} broke off: {message}")]
    Failed {
        /// Which upstream.
        upstream: String,
        /// The sentence in its error.
        message: String,
        /// The whole error as it came.
        error: Value,
    },
    /// The stream ended without an end: no finish reason, no `[DONE]`.
    #[error("{upstream} ended its answer before it was finished")]
    Cut {
        /// Which upstream.
        upstream: String,
    },
    /// Nothing came for too long.
    #[error("{upstream} said nothing for {} s", after.as_secs())]
    Silent {
        /// Which upstream.
        upstream: String,
        /// How long we waited.
        after: Duration,
    },
    /// The answer is not what the protocol says, or longer than we read.
    #[error("{upstream} answered something we cannot read: {what}")]
    Unreadable {
        /// Which upstream.
        upstream: String,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl Error {
    /// A stable word for the kind of failure, for clients.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ModelNotFound(_) => "model_not_found",
            Self::BadAddress { .. } | Self::Client { .. } => "upstream_misconfigured",
            Self::Unreachable { .. } => "upstream_unreachable",
            Self::Refused { .. } => "upstream_refused",
            Self::Failed { .. } => "upstream_failed",
            Self::Cut { .. } => "upstream_cut",
            Self::Silent { .. } => "upstream_silent",
            Self::Unreadable { .. } => "upstream_unreadable",
        }
    }

    /// The `{error: {...}}` object that OpenAI's clients understand.
    pub fn to_openai(&self) -> Value {
        json!({"error": {"message": self.to_string(), "type": "upstream_error", "code": self.code()}})
    }
}

/// The sentence in an upstream's error, whichever of the usual shapes it has.
pub(crate) fn message_in(error: &Value) -> String {
    let inner = if error["error"].is_null() {
        error
    } else {
        &error["error"]
    };
    let sentence = ["message", "detail"]
        .iter()
        .find_map(|key| inner[*key].as_str());
    match sentence.or(inner.as_str()) {
        Some(sentence) => sentence.to_owned(),
        None => inner.to_string(),
    }
}
