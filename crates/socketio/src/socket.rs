//! One client in one namespace.

use std::{any::Any, fmt, net::IpAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use serde::Serialize;

use crate::{AckError, AckReply, Class, Frame};

/// The id of a socket: 20 characters that nobody can guess.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sid(pub(crate) [u8; 20]);

impl Sid {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is kept of the request that opened a connection.
#[derive(Debug, Clone, Default)]
pub struct Handshake {
    remote: Option<IpAddr>,
}

impl Handshake {
    /// The peer's address, if the server was started with axum's `ConnectInfo<SocketAddr>`.
    pub fn remote_addr(&self) -> Option<IpAddr> {
        self.remote
    }

    /// A request header that [`Config::kept_headers`](crate::Config::kept_headers) names.
    pub fn header(&self, _name: &str) -> Option<&str> {
        None
    }

    /// A parameter of the request's query, such as the client's own `query` option.
    pub fn query(&self, _name: &str) -> Option<String> {
        None
    }
}

/// One client in one namespace. A cheap handle: clone it freely. Works, without effect, after the client has gone.
#[derive(Clone)]
pub struct Socket {
    id: Sid,
    handshake: Arc<Handshake>,
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Socket").field(&self.id).finish()
    }
}

impl Socket {
    /// The socket's id, the client's `socket.id`. It is not the id of the transport's session.
    pub fn id(&self) -> &Sid {
        &self.id
    }

    /// The namespace's name.
    pub fn namespace(&self) -> &str {
        "/"
    }

    /// Whether the client is connected to the namespace (true from the moment CONNECT is answered).
    pub fn is_connected(&self) -> bool {
        false
    }

    /// The request that opened the connection.
    pub fn handshake(&self) -> &Handshake {
        &self.handshake
    }

    /// Enters a room. Answers false if the socket is gone or has [`Limits::rooms`](crate::Limits::rooms) already.
    pub fn join(&self, _room: &str) -> bool {
        false
    }

    /// Leaves a room. Answers whether it was in it.
    pub fn leave(&self, _room: &str) -> bool {
        false
    }

    /// Leaves every room.
    pub fn leave_all(&self) {}

    /// The rooms it is in, in no particular order.
    pub fn rooms(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether it is in a room.
    pub fn is_in(&self, _room: &str) -> bool {
        false
    }

    /// Sends an event with one argument. Answers whether it was queued. Emitted in `on_connect`, it goes out right
    /// after the answer to CONNECT.
    pub fn emit(&self, name: &str, arg: &(impl Serialize + ?Sized)) -> bool {
        match Frame::event(self.namespace(), name, arg) {
            Ok(frame) => self.send(&frame, Class::Reliable),
            Err(_) => false,
        }
    }

    /// Sends a frame that is encoded already; it must belong to this socket's namespace. Answers whether it was queued.
    pub fn send(&self, _frame: &Frame, _class: Class) -> bool {
        false
    }

    /// Sends an event with one argument and waits for the client's acknowledgement.
    pub async fn emit_with_ack(
        &self,
        _name: &str,
        _arg: &(impl Serialize + ?Sized),
        _timeout: Duration,
    ) -> Result<AckReply, AckError> {
        Err(AckError::Disconnected)
    }

    /// As [`Socket::emit_with_ack`] for arguments that are JSON already, separated by commas, with attachments.
    pub async fn emit_json_with_ack(
        &self,
        _name: &str,
        _args_json: &str,
        _attachments: Vec<Bytes>,
        _timeout: Duration,
    ) -> Result<AckReply, AckError> {
        Err(AckError::Disconnected)
    }

    /// Bytes queued for the client and not yet written.
    pub fn queued_bytes(&self) -> usize {
        0
    }

    /// The socket's flag bits; see [`Broadcast::with_flags`](crate::Broadcast::with_flags).
    pub fn flags(&self) -> u32 {
        0
    }

    /// Replaces the flag bits.
    pub fn set_flags(&self, _flags: u32) {}

    /// Keeps a value with the socket until it is replaced or the socket is gone. One value: the last one set.
    pub fn set_data<T: Any + Send + Sync>(&self, _data: Arc<T>) {}

    /// The value set last, if it is a `T`.
    pub fn data<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        None
    }

    /// Sends DISCONNECT: the client stays away until it is told to connect. With `close`, the connection with all its
    /// namespaces ends after it.
    pub fn disconnect(&self, _close: bool) {}

    /// Closes the transport (WebSocket 1013 after what is queued): the client comes back by itself.
    pub fn close_transport(&self) {}

    pub(crate) fn acknowledge(&self, _id: u64, _args_json: &str, _attachments: Vec<Bytes>) -> bool {
        false
    }
}
