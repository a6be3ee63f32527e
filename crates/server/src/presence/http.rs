//! `GET /api/v1/users/online`, `GET /api/usage`.

use super::ACTIVE_MS;
use crate::app::App;
use crate::auth::Actor;
use crate::error::Error;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::UserId;
use wire::errors::ErrorBody;

/// The routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(online))
        .routes(routes!(usage))
}

/// Everyone who has an open socket.
#[derive(Debug, Serialize, ToSchema)]
struct Online {
    /// Who, in the order of their ids.
    user_ids: Vec<UserId>,
    /// A change that was pushed with this version, or a smaller one, is in the list.
    version: i64,
}

/// Who is online now. Changes are pushed as `events:presence`.
#[utoipa::path(get, operation_id = "list_online", path = "/api/v1/users/online", tag = "people",
    responses((status = 200, body = Online), (status = 401, body = ErrorBody)))]
async fn online(State(app): State<App>, _: Actor) -> Json<Online> {
    let (user_ids, version) = app.presence.online();
    Json(Online { user_ids, version })
}

/// What is in use.
#[derive(Debug, Serialize, ToSchema)]
struct InUse {
    /// Models that sockets reported within the last three seconds.
    model_ids: Vec<String>,
    /// People who did something within the last three minutes.
    user_count: i64,
}

/// Which models are in use, and by how many people the workspace is.
#[utoipa::path(get, operation_id = "get_usage", path = "/api/usage", tag = "server",
    responses((status = 200, body = InUse), (status = 401, body = ErrorBody)))]
async fn usage(State(app): State<App>, actor: Actor) -> Result<Json<InUse>, Error> {
    if !app.config.features.public_active_users_count && !actor.is_admin() {
        return Err(Error::RoleForbids(
            "on this server only admins may see who is active (ENABLE_PUBLIC_ACTIVE_USERS_COUNT)",
        ));
    }
    let now_ms = app.clock.now_ms();
    let user_count = app
        .store
        .read(move |conn| store::users::count_active(conn, now_ms - ACTIVE_MS))
        .await?;
    Ok(Json(InUse {
        model_ids: app.live.usage.models(now_ms),
        user_count,
    }))
}
