//! Who is calling: passwords, session tokens, API keys, and the extractors that handlers name their caller with.
//!
//! A token is a JWT (`id`, `jti`, `iat`, `exp`) that counts while the store holds its session; an API key is `sk-` and
//! 32 hex digits. Both come as a bearer or, the token, in the cookie `token`. Sockets give theirs in CONNECT's auth and
//! ask [`actor_of_token`]. Next: `actions.rs` (signing in and out), `http.rs` (its routes), `actor.rs` (extractors).

pub mod actions;
mod actor;
mod address;
mod api_key;
mod cookie;
pub mod http;
mod limit;
pub(crate) mod password;
mod permissions;
pub mod rules;
mod token;

pub use actor::{Actor, Admin, AnyActor, ClaimedSession, Credential, MaybeActor, actor_of_token};
pub use address::ClientAddress;
pub use password::Passwords;
pub use permissions::permissions;

use crate::config::Config;
use limit::Limit;
use serde::Serialize;
use serde::de::DeserializeOwned;
use token::Tokens;

/// What signing in needs: the signing key, the password threads, the counts of tries.
pub struct Auth {
    tokens: Tokens,
    /// Hashes and checks passwords beside the executor.
    pub passwords: Passwords,
    tries_per_account: Limit,
    tries_per_address: Limit,
    /// None where any number may be made.
    sign_ups_per_address: Option<Limit>,
}

impl Auth {
    /// From the settings; the signing key must be there.
    #[must_use]
    pub fn new(config: &Config) -> Auth {
        let sign_ups = i64::from(config.limits.signups_per_address);
        Auth {
            tokens: Tokens::new(&config.auth),
            passwords: Passwords::default(),
            tries_per_account: Limit::new(15, 180_000),
            tries_per_address: Limit::new(60, 180_000),
            sign_ups_per_address: (sign_ups > 0).then(|| Limit::new(sign_ups, 3_600_000)),
        }
    }

    /// A text that only this server can have written, and that is no session's token.
    pub(crate) fn seal<T: Serialize>(&self, what: &T) -> Option<String> {
        self.tokens.seal(what)
    }

    /// What [`Auth::seal`] was given, if it wrote the text.
    pub(crate) fn unseal<T: DeserializeOwned + Clone>(&self, text: &str) -> Option<T> {
        self.tokens.unseal(text)
    }
}
