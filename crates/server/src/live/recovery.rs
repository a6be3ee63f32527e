//! Stock Socket.IO recovery, for clients that ask with `?recovery=1`: it adds an argument to every numbered event.
//!
//! The offset is the event's place in the log with its time, so that a restored database is noticed; the `pid` is signed
//! and says whose socket it was. Neither gives a right: the token in CONNECT's auth is asked for as always, and what was
//! missed is that of the rooms which are the person's now. A restart of the server changes nothing.

use super::connect;
use crate::app::App;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use socketio::{Handshake, RecoveryRequest, Sid, Socket};
use store::log::Head;
use wire::UserId;

/// What a `pid` says.
#[derive(Clone, Serialize, Deserialize)]
struct Pid {
    /// The person.
    person: UserId,
    /// The socket's id.
    socket: String,
    /// Where the log was when it was given: where a client stands that got no event.
    start: (i64, i64),
}

/// An event's offset, as it stands on the wire: `<pos>-<time>`.
pub(crate) fn offset(place: Head) -> String {
    format!("{}-{}", place.number, place.at_ms)
}

fn place(offset: &str) -> Option<Head> {
    let (number, at_ms) = offset.split_once('-')?;
    Some(Head {
        number: number.parse().ok()?,
        at_ms: at_ms.parse().ok()?,
    })
}

/// The id that a client had, if it may go on: its `pid` is ours, its token that of the same person, the log reaches back
/// to its offset, and the person has lost no room since. Whatever is in doubt is a new session.
pub(super) async fn id_of(app: &App, request: &RecoveryRequest) -> Option<Sid> {
    let (auth, pid) = (request.auth(), request.pid());
    // Channels that are switched off are lost to everybody, and no effect says so.
    if asks(auth) || !is_wanted(request.handshake()) || !app.config.features.channels {
        return None;
    }
    let said: Pid = app.auth.unseal(pid)?;
    let from = from(&said, request.offset())?;
    let token = connect::token_of(auth)?;
    let answers = async {
        let Some(person) = connect::authenticate(app, token).await? else {
            return Ok(false);
        };
        if person.theirs.user_id != said.person {
            return Ok(false);
        }
        let reaches_back = app.hub.reaches_back(&person.theirs, from);
        reaches_back.await.map_err(Into::into)
    };
    match answers.await {
        Ok(true) => Sid::parse(&said.socket),
        Ok(false) => None,
        Err(error) => {
            let error: crate::error::Error = error;
            tracing::debug!(%error, "a client that came back begins anew");
            None
        }
    }
}

/// Whether the client takes part in our own way of coming back, which needs no `pid`.
fn asks(auth: &Value) -> bool {
    auth.get("resume").is_some_and(Value::is_object)
}

/// Whether the client asked for recovery.
fn is_wanted(handshake: &Handshake) -> bool {
    handshake.query("recovery") == Some("1")
}

fn from(said: &Pid, offset: Option<&str>) -> Option<Head> {
    match offset {
        Some(offset) => place(offset),
        None => Some(Head {
            number: said.start.0,
            at_ms: said.start.1,
        }),
    }
}

/// Where in the log a socket goes on that was given back its id.
pub(super) fn place_of(app: &App, socket: &Socket, auth: &Value) -> Option<Head> {
    if !socket.is_recovered() {
        return None;
    }
    let said: Pid = app.auth.unseal(auth.get("pid")?.as_str()?)?;
    from(&said, auth.get("offset").and_then(Value::as_str))
}

/// Offers recovery to a socket that asked for it, before it enters its rooms. For one that was to go on, it takes that
/// back: its client begins anew.
pub(super) fn offer(app: &App, socket: &Socket, person: &UserId) {
    if !is_wanted(socket.handshake()) || socket.is_connected() {
        return;
    }
    let start = app.hub.cursor();
    let pid = app.auth.seal(&Pid {
        person: person.clone(),
        socket: socket.id().to_string(),
        start: (start.number, start.at_ms),
    });
    if let Some(pid) = pid {
        socket.offer_recovery(&pid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_read_as_it_was_written() {
        let here = Head {
            number: 41,
            at_ms: 1_763_900_000_000,
        };
        assert_eq!(place(&offset(here)), Some(here));
        for wrong in ["", "41", "x-1", "1-", "1-2-3"] {
            assert_eq!(place(wrong), None, "{wrong}");
        }
    }
}
