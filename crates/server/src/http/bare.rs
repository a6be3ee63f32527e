//! The router's own refusals (a method that a route does not serve, an address that is no text) in the shape that all
//! errors have: JSON with a sentence and a stable word.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use wire::errors::ErrorBody;

/// The answer with a body that clients can read; ours have one already.
pub fn shaped(bare: Response) -> Response {
    let (code, detail) = match bare.status() {
        StatusCode::METHOD_NOT_ALLOWED => (
            "method_not_allowed",
            "this address is not served for this method; the header Allow names those that are",
        ),
        StatusCode::BAD_REQUEST => (
            "bad_address",
            "the address cannot be read: its parts must be percent-encoded UTF-8",
        ),
        _ => return bare,
    };
    if is_json(bare.headers().get(header::CONTENT_TYPE)) {
        return bare;
    }
    let body = ErrorBody {
        detail: detail.to_owned(),
        code: code.to_owned(),
    };
    let mut response = (bare.status(), Json(body)).into_response();
    if let Some(allow) = bare.headers().get(header::ALLOW) {
        response.headers_mut().insert(header::ALLOW, allow.clone());
    }
    response
}

fn is_json(content_type: Option<&HeaderValue>) -> bool {
    content_type.is_some_and(|given| given.as_bytes().starts_with(b"application/json"))
}
