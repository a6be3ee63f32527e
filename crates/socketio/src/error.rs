//! What can go wrong for the owner of a server. What goes wrong for a peer is a
//! [`DisconnectReason`](crate::DisconnectReason).

use serde::Serialize;
use serde_json::Value;

/// Why a client may not connect to a namespace; sent to it as CONNECT_ERROR.
#[derive(Debug, Clone, PartialEq, Serialize, thiserror::Error)]
#[error("{message}")]
pub struct ConnectError {
    /// What the client's `connect_error` listener gets as the error's message.
    pub message: String,
    /// More about it, the client's `error.data`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
}

impl ConnectError {
    /// An error without further data.
    pub fn new(message: impl Into<String>) -> ConnectError {
        ConnectError {
            message: message.into(),
            data: None,
        }
    }
}

/// Why no acknowledgement came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AckError {
    /// The client did not answer in time.
    #[error("the client did not acknowledge in time")]
    Timeout,
    /// The socket is gone; whether the client has seen the event is unknown.
    #[error("the socket was disconnected before it acknowledged")]
    Disconnected,
    /// The arguments could not be written as JSON; nothing was sent.
    #[error("the arguments cannot be written as JSON")]
    Encode,
}

/// Why an argument of an event or an ack could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ArgError {
    /// There is no argument with this index.
    #[error("argument {0} is missing")]
    Missing(usize),
    /// The argument has another type than asked for.
    #[error("argument {index} is malformed")]
    Malformed {
        /// Index of the argument, the event's name not counted.
        index: usize,
        /// What the decoder found.
        source: serde_json::Error,
    },
}
