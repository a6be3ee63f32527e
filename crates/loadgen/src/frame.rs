//! WebSocket frames (RFC 6455, section 5) as a measuring client needs them: cut without copying, sent unmasked in effect.

use anyhow::{Result, bail};

/// A whole frame from the server.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// 1 text, 2 binary, 8 close, 9 ping, 10 pong.
    pub opcode: u8,
    /// Whether the payload is compressed (RFC 7692).
    pub is_deflated: bool,
    /// Its payload; servers do not mask.
    pub payload: &'a [u8],
}

/// The first frame in `bytes` and how many bytes it took, or `None` while it is incomplete.
///
/// # Errors
/// If the frame is masked or a fragment; neither server under test sends such frames.
pub fn first(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>> {
    let &[start, length, ..] = bytes else {
        return Ok(None);
    };
    if length & 0x80 != 0 || start & 0x80 == 0 {
        bail!("the server sent a masked frame or a fragment");
    }
    let (header, length) = match length {
        126 => match bytes.get(2..4) {
            Some(&[a, b]) => (4, usize::from(u16::from_be_bytes([a, b]))),
            _ => return Ok(None),
        },
        127 => match bytes
            .get(2..10)
            .and_then(|eight| <[u8; 8]>::try_from(eight).ok())
        {
            Some(eight) => (10, usize::try_from(u64::from_be_bytes(eight))?),
            None => return Ok(None),
        },
        short => (2, usize::from(short)),
    };
    let Some(payload) = bytes.get(header..header + length) else {
        return Ok(None);
    };
    Ok(Some((
        Frame {
            opcode: start & 0x0f,
            is_deflated: start & 0x40 != 0,
            payload,
        },
        header + length,
    )))
}

/// A text frame as a client must send it: masked, with the key 0, which leaves the payload as it is.
#[must_use]
pub fn text(payload: &str) -> Vec<u8> {
    let length = payload.len();
    let mut frame = vec![0x81];
    if let Ok(short @ 0..126) = u8::try_from(length) {
        frame.push(0x80 | short);
    } else if let Ok(medium) = u16::try_from(length) {
        frame.push(0x80 | 126);
        frame.extend(medium.to_be_bytes());
    } else {
        frame.push(0x80 | 127);
        frame.extend((length as u64).to_be_bytes());
    }
    frame.extend([0; 4]);
    frame.extend(payload.as_bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::{Frame, first, text};

    #[test]
    fn frames_are_cut_at_every_length_of_their_header() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let mut bytes = vec![0x81];
            match length {
                0..126 => bytes.push(length as u8),
                126..65_536 => bytes.extend([126, (length >> 8) as u8, length as u8]),
                _ => bytes.extend([127, 0, 0, 0, 0, 0, 1, 0, 0]),
            }
            bytes.extend(&payload);
            assert_eq!(first(&bytes[..bytes.len() - 1]).unwrap(), None);
            let whole = first(&bytes).unwrap().unwrap();
            assert_eq!(
                whole,
                (
                    Frame {
                        opcode: 1,
                        is_deflated: false,
                        payload: &payload
                    },
                    bytes.len()
                )
            );
        }
    }

    #[test]
    fn what_a_client_sends_is_masked_with_zero() {
        assert_eq!(text("3"), [0x81, 0x81, 0, 0, 0, 0, b'3']);
        assert_eq!(text(&"x".repeat(200))[..4], [0x81, 0xfe, 0, 200]);
        assert!(first(&text("3")).is_err());
    }
}
