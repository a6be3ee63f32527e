//! Accounts, tokens, cookies.

use super::check::Reader;
use super::settings::Settings;
use super::values::{boolean, life};
use std::time::Duration;
use wire::people::Role;

/// Accounts, tokens, cookies.
#[derive(Clone)]
pub struct AuthConfig {
    /// Key that signs tokens; empty until [`crate::auth`]'s key file gives one.
    pub secret_key: String,
    /// How long a token lives; `None` is for ever.
    pub jwt_expires_in: Option<Duration>,
    /// Whether strangers may sign up.
    pub enable_signup: bool,
    /// Role of those who sign up after the first.
    pub default_role: Role,
    /// Whether `sk-` keys are accepted.
    pub enable_api_keys: bool,
    /// `SameSite` of the cookie.
    pub cookie_same_site: SameSite,
    /// `Secure` of the cookie.
    pub cookie_secure: bool,
}

impl std::fmt::Debug for AuthConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AuthConfig")
            .field("jwt_expires_in", &self.jwt_expires_in)
            .finish_non_exhaustive()
    }
}

/// `SameSite` of the session cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// Sent on top-level navigation from elsewhere.
    Lax,
    /// Never sent from elsewhere.
    Strict,
    /// Always sent; needs `Secure`.
    None,
}

pub(super) fn auth(r: &mut Reader, s: &Settings) -> AuthConfig {
    let four_weeks = Duration::from_secs(4 * 7 * 24 * 3600);
    AuthConfig {
        secret_key: r.secret(
            "WEBUI_SECRET_KEY",
            s.webui_secret_key.as_ref(),
            "at least 16 bytes",
            |t| t.len() >= 16,
        ),
        jwt_expires_in: r.read(
            "JWT_EXPIRES_IN",
            s.jwt_expires_in.as_ref(),
            Some(four_weeks),
            life,
        ),
        enable_signup: r.read("ENABLE_SIGNUP", s.enable_signup.as_ref(), true, boolean),
        default_role: r.read(
            "DEFAULT_USER_ROLE",
            s.default_user_role.as_ref(),
            Role::User,
            |t| Role::parse(t).ok_or_else(|| "user, pending or admin".to_owned()),
        ),
        enable_api_keys: r.read("ENABLE_API_KEYS", s.enable_api_keys.as_ref(), true, boolean),
        cookie_same_site: r.read(
            "WEBUI_AUTH_COOKIE_SAME_SITE",
            s.webui_auth_cookie_same_site.as_ref(),
            SameSite::Lax,
            same_site,
        ),
        cookie_secure: r.read(
            "WEBUI_AUTH_COOKIE_SECURE",
            s.webui_auth_cookie_secure.as_ref(),
            false,
            boolean,
        ),
    }
}

fn same_site(text: &str) -> Result<SameSite, String> {
    match text.to_ascii_lowercase().as_str() {
        "lax" => Ok(SameSite::Lax),
        "strict" => Ok(SameSite::Strict),
        "none" => Ok(SameSite::None),
        _ => Err("lax, strict or none".to_owned()),
    }
}
