//! The web app, inside the binary: files compressed once by its build, named by content where they never change.

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use rust_embed::{EmbeddedFile, RustEmbed};

#[derive(RustEmbed)]
#[folder = "../../web/build"]
struct Files;

/// Serves a file of the web app; paths of pages get the page that starts the app.
pub async fn serve(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    if path == "api"
        || ["api/", "ws/", "openai/", "ollama/"]
            .iter()
            .any(|prefix| path.starts_with(prefix))
    {
        return crate::error::Error::NotFound("route").into_response();
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return (
            StatusCode::METHOD_NOT_ALLOWED,
            [(header::ALLOW, "GET, HEAD")],
        )
            .into_response();
    }
    let wants_file = path.starts_with("_app/")
        || path
            .rsplit('/')
            .next()
            .is_some_and(|name| name.contains('.'));
    match (Files::get(path), wants_file) {
        (Some(_), _) if !path.is_empty() => file(path, request.headers()),
        (_, true) => crate::error::Error::NotFound("file").into_response(),
        _ => file("index.html", request.headers()),
    }
}

fn file(path: &str, headers: &HeaderMap) -> Response {
    let accepted = headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|h| h.to_str().ok())
        .unwrap_or_default();
    let accepts = |coding: &str| {
        accepted
            .split(',')
            .any(|part| part.trim().split(';').next() == Some(coding))
    };
    let found = [("br", ".br"), ("gzip", ".gz")]
        .into_iter()
        .filter(|(coding, _)| accepts(coding))
        .find_map(|(coding, ending)| Some((Files::get(&format!("{path}{ending}"))?, Some(coding))))
        .or_else(|| Some((Files::get(path)?, None)));
    match found {
        Some((embedded, coding)) => answer(path, embedded, coding, headers),
        None => (
            StatusCode::NOT_FOUND,
            "The web app was not built into this server. Run: cargo xtask build\n",
        )
            .into_response(),
    }
}

fn answer(
    path: &str,
    embedded: EmbeddedFile,
    coding: Option<&'static str>,
    headers: &HeaderMap,
) -> Response {
    let hash = embedded.metadata.sha256_hash();
    let etag: String = std::iter::once("\"".to_owned())
        .chain(hash.iter().take(8).map(|byte| format!("{byte:02x}")))
        .chain(["\"".to_owned()])
        .collect();
    let cache = if path.starts_with("_app/immutable/") {
        "max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let is_known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == etag.as_bytes());
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        axum::body::Body::from(embedded.data).into_response()
    };
    let out = response.headers_mut();
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    out.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(content_type(path)),
    );
    out.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        out.insert(header::ETAG, etag);
    }
    if let Some(coding) = coding {
        out.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    response
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "mp3" => "audio/mpeg",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
