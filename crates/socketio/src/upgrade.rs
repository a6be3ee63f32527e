//! The HTTP half of a WebSocket: the checks and the answer of RFC 6455 section 4.2, with permessage-deflate if wanted.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::upgrade::OnUpgrade;
use sha1::{Digest, Sha1};
use socketio_proto::websocket::negotiate_deflate;

/// Appended to the client's key, by the RFC.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A request that is not, or cannot become, a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAWebSocket;

/// A WebSocket that the client gets when it is answered.
pub(crate) struct Upgrade {
    pub(crate) on_upgrade: OnUpgrade,
    accept: HeaderValue,
    /// The extension agreed to.
    deflate: Option<&'static str>,
}

impl Upgrade {
    /// Checks a request and takes its connection. Agrees to compression if that is wanted here and offered there.
    pub(crate) fn of<B>(
        request: &mut Request<B>,
        wants_compression: bool,
    ) -> Result<Upgrade, NotAWebSocket> {
        let headers = request.headers();
        let is_asked = request.method() == Method::GET
            && has_token(headers, header::CONNECTION, "upgrade")
            && has_token(headers, header::UPGRADE, "websocket")
            && headers
                .get(header::SEC_WEBSOCKET_VERSION)
                .is_some_and(|version| version == "13");
        if !is_asked {
            return Err(NotAWebSocket);
        }
        let key = headers
            .get(header::SEC_WEBSOCKET_KEY)
            .ok_or(NotAWebSocket)?
            .as_bytes();
        if STANDARD.decode(key).map_or(true, |nonce| nonce.len() != 16) {
            return Err(NotAWebSocket);
        }
        let accept = accept_value(key).ok_or(NotAWebSocket)?;
        let deflate = if wants_compression {
            let offers = headers.get_all(header::SEC_WEBSOCKET_EXTENSIONS).iter();
            negotiate_deflate(offers.map(HeaderValue::as_bytes)).map_err(|_| NotAWebSocket)?
        } else {
            None
        };
        let on_upgrade = request
            .extensions_mut()
            .remove::<OnUpgrade>()
            .ok_or(NotAWebSocket)?;
        Ok(Upgrade {
            on_upgrade,
            accept,
            deflate,
        })
    }

    /// Whether messages may be compressed, in both directions.
    pub(crate) fn deflates(&self) -> bool {
        self.deflate.is_some()
    }

    /// The answer that makes the connection a WebSocket.
    pub(crate) fn answer<B: Default>(&self) -> Response<B> {
        let mut answer = Response::new(B::default());
        *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = answer.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, self.accept.clone());
        if let Some(agreed) = self.deflate {
            headers.insert(
                header::SEC_WEBSOCKET_EXTENSIONS,
                HeaderValue::from_static(agreed),
            );
        }
        answer
    }
}

fn accept_value(key: &[u8]) -> Option<HeaderValue> {
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    STANDARD.encode(digest).parse().ok()
}

fn has_token(headers: &HeaderMap, name: header::HeaderName, token: &str) -> bool {
    let mut values = headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values.any(|value| {
        value
            .split(',')
            .any(|part| part.trim().eq_ignore_ascii_case(token))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_the_key_of_the_rfc() {
        assert_eq!(
            accept_value(b"dGhlIHNhbXBsZSBub25jZQ==").unwrap(),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }
}
