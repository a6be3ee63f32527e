//! Inflating what servers send compressed (RFC 7692, without context takeover) as cheaply as a measuring client must: a
//! room's frame is the same for all who get it, so it is inflated for the first of them and remembered for the others.

use std::cell::RefCell;
use std::collections::VecDeque;

use anyhow::{Result, bail};
use flate2::{Decompress, FlushDecompress, Status};

/// Far more than a burst.
const REMEMBERED: usize = 64;
const MAX_BYTES: usize = 1 << 20;
/// What the sender leaves away (RFC 7692, section 7.2.2).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

struct Message {
    deflated: Vec<u8>,
    inflated: Vec<u8>,
}

thread_local! {
    static RECENT: RefCell<VecDeque<Message>> = const { RefCell::new(VecDeque::new()) };
}

/// Hands over what a compressed message says.
///
/// # Errors
/// If it is damaged.
pub fn inflated(deflated: &[u8], see: impl FnOnce(&[u8])) -> Result<()> {
    RECENT.with_borrow_mut(|recent| {
        if let Some(known) = recent.iter().find(|known| known.deflated == deflated) {
            see(&known.inflated);
            return Ok(());
        }
        let inflated = inflate(deflated)?;
        see(&inflated);
        recent.truncate(REMEMBERED - 1);
        recent.push_front(Message {
            deflated: deflated.to_vec(),
            inflated,
        });
        Ok(())
    })
}

fn inflate(deflated: &[u8]) -> Result<Vec<u8>> {
    let input = [deflated, TAIL.as_slice()].concat();
    let mut inflate = Decompress::new(false);
    let mut output = Vec::with_capacity(deflated.len() * 4 + 64);
    loop {
        let rest = input.get(inflate.total_in() as usize..).unwrap_or_default();
        let status = inflate.decompress_vec(rest, &mut output, FlushDecompress::Sync)?;
        if output.len() < output.capacity() {
            // There was room for more: all of it was taken, or it makes no sense.
            let is_whole = inflate.total_in() as usize == input.len();
            if is_whole && status != Status::StreamEnd {
                break;
            }
            bail!("the server sent a compressed message that is damaged");
        }
        if output.len() > MAX_BYTES {
            bail!("the server sent a compressed message that grows too long");
        }
        output.reserve(output.capacity());
    }
    Ok(output)
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};

    use super::inflated;

    #[test]
    fn a_message_is_what_it_was_before_it_was_compressed() {
        for text in ["", "a", &"many words, many words. ".repeat(1000)] {
            let mut deflated = Vec::with_capacity(text.len() + 100);
            Compress::new(Compression::default(), false)
                .compress_vec(text.as_bytes(), &mut deflated, FlushCompress::Sync)
                .unwrap();
            deflated.truncate(deflated.len() - 4);
            for _ in 0..2 {
                let mut seen = Vec::new();
                inflated(&deflated, |bytes| seen.extend_from_slice(bytes)).unwrap();
                assert!(seen == text.as_bytes(), "{} bytes", seen.len());
            }
        }
        assert!(inflated(&[7, 7, 7], |_| ()).is_err());
    }
}
