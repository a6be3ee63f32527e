//! The HTTP door: one path, told apart by method and query, as Engine.IO has it.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};
use socketio_proto::engine::{self, Query, QueryError, Transport};

use crate::{Class, DisconnectReason, Frame};
use crate::{
    Handshake, Sid,
    admission::Refusal,
    config::Dialect,
    conn::{Close, Conn},
    cors::CorsHeaders,
    driver::Driver,
    handshake::remote_addr,
    polling::{self, Candidate, Polling},
    queue::Entry,
    server::Shared,
    upgrade::Upgrade,
    websocket::{SocketLimits, WebSocket},
};

/// When a client that finds no place may ask again.
const RETRY_AFTER_SECONDS: &str = "5";

/// Answers all requests of one server's path.
#[derive(Clone)]
pub(crate) struct EngineService {
    shared: Arc<Shared>,
}

/// Why a request gets no session. The numbers are those of the reference for Node.
enum Failure {
    UnknownTransport,
    UnknownVersion,
    UnknownSession(String),
    BadMethod,
    BadRequest,
    ForeignOrigin,
    NotAWebSocket,
    HandshakeTooLarge,
    TooLarge,
    TooSlow,
    TooManyRequests,
    Busy(Refusal),
}

impl EngineService {
    pub(crate) fn new(shared: Arc<Shared>) -> EngineService {
        EngineService { shared }
    }

    async fn answer(self, request: Request<Body>) -> Response<Body> {
        let dialect = self.shared.config.dialect;
        let cors = match CorsHeaders::check(&self.shared.config, request.headers()) {
            Ok(cors) => cors,
            Err(_) => return Failure::ForeignOrigin.answer(dialect),
        };
        if request.method() == Method::OPTIONS {
            let asked = request
                .headers()
                .get(header::ACCESS_CONTROL_REQUEST_HEADERS);
            let mut answer = text("OK".to_owned());
            cors.apply(answer.headers_mut());
            cors.apply_preflight(asked, answer.headers_mut());
            return answer;
        }
        let answer = self.route(request).await;
        let mut answer = answer.unwrap_or_else(|failure| failure.answer(dialect));
        cors.apply(answer.headers_mut());
        answer
    }

    async fn route(self, request: Request<Body>) -> Result<Response<Body>, Failure> {
        let config = &self.shared.config;
        let uri = request.uri().clone();
        let query = Query::parse(uri.query().unwrap_or_default()).map_err(|error| match error {
            QueryError::Transport => Failure::UnknownTransport,
            QueryError::Version => Failure::UnknownVersion,
        })?;
        let is_offered = match query.transport {
            Transport::Polling => config.polling,
            Transport::WebSocket => config.websocket,
        };
        if !is_offered {
            return Err(Failure::UnknownTransport);
        }
        let conn = match query.sid.as_deref() {
            Some(sid) => Some(
                self.shared
                    .conn(sid)
                    .ok_or_else(|| Failure::UnknownSession(sid.to_owned()))?,
            ),
            None => None,
        };
        let _under_way = match query.transport {
            Transport::Polling => Some(
                self.shared
                    .begin_request()
                    .ok_or(Failure::TooManyRequests)?,
            ),
            Transport::WebSocket => None,
        };
        match (query.transport, conn, request.method()) {
            (Transport::WebSocket, None, _) => self.open_websocket(request),
            (Transport::WebSocket, Some(conn), _) => self.take_over(conn, request),
            (Transport::Polling, None, &Method::GET) => self.open_polling(request.into_parts().0),
            (Transport::Polling, Some(conn), &Method::GET) => polling::read(&conn)
                .await
                .map(text)
                .map_err(|_| Failure::BadRequest),
            (Transport::Polling, Some(conn), &Method::POST) => self.post(conn, request).await,
            _ => Err(Failure::BadMethod),
        }
    }

