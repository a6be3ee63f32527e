//! Ids of sessions and sockets.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// An id of 20 characters that nobody can guess (15 bytes from the operating system's generator).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sid([u8; 20]);

impl Sid {
    /// A fresh id. `None` if the operating system has no randomness to give.
    pub(crate) fn random() -> Option<Sid> {
        let mut bytes = [0u8; 15];
        getrandom::fill(&mut bytes).ok()?;
        let mut text = [0u8; 20];
        URL_SAFE_NO_PAD.encode_slice(bytes, &mut text).ok()?;
        Some(Sid(text))
    }

    /// The id that a peer or a caller named, if it can be one.
    pub fn parse(text: &str) -> Option<Sid> {
        let bytes: [u8; 20] = text.as_bytes().try_into().ok()?;
        bytes.iter().all(u8::is_ascii).then_some(Sid(bytes))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
