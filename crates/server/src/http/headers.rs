//! Headers on every answer: security, CORS; and the same-origin rule for requests that carry only the cookie.

use super::bare;
use crate::app::App;
use crate::config::Origins;
use crate::error::Error;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use socketio::Forwarded;

/// No inline script and no inline style sheet; style attributes only, because floating elements are placed by them.
/// Pictures come from here alone, so that nobody elsewhere learns who reads what.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; \
    style-src-attr 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; \
    media-src 'self' blob:; worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";

const ALWAYS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// Refuses unsafe cross-site requests that ride on the cookie, answers preflights, and adds the headers.
pub async fn guard(State(app): State<App>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    // The real-time endpoint has CORS of its own, and never reads the cookie.
    let own_cors = request.uri().path().starts_with("/ws/socket.io");
    let is_preflight = request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = if is_preflight && !own_cors {
        StatusCode::NO_CONTENT.into_response()
    } else if rides_on_cookie(request.method(), request.headers())
        && !is_own_page(&app, request.headers())
    {
        Error::Forbidden(
            "with the session cookie, changes are accepted only from this server's own pages; \
            other programs send the token as a bearer",
        )
        .into_response()
    } else {
        let answer = next.run(request).await;
        if own_cors {
            answer
        } else {
            bare::shaped(answer)
        }
    };
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    if let Some(origin) = origin.filter(|_| !own_cors) {
        allow(&app.config.http.origins, &origin, is_preflight, headers);
    }
    response
}

fn rides_on_cookie(method: &Method, headers: &HeaderMap) -> bool {
    !method.is_safe()
        && !headers.contains_key(header::AUTHORIZATION)
        && headers
            .get_all(header::COOKIE)
            .iter()
            .any(|c| c.as_bytes().windows(6).any(|part| part == b"token="))
}

/// Whether the page that sent the request came from this server, or from an origin the operator trusts by name.
fn is_own_page(app: &App, headers: &HeaderMap) -> bool {
    let http = &app.config.http;
    let is_trusted = |origin: &HeaderValue| match &http.origins {
        Origins::Any => false,
        Origins::List(list) => is_among(list, origin),
    };
    Forwarded::new(headers, http.trusted_proxies).is_same_origin()
        || headers.get(header::ORIGIN).is_some_and(is_trusted)
}

fn is_among(list: &[String], origin: &HeaderValue) -> bool {
    list.iter()
        .any(|allowed| allowed.as_bytes().eq_ignore_ascii_case(origin.as_bytes()))
}

fn allow(origins: &Origins, origin: &HeaderValue, is_preflight: bool, headers: &mut HeaderMap) {
    match origins {
        Origins::Any => {
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_ORIGIN,
                HeaderValue::from_static("*"),
            );
        }
        Origins::List(list) => {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
            if !is_among(list, origin) {
                return;
            }
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            );
        }
    }
    headers.insert(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("Tidings-As-Of, Retry-After"),
    );
    if is_preflight {
        let methods = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, OPTIONS");
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        let allowed = "Authorization, Content-Type, Idempotency-Key, Last-Event-ID";
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static(allowed),
        );
        headers.insert(
            header::ACCESS_CONTROL_MAX_AGE,
            HeaderValue::from_static("600"),
        );
    }
}
