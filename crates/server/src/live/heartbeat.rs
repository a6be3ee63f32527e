//! `heartbeat`, `usage`: the person is active, a model is in use. Neither is answered nor told to anyone.

use super::session::Session;
use super::usage::MAX_MODEL_BYTES;
use crate::app::App;
use crate::auth::Actor;
use crate::error::Error;
use socketio::Socket;

/// Notes that the person is active, at most once in the interval of the settings.
///
/// # Errors
/// When the database does not answer.
pub async fn heartbeat(app: &App, session: &Session, actor: &Actor) -> Result<(), Error> {
    let now_ms = app.clock.now_ms();
    let interval = app.config.features.active_interval.as_millis();
    if !session.is_activity_due(now_ms, i64::try_from(interval).unwrap_or(i64::MAX)) {
        return Ok(());
    }
    let person = actor.user.id.clone();
    app.store
        .write_soft(move |tx| store::users::set_active(tx, &person, now_ms).map_err(Error::from))
        .await
}

/// Notes that the socket uses a model now.
///
/// # Errors
/// A name of more than 256 bytes is refused.
pub fn usage(app: &App, socket: &Socket, model: String) -> Result<(), Error> {
    if model.len() > MAX_MODEL_BYTES {
        return Err(Error::TooLarge {
            what: "the model's name, in bytes",
            len: model.len(),
            max: MAX_MODEL_BYTES,
        });
    }
    app.live
        .usage
        .report(*socket.id(), model, app.clock.now_ms());
    Ok(())
}
