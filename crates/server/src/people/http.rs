//! `/api/v1/users` for everybody: settings, the people picker, a person, a picture (contract 5.7).
//!
//! Of other people only what the pages show leaves the server: addresses go to admins alone.

use super::{actions, avatar, is_active};
use crate::app::App;
use crate::auth::{Actor, permissions};
use crate::error::Error;
use crate::http::as_of::Snapshot;
use crate::http::body::Body;
use crate::http::query::Params;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use store::users::User;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::UserId;
use wire::errors::ErrorBody;
use wire::people::UserSummaries;

/// The routes. Those with fixed names stand before `{id}` only for the reader; the router knows them apart.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(read_settings))
        .routes(routes!(update_settings))
        .routes(routes!(read_permissions))
        .routes(routes!(search))
        .routes(routes!(find))
        .routes(routes!(activity))
        .routes(routes!(picture))
}

/// What to search for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Search {
    /// Part of a name.
    #[serde(default)]
    query: String,
    /// From 1; 30 people each.
    #[serde(default)]
    page: Option<i64>,
}

impl Search {
    /// The text and the page's number.
    #[must_use]
    pub fn parts(self) -> (String, i64) {
        (self.query, self.page.unwrap_or(1))
    }
}

/// Settings to merge by their top-level keys; `ui` belongs to the web app.
#[derive(Debug, Deserialize, ToSchema)]
pub struct SettingsChange {
    /// Settings of the web app, replaced whole.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    ui: Option<Map<String, Value>>,
    /// Any other key.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    others: BTreeMap<String, Value>,
}

/// My settings, or null.
#[utoipa::path(get, path = "/api/v1/users/user/settings", tag = "people", responses((status = 200, body = Value)))]
async fn read_settings(State(app): State<App>, actor: Actor) -> Result<Snapshot<Value>, Error> {
    let settings = actions::own_settings(&app, &actor).await?;
    Ok(settings.map(|settings| json!(settings)))
}

/// Change my settings: the top-level keys sent are replaced, others stay.
#[utoipa::path(post, path = "/api/v1/users/user/settings/update", tag = "people", request_body = SettingsChange, responses(
    (status = 200, body = Value), (status = 413, body = ErrorBody)
))]
async fn update_settings(
    State(app): State<App>,
    actor: Actor,
    Body(form): Body<SettingsChange>,
) -> Result<Json<Value>, Error> {
    let mut change: Map<String, Value> = form.others.into_iter().collect();
    if let Some(ui) = form.ui {
        change.insert("ui".to_owned(), Value::Object(ui));
    }
    Ok(Json(Value::Object(
        actions::update_settings(&app, &actor, change).await?,
    )))
}

/// The tree of permissions that old clients read.
#[utoipa::path(get, path = "/api/v1/users/permissions", tag = "people", responses((status = 200, body = Value)))]
async fn read_permissions(State(app): State<App>, _actor: Actor) -> Json<Value> {
    Json(permissions(&app.config))
}

/// People to pick from.
#[utoipa::path(get, path = "/api/v1/users/search", tag = "people", params(Search), responses((status = 200, body = UserSummaries)))]
async fn search(
    State(app): State<App>,
    _actor: Actor,
    Params(asked): Params<Search>,
) -> Result<Snapshot<UserSummaries>, Error> {
    let (text, page) = asked.parts();
    actions::search(&app, text, page).await
}

/// A person. Only admins, and the person, get the address.
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "people", params(("id" = String, Path)), responses(
    (status = 200, body = Value), (status = 404, body = ErrorBody)
))]
async fn find(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Snapshot<Value>, Error> {
    let found = actions::find(&app, UserId(id)).await?;
    let may_read_address = actor.is_admin() || actor.user.id == found.body.id;
    Ok(found.map(|user| profile(&app, &user, may_read_address)))
}

/// Whether a person is active.
#[utoipa::path(get, path = "/api/v1/users/{id}/active", tag = "people", params(("id" = String, Path)), responses(
    (status = 200, body = Value), (status = 404, body = ErrorBody)
))]
async fn activity(
    State(app): State<App>,
    _actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<Value>, Error> {
    let user = actions::find(&app, UserId(id)).await?.body;
    Ok(Json(json!({ "active": is_active(&app, &user) })))
}

/// A person's picture: the one they gave, or initials on a colour of their own.
#[utoipa::path(get, path = "/api/v1/users/{id}/profile/image", tag = "people", params(("id" = String, Path)), responses(
    (status = 200, description = "an image"), (status = 404, body = ErrorBody)
))]
async fn picture(
    State(app): State<App>,
    _actor: Actor,
    Path(id): Path<String>,
    asked: HeaderMap,
) -> Result<Response, Error> {
    let (user, picture) = actions::find_with_picture(&app, UserId(id)).await?;
    if user.profile_image_url.starts_with("https://") {
        return Ok(Redirect::temporary(&user.profile_image_url).into_response());
    }
    let tag = format!("\"{}\"", user.updated_at_ms);
    let always = [
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, "private, max-age=60".to_owned()),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; sandbox".to_owned(),
        ),
    ];
    if asked
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known.as_bytes() == tag.as_bytes())
    {
        return Ok((StatusCode::NOT_MODIFIED, always).into_response());
    }
    let (media_type, bytes) = match picture {
        Some(picture) => (picture.media_type, picture.bytes),
        None => (
            "image/svg+xml".to_owned(),
            avatar::svg(&user.id, &user.name).into_bytes(),
        ),
    };
    Ok((always, [(header::CONTENT_TYPE, media_type)], bytes).into_response())
}

/// The contract's record of a person; what we do not keep is null, and the address is there for whom it concerns.
fn profile(app: &App, user: &User, may_read_address: bool) -> Value {
    let mut profile = json!({
        "id": user.id, "name": user.name, "role": user.role, "profile_image_url": user.profile_image_url,
        "groups": [], "is_active": is_active(app, user),
        "last_active_at": user.last_active_at_ms / 1_000,
        "updated_at": user.updated_at_ms / 1_000,
        "created_at": user.created_at_ms / 1_000,
    });
    for absent in [
        "username",
        "profile_banner_image_url",
        "bio",
        "gender",
        "date_of_birth",
        "timezone",
        "presence_state",
        "info",
        "settings",
        "oauth",
        "status_emoji",
        "status_message",
        "status_expires_at",
    ] {
        profile[absent] = Value::Null;
    }
    if may_read_address {
        profile["email"] = json!(user.email);
    }
    profile
}
