//! A socket connects, or changes hands: the token says whose it is, the database which rooms that means.
//!
//! Only the token in CONNECT's auth counts (a JWT; API keys are for HTTP), never a cookie. The rooms are entered before
//! CONNECT is answered.

use super::{OPTED_IN, crowd_of, recovery, session::Session, sockets_of, sockets_with};
use crate::app::App;
use crate::auth::{Actor, ClaimedSession, Credential};
use crate::error::Error;
use crate::hub::{Claim, Claims, Entered, Theirs};
use serde_json::Value;
use socketio::{ConnectError, Socket};
use std::sync::{Arc, PoisonError};
use store::log::Head;
use wire::events::ServerEvent;
use wire::people::Role;
use wire::{Room, UserId};

/// How long a socket may stay without a person, in milliseconds. The sign-in page has one.
const ANONYMOUS_MS: i64 = 600_000;
/// What a person is told who has as many sockets as they may.
pub(super) const TOO_MANY: &str =
    "too many sockets of this account are open; close a tab or a program that has one";
/// Most rooms that a client may claim positions in.
const MAX_CLAIMS: usize = 5_000;
/// For how long a state that was sent may not have arrived, in milliseconds.
const ON_ITS_WAY_MS: i64 = 10_000;
/// How often the rooms are asked for again when rights change at that very moment.
const MAX_ROUNDS: usize = 10;

/// What a socket knows that enters its rooms.
#[derive(Clone, Copy)]
pub enum Coming<'a> {
    /// It is in them already, or was: only what changed counts.
    Again,
    /// These positions, if it opted in; else nothing.
    New(&'a Claims),
    /// Everything up to a place of the log: a stock client that is back.
    Back(Head),
}

/// Handles CONNECT. Refuses only who has too many sockets already; a wrong token is an anonymous socket, as the contract
/// wants it.
pub async fn connect(app: &App, socket: &Socket, auth: Option<&Value>) -> Result<(), ConnectError> {
    let session = Arc::new(Session::anonymous());
    socket.set_data(session.clone());
    if let Some(resume) = auth
        .and_then(|auth| auth.get("resume"))
        .filter(|resume| resume.is_object())
    {
        socket.set_flags(OPTED_IN);
        let token = auth.and_then(token_of);
        return finish(app, socket, &session, token, Coming::New(&claims(resume))).await;
    }
    let token = auth.and_then(token_of);
    let none = Claims::new();
    let coming = match auth.and_then(|auth| recovery::place_of(app, socket, auth)) {
        Some(from) => Coming::Back(from),
        None => Coming::New(&none),
    };
    finish(app, socket, &session, token, coming).await
}

async fn finish(
    app: &App,
    socket: &Socket,
    session: &Session,
    token: Option<&str>,
    coming: Coming<'_>,
) -> Result<(), ConnectError> {
    let outcome = match token {
        Some(token) => authenticate(app, token).await,
        None => Ok(None),
    };
    let entered = match outcome {
        Ok(Some(person)) if !socket.set_identity(&person.actor.user.id.to_string()) => {
            return Err(too_many(socket, &person.actor));
        }
        Ok(Some(person)) => hand_over(app, socket, session, person, coming).await,
        Ok(None) => {
            stays_until(
                app,
                socket,
                session,
                Some(app.clock.now_ms() + ANONYMOUS_MS),
            );
            Ok(())
        }
        Err(error) => Err(error),
    };
    if let Err(error) = entered {
        // A refusal would keep clients away for good; a closed transport brings them back.
        tracing::warn!(sid = %socket.id(), %error, "a socket could not be let in; its client will come back");
        socket.close_transport();
    }
    Ok(())
}

/// The person has as many sockets as they may.
fn too_many(socket: &Socket, actor: &Actor) -> ConnectError {
    tracing::info!(sid = %socket.id(), user.id = %actor.user.id, "a socket too many was refused");
    ConnectError {
        message: TOO_MANY.to_owned(),
        data: Some(serde_json::json!({"code": "too_many_sockets"})),
    }
}

pub(super) fn token_of(auth: &Value) -> Option<&str> {
    auth.get("token")?
        .as_str()
        .filter(|token| !token.is_empty())
}

/// `{room: [seq, at]}` or `{room: seq}`; what is neither claims nothing.
pub fn claims(given: &Value) -> Claims {
    let claim = |given: &Value| match given {
        Value::Array(pair) => Some(Claim {
            seq: pair.first()?.as_i64()?,
            at_ms: pair.get(1)?.as_i64(),
        }),
        number => Some(Claim {
            seq: number.as_i64()?,
            at_ms: None,
        }),
    };
    let rooms = given.as_object().into_iter().flatten().take(MAX_CLAIMS);
    rooms
        .filter_map(|(room, given)| Some((room.clone(), claim(given)?)))
        .collect()
}

