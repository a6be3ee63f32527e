//! `GET /api/v1/commands/{key}`: whether a command ran, for clients that kept one for days before they send it again.

use super::command::checked;
use crate::app::App;
use crate::auth::Actor;
use crate::error::Error;
use axum::Json;
use axum::extract::{Path, State};
use serde_json::Value;
use store::commands::{self, REMEMBERED_MS};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::commands::CommandRan;
use wire::errors::ErrorBody;

/// The route.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(command_ran))
}

/// Whether my command of this `Idempotency-Key` ran. What ran before `known_since` may be forgotten: it cannot be told
/// from what never ran.
#[utoipa::path(get, path = "/api/v1/commands/{key}", tag = "commands", params(("key" = String, Path)), responses(
    (status = 200, body = CommandRan), (status = 400, body = ErrorBody)
))]
async fn command_ran(
    State(app): State<App>,
    actor: Actor,
    Path(key): Path<String>,
) -> Result<Json<CommandRan>, Error> {
    let key = checked(&key)?;
    let now_ms = app.clock.now_ms();
    let ran = app
        .store
        .read(move |conn| commands::find(conn, actor.id(), &key))
        .await?;
    let (command, at, answer) = match ran {
        Some(ran) => {
            let answer = serde_json::from_str(&ran.answer).unwrap_or(Value::Null);
            (Some(ran.resource), Some(ran.at_ms), answer)
        }
        None => (None, None, Value::Null),
    };
    Ok(Json(CommandRan {
        ran: command.is_some(),
        command,
        at,
        answer,
        now: now_ms,
        known_since: now_ms - REMEMBERED_MS,
    }))
}
