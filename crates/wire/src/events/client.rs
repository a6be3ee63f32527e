//! What a client may send: names and payloads of the contract, section 2, parsed once at the edge.

use crate::ChannelId;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// An event a client sent.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientEvent {
    /// `user-join`: authenticates the socket again and joins its rooms. Acked with `{id, name}`.
    UserJoin(Token),
    /// `join-channels`: joins the rooms of the person's channels again.
    JoinChannels(Token),
    /// `heartbeat`: the person is active.
    Heartbeat,
    /// `usage`: a model is in use by this socket.
    Usage(Usage),
    /// `events:channel`: typing, or the read marker.
    Channel(ChannelCommand),
    /// `resume {room: position}`: asks again for what was missed in rooms the socket is in. Acked like `resumed`, when it
    /// has been sent; `{}` is acked at once: so a client asks whether its connection is alive.
    Resume(serde_json::Map<String, serde_json::Value>),
}

/// `{auth: {token}}`; absent parts are an absent token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Token(pub Option<String>);

/// `{model}`; other keys are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Usage {
    /// Which model.
    pub model: String,
}

/// `{channel_id, message_id?, data: {type, data?}}`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ChannelCommand {
    /// Where.
    pub channel_id: ChannelId,
    /// The root of the thread, if in one.
    #[serde(default)]
    pub message_id: Option<String>,
    /// `{type: "typing" | "last_read_at", data?}`.
    pub data: serde_json::Map<String, serde_json::Value>,
}

impl ChannelCommand {
    /// `data.type`, empty if it is no text.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.data
            .get("type")
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default()
    }
}

/// Why an event was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecodeError {
    /// No event of this name is served.
    UnknownEvent,
    /// The argument has the wrong shape; says which is wanted.
    WrongArgument(String),
}

impl ClientEvent {
    /// Every name a client may send.
    pub const NAMES: &'static [&'static str] = &[
        "user-join",
        "join-channels",
        "heartbeat",
        "usage",
        "events:channel",
        "resume",
    ];

    /// Parses an event from its name and its arguments, a JSON array without the name.
    ///
    /// # Errors
    /// [`DecodeError`] says what was wrong; nothing was done.
    pub fn decode(name: &str, args: &[&RawValue]) -> Result<ClientEvent, DecodeError> {
        match name {
            "user-join" => Ok(ClientEvent::UserJoin(token(args)?)),
            "join-channels" => Ok(ClientEvent::JoinChannels(token(args)?)),
            "heartbeat" => Ok(ClientEvent::Heartbeat),
            "usage" => Ok(ClientEvent::Usage(first(args, "{model: string}")?)),
            "events:channel" => Ok(ClientEvent::Channel(first(
                args,
                "{channel_id: string, message_id?: string, data: {type: string}}",
            )?)),
            "resume" => Ok(ClientEvent::Resume(first(args, "{room: [seq, at]}")?)),
            _ => Err(DecodeError::UnknownEvent),
        }
    }
}

fn first<T: DeserializeOwned>(args: &[&RawValue], wanted: &str) -> Result<T, DecodeError> {
    let wrong = || DecodeError::WrongArgument(format!("one argument is needed: {wanted}"));
    serde_json::from_str(args.first().ok_or_else(wrong)?.get()).map_err(|_| wrong())
}

/// The contract answers whatever could hold a token, and a bad token, alike with an empty ack: objects, lists, texts.
fn token(args: &[&RawValue]) -> Result<Token, DecodeError> {
    const WANTED: &str = "{auth: {token: string}}";
    let given: serde_json::Value = first(args, WANTED)?;
    if !(given.is_object() || given.is_array() || given.is_string()) {
        return Err(DecodeError::WrongArgument(format!(
            "one argument is needed: {WANTED}"
        )));
    }
    let token = given
        .get("auth")
        .and_then(|auth| auth.get("token"))
        .and_then(|token| token.as_str());
    Ok(Token(token.map(str::to_owned)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(name: &str, args: &str) -> Result<ClientEvent, DecodeError> {
        let args: Vec<&RawValue> = serde_json::from_str(args).unwrap();
        ClientEvent::decode(name, &args)
    }

    #[test]
    fn each_event_is_read_or_says_what_it_needs() {
        let token = |t: &str| Token(Some(t.to_owned()));
        assert_eq!(
            decode("user-join", r#"[{"auth":{"token":"t"}}]"#),
            Ok(ClientEvent::UserJoin(token("t")))
        );
        assert_eq!(
            decode("user-join", "[{}]"),
            Ok(ClientEvent::UserJoin(Token(None)))
        );
        for holds_none in [r#"["str"]"#, "[[1,2]]"] {
            assert_eq!(
                decode("user-join", holds_none),
                Ok(ClientEvent::UserJoin(Token(None)))
            );
        }
        assert!(matches!(
            decode("user-join", "[42]"),
            Err(DecodeError::WrongArgument(_))
        ));
        assert!(matches!(
            decode("user-join", "[]"),
            Err(DecodeError::WrongArgument(_))
        ));
        assert_eq!(decode("heartbeat", "[]"), Ok(ClientEvent::Heartbeat));
        assert!(matches!(
            decode("usage", "[null]"),
            Err(DecodeError::WrongArgument(_))
        ));
        assert!(matches!(
            decode("events:channel", "[{}]"),
            Err(DecodeError::WrongArgument(_))
        ));
        assert_eq!(
            decode("unknown-event", "[{}]"),
            Err(DecodeError::UnknownEvent)
        );
    }

    #[test]
    fn a_channel_command_keeps_what_the_client_added() {
        let sent = r#"[{"channel_id":"c","data":{"type":"typing","data":{"typing":true,"x":1}}}]"#;
        let Ok(ClientEvent::Channel(command)) = decode("events:channel", sent) else {
            panic!("not read")
        };
        assert_eq!((command.kind(), &command.message_id), ("typing", &None));
        assert_eq!(command.data["data"]["x"], 1);
    }
}
