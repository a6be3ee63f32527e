//! The seven packets of Socket.IO 5 as text: `<type>[<attachments>-][<namespace>,][<ack id>][<JSON>]`.

use super::json;

/// The packet's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `0`: the client asks for a namespace, the server grants it.
    Connect,
    /// `1`: either side leaves a namespace.
    Disconnect,
    /// `2`: an event, either way.
    Event,
    /// `3`: the answer to an event with an id, either way.
    Ack,
    /// `4`, from the server: the namespace is refused.
    ConnectError,
    /// `5`: an event whose attachments follow.
    BinaryEvent,
    /// `6`: an answer whose attachments follow.
    BinaryAck,
}

/// What a packet may cost.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Attachments of one packet.
    pub attachments: usize,
    /// Bytes of all attachments of one packet together.
    pub attachment_bytes: usize,
    /// Nesting of arrays and objects.
    pub json_depth: usize,
    /// Length of an event's name in bytes.
    pub event_name_bytes: usize,
    /// Length of a namespace's name in bytes.
    pub namespace_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            attachments: 16,
            attachment_bytes: 1_000_000,
            json_depth: 64,
            event_name_bytes: 256,
            namespace_bytes: 256,
        }
    }
}

/// Text that is not a packet, or one over its limits. The connection must be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The first character is none of `0` to `6`.
    #[error("the packet has no known type")]
    Kind,
    /// A binary packet does not say how many attachments it has.
    #[error("the number of attachments is missing or malformed")]
    Attachments,
    /// It says more than may be.
    #[error("the packet has too many attachments")]
    TooManyAttachments,
    /// The namespace's name is too long.
    #[error("the namespace is too long")]
    Namespace,
    /// The ack id is missing where it must be, too large, or where it must not be.
    #[error("the ack id is missing or malformed")]
    Id,
    /// The JSON is malformed or not of the form this type of packet has.
    #[error("the payload is malformed")]
    Payload,
    /// The JSON nests too deeply.
    #[error("the payload is nested too deeply")]
    Depth,
    /// The event's name is too long, or reserved for the two libraries' own events.
    #[error("the event's name is too long or reserved")]
    Name,
}

/// Names that both libraries emit locally; no peer may send them.
const RESERVED: [&str; 6] = [
    "connect",
    "connect_error",
    "disconnect",
    "disconnecting",
    "newListener",
    "removeListener",
];

/// One packet, borrowed from its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet<'a> {
    /// What it is.
    pub kind: Kind,
    /// The namespace, `/` if none is named. A query after `?` is cut off.
    pub namespace: &'a str,
    /// The id that joins an event and its ack.
    pub id: Option<u64>,
    /// How many binary frames follow.
    pub attachments: usize,
    /// The JSON, empty if there is none. For events and acks it is a valid array.
    pub data: &'a str,
}

impl<'a> Packet<'a> {
    /// Reads a packet that a client sent.
    pub fn decode(text: &'a str, limits: &Limits) -> Result<Packet<'a>, DecodeError> {
        let kind = match text.bytes().next() {
            Some(b'0') => Kind::Connect,
            Some(b'1') => Kind::Disconnect,
            Some(b'2') => Kind::Event,
            Some(b'3') => Kind::Ack,
            Some(b'4') => Kind::ConnectError,
            Some(b'5') => Kind::BinaryEvent,
            Some(b'6') => Kind::BinaryAck,
            _ => return Err(DecodeError::Kind),
        };
        let mut rest = &text[1..];
        let mut attachments = 0;
        if matches!(kind, Kind::BinaryEvent | Kind::BinaryAck) {
            let (count, after) = rest.split_once('-').ok_or(DecodeError::Attachments)?;
            attachments = number(count).ok_or(DecodeError::Attachments)?;
            rest = after;
        }
        if attachments > limits.attachments as u64 {
            return Err(DecodeError::TooManyAttachments);
        }
        let namespace;
        (namespace, rest) = split_namespace(rest, limits)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (id, data) = rest.split_at(digits);
        let id = if id.is_empty() {
            None
        } else {
            Some(number(id).ok_or(DecodeError::Id)?)
        };
        let packet = Packet {
            kind,
            namespace,
            id,
            attachments: attachments as usize,
            data,
        };
        packet.check(limits)?;
        Ok(packet)
    }

    fn check(&self, limits: &Limits) -> Result<(), DecodeError> {
        if json::is_deeper_than(self.data, limits.json_depth) {
            return Err(DecodeError::Depth);
        }
        match self.kind {
            Kind::Connect if self.id.is_some() => Err(DecodeError::Id),
            Kind::Connect if self.data.is_empty() || json::is_object(self.data) => Ok(()),
            Kind::Disconnect if self.id.is_none() && self.data.is_empty() => Ok(()),
            Kind::Event | Kind::BinaryEvent => {
                let name = json::event_name(self.data).ok_or(DecodeError::Payload)?;
                if name.len() > limits.event_name_bytes || RESERVED.contains(&name.as_ref()) {
                    return Err(DecodeError::Name);
                }
                Ok(())
            }
            Kind::Ack | Kind::BinaryAck if self.id.is_none() => Err(DecodeError::Id),
            Kind::Ack | Kind::BinaryAck if json::is_array(self.data) => Ok(()),
            _ => Err(DecodeError::Payload),
        }
    }
}

fn split_namespace<'a>(rest: &'a str, limits: &Limits) -> Result<(&'a str, &'a str), DecodeError> {
    if !rest.starts_with('/') {
        return Ok(("/", rest));
    }
    // A name without a comma is the whole rest: `0/admin`.
    let (full, rest) = rest.split_once(',').unwrap_or((rest, ""));
    let name = full.split_once('?').map_or(full, |(name, _query)| name);
    if name.len() > limits.namespace_bytes {
        return Err(DecodeError::Namespace);
    }
    Ok((name, rest))
}

