//! Bounds on what one person, one address or one slow request can cost.

use super::check::Reader;
use super::open_files;
use super::settings::Settings;
use super::values::{number, seconds};
use std::time::Duration;

/// Most connections where the system would let more be open.
const MOST_OPEN: usize = 100_000;

/// Most of them for one address, however many there are in all.
const MOST_OF_ADDRESS: usize = 2_000;

/// Bounds on what one person, one address or one slow request can cost.
#[derive(Debug, Clone)]
pub struct LimitConfig {
    /// How long the head of a request may take, and its body beside the time that its size gives it.
    pub request_timeout: Duration,
    /// Accounts that one address may make at once, and as many again in an hour; 0 is no limit.
    pub signups_per_address: u32,
    /// How long the reader of an answer may take nothing of it.
    pub send_timeout: Duration,
    /// Open TCP connections, whatever they carry.
    pub open_connections: usize,
    /// Those of one peer; `None` is no limit.
    pub open_per_address: Option<OpenPerAddress>,
    /// Open sockets of one person; 0 is no limit.
    pub sockets_per_user: usize,
    /// Open real-time connections of one address; 0 is no limit.
    pub connections_per_address: usize,
}

/// Open TCP connections of one peer.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenPerAddress {
    /// How many.
    pub most: usize,
    /// Whether this machine's own addresses are limited too: by a limit that somebody set.
    pub own_too: bool,
}

pub(super) fn limits(r: &mut Reader, s: &Settings) -> LimitConfig {
    let open_connections = r.read(
        "TIDINGS_OPEN_CONNECTIONS",
        s.tidings_open_connections.as_ref(),
        usual_open_connections(),
        |t| number(t, 1, 10_000_000),
    );
    LimitConfig {
        open_connections,
        request_timeout: r.read(
            "TIDINGS_REQUEST_TIMEOUT",
            s.tidings_request_timeout.as_ref(),
            Duration::from_secs(15),
            |t| seconds(t, 1, 300),
        ),
        signups_per_address: r.read(
            "TIDINGS_SIGNUPS_PER_ADDRESS",
            s.tidings_signups_per_address.as_ref(),
            300,
            |t| number(t, 0, 1_000_000),
        ),
        send_timeout: r.read(
            "TIDINGS_SEND_TIMEOUT",
            s.tidings_send_timeout.as_ref(),
            Duration::from_secs(30),
            |t| seconds(t, 1, 3600),
        ),
        open_per_address: r.read(
            "TIDINGS_OPEN_CONNECTIONS_PER_ADDRESS",
            s.tidings_open_connections_per_address.as_ref(),
            Some(OpenPerAddress {
                // Many people behind one address are usual, one address that fills the server is not.
                most: open_connections.div_ceil(2).min(MOST_OF_ADDRESS),
                own_too: false,
            }),
            |t| {
                let most = number(t, 0, 10_000_000)?;
                let own_too = true;
                Ok((most > 0).then_some(OpenPerAddress { most, own_too }))
            },
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

/// As many as this process may open files, less some.
fn usual_open_connections() -> usize {
    open_files::limit().map_or(MOST_OPEN, connections_of)
}

fn connections_of(files: usize) -> usize {
    room_for_connections(files).clamp(16, MOST_OPEN)
}

/// How many connections go into so many open files.
///
/// What is left is for the database and the log (some 25 at most), for those who are told that there is no place (64), and
/// for models: each answer that streams is asked for over a connection of its own.
#[must_use]
pub fn room_for_connections(files: usize) -> usize {
    files - (files / 8).max(256).min(files / 2)
}

impl LimitConfig {
    /// For the summary at the start.
    pub(super) fn summary(&self) -> [(&'static str, String); 7] {
        let timeout = format!("{}s", self.request_timeout.as_secs());
        let per_address = self.open_per_address.map_or(0, |limit| limit.most);
        [
            ("TIDINGS_REQUEST_TIMEOUT", timeout),
            (
                "TIDINGS_SIGNUPS_PER_ADDRESS",
                self.signups_per_address.to_string(),
            ),
            (
                "TIDINGS_SEND_TIMEOUT",
                format!("{}s", self.send_timeout.as_secs()),
            ),
            (
                "TIDINGS_OPEN_CONNECTIONS",
                self.open_connections.to_string(),
            ),
            (
                "TIDINGS_OPEN_CONNECTIONS_PER_ADDRESS",
                per_address.to_string(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_open_files_give_one_address_no_more_than_its_own_number() {
        for (connections, of_address) in [("768", 384), ("100000", 2_000), ("10000000", 2_000)] {
            let settings = Settings {
                tidings_open_connections: Some(connections.to_owned()),
                ..Settings::default()
            };
            let limits = limits(&mut Reader::default(), &settings);
            let limit = limits.open_per_address.expect("a limit");
            assert_eq!((limit.most, limit.own_too), (of_address, false));
        }
    }

    #[test]
    fn a_small_limit_of_open_files_leaves_enough_for_what_is_no_connection() {
        for (files, connections) in [
            (0, 16),
            (64, 32),
            (256, 128),
            (1_024, 768),
            (4_096, 3_584),
            (65_536, 57_344),
            (1 << 20, MOST_OPEN),
            (usize::MAX, MOST_OPEN),
        ] {
            assert_eq!(connections_of(files), connections, "{files}");
        }
    }
}
