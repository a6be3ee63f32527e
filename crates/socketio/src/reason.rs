//! Why a socket ended, in the words of the reference implementation.

/// Why a socket is no longer connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DisconnectReason {
    /// The client sent DISCONNECT and stays away until it is told to connect.
    ClientDisconnect,
    /// [`Socket::disconnect`](crate::Socket::disconnect) was called.
    ServerDisconnect,
    /// [`Server::close`](crate::Server::close) was called; clients come back.
    ServerShuttingDown,
    /// The transport was closed by the peer or the network.
    TransportClose,
    /// The transport broke the WebSocket or Engine.IO protocol.
    TransportError,
    /// The client did not answer a ping in time.
    PingTimeout,
    /// The client sent a packet that cannot be decoded or must not come now, or passed a limit of the decoder.
    ParseError,
    /// The client did not read what was sent to it: its queue passed its limit, or no byte left for the ping timeout.
    SlowReader,
    /// The client sent more events than it may.
    TooManyEvents,
    /// The client connected to no namespace in time.
    ConnectTimeout,
}

impl DisconnectReason {
    /// The reference implementation's string, such as `"transport close"`.
    pub fn as_str(self) -> &'static str {
        match self {
            DisconnectReason::ClientDisconnect => "client namespace disconnect",
            DisconnectReason::ServerDisconnect => "server namespace disconnect",
            DisconnectReason::ServerShuttingDown => "server shutting down",
            DisconnectReason::TransportClose => "transport close",
            DisconnectReason::TransportError => "transport error",
            DisconnectReason::PingTimeout => "ping timeout",
            DisconnectReason::ParseError => "parse error",
            DisconnectReason::SlowReader => "slow reader",
            DisconnectReason::TooManyEvents => "too many events",
            DisconnectReason::ConnectTimeout => "connect timeout",
        }
    }
}

impl DisconnectReason {
    /// Whether the connection was lost, so that the client comes back and may go on where it was; else one side has
    /// ended it on purpose.
    pub fn is_recoverable(self) -> bool {
        matches!(
            self,
            DisconnectReason::ServerShuttingDown
                | DisconnectReason::TransportClose
                | DisconnectReason::TransportError
                | DisconnectReason::PingTimeout
                | DisconnectReason::SlowReader
        )
    }
}

impl std::fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
