//! What is kept of the request that opened a connection. A map of headers would cost two kilobytes for each idle
//! client; one short text does not.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use http::{HeaderMap, request::Parts};

/// What is kept of the request that opened a connection.
#[derive(Debug, Clone, Default)]
pub struct Handshake {
    remote: Option<IpAddr>,
    /// The query, then `\n` and a header's name, `:` and value for each.
    text: Box<str>,
}

impl Handshake {
    pub(crate) fn of(parts: &Parts, kept_headers: &[String], trusted_proxies: usize) -> Handshake {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| info.0.ip());
        let remote = forwarded_for(&parts.headers, trusted_proxies).or(peer);
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

/// The address that the outermost trusted proxy saw: each appends the one it was called from.
fn forwarded_for(headers: &HeaderMap, trusted_proxies: usize) -> Option<IpAddr> {
    let lists = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|list| list.to_str().ok());
    let addresses: Vec<&str> = lists
        .flat_map(|list| list.split(','))
        .map(str::trim)
        .collect();
    let at = addresses
        .len()
        .checked_sub(trusted_proxies)
        .filter(|_| trusted_proxies > 0)?;
    let address = addresses.get(at)?;
    // Some proxies write the port too.
    let with_port = || address.parse().map(|address: SocketAddr| address.ip());
    address.parse().or_else(|_| with_port()).ok()
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
    fn only_as_many_forwarded_addresses_are_believed_as_there_are_proxies() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "6.6.6.6, 1.1.1.1".parse().unwrap());
        headers.append("x-forwarded-for", "2.2.2.2".parse().unwrap());
        let seen = |proxies| forwarded_for(&headers, proxies).map(|address| address.to_string());
        assert_eq!(seen(0), None);
        assert_eq!(seen(1).as_deref(), Some("2.2.2.2"));
        assert_eq!(seen(2).as_deref(), Some("1.1.1.1"));
        assert_eq!(seen(4), None);
        for (text, address) in [
            ("1.2.3.4:567", "1.2.3.4"),
            ("[2001:db8::1]:567", "2001:db8::1"),
        ] {
            headers.insert("x-forwarded-for", text.parse().unwrap());
            let seen = forwarded_for(&headers, 1).map(|address| address.to_string());
            assert_eq!(seen.as_deref(), Some(address));
        }
    }

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
