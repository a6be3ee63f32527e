//! A socket is gone: nothing of it stays.

use super::connect::stays_until;
use super::session::Session;
use crate::app::App;
use socketio::{DisconnectReason, Socket};

/// Forgets the socket. Its rooms are left already.
pub fn disconnect(app: &App, socket: &Socket, reason: DisconnectReason) {
    app.hub.forget(socket);
    let Some(session) = socket.data::<Session>() else {
        return;
    };
    stays_until(app, socket, &session, None);
    if let Some(person) = session.counts_for(None) {
        app.presence.closed(&person, app.clock.now_ms());
    }
    tracing::debug!(sid = %socket.id(), reason = reason.as_str(), "a socket is gone");
}
