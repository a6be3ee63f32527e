//! Which pages may connect: the `Origin` of a request against the setting, and the headers that let a browser read the
//! answer.

use http::{HeaderMap, HeaderValue, header};

use crate::{Config, Cors, Forwarded};

/// The `Origin` is not one that may connect: HTTP 400.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ForeignOrigin;

/// What an answer tells the browser.
#[derive(Debug, Clone, Default)]
pub(crate) struct CorsHeaders {
    origin: Option<HeaderValue>,
    credentials: bool,
}

impl CorsHeaders {
    /// Judges a request by its headers.
    pub(crate) fn check(
        config: &Config,
        headers: &HeaderMap,
    ) -> Result<CorsHeaders, ForeignOrigin> {
        let Some(origin) = headers.get(header::ORIGIN) else {
            return Ok(CorsHeaders::default());
        };
        let is_same = || Forwarded::new(headers, config.trusted_proxies).is_same_origin();
        match &config.cors {
            Cors::Any => Ok(CorsHeaders {
                origin: Some(HeaderValue::from_static("*")),
                credentials: false,
            }),
            Cors::Origins(allowed) if allowed.iter().any(|allowed| is_origin(origin, allowed)) => {
                Ok(CorsHeaders {
                    origin: Some(origin.clone()),
                    credentials: true,
                })
            }
            Cors::SameOrigin | Cors::Origins(_) if is_same() => Ok(CorsHeaders {
                origin: Some(origin.clone()),
                credentials: true,
            }),
            Cors::SameOrigin | Cors::Origins(_) => Err(ForeignOrigin),
        }
    }

    /// Adds the headers to an answer.
    pub(crate) fn apply(&self, headers: &mut HeaderMap) {
        let Some(origin) = &self.origin else { return };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if self.credentials {
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            );
        }
    }

    /// Adds the headers to the answer to a preflight.
    pub(crate) fn apply_preflight(&self, asked: Option<&HeaderValue>, headers: &mut HeaderMap) {
        if self.origin.is_none() {
            return;
        }
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("OPTIONS, GET, POST"),
        );
        if let Some(asked) = asked {
            headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        }
    }
}

fn is_origin(origin: &HeaderValue, allowed: &str) -> bool {
    origin
        .as_bytes()
        .eq_ignore_ascii_case(allowed.trim_end_matches('/').as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judges_by_setting_origin_and_host() {
        let check = |cors: &Cors, origin: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("chat.example:8080"));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, origin.parse().unwrap());
            }
            let mut out = HeaderMap::new();
            let config = Config {
                cors: cors.clone(),
                ..Config::default()
            };
            CorsHeaders::check(&config, &headers).map(|cors| {
                cors.apply(&mut out);
                (
                    out.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN),
                    out.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS),
                )
            })
        };
        let list = Cors::Origins(vec!["https://app.example".into()]);
        for cors in [&Cors::SameOrigin, &Cors::Any, &list] {
            assert_eq!(check(cors, None), Ok((false, false)));
        }
        assert_eq!(
            check(&Cors::SameOrigin, Some("https://chat.example:8080")),
            Ok((true, true))
        );
        assert_eq!(
            check(&Cors::SameOrigin, Some("https://evil.example")),
            Err(ForeignOrigin)
        );
        assert_eq!(check(&Cors::SameOrigin, Some("null")), Err(ForeignOrigin));
        assert_eq!(
            check(&Cors::Any, Some("https://evil.example")),
            Ok((true, false))
        );
        assert_eq!(check(&list, Some("https://app.example")), Ok((true, true)));
        assert_eq!(
            check(&list, Some("https://app.example.evil")),
            Err(ForeignOrigin)
        );
    }

    #[test]
    fn behind_proxies_of_ours_the_host_is_what_they_were_asked_for() {
        let check = |trusted_proxies| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("inner"));
            headers.insert(header::ORIGIN, "https://chat.example".parse().unwrap());
            headers.insert("x-forwarded-host", "chat.example:443".parse().unwrap());
            let config = Config {
                trusted_proxies,
                ..Config::default()
            };
            CorsHeaders::check(&config, &headers).is_ok()
        };
        assert_eq!([0, 1].map(check), [false, true]);
    }
}
