//! The router, a table of contents, and the middleware around it.

mod about;
pub mod as_of;
mod bare;
pub mod body;
pub mod command;
mod commands;
mod headers;
pub mod query;
mod slow_body;
pub mod turns;
mod webapp;

use crate::app::App;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router, middleware};
use serde_json::json;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

/// What the document says of the whole interface.
#[derive(OpenApi)]
#[openapi(info(
    title = "Tidings",
    description = "People, models and agents in one live workspace. Speaks the protocol of Open WebUI 0.7.2."
))]
struct Document;

/// Every documented route, feature by feature.
fn api() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(about::routes())
        .merge(crate::auth::http::routes())
        .merge(crate::people::http::routes())
        .merge(crate::admin::http::routes())
        .merge(crate::chats::http::routes())
        .merge(crate::runs::http::routes())
        .merge(crate::openai::http::routes())
        .merge(crate::channels::routes())
        .merge(crate::presence::routes())
        .merge(crate::memory::http::routes())
        .merge(commands::routes())
}

/// The OpenAPI document of all routes.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = api().into_openapi();
    command::describe(&mut document);
    document
}

/// The whole interface: API, sockets, web app.
pub fn router(app: &App) -> Router {
    let (api, _document) = api().split_for_parts();
    api.layer(middleware::from_fn_with_state(app.clone(), command::read))
        .route("/health", get(health))
        .route("/ready", get(ready))
        .merge(app.sockets.router("/ws/socket.io"))
        .fallback(webapp::serve)
        .layer(middleware::from_fn_with_state(app.clone(), headers::guard))
        .layer(middleware::from_fn_with_state(
            app.clone(),
            slow_body::limit,
        ))
        .layer(DefaultBodyLimit::max(app.config.http.max_body_bytes))
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(panicked))
        .with_state(app.clone())
}

/// The process is alive.
async fn health() -> Json<serde_json::Value> {
    Json(json!({"status": true}))
}

/// The database answers.
async fn ready(State(app): State<App>) -> Response {
    match app.store.read(store::log::head).await {
        Ok(_) => Json(json!({"status": true})).into_response(),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                Json(json!({"status": false, "detail": "the database does not answer"})),
            )
                .into_response()
        }
    }
}

#[allow(clippy::needless_pass_by_value)]
fn panicked(panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let what = crate::error::panic_text(panic.as_ref());
    tracing::error!(panic = what, "a request handler panicked");
    crate::error::Error::Internal.into_response()
}