    fn connection(
        &self,
        parts: &Parts,
        polling: Option<Box<Polling>>,
    ) -> Result<Arc<Conn>, Failure> {
        let sid = Sid::random().ok_or(Failure::BadRequest)?;
        let handshake = Handshake::of(
            parts,
            &self.shared.config.kept_headers,
            self.shared.config.trusted_proxies,
        );
        if handshake.size_bytes() > self.shared.config.limits.handshake_bytes {
            return Err(Failure::HandshakeTooLarge);
        }
        Ok(Arc::new(Conn::new(
            sid,
            self.shared.clone(),
            handshake,
            polling,
        )))
    }

    fn open_packet(&self, sid: &Sid, upgrades: &[&str]) -> String {
        engine::Handshake {
            sid: sid.as_str(),
            upgrades,
            ping_interval: self.shared.times.ping_interval_ms,
            ping_timeout: self.shared.times.ping_timeout_ms,
            max_payload: self.shared.config.max_payload,
        }
        .encode()
    }

    fn open_polling(&self, parts: Parts) -> Result<Response<Body>, Failure> {
        let conn = self.connection(&parts, Some(Box::default()))?;
        let admission = self.shared.admit(&conn).map_err(Failure::Busy)?;
        let upgrades: &[&str] = if self.shared.config.websocket {
            &["websocket"]
        } else {
            &[]
        };
        let open = self.open_packet(&conn.sid, upgrades);
        self.shared.tasks.spawn(Driver::new(conn, admission, None));
        Ok(text(open))
    }

    fn upgrade(&self, request: &mut Request<Body>) -> Result<Upgrade, Failure> {
        let wants_compression = self.shared.config.compression.is_some();
        Upgrade::of(request, wants_compression).map_err(|_| Failure::NotAWebSocket)
    }

    fn open_websocket(&self, mut request: Request<Body>) -> Result<Response<Body>, Failure> {
        let upgrade = self.upgrade(&mut request)?;
        let conn = self.connection(&request.into_parts().0, None)?;
        let admission = self.shared.admit(&conn).map_err(Failure::Busy)?;
        let frame = Frame::engine(&self.open_packet(&conn.sid, &[]));
        conn.out().queue.push_always(Entry {
            frame,
            class: Class::Reliable,
        });
        let answer = upgrade.answer();
        let limits = SocketLimits::of(&self.shared.config, upgrade.deflates());
        self.shared.tasks.spawn(async move {
            // A client that goes before the answer is out was never connected.
            if let Ok(upgraded) = upgrade.on_upgrade.await {
                Driver::new(conn, admission, Some(WebSocket::new(upgraded, limits))).await;
            }
        });
        Ok(answer)
    }

    /// A WebSocket for a session that polls.
    fn take_over(
        &self,
        conn: Arc<Conn>,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, Failure> {
        let upgrade = self.upgrade(&mut request)?;
        let remote = remote_addr(&request.into_parts().0, self.shared.config.trusted_proxies);
        let place = self.shared.admit_probe(remote).map_err(Failure::Busy)?;
        let answer = upgrade.answer();
        let limits = SocketLimits::of(&self.shared.config, upgrade.deflates());
        let timeout = self.shared.config.upgrade_timeout;
        self.shared.tasks.spawn(async move {
            let Ok(upgraded) = upgrade.on_upgrade.await else {
                return;
            };
            let websocket = Box::new(WebSocket::new(upgraded, limits));
            let candidate = Candidate { websocket, place };
            let refused = match conn.polling.as_deref() {
                Some(polling) => polling.offer(candidate).err(),
                None => Some(candidate),
            };
            match refused {
                Some(Candidate {
                    websocket,
                    place: _place,
                }) => {
                    // Nothing is left to do if the peer does not take the close.
                    let _ = tokio::time::timeout(timeout, websocket.refuse()).await;
                }
                None => conn.ring(),
            }
        });
        Ok(answer)
    }

    async fn post(
        &self,
        conn: Arc<Conn>,
        request: Request<Body>,
    ) -> Result<Response<Body>, Failure> {
        let config = &self.shared.config;
        // Before the body is read: a session has one in memory, not as many as it likes.
        let posting = polling::begin_post(&conn).map_err(|_| Failure::BadRequest)?;
        let body = collect(request.into_body(), config.max_payload);
        let body = match tokio::time::timeout(config.ping_timeout, body).await {
            Ok(Some(body)) => body,
            Ok(None) => return Err(Failure::TooLarge),
            Err(_) => return Err(Failure::TooSlow),
        };
        let Some(body) = payload(body) else {
            conn.close(Close::now(DisconnectReason::ParseError, 1002));
            return Err(Failure::BadRequest);
        };
        posting.write(body).await.map_err(|_| Failure::BadRequest)?;
        let answer = match config.dialect {
            Dialect::Python => "OK",
            Dialect::Node => "ok",
        };
        Ok(text(answer.to_owned()))
    }
}

/// The whole body, if it is no longer than `max`. Its chunks are joined as they come: kept one by one, a body of many
/// short ones would take many times its length.
async fn collect(body: Body, max: usize) -> Option<Vec<u8>> {
    let mut body = Limited::new(body, max);
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Some(chunk) = frame.ok()?.data_ref() {
            bytes.extend_from_slice(chunk);
        }
    }
    Some(bytes)
}

