//! The cookie `token`: read from a request, set and deleted by an answer. Scripts never see it (`HttpOnly`).

use crate::config::{AuthConfig, SameSite};
use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;

/// The cookie's value, if the request has one.
pub(crate) fn read(headers: &HeaderMap) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, value)| *name == "token" && !value.is_empty())
        .map(|(_, value)| value.trim_matches('"').to_owned())
}

/// `Set-Cookie` for a session; until the token's end, or the browser's if it has none.
pub(crate) fn set(
    config: &AuthConfig,
    token: &str,
    expires_at_s: Option<i64>,
) -> Option<HeaderValue> {
    let expires = expires_at_s
        .and_then(date)
        .map_or(String::new(), |date| format!("expires={date}; "));
    let text = format!(
        "token={token}; {expires}HttpOnly; Path=/; {}",
        attributes(config)
    );
    HeaderValue::from_str(&text).ok()
}

/// `Set-Cookie` that deletes the cookie.
pub(crate) fn delete(config: &AuthConfig) -> Option<HeaderValue> {
    let epoch = date(0).unwrap_or_default();
    let text = format!(
        "token=\"\"; expires={epoch}; Max-Age=0; HttpOnly; Path=/; {}",
        attributes(config)
    );
    HeaderValue::from_str(&text).ok()
}

fn attributes(config: &AuthConfig) -> String {
    let same_site = match config.cookie_same_site {
        SameSite::Lax => "lax",
        SameSite::Strict => "strict",
        SameSite::None => "none",
    };
    let secure = if config.cookie_secure { "; Secure" } else { "" };
    format!("SameSite={same_site}{secure}")
}

/// `Wed, 21 Oct 2026 07:28:00 GMT`.
fn date(at_s: i64) -> Option<String> {
    let at = Timestamp::from_second(at_s).ok()?;
    Some(at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_among_other_cookies() {
        let mut headers = HeaderMap::new();
        headers.append(
            header::COOKIE,
            HeaderValue::from_static("a=1; token_=x; token=abc.d-e; b=2"),
        );
        assert_eq!(read(&headers).as_deref(), Some("abc.d-e"));
        headers.insert(
            header::COOKIE,
            HeaderValue::from_static("token=\"\"; mytoken=x"),
        );
        assert_eq!(read(&headers).as_deref(), Some(""));
        assert_eq!(
            date(1_792_567_680).as_deref(),
            Some("Wed, 21 Oct 2026 07:28:00 GMT")
        );
    }
}