/// A decimal number without sign, that fits.
fn number(digits: &str) -> Option<u64> {
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// Appends all of a packet but its JSON.
pub fn encode_header(
    kind: Kind,
    attachments: usize,
    namespace: &str,
    id: Option<u64>,
    out: &mut String,
) {
    out.push(match kind {
        Kind::Connect => '0',
        Kind::Disconnect => '1',
        Kind::Event => '2',
        Kind::Ack => '3',
        Kind::ConnectError => '4',
        Kind::BinaryEvent => '5',
        Kind::BinaryAck => '6',
    });
    if matches!(kind, Kind::BinaryEvent | Kind::BinaryAck) {
        out.push_str(&attachments.to_string());
        out.push('-');
    }
    if namespace != "/" {
        out.push_str(namespace);
        out.push(',');
    }
    if let Some(id) = id {
        out.push_str(&id.to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> Result<Packet<'_>, DecodeError> {
        Packet::decode(
            text,
            &Limits {
                attachments: 2,
                json_depth: 3,
                event_name_bytes: 5,
                ..Limits::default()
            },
        )
    }

    #[test]
    fn reads_the_examples_of_the_specification() {
        let check = |text: &str, kind, namespace: &str, id, attachments, data: &str| {
            assert_eq!(
                decode(text),
                Ok(Packet {
                    kind,
                    namespace,
                    id,
                    attachments,
                    data
                }),
                "{text}"
            );
        };
        check("0", Kind::Connect, "/", None, 0, "");
        check(
            r#"0{"token":"1"}"#,
            Kind::Connect,
            "/",
            None,
            0,
            r#"{"token":"1"}"#,
        );
        check("0/admin,", Kind::Connect, "/admin", None, 0, "");
        check("0/admin", Kind::Connect, "/admin", None, 0, "");
        check(
            r#"0/admin?a=1,{"b":2}"#,
            Kind::Connect,
            "/admin",
            None,
            0,
            r#"{"b":2}"#,
        );
        check("1/admin,", Kind::Disconnect, "/admin", None, 0, "");
        check(r#"2["foo"]"#, Kind::Event, "/", None, 0, r#"["foo"]"#);
        check(
            r#"2/admin,12["foo"]"#,
            Kind::Event,
            "/admin",
            Some(12),
            0,
            r#"["foo"]"#,
        );
        check("3/admin,13[]", Kind::Ack, "/admin", Some(13), 0, "[]");
        check(
            r#"51-["baz",{}]"#,
            Kind::BinaryEvent,
            "/",
            None,
            1,
            r#"["baz",{}]"#,
        );
        check(
            "61-/admin,15[{}]",
            Kind::BinaryAck,
            "/admin",
            Some(15),
            1,
            "[{}]",
        );
    }

    #[test]
    fn refuses_what_is_over_a_limit_or_malformed() {
        for (text, error) in [
            ("", DecodeError::Kind),
            ("abc", DecodeError::Kind),
            ("é", DecodeError::Kind),
            ("2", DecodeError::Payload),
            ("2{}", DecodeError::Payload),
            ("2[]", DecodeError::Payload),
            ("2[{}]", DecodeError::Payload),
            (r#"2["a""#, DecodeError::Payload),
            (r#"2["toolong"]"#, DecodeError::Name),
            (r#"2["a",[[[1]]]]"#, DecodeError::Depth),
            ("3[]", DecodeError::Id),
            ("399999999999999999999999[]", DecodeError::Id),
            ("31{}", DecodeError::Payload),
            (r#"5["a"]"#, DecodeError::Attachments),
            (r#"5-["a"]"#, DecodeError::Attachments),
            (r#"5x-["a"]"#, DecodeError::Attachments),
            (r#"53-["a"]"#, DecodeError::TooManyAttachments),
            (r#"599999999999-["a"]"#, DecodeError::TooManyAttachments),
            ("0[]", DecodeError::Payload),
            ("0/admin,\"x\"", DecodeError::Payload),
            ("4{}", DecodeError::Payload),
        ] {
            assert_eq!(decode(text), Err(error), "{text}");
        }
        assert_eq!(
            Packet::decode(r#"2["disconnect"]"#, &Limits::default()),
            Err(DecodeError::Name)
        );
    }
}
