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
    pub(crate) fn of(parts: &Parts, kept_headers: &[String]) -> Handshake {
        let remote = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|info| info.0.ip());
        let mut text = parts.uri.query().unwrap_or_default().to_owned();
        keep(&parts.headers, kept_headers, &mut text);
        Handshake {
            remote,
            text: text.into(),
        }
    }

    /// The peer's address, if the server was started with axum's `ConnectInfo<SocketAddr>`.
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

fn keep(headers: &HeaderMap, kept: &[String], text: &mut String) {
    for name in kept {
        // Header values that are text contain no line break.
        if let Some(value) = headers.get(name).and_then(|value| value.to_str().ok()) {
            text.push('\n');
            text.push_str(name);
            text.push(':');
            text.push_str(value);
        }
    }
}
