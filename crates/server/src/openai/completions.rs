//! A completion without a chat: the answer as the upstream gives it.

use super::refusal;
use crate::app::App;
use crate::error::Error;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use llm::{Answer, ChatRequest};
use serde_json::Value;

/// Asks the model. Dropping the response, or this future, closes the connection to the upstream.
///
/// # Errors
/// An unknown model; an upstream that cannot be reached. One that refuses is answered with its own status and body.
pub async fn complete(app: &App, request: ChatRequest) -> Result<Response, Error> {
    match app.models.chat(request).await.map_err(refusal)? {
        Answer::Whole { body, .. } => Ok(json(StatusCode::OK, body)),
        Answer::Refused(llm::Error::Refused { status, body, .. }) => Ok(json(
            StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY),
            body,
        )),
        Answer::Refused(error) => Err(refusal(error)),
        Answer::Stream(answer) => {
            let content_type = HeaderValue::from_str(answer.content_type());
            let content_type =
                content_type.unwrap_or(HeaderValue::from_static("text/event-stream"));
            let body = Body::from_stream(answer.into_sse(app.config.models.max_line_bytes));
            let mut response = body.into_response();
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, content_type);
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            // nginx would gather the words otherwise.
            headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
            Ok(response)
        }
    }
}

/// Asks an Ollama in its own words and passes its answer on.
///
/// # Errors
/// A model that no Ollama has; an upstream that cannot be reached. One that refuses is answered with its own status.
pub async fn ollama_chat(app: &App, body: &Value) -> Result<Response, Error> {
    match app.models.ollama_chat(body, app.clock.now_s()).await {
        Ok(answer) => {
            let content_type = HeaderValue::from_str(answer.content_type());
            let content_type =
                content_type.unwrap_or(HeaderValue::from_static("application/x-ndjson"));
            let mut response = Body::from_stream(answer.into_bytes()).into_response();
            response.headers_mut().insert(CONTENT_TYPE, content_type);
            Ok(response)
        }
        Err(llm::Error::Refused { status, body, .. }) => Ok(json(
            StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY),
            body,
        )),
        Err(error) => Err(refusal(error)),
    }
}

fn json(status: StatusCode, body: bytes::Bytes) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body).into_response()
}
