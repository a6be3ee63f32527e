//! Session tokens: JWT, HS256, with the claims of the contract (5.1).
//!
//! Signed and read here; whether the session still stands is the store's to say.

use crate::config::AuthConfig;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use wire::UserId;

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// Whose it is.
    pub(crate) id: UserId,
    /// The session.
    pub(crate) jti: String,
    /// When it was made, in seconds.
    #[serde(default)]
    pub(crate) iat: i64,
    /// When it ends, in seconds; absent if never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exp: Option<i64>,
}

/// A token that was just made.
#[derive(Clone)]
pub(crate) struct Issued {
    /// The token: a secret.
    pub(crate) text: String,
    /// What it says.
    pub(crate) claims: Claims,
}

/// Signs and reads tokens.
pub(crate) struct Tokens {
    signing: EncodingKey,
    reading: DecodingKey,
    life: Option<Duration>,
}

impl Tokens {
    pub(crate) fn new(config: &AuthConfig) -> Tokens {
        let key = config.secret_key.as_bytes();
        Tokens {
            signing: EncodingKey::from_secret(key),
            reading: DecodingKey::from_secret(key),
            life: config.jwt_expires_in,
        }
    }

    /// A new session's token.
    pub(crate) fn issue(
        &self,
        user_id: &UserId,
        now_s: i64,
    ) -> Result<Issued, jsonwebtoken::errors::Error> {
        let life_s = self
            .life
            .map(|life| i64::try_from(life.as_secs()).unwrap_or(i64::MAX));
        let claims = Claims {
            id: user_id.clone(),
            jti: store::new_id(),
            iat: now_s,
            exp: life_s.map(|life_s| now_s.saturating_add(life_s.max(1))),
        };
        let text = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing)?;
        Ok(Issued { text, claims })
    }

    /// Signs what is no session: without `jti` nobody takes it for one.
    pub(crate) fn seal<T: Serialize>(&self, what: &T) -> Option<String> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), what, &self.signing).ok()
    }

    /// What [`Tokens::seal`] signed.
    pub(crate) fn unseal<T: DeserializeOwned + Clone>(&self, text: &str) -> Option<T> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.validate_exp = false; // against our own clock, by who asks
        rules.validate_aud = false;
        rules.required_spec_claims.clear();
        let read = jsonwebtoken::decode::<T>(text, &self.reading, &rules);
        read.ok().map(|read| read.claims)
    }

    /// What a token says, if we signed it and its time has not come.
    pub(crate) fn read(&self, text: &str, now_s: i64) -> Option<Claims> {
        let claims: Claims = self.unseal(text)?;
        claims.exp.is_none_or(|exp| exp > now_s).then_some(claims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(key: &str, life: Option<Duration>) -> Tokens {
        let key = key.as_bytes();
        Tokens {
            signing: EncodingKey::from_secret(key),
            reading: DecodingKey::from_secret(key),
            life,
        }
    }

    #[test]
    fn a_token_counts_until_its_time_and_only_with_its_key() {
        let ours = tokens("a key of ours", Some(Duration::from_secs(60)));
        let issued = ours.issue(&"ada".into(), 1_000).unwrap();
        assert_eq!(issued.claims.exp, Some(1_060));
        assert_eq!(ours.read(&issued.text, 1_059), Some(issued.claims));
        assert_eq!(ours.read(&issued.text, 1_060), None);
        assert_eq!(tokens("another key", None).read(&issued.text, 1_000), None);
        let unsigned = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJpZCI6ImFkYSIsImp0aSI6ImoifQ.";
        for bad in ["", "bad.token.here", unsigned, &issued.text[1..]] {
            assert_eq!(ours.read(bad, 1_000), None, "{bad}");
        }
    }

    #[test]
    fn without_a_life_a_token_has_no_end() {
        let ours = tokens("a key of ours", None);
        let issued = ours.issue(&"ada".into(), 1_000).unwrap();
        assert_eq!(issued.claims.exp, None);
        assert!(ours.read(&issued.text, i64::MAX).is_some());
    }
}
