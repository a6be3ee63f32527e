//! What ends by time: sockets whose token is over, sockets that never got a person, people whose last socket closed.

use super::session::Session;
use crate::app::App;
use crate::presence;
use std::sync::PoisonError;
use std::time::Duration;

/// How often the clock is looked at.
const EVERY: Duration = Duration::from_millis(250);

/// Runs until the server stops.
pub async fn run(app: App) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = app.stopping.cancelled() => return,
        }
        let now_ms = app.clock.now_ms();
        presence::publish(&app, app.presence.changes(now_ms));
        for sid in take_ended(&app, now_ms) {
            end(&app, &sid);
        }
    }
}

fn take_ended(app: &App, now_ms: i64) -> Vec<String> {
    let mut endings = app
        .live
        .endings
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let later = endings.split_off(&(now_ms + 1, String::new()));
    std::mem::replace(&mut *endings, later)
        .into_iter()
        .map(|(_, sid)| sid)
        .collect()
}

/// A token's end keeps the client away until it signs in; one who never signed in may come back.
fn end(app: &App, sid: &str) {
    let Some(socket) = app.io.socket(sid) else {
        return;
    };
    let has_person = socket
        .data::<Session>()
        .is_some_and(|session| session.actor().is_some());
    if has_person {
        socket.disconnect(true);
    } else {
        socket.close_transport();
    }
}
