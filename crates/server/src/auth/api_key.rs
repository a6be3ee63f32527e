//! API keys: `sk-` and 32 hex digits, shown once, kept as a hash.

use crate::error::Error;
use sha2::{Digest, Sha256};

/// How a key begins.
pub(crate) const PREFIX: &str = "sk-";

/// A new key: a secret.
///
/// # Errors
/// [`Error::Internal`] if the system gives no random bytes.
pub(crate) fn generate() -> Result<String, Error> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        tracing::error!(%error, "the system gave no random bytes");
        Error::Internal
    })?;
    Ok(format!("{PREFIX}{}", hex(&bytes)))
}

/// What the store knows a key by. A fast hash is enough: the key has 128 random bits.
pub(crate) fn hash(key: &str) -> String {
    hex(&Sha256::digest(key.as_bytes()))
}

/// The last four characters, by which a person recognises the key.
pub(crate) fn hint(key: &str) -> String {
    key.get(key.len().saturating_sub(4)..)
        .unwrap_or_default()
        .to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_random_and_known_by_its_hash() {
        let (one, other) = (generate().unwrap(), generate().unwrap());
        assert!(one != other && one.len() == 35 && one.starts_with(PREFIX));
        assert_eq!((hash(&one).len(), hash(&one)), (64, hash(&one)));
        assert!(one.ends_with(&hint(&one)) && hint(&one).len() == 4);
    }
}