/// A person whose socket it is to be, with the rooms that were theirs when the token was read.
pub struct Arriving {
    /// Who.
    pub actor: Actor,
    /// What is theirs.
    pub theirs: Theirs,
}

/// Whose the token is; none if it is no valid session's. An API key is none: it is for HTTP.
///
/// # Errors
/// When the database does not answer.
pub async fn authenticate(app: &App, token: &str) -> Result<Option<Arriving>, Error> {
    let Some(claimed) = ClaimedSession::of_token(app, token) else {
        return Ok(None);
    };
    let found = app.arrivals.look_up(&claimed.session_id).await?;
    Ok(found.and_then(|found| {
        Some(Arriving {
            actor: claimed.actor(found.user)?,
            theirs: found.theirs,
        })
    }))
}

/// Gives the socket to a person: out of all rooms of the one before, into those of the new one. If the session has
/// ended meanwhile, the socket belongs to nobody.
///
/// # Errors
/// When the database does not answer; the socket belongs to nobody then.
pub async fn hand_over(
    app: &App,
    socket: &Socket,
    session: &Session,
    person: Arriving,
    coming: Coming<'_>,
) -> Result<(), Error> {
    let (actor, theirs) = (Arc::new(person.actor), person.theirs);
    let before = session.belongs_to(Some(actor.clone()));
    let is_new = before
        .as_ref()
        .is_none_or(|before| before.user.id != actor.user.id);
    if is_new {
        if before.is_some() {
            // The former may come back to what was theirs, and to nothing later.
            socket.stop_offsets();
        }
        leave_everything(app, socket, session).await;
    } else if let Some(before) = before.filter(|before| before.session_id != actor.session_id) {
        socket.leave(&sockets_with(&before.session_id));
    }
    stays_until(app, socket, session, ends_at_ms(&actor));
    // These first: from now on every change of a right reaches the socket.
    socket.join(&sockets_with(&actor.session_id));
    socket.join(&sockets_of(&actor.user.id));
    if actor.user.role != Role::Pending {
        socket.join(&crowd_of(&Room::Everyone));
    }
    let coming = if is_new { coming } else { Coming::Again };
    match enter_rooms(app, socket, theirs, coming).await {
        Ok(true) => {}
        outcome => {
            session.belongs_to(None);
            leave_everything(app, socket, session).await;
            stays_until(
                app,
                socket,
                session,
                Some(app.clock.now_ms() + ANONYMOUS_MS),
            );
            return outcome.map(drop);
        }
    }
    if actor.user.role != Role::Pending
        && session.counts_for(Some(actor.user.id.clone())).is_none()
        && let Some(change) = app.presence.opened(&actor.user.id, app.clock.now_ms())
    {
        app.presence.to_be_told(change);
    }
    tracing::info!(sid = %socket.id(), user.id = %actor.user.id, "a socket was let in");
    Ok(())
}

fn ends_at_ms(actor: &Actor) -> Option<i64> {
    match actor.credential {
        Credential::Session { expires_at_s } => expires_at_s.map(|at_s| at_s.saturating_mul(1_000)),
        Credential::ApiKey => None,
    }
}

/// Takes the socket out of everything that was a person's.
async fn leave_everything(app: &App, socket: &Socket, session: &Session) {
    app.hub.take_out(socket).await;
    if let Some(person) = session.counts_for(None) {
        app.presence.closed(&person, app.clock.now_ms());
    }
}

/// Notes when the socket ends by time, in place of what was noted before.
pub fn stays_until(app: &App, socket: &Socket, session: &Session, ends_at_ms: Option<i64>) {
    let before = session.ends_at(ends_at_ms);
    let mut endings = app
        .live
        .endings
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if let Some(at_ms) = before {
        endings.remove(&(at_ms, socket.id().to_string()));
    }
    if let Some(at_ms) = ends_at_ms {
        endings.insert((at_ms, socket.id().to_string()));
    }
}

