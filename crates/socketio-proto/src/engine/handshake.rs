//! The request that opens or continues a session, and the OPEN packet that answers it.

use std::borrow::Cow;

use serde::Serialize;

use super::Transport;

/// What the OPEN packet tells the client.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Handshake<'a> {
    /// The session's id.
    pub sid: &'a str,
    /// Transports the client may move to.
    pub upgrades: &'a [&'a str],
    /// Milliseconds from an answered ping to the next.
    pub ping_interval: u64,
    /// Milliseconds the answer to a ping may take.
    pub ping_timeout: u64,
    /// Bytes the client may put into one request or frame.
    pub max_payload: usize,
}

impl Handshake<'_> {
    /// The OPEN packet as text.
    pub fn encode(&self) -> String {
        let json =
            serde_json::to_string(self).expect("a struct of strings and numbers is always JSON");
        format!("0{json}")
    }
}

/// The parameters of Engine.IO in a request's query. Others are left to the layers above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query<'a> {
    /// How this request wants to talk.
    pub transport: Transport,
    /// The session it belongs to; none opens one.
    pub sid: Option<Cow<'a, str>>,
}

/// A query that no session can be opened or continued with. HTTP 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// `transport` is missing or unknown.
    #[error("the transport is missing or unknown")]
    Transport,
    /// `EIO` is not 4: protocol 3 clients are refused.
    #[error("the protocol version is not supported")]
    Version,
}

impl<'a> Query<'a> {
    /// Reads a query such as `EIO=4&transport=polling`. The first of a repeated parameter counts.
    pub fn parse(query: &'a str) -> Result<Query<'a>, QueryError> {
        let (mut version, mut transport, mut sid) = (None, None, None);
        for (name, value) in parameters(query) {
            match name {
                "EIO" => version = version.or(Some(value)),
                "transport" => transport = transport.or(Some(value)),
                "sid" => sid = sid.or(Some(value)),
                _ => {}
            }
        }
        let transport = match transport {
            Some("polling") => Transport::Polling,
            Some("websocket") => Transport::WebSocket,
            _ => return Err(QueryError::Transport),
        };
        if version != Some("4") {
            return Err(QueryError::Version);
        }
        Ok(Query {
            transport,
            sid: sid.map(Cow::Borrowed),
        })
    }
}

fn parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wants_version_four_and_a_known_transport() {
        let first = Query::parse("EIO=4&transport=polling&t=abc").unwrap();
        assert_eq!((first.transport, first.sid), (Transport::Polling, None));
        let next = Query::parse("EIO=4&transport=websocket&sid=S1").unwrap();
        assert_eq!(
            (next.transport, next.sid.as_deref()),
            (Transport::WebSocket, Some("S1"))
        );
        assert_eq!(
            Query::parse("EIO=4&transport=abc"),
            Err(QueryError::Transport)
        );
        assert_eq!(Query::parse("EIO=4"), Err(QueryError::Transport));
        assert_eq!(
            Query::parse("EIO=3&transport=polling"),
            Err(QueryError::Version)
        );
        assert_eq!(Query::parse("transport=polling"), Err(QueryError::Version));
    }
}