/// The body as text, if every packet in it has a type. What they carry is checked when they are taken.
fn payload(body: Vec<u8>) -> Option<String> {
    let body = String::from_utf8(body).ok()?;
    let is_packet = |part: &str| matches!(part.as_bytes().first(), Some(b'0'..=b'6' | b'b'));
    body.split(engine::SEPARATOR).all(is_packet).then_some(body)
}

fn text(body: String) -> Response<Body> {
    let mut answer = Response::new(Body::from(body));
    let headers = answer.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=UTF-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

impl Failure {
    fn answer(self, dialect: Dialect) -> Response<Body> {
        let (status, code, message) = match &self {
            Failure::UnknownTransport => (400, 0, "Transport unknown"),
            Failure::UnknownSession(_) => (400, 1, "Session ID unknown"),
            Failure::BadMethod => (400, 2, "Bad handshake method"),
            Failure::BadRequest | Failure::NotAWebSocket => (400, 3, "Bad request"),
            Failure::ForeignOrigin => (400, 4, "Forbidden"),
            Failure::UnknownVersion => (400, 5, "Unsupported protocol version"),
            Failure::HandshakeTooLarge => (431, 3, "Request header fields too large"),
            Failure::TooLarge => (413, 3, "Payload too large"),
            Failure::TooSlow => (408, 3, "Request timed out"),
            Failure::Busy(Refusal::TooManyFromAddress) => (429, 4, "Too many connections"),
            Failure::Busy(_) | Failure::TooManyRequests => (503, 4, "Server busy"),
        };
        let body = match dialect {
            Dialect::Node => json!({"code": code, "message": message}),
            Dialect::Python => self.python_body(message),
        };
        let mut answer = Response::new(Body::from(body.to_string()));
        *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        answer.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        if matches!(self, Failure::NotAWebSocket) {
            // RFC 6455 section 4.4: a client of another version learns which one is spoken here.
            let version = HeaderValue::from_static("13");
            let headers = answer.headers_mut();
            headers.insert(header::SEC_WEBSOCKET_VERSION, version);
        }
        if matches!(self, Failure::Busy(_) | Failure::TooManyRequests) {
            let seconds = HeaderValue::from_static(RETRY_AFTER_SECONDS);
            answer.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        answer
    }

    fn python_body(&self, message: &str) -> Value {
        match self {
            Failure::UnknownTransport => json!("Invalid transport"),
            Failure::UnknownSession(sid) => json!(format!("Invalid session {sid}")),
            Failure::UnknownVersion => {
                json!(
                    "The client is using an unsupported version of the Socket.IO or Engine.IO protocols"
                )
            }
            Failure::ForeignOrigin => json!("Not an accepted origin."),
            Failure::NotAWebSocket => json!({"detail": "Invalid WebSocket upgrade request"}),
            _ => json!(message),
        }
    }
}

impl<B> tower::Service<Request<B>> for EngineService
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.answer(request.map(Body::new)).await) })
    }
}
