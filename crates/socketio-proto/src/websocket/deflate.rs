//! Compressing and inflating whole messages. RFC 7692 section 7.2, without context takeover.
//!
//! A message depends on no other, so the state of the algorithm belongs to the thread, not to the connection: an idle
//! connection costs nothing more, and one compressed frame serves any number of clients.

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::{MAX_HEADER_BYTES, Opcode, encode_header, frame::RSV1};

thread_local! {
    static COMPRESS: RefCell<Compress> = RefCell::new(Compress::new(Compression::fast(), false));
    static INFLATE: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// What a sender leaves off each message (section 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// An empty last block. Nothing but a whole message reaches its end.
const LAST: [u8; 5] = [1, 0, 0, 0xff, 0xff];
/// Ends of a stream inside one message (section 7.2.3.4 allows them). Each costs as much as a message of its own, so
/// that more of them would make a few bytes expensive.
const MAX_STREAMS: u8 = 16;

/// Why a message cannot be inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InflateError {
    Corrupt,
    TooLarge,
}

/// A whole, unmasked, compressed message; `None` if its payload would not be shorter than it is.
pub fn encode_deflated(opcode: Opcode, payload: &[u8]) -> Option<Vec<u8>> {
    COMPRESS.with_borrow_mut(|compress| {
        compress.reset();
        let mut out = vec![0; MAX_HEADER_BYTES + payload.len() + TAIL.len()];
        let target = out.get_mut(MAX_HEADER_BYTES..)?;
        compress
            .compress(payload, target, FlushCompress::Sync)
            .ok()?;
        // The flush ends with the tail; where it did not fit, there was nothing to gain.
        let written = usize::try_from(compress.total_out()).ok()?;
        let is_whole = compress.total_in() == payload.len() as u64;
        let compressed = target.get(..written)?.strip_suffix(&TAIL)?;
        let len = Some(compressed.len()).filter(|len| is_whole && *len < payload.len())?;
        let mut header = Vec::with_capacity(MAX_HEADER_BYTES);
        encode_header(opcode, len, &mut header);
        *header.first_mut()? |= RSV1;
        let from = MAX_HEADER_BYTES - header.len();
        out.get_mut(from..MAX_HEADER_BYTES)?
            .copy_from_slice(&header);
        out.truncate(MAX_HEADER_BYTES + len);
        out.drain(..from);
        out.shrink_to_fit();
        Some(out)
    })
}

