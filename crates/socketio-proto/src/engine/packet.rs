//! The seven packets of Engine.IO 4. On a WebSocket one text frame is one packet and a binary frame is a bare message;
//! on polling they are joined to a payload.

use std::borrow::Cow;

/// One packet. Text is borrowed from where it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet<'a> {
    /// `0`, from the server: the session's id and times, as JSON.
    Open(Cow<'a, str>),
    /// `1`, from either side: the session ends.
    Close,
    /// `2`: the server asks for a sign of life; from a client only as the probe of an upgrade.
    Ping(Cow<'a, str>),
    /// `3`: the answer to a ping, with the same text.
    Pong(Cow<'a, str>),
    /// `4`, from either side: text for the layer above.
    Message(Cow<'a, str>),
    /// From either side: bytes for the layer above.
    Binary(Cow<'a, [u8]>),
    /// `5`, from the client: the WebSocket takes over now.
    Upgrade,
    /// `6`, from the server: ends a waiting poll without saying anything.
    Noop,
}

/// Text that is not a packet. The session must be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// There is no type digit.
    #[error("the packet is empty")]
    Empty,
    /// The first character is none of `0` to `6`.
    #[error("the packet has no known type")]
    UnknownType,
    /// A packet that never carries text has some.
    #[error("the packet must not carry text")]
    Trailing,
    /// A binary packet on polling is not base64.
    #[error("the binary packet is not base64")]
    Base64,
}

impl<'a> Packet<'a> {
    /// Reads a packet from one text frame, or from its part of a payload (where `b` is bytes in base64).
    pub fn decode(text: &'a str) -> Result<Packet<'a>, PacketError> {
        let kind = text.bytes().next().ok_or(PacketError::Empty)?;
        let rest = text.get(1..).ok_or(PacketError::UnknownType)?;
        let bare = |packet| {
            if rest.is_empty() {
                Ok(packet)
            } else {
                Err(PacketError::Trailing)
            }
        };
        match kind {
            b'0' => Ok(Packet::Open(rest.into())),
            b'1' => bare(Packet::Close),
            b'2' => Ok(Packet::Ping(rest.into())),
            b'3' => Ok(Packet::Pong(rest.into())),
            b'4' => Ok(Packet::Message(rest.into())),
            b'5' => bare(Packet::Upgrade),
            b'6' => bare(Packet::Noop),
            _ => Err(PacketError::UnknownType),
        }
    }

    /// Appends the packet as text; bytes become `b` and base64, as on polling.
    pub fn encode_into(&self, out: &mut String) {
        let (kind, text) = match self {
            Packet::Open(text) => ('0', text.as_ref()),
            Packet::Close => ('1', ""),
            Packet::Ping(text) => ('2', text.as_ref()),
            Packet::Pong(text) => ('3', text.as_ref()),
            Packet::Message(text) => ('4', text.as_ref()),
            Packet::Binary(bytes) => return super::payload::base64_into(bytes, out),
            Packet::Upgrade => ('5', ""),
            Packet::Noop => ('6', ""),
        };
        out.push(kind);
        out.push_str(text);
    }

    /// The packet as text; see [`Packet::encode_into`].
    pub fn encode(&self) -> String {
        let mut out = String::new();
        self.encode_into(&mut out);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_type_and_refuses_others() {
        assert_eq!(
            Packet::decode("4héllo"),
            Ok(Packet::Message("héllo".into()))
        );
        assert_eq!(Packet::decode("4"), Ok(Packet::Message("".into())));
        assert_eq!(Packet::decode("2probe"), Ok(Packet::Ping("probe".into())));
        assert_eq!(Packet::decode("5"), Ok(Packet::Upgrade));
        assert_eq!(Packet::decode("5x"), Err(PacketError::Trailing));
        assert_eq!(Packet::decode(""), Err(PacketError::Empty));
        for bad in ["abc", "7", "é", "b", "\u{1e}", " 4"] {
            assert_eq!(
                Packet::decode(bad),
                Err(PacketError::UnknownType),
                "{bad:?}"
            );
        }
    }
}
