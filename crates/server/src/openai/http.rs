//! Routes: `/api/models`, `/api/chat/completions` and their other names, `/api/chat/completed`.

use super::completions;
use crate::app::App;
use crate::auth::Actor;
use crate::error::Error;
use crate::http::body::Body;
use crate::http::query::Params;
use crate::runs;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::chats::{CompletionRequest, TaskStarted};

/// The routes of models and completions.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_models))
        .routes(routes!(complete_chat))
        .routes(routes!(chat_completed))
        .routes(routes!(ollama_chat))
        .route("/api/v1/models", get(list_models))
        .route("/openai/models", get(list_models))
        .route("/api/v1/chat/completions", post(complete_chat))
        .route("/openai/chat/completions", post(complete_chat))
        .route("/api/v1/chat/completed", post(chat_completed))
}

/// How fresh the list shall be.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Refresh {
    /// Ask the upstreams now instead of taking the list of the last minute.
    refresh: Option<bool>,
}

/// The models that can be asked.
#[utoipa::path(get, path = "/api/models", tag = "models", params(Refresh), responses((status = 200, body = Value)))]
async fn list_models(
    State(app): State<App>,
    _actor: Actor,
    Params(asked): Params<Refresh>,
) -> Json<Value> {
    let now_s = app.clock.now_s();
    let models = match asked.refresh {
        Some(true) => app.models.refresh(now_s).await,
        _ => app.models.models(now_s).await,
    };
    Json(json!({"object": "list", "data": *models}))
}

/// Asks a model. With `session_id`, `chat_id` and `id` the answer arrives as events and this returns at once; else the
/// answer is the response, streamed or whole.
#[utoipa::path(post, path = "/api/chat/completions", tag = "models", request_body = CompletionRequest,
    responses((status = 200, description = "The task that was started; or OpenAI's answer, as JSON or as events", body = TaskStarted)))]
async fn complete_chat(
    State(app): State<App>,
    actor: Actor,
    Body(mut request): Body<CompletionRequest>,
) -> Result<Response, Error> {
    let is_given = |text: &str| !text.is_empty();
    let session_id = request.session_id.take().filter(|id| is_given(id));
    let chat_id = request.chat_id.take().filter(|id| is_given(id.as_str()));
    let message_id = request.id.take().filter(|id| is_given(id.as_str()));
    if let (Some(_), Some(chat_id), Some(message_id)) = (session_id, chat_id, message_id) {
        let started = runs::start(&app, &actor, chat_id, message_id, request).await?;
        return Ok(Json(started).into_response());
    }
    let stream = request.stream.unwrap_or(false);
    completions::complete(&app, runs::ask(request, stream, app.clock.now_s())).await
}

/// Tells that a client has seen the end of an answer. The server knows it already: the body comes back as it is.
#[utoipa::path(post, path = "/api/chat/completed", tag = "models", request_body = Value, responses((status = 200, body = Value)))]
async fn chat_completed(_actor: Actor, Body(body): Body<Value>) -> Json<Value> {
    Json(body)
}

/// Asks an Ollama in its own words; the answer is its own, NDJSON if it is streamed.
#[utoipa::path(post, path = "/ollama/api/chat", tag = "models", request_body = Value, responses((status = 200, body = Value)))]
async fn ollama_chat(
    State(app): State<App>,
    _actor: Actor,
    Body(body): Body<Value>,
) -> Result<Response, Error> {
    completions::ollama_chat(&app, &body).await
}