/// The message that was compressed, if it has at most `max` bytes. Takes no more memory than that, and time linear in
/// what it takes and gives.
pub(super) fn inflate(compressed: &[u8], max: usize) -> Result<Vec<u8>, InflateError> {
    INFLATE.with_borrow_mut(|inflate| {
        inflate.reset(false);
        let mut out = Vec::with_capacity(compressed.len().saturating_mul(4).min(max));
        let mut streams = 0;
        let mut inputs = [compressed, &TAIL, &LAST].into_iter();
        let mut input = inputs.next().unwrap_or_default();
        loop {
            if out.len() == out.capacity() {
                // One more than may be shows that there is more.
                let more = out
                    .capacity()
                    .max(64)
                    .min(max.saturating_add(1) - out.len());
                if more == 0 {
                    return Err(InflateError::TooLarge);
                }
                out.reserve_exact(more);
            }
            let (before_in, before_out) = (inflate.total_in(), out.len());
            let status = inflate
                .decompress_vec(input, &mut out, FlushDecompress::None)
                .map_err(|_| InflateError::Corrupt)?;
            if out.len() > max {
                return Err(InflateError::TooLarge);
            }
            let taken = usize::try_from(inflate.total_in() - before_in).unwrap_or(usize::MAX);
            input = input.get(taken..).unwrap_or_default();
            if status == Status::StreamEnd {
                // The last block of all, or the sender's own last block at the end of the message.
                let rest = inputs.as_slice();
                if input.is_empty() && matches!(rest, [] | [_, _]) {
                    return Ok(out);
                }
                streams += 1;
                if streams > MAX_STREAMS {
                    return Err(InflateError::Corrupt);
                }
                inflate.reset(false);
            } else if input.is_empty() && out.len() < out.capacity() {
                input = inputs.next().ok_or(InflateError::Corrupt)?;
            } else if taken == 0 && out.len() == before_out && out.len() < out.capacity() {
                return Err(InflateError::Corrupt);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The compressed payload of a short frame.
    fn deflated(payload: &[u8]) -> Vec<u8> {
        let frame = encode_deflated(Opcode::Text, payload).expect("shorter");
        assert_eq!(frame[0], 0xc1);
        let header = match frame[1] {
            126 => 4,
            127 => 10,
            _ => 2,
        };
        frame[header..].to_vec()
    }

    #[test]
    fn the_examples_of_the_rfc_are_read() {
        let hello = |compressed: &[u8]| {
            assert_eq!(inflate(compressed, 5).as_deref(), Ok(&b"Hello"[..]));
        };
        // Sections 7.2.3.1 (one block), 7.2.3.3 (stored), 7.2.3.4 (a last block), 7.2.3.5 (two blocks).
        hello(&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
        hello(&[
            0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00,
        ]);
        hello(&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00]);
        hello(&[
            0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00,
        ]);
        // As zlib ends a stream, without a block after it.
        hello(&[0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
        // Section 7.2.3.6: nothing.
        assert_eq!(inflate(&[0x00], 0), Ok(Vec::new()));
        assert_eq!(inflate(&[0x02, 0x00], 0), Ok(Vec::new()));
    }

    #[test]
    fn a_bomb_is_given_up_at_the_limit() {
        let bomb = deflated(&vec![b'x'; 10_000_000]);
        assert!(bomb.len() < 50_000);
        assert_eq!(inflate(&bomb, 1_000_000), Err(InflateError::TooLarge));
        assert_eq!(inflate(&bomb, 9_999_999), Err(InflateError::TooLarge));
        let whole = inflate(&bomb, 10_000_000).unwrap();
        assert_eq!(whole.len(), 10_000_000);
        assert!(whole.capacity() <= 10_000_001);
        assert_eq!(
            inflate(&deflated(b"aaaaaaaaaa"), 9),
            Err(InflateError::TooLarge)
        );
    }

    #[test]
    fn what_is_cut_or_damaged_is_an_error() {
        let text: String = (0..500).map(|n| format!("{n},")).collect();
        let whole = deflated(text.as_bytes());
        for len in 0..whole.len() {
            let cut = inflate(&whole[..len], 1_000_000);
            assert_ne!(cut.as_deref(), Ok(text.as_bytes()), "{len}");
        }
        assert_eq!(inflate(&[], 10), Err(InflateError::Corrupt));
        assert_eq!(inflate(&[0xff; 20], 10), Err(InflateError::Corrupt));
        // A stored block that promises more than comes.
        assert_eq!(
            inflate(&[0x00, 0x07, 0x00, 0xf8, 0xff, b'H'], 10),
            Err(InflateError::Corrupt)
        );
    }

    #[test]
    fn a_message_of_nothing_but_ends_is_given_up() {
        let ends = |count: usize| [0x03, 0x00].repeat(count);
        assert_eq!(inflate(&ends(16), 10), Ok(Vec::new()));
        assert_eq!(inflate(&ends(100_000), 10), Err(InflateError::Corrupt));
    }

    #[test]
    fn what_does_not_get_shorter_is_left_as_it_is() {
        assert_eq!(encode_deflated(Opcode::Binary, b""), None);
        assert_eq!(encode_deflated(Opcode::Binary, b"x"), None);
        let mut state = 1u64;
        let noise: Vec<u8> = (0..100_000)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 56) as u8
            })
            .collect();
        assert_eq!(encode_deflated(Opcode::Binary, &noise), None);
    }
}
