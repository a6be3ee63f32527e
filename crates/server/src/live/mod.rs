//! A socket's life: `connect` (token → person → rooms, looked up for many at once by `arrivals`), `dispatch` (one match
//! over what a client may send), `heartbeat`, `disconnect`, `sweep` (what ends by time), and `recovery` (stock clients
//! that come back).
//!
//! Handlers translate and call actions; rights are asked for on every event. A socket without a valid token may exist,
//! with no rooms, no rights, few events and a short life.

pub mod arrivals;
mod connect;
mod disconnect;
mod dispatch;
mod heartbeat;
mod recovery;
mod session;
mod sweep;
mod usage;

pub(crate) use recovery::offset;
pub use usage::Usage;

use crate::app::App;
use crate::config::{Config, Origins};
use socketio::{Compression, Cors, Namespace};
use std::collections::BTreeSet;
use std::sync::Mutex;
use wire::{Room, UserId};

/// Flag of sockets that opted in to events of our own by `resume` in CONNECT's auth.
pub const OPTED_IN: u32 = 1;
/// Flag of sockets that are in their rooms, so that effects of the log let them into others.
pub const ENTERED: u32 = 2;

/// What is shared by all sockets.
#[derive(Default)]
pub struct Live {
    /// Which models are in use.
    pub usage: Usage,
    /// When which socket ends by time, in milliseconds.
    endings: Mutex<BTreeSet<(i64, String)>>,
}

/// The transport's settings, from ours.
#[must_use]
pub fn transport(config: &Config) -> socketio::Config {
    socketio::Config {
        ping_interval: config.sockets.ping_interval,
        ping_timeout: config.sockets.ping_timeout,
        websocket: config.sockets.enable_websocket,
        compression: config.sockets.compression.then(Compression::default),
        cors: match &config.http.origins {
            Origins::Any => Cors::Any,
            Origins::List(origins) => Cors::Origins(origins.clone()),
        },
        trusted_proxies: config.http.trusted_proxies,
        limits: socketio::Limits {
            queue_low_bytes: crate::hub::SHORT_QUEUE,
            connections_per_address: config.limits.connections_per_address,
            sockets_per_identity: config.limits.sockets_per_user,
            ..socketio::Limits::default()
        },
        ..socketio::Config::default()
    }
}

/// Registers the handlers of the namespace and starts the sweep.
pub fn serve(app: &App) {
    let on_connect = app.clone();
    app.io.on_connect(move |socket, auth| {
        let app = on_connect.clone();
        async move { connect::connect(&app, &socket, auth.as_ref()).await }
    });
    let on_recover = app.clone();
    app.io.on_recover(move |request| {
        let app = on_recover.clone();
        async move { recovery::id_of(&app, &request).await }
    });
    let on_event = app.clone();
    app.io.on_any(move |socket, event| {
        let app = on_event.clone();
        async move { dispatch::dispatch(&app, &socket, event).await }
    });
    let on_disconnect = app.clone();
    app.io.on_disconnect(move |socket, reason| {
        let app = on_disconnect.clone();
        async move { disconnect::disconnect(&app, &socket, reason) }
    });
    app.keep("sweep", sweep::run(app.clone()));
}

/// Whether every client knows an event of this name; the others are for those who opted in.
#[must_use]
pub fn is_for_all(event: &str) -> bool {
    wire::events::name_is_in_contract(event)
}

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

/// The transport's own room of the sockets that were opened with one session's token.
fn sockets_with(session_id: &str) -> String {
    format!("session:{session_id}")
}

/// Disconnects the sockets that were opened with one session's token.
pub fn end_session(io: &Namespace, session_id: &str) {
    io.in_room(&sockets_with(session_id)).disconnect(true);
}
