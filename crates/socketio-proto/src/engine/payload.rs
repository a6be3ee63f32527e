//! The body of one polling request: packets joined by the record separator, bytes as `b` and base64.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{Packet, PacketError};

/// Stands between two packets of a payload.
pub const SEPARATOR: char = '\u{1e}';

/// Reads the packets of a payload one by one; stops at the first that is none.
pub fn decode_payload(body: &str) -> impl Iterator<Item = Result<Packet<'_>, PacketError>> {
    body.split(SEPARATOR)
        .map(|part| match part.strip_prefix('b') {
            Some(encoded) => STANDARD
                .decode(encoded)
                .map(|bytes| Packet::Binary(bytes.into()))
                .map_err(|_| PacketError::Base64),
            None => Packet::decode(part),
        })
}

/// Appends a packet that is text already.
pub fn push_text(payload: &mut String, packet: &str) {
    separate(payload);
    payload.push_str(packet);
}

/// Appends bytes.
pub fn push_binary(payload: &mut String, bytes: &[u8]) {
    separate(payload);
    base64_into(bytes, payload);
}

pub(super) fn base64_into(bytes: &[u8], out: &mut String) {
    out.push('b');
    STANDARD.encode_string(bytes, out);
}

fn separate(payload: &mut String) {
    if !payload.is_empty() {
        payload.push(SEPARATOR);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_and_splits() {
        let mut body = String::new();
        push_text(&mut body, "4hello");
        push_binary(&mut body, &[1, 2, 3, 4]);
        assert_eq!(body, "4hello\u{1e}bAQIDBA==");
        let packets: Vec<_> = decode_payload(&body).collect();
        assert_eq!(
            packets,
            [
                Ok(Packet::Message("hello".into())),
                Ok(Packet::Binary([1, 2, 3, 4].as_slice().into()))
            ]
        );
        assert_eq!(decode_payload("b!").next(), Some(Err(PacketError::Base64)));
        assert_eq!(decode_payload("").next(), Some(Err(PacketError::Empty)));
    }
}
