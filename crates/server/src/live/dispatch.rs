//! What a client may send, in one match. Every event is checked anew: who is it, may they.
//!
//! Acks are the contract's: `[]` where it answers nothing, also for what one may not do; where its handler broke, the
//! ack is `{"error": {"code", "message"}}`.

use super::connect::Coming;
use super::session::Session;
use super::{connect, heartbeat};
use crate::access;
use crate::app::App;
use crate::auth::Actor;
use crate::channels;
use crate::error::Error;
use crate::hub::Claims;
use serde_json::{Value, json};
use socketio::{Ack, Event, Socket};
use std::sync::Arc;
use wire::events::{
    ChannelCommand, ChannelPush, ClientEvent, DecodeError, Resumed, ServerEvent, Token,
};
use wire::{MessageId, Room};

/// Largest `data` and `message_id` of a typing signal together, in bytes: they are relayed as they came.
const MAX_TYPING_BYTES: usize = 1_024;

/// How many `resume` of a socket may wait until it is live.
const MOST_ASKERS: usize = 16;

/// What an ack says.
enum Answer {
    /// `[]`.
    Nothing,
    /// `[value]`.
    Value(Value),
    /// It is given later.
    Later,
}

/// The acknowledgement of a `resume`, which may come long after its handler has ended. Says so if it never comes.
struct Later(Option<Ack>);

impl Later {
    fn answer(mut self, resumed: &Resumed) {
        if let Some(ack) = self.0.take() {
            ack.send(resumed);
        }
    }
}

impl Drop for Later {
    fn drop(&mut self) {
        if let Some(ack) = self.0.take() {
            ack.send(&Error::Store(store::Error::Closed).ack());
        }
    }
}

/// Handles one event and acknowledges it, if its sender wants that.
pub async fn dispatch(app: &App, socket: &Socket, mut event: Event) {
    let Some(session) = socket.data::<Session>() else {
        return;
    };
    let outcome = if session.may_send(app.clock.now_ms()) {
        handle(app, socket, &session, &mut event).await
    } else {
        Err(Error::TooMany { retry_after_s: 1 })
    };
    if let Err(error) = &outcome {
        tracing::debug!(sid = %socket.id(), event = %event.name, code = error.code(), %error, "an event was refused");
    }
    let Some(ack) = event.ack else { return };
    match outcome {
        Ok(Answer::Nothing) => ack.send_empty(),
        Ok(Answer::Value(value)) => ack.send(&value),
        Ok(Answer::Later) => false,
        Err(error) => ack.send(&error.ack()),
    };
}

async fn handle(
    app: &App,
    socket: &Socket,
    session: &Session,
    event: &mut Event,
) -> Result<Answer, Error> {
    let decoded =
        ClientEvent::decode(&event.name, &event.args.raw()).map_err(|fault| match fault {
            DecodeError::UnknownEvent => {
                Error::refused("unknown_event", "no event of this name is served")
            }
            DecodeError::WrongArgument(wanted) => Error::refused("wrong_argument", wanted),
        })?;
    if let ClientEvent::UserJoin(token) = decoded {
        return user_join(app, socket, session, token).await;
    }
    let Some(actor) = session.actor() else {
        return Ok(Answer::Nothing);
    };
    match decoded {
        ClientEvent::UserJoin(_) => Ok(Answer::Nothing),
        ClientEvent::JoinChannels(_) => connect::renew_rooms(app, socket, &actor)
            .await
            .map(|()| Answer::Nothing),
        ClientEvent::Heartbeat => heartbeat::heartbeat(app, session, &actor)
            .await
            .map(|()| Answer::Nothing),
        ClientEvent::Usage(usage) => {
            heartbeat::usage(app, socket, usage.model).map(|()| Answer::Nothing)
        }
        ClientEvent::Channel(command) => in_channel(app, actor, command).await,
        ClientEvent::Resume(positions) => {
            if app.hub.askers(socket) >= MOST_ASKERS {
                return Err(Error::TooMany { retry_after_s: 1 });
            }
            let claims = connect::claims(&Value::Object(positions));
            let later = Later(event.ack.take());
            let answer = |resumed: Resumed| later.answer(&resumed);
            app.hub.resume(socket, &claims, answer).await?;
            Ok(Answer::Later)
        }
    }
}

/// Gives the socket to the token's person. A token that is not valid changes nothing.
async fn user_join(
    app: &App,
    socket: &Socket,
    session: &Session,
    token: Token,
) -> Result<Answer, Error> {
    let Some(token) = token.0 else {
        return Ok(Answer::Nothing);
    };
    let Some(person) = connect::authenticate(app, &token).await? else {
        return Ok(Answer::Nothing);
    };
    let user = &person.actor.user;
    if !socket.set_identity(&user.id.to_string()) {
        return Err(Error::refused("too_many_sockets", connect::TOO_MANY));
    }
    let answer = json!({"id": user.id, "name": user.name});
    let none = Claims::new();
    connect::hand_over(app, socket, session, person, Coming::New(&none)).await?;
    Ok(Answer::Value(answer))
}

/// `events:channel`. What one may not do in a channel is answered like what one may: with nothing.
async fn in_channel(
    app: &App,
    actor: Arc<Actor>,
    command: ChannelCommand,
) -> Result<Answer, Error> {
    if !app.config.features.channels {
        return Ok(Answer::Nothing);
    }
    let outcome = match command.kind() {
        "typing" => typing(app, actor, command).await,
        "last_read_at" => {
            let read_no = command
                .data
                .get("data")
                .and_then(|data| data.get("read_no"))
                .and_then(Value::as_i64);
            channels::mark_read(app, &actor, &command.channel_id, read_no).await
        }
        _ => Ok(()),
    };
    match outcome {
        Ok(()) | Err(Error::NotFound(_) | Error::Forbidden(_) | Error::RoleForbids(_)) => {
            Ok(Answer::Nothing)
        }
        Err(error) => Err(error),
    }
}

async fn typing(app: &App, actor: Arc<Actor>, command: ChannelCommand) -> Result<(), Error> {
    let data = Value::Object(command.data);
    let len = data.to_string().len() + command.message_id.as_ref().map_or(0, String::len);
    if len > MAX_TYPING_BYTES {
        return Err(Error::TooLarge {
            what: "data and message_id, in bytes",
            len,
            max: MAX_TYPING_BYTES,
        });
    }
    let (channel_id, typist) = (command.channel_id.clone(), actor.clone());
    let user = app
        .store
        .read(move |conn| {
            access::may_post(conn, &typist, &channel_id)?;
            // The name of now, not of when the socket came.
            let now = store::users::by_id(conn, &typist.user.id)?;
            Ok::<_, Error>(now.as_ref().unwrap_or(&typist.user).as_author())
        })
        .await?;
    let signal = ChannelPush::Typing {
        channel_id: command.channel_id.clone(),
        message_id: command.message_id.map(MessageId),
        data,
        user,
    };
    app.publish.signal(
        &Room::Channel(command.channel_id),
        &ServerEvent::Channel(signal),
    );
    Ok(())
}
