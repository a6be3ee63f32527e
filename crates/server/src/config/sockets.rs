//! The real-time endpoint.

use super::check::Reader;
use super::settings::Settings;
use super::values::{boolean, seconds};
use std::time::Duration;

/// The real-time endpoint.
#[derive(Debug, Clone)]
pub struct SocketConfig {
    /// Offer WebSocket and the upgrade to it; else polling only.
    pub enable_websocket: bool,
    /// Time between two pings of the server.
    pub ping_interval: Duration,
    /// How long a pong may take.
    pub ping_timeout: Duration,
    /// Compress long WebSocket messages for clients that offer it.
    pub compression: bool,
}

pub(super) fn sockets(r: &mut Reader, s: &Settings) -> SocketConfig {
    let (interval, timeout) = (Duration::from_secs(25), Duration::from_secs(20));
    SocketConfig {
        enable_websocket: r.read(
            "ENABLE_WEBSOCKET_SUPPORT",
            s.enable_websocket_support.as_ref(),
            true,
            boolean,
        ),
        ping_interval: r.read(
            "WEBSOCKET_SERVER_PING_INTERVAL",
            s.websocket_server_ping_interval.as_ref(),
            interval,
            |t| seconds(t, 1, 300),
        ),
        ping_timeout: r.read(
            "WEBSOCKET_SERVER_PING_TIMEOUT",
            s.websocket_server_ping_timeout.as_ref(),
            timeout,
            |t| seconds(t, 1, 300),
        ),
        compression: r.read(
            "TIDINGS_WEBSOCKET_COMPRESSION",
            s.tidings_websocket_compression.as_ref(),
            false,
            boolean,
        ),
    }
}
