//! Bounds on what one person, one address or one slow request can cost.

use super::check::Reader;
use super::settings::Settings;
use super::values::{number, seconds};
use std::time::Duration;

/// Bounds on what one person, one address or one slow request can cost.
#[derive(Debug, Clone)]
pub struct LimitConfig {
    /// How long the head of a request may take, and its body beside the time that its size gives it.
    pub request_timeout: Duration,
    /// Accounts that one address may make at once, and as many again in an hour; 0 is no limit.
    pub signups_per_address: u32,
    /// Open sockets of one person; 0 is no limit.
    pub sockets_per_user: usize,
    /// Open real-time connections of one address; 0 is no limit.
    pub connections_per_address: usize,
}

pub(super) fn limits(r: &mut Reader, s: &Settings) -> LimitConfig {
    LimitConfig {
        request_timeout: r.read(
            "TIDINGS_REQUEST_TIMEOUT",
            s.tidings_request_timeout.as_ref(),
            Duration::from_secs(15),
            |t| seconds(t, 1, 300),
        ),
        signups_per_address: r.read(
            "TIDINGS_SIGNUPS_PER_ADDRESS",
            s.tidings_signups_per_address.as_ref(),
            60,
            |t| number(t, 0, 1_000_000),
        ),
        sockets_per_user: r.read(
            "TIDINGS_SOCKETS_PER_USER",
            s.tidings_sockets_per_user.as_ref(),
            200,
            |t| number(t, 0, 1_000_000),
        ),
        connections_per_address: r.read(
            "TIDINGS_CONNECTIONS_PER_ADDRESS",
            s.tidings_connections_per_address.as_ref(),
            0,
            |t| number(t, 0, 1_000_000),
        ),
    }
}

impl LimitConfig {
    /// For the summary at the start.
    pub(super) fn summary(&self) -> [(&'static str, String); 4] {
        let timeout = format!("{}s", self.request_timeout.as_secs());
        [
            ("TIDINGS_REQUEST_TIMEOUT", timeout),
            (
                "TIDINGS_SIGNUPS_PER_ADDRESS",
                self.signups_per_address.to_string(),
            ),
            (
                "TIDINGS_SOCKETS_PER_USER",
                self.sockets_per_user.to_string(),
            ),
            (
                "TIDINGS_CONNECTIONS_PER_ADDRESS",
                self.connections_per_address.to_string(),
            ),
        ]
    }
}