/// Enters the rooms. False if the session has ended.
async fn enter_rooms(
    app: &App,
    socket: &Socket,
    mut theirs: Theirs,
    coming: Coming<'_>,
) -> Result<bool, Error> {
    for _ in 0..MAX_ROUNDS {
        // The role that the token was read with may be one of before.
        if !theirs.rooms.contains(&Room::Everyone) {
            socket.leave(&crowd_of(&Room::Everyone));
        }
        match enter_once(app, socket, &theirs, coming).await? {
            Entered::Yes => {
                tell_markers(app, socket, &theirs.user_id, coming).await?;
                return Ok(true);
            }
            Entered::Doubtful | Entered::AskAgain => {}
        }
        match app.arrivals.look_up(&theirs.session_id).await? {
            Some(now) => theirs = now.theirs,
            None => return Ok(false),
        }
    }
    Err(Error::Store(store::Error::Busy))
}

async fn enter_once(
    app: &App,
    socket: &Socket,
    theirs: &Theirs,
    coming: Coming<'_>,
) -> Result<Entered, store::Error> {
    if let Coming::New(claims) = coming
        && socket.flags() & OPTED_IN != 0
    {
        return app.hub.enter(socket, theirs, claims).await;
    }
    // Told once that it begins anew, it does, also if it could go on with the rights of a moment later.
    if let Coming::Back(from) = coming
        && socket.is_recovered()
    {
        let entered = app.hub.go_on(socket, theirs, from).await?;
        if entered != Entered::Doubtful {
            return Ok(entered);
        }
    }
    if !matches!(coming, Coming::Again) {
        recovery::offer(app, socket, &theirs.user_id);
    }
    app.hub.settle(socket, theirs).await
}

/// Tells one who comes back of their read markers that moved meanwhile; those that move from now on reach the socket.
async fn tell_markers(
    app: &App,
    socket: &Socket,
    person: &UserId,
    coming: Coming<'_>,
) -> Result<(), Error> {
    let Coming::New(claims) = coming else {
        return Ok(());
    };
    let Some(since_ns) = last_here_ns(claims) else {
        return Ok(());
    };
    for marker in app.arrivals.markers(person, since_ns).await? {
        let moved = ServerEvent::Read(marker);
        socket.emit(moved.name(), &moved);
    }
    Ok(())
}

/// When a client that comes back was here for certain, in nanoseconds: the newest commit time that it has seen, less a
/// margin for what was on its way.
fn last_here_ns(claims: &Claims) -> Option<i64> {
    let newest_ms = claims.values().filter_map(|claim| claim.at_ms).max()?;
    Some(
        newest_ms
            .saturating_sub(ON_ITS_WAY_MS)
            .saturating_mul(1_000_000),
    )
}

/// Puts the socket into the rooms that are its person's now.
///
/// # Errors
/// When the database does not answer; the rooms are as they were.
pub async fn renew_rooms(app: &App, socket: &Socket, actor: &Actor) -> Result<(), Error> {
    match app.arrivals.look_up(&actor.session_id).await? {
        Some(now) => enter_rooms(app, socket, now.theirs, Coming::Again)
            .await
            .map(drop),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::tests;
    use serde_json::json;
    use wire::events::{ChannelEvent, ChannelPush};

    #[test]
    fn positions_are_read_with_and_without_their_time() {
        let read =
            claims(&json!({"channel:a": [41, 7], "channel:b": 3, "user:c": "x", "user:d": []}));
        let expected = Claims::from([
            (
                "channel:a".to_owned(),
                Claim {
                    seq: 41,
                    at_ms: Some(7),
                },
            ),
            (
                "channel:b".to_owned(),
                Claim {
                    seq: 3,
                    at_ms: None,
                },
            ),
        ]);
        assert_eq!(read, expected);
    }

    #[tokio::test]
    async fn who_was_told_to_begin_anew_gets_nothing_again() {
        let folder = tempfile::tempdir().unwrap();
        let (app, listening, token) = tests::started(folder.path()).await;
        let from = app.hub.cursor();
        let mut web = tests::connect(&listening, &token, &json!({})).await;
        tests::next(&mut web, "resumed").await.unwrap();
        let created = app.store.write(|tx| {
            let data = ChannelEvent::Created;
            let created = ServerEvent::Channel(ChannelPush::Created { data });
            tx.emit(Room::Everyone, created);
            Ok::<_, Error>(())
        });
        created.await.unwrap();
        tests::next(&mut web, "events:channel").await.unwrap();

        // As when a right changed after the word, and its rooms are entered once more.
        let socket = app.io.sockets().pop().unwrap();
        let person = authenticate(&app, &token).await.unwrap().unwrap();
        let entered = enter_rooms(&app, &socket, person.theirs, Coming::Back(from)).await;
        assert!(entered.unwrap());
        socket.disconnect(true);
        assert_eq!(tests::next(&mut web, "events:channel").await, None);
        listening.stop().await;
    }
}
