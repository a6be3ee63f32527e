//! A socket's life: connect, dispatch, heartbeat, disconnect.

use crate::app::App;
use crate::config::{Config, Origins};
use socketio::{Cors, Namespace};
use wire::{Room, UserId};

/// Flag of sockets that opted in to events of our own by `resume` in CONNECT's auth.
pub const OPTED_IN: u32 = 1;

/// The transport's settings, from ours.
#[must_use]
pub fn transport(config: &Config) -> socketio::Config {
    socketio::Config {
        ping_interval: config.sockets.ping_interval,
        ping_timeout: config.sockets.ping_timeout,
        websocket: config.sockets.enable_websocket,
        cors: match &config.http.origins {
            Origins::Any => Cors::Any,
            Origins::List(origins) => Cors::Origins(origins.clone()),
        },
        ..socketio::Config::default()
    }
}

/// Registers the handlers of the namespace.
pub fn serve(_app: &App) {}

/// The transport's own room of all sockets of a person. It stands outside the log: a socket is in it as long as it is
/// theirs, also while it is behind in `user:{id}`.
#[must_use]
pub fn sockets_of(user_id: &UserId) -> String {
    format!("sockets:{user_id}")
}

/// The transport's own room of the sockets that a room of the log is for, behind or not.
#[must_use]
pub fn crowd_of(room: &Room) -> String {
    match room {
        Room::User(user_id) => sockets_of(user_id),
        Room::Everyone => "sockets".to_owned(),
        Room::Channel(_) => room.to_string(),
    }
}

/// Disconnects the sockets that were opened with one session's token.
pub fn end_session(_io: &Namespace, _session_id: &str) {}
