//! `GET /api/v1/users/online`.

use crate::app::App;
use crate::auth::Actor;
use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::UserId;
use wire::errors::ErrorBody;

/// The route.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(online))
}

/// Everyone who has an open socket.
#[derive(Debug, Serialize, ToSchema)]
struct Online {
    /// Who, in the order of their ids.
    user_ids: Vec<UserId>,
}

/// Who is online now. Changes are pushed as `events:presence`.
#[utoipa::path(get, operation_id = "list_online", path = "/api/v1/users/online", tag = "people",
    responses((status = 200, body = Online), (status = 401, body = ErrorBody)))]
async fn online(State(app): State<App>, _: Actor) -> Json<Online> {
    Json(Online {
        user_ids: app.presence.online(),
    })
}
