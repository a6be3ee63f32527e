//! People as they see each other: own profile and settings, the people picker, pictures.
//!
//! What an admin does to other people's accounts is in [`crate::admin`]; signing in and out in [`crate::auth`].

pub mod actions;
mod avatar;
pub mod http;
mod picture;

use crate::app::App;
use crate::presence::ACTIVE_MS;
use store::users::User;
use wire::Room;
use wire::events::{PeopleChange, ServerEvent};

/// Whether a person has an open socket, or did something in the last three minutes.
#[must_use]
pub fn is_active(app: &App, user: &User) -> bool {
    app.presence
        .is_active(&user.id, user.last_active_at_ms, app.clock.now_ms())
}

/// Whether a person did something in the last three minutes.
#[must_use]
pub fn was_active(user: &User, now_ms: i64) -> bool {
    user.last_active_at_ms >= now_ms - ACTIVE_MS
}

/// Tells everyone how a person is now. To be called in the job that changed them.
pub fn tell(tx: &mut store::Tx<'_>, user: &User, removed: bool) {
    let user = user.summary(was_active(user, tx.at_ms()));
    tx.emit(
        Room::Everyone,
        ServerEvent::People(PeopleChange { user, removed }),
    );
}
