//! What is kept of the request that opened a connection. A map of headers would cost two kilobytes for each idle
//! client; one short text does not.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use http::{HeaderMap, request::Parts};

use crate::Forwarded;

/// What is kept of the request that opened a connection.
#[derive(Debug, Clone, Default)]
pub struct Handshake {
    remote: Option<IpAddr>,
    /// The query, then `\n` and a header's name, `:` and value for each.
    text: Box<str>,
}

impl Handshake {
    pub(crate) fn of(parts: &Parts, kept_headers: &[String], trusted_proxies: usize) -> Handshake {
        let remote = remote_addr(parts, trusted_proxies);
        let mut text = parts.uri.query().unwrap_or_default().to_owned();
        keep(&parts.headers, kept_headers, &mut text);
        Handshake {
            remote,
            text: text.into(),
        }
    }

    /// Bytes kept of the request.
    pub(crate) fn size_bytes(&self) -> usize {
        self.text.len()
    }

    /// The client's address as far as it is known: from the proxies that are trusted, else the peer's, if the server was
    /// started with axum's `ConnectInfo<SocketAddr>`.
    pub fn remote_addr(&self) -> Option<IpAddr> {
        self.remote
    }

    /// A request header that [`Config::kept_headers`](crate::Config::kept_headers) names; in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self
            .text
            .split('\n')
            .skip(1)
            .filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// A parameter of the request's query, such as the client's own `query` option, still percent-encoded.
    pub fn query(&self, name: &str) -> Option<&str> {
        let query = self.text.split('\n').next().unwrap_or_default();
        let mut pairs = query
            .split('&')
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
    }
}

/// Where a request came from, as far as it is known.
pub(crate) fn remote_addr(parts: &Parts, trusted_proxies: usize) -> Option<IpAddr> {
    let peer = || {
        let info = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
        Some(info.0.ip())
    };
    let forwarded = Forwarded::new(&parts.headers, trusted_proxies).address();
    forwarded.or_else(peer)
}

fn keep(headers: &HeaderMap, kept: &[String], text: &mut String) {
    for name in kept {
        // Header values that are text contain no line break.
        let values = headers.get_all(name).iter();
        let values: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
        if !values.is_empty() {
            // A cookie header may come in parts (RFC 9113 section 8.2.3), and so may lists (RFC 9110 section 5.3).
            let between = if name == "cookie" { "; " } else { ", " };
            text.push('\n');
            text.push_str(name);
            text.push(':');
            text.push_str(&values.join(between));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_comes_in_parts_is_kept_whole() {
        let mut headers = HeaderMap::new();
        headers.append("cookie", "a=1".parse().unwrap());
        headers.append("cookie", "b=2".parse().unwrap());
        let mut text = String::new();
        keep(&headers, &["cookie".to_owned()], &mut text);
        assert_eq!(text, "\ncookie:a=1; b=2");
    }
}
