//! `/api/v1/auths`: contract 5.1, and signing out everywhere.

use super::actions::{self, SignedIn};
use super::actor::shown;
use super::{Actor, AnyActor, ClientAddress, Credential, cookie, permissions};
use crate::app::App;
use crate::error::Error;
use crate::http::body::Body;
use crate::people;
use axum::Json;
use axum::extract::State;
use axum::response::{AppendHeaders, IntoResponse, Response};
use http::{HeaderMap, header};
use serde_json::{Value, json};
use store::users::User;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::errors::{ErrorBody, ValidationBody};
use wire::people::{Session, SignIn, SignUp, UpdatePassword, UpdateProfile};

/// The routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sign_up))
        .routes(routes!(sign_in))
        .routes(routes!(session))
        .routes(routes!(sign_out, sign_out_by_post))
        .routes(routes!(sign_out_everywhere))
        .routes(routes!(update_profile))
        .routes(routes!(update_password))
        .routes(routes!(create_api_key, read_api_key, delete_api_key))
}

/// Make an account and sign in. The first one becomes admin.
#[utoipa::path(post, path = "/api/v1/auths/signup", tag = "people", request_body = SignUp, responses(
    (status = 200, body = Session),
    (status = 400, body = ErrorBody, description = "`email_taken`, `email_invalid`, `name_invalid`, `password_invalid`"),
    (status = 403, body = ErrorBody, description = "sign-up is closed"),
    (status = 422, body = ValidationBody),
    (status = 429, body = ErrorBody, description = "too many new accounts from this address"),
))]
async fn sign_up(
    State(app): State<App>,
    ClientAddress(from): ClientAddress,
    Body(form): Body<SignUp>,
) -> Result<Response, Error> {
    actions::sign_up(&app, form, from)
        .await
        .map(|begun| begin(&app, begun))
}

/// Sign in.
#[utoipa::path(post, path = "/api/v1/auths/signin", tag = "people", request_body = SignIn, responses(
    (status = 200, body = Session),
    (status = 400, body = ErrorBody, description = "`credentials_wrong`"),
    (status = 422, body = ValidationBody),
    (status = 429, body = ErrorBody, description = "too many tries for this account or from this address"),
))]
async fn sign_in(
    State(app): State<App>,
    ClientAddress(from): ClientAddress,
    Body(form): Body<SignIn>,
) -> Result<Response, Error> {
    actions::sign_in(&app, form, from)
        .await
        .map(|begun| begin(&app, begun))
}

/// Who I am: by bearer, or by the cookie alone. Pending people may ask too.
#[utoipa::path(get, path = "/api/v1/auths/", tag = "people", responses(
    (status = 200, body = Session, description = "with `bio`, `gender`, `date_of_birth` and the status fields, all null"),
    (status = 401, body = ErrorBody),
))]
async fn session(
    State(app): State<App>,
    headers: HeaderMap,
    AnyActor(actor): AnyActor,
) -> Result<Response, Error> {
    let me = actions::me(&app, &actor).await?;
    let token = shown(&headers).unwrap_or_default();
    let expires_at_s = match actor.credential {
        Credential::Session { expires_at_s } => expires_at_s,
        Credential::ApiKey => None,
    };
    let mut body = json!(session_of(&app, &me.body, &token, expires_at_s));
    for absent in [
        "bio",
        "gender",
        "date_of_birth",
        "status_emoji",
        "status_message",
        "status_expires_at",
    ] {
        body[absent] = Value::Null;
    }
    let body = me.map(|_| body);
    Ok(match actor.credential {
        Credential::Session { .. } => with_cookie(&app, &token, expires_at_s, body),
        Credential::ApiKey => body.into_response(),
    })
}

/// End this session.
#[utoipa::path(get, path = "/api/v1/auths/signout", tag = "people", responses((status = 200, body = Value)))]
async fn sign_out(
    State(app): State<App>,
    actor: Result<AnyActor, Error>,
) -> Result<Response, Error> {
    end(&app, actor).await
}

/// End this session.
#[utoipa::path(post, path = "/api/v1/auths/signout", tag = "people", responses((status = 200, body = Value)))]
async fn sign_out_by_post(
    State(app): State<App>,
    actor: Result<AnyActor, Error>,
) -> Result<Response, Error> {
    end(&app, actor).await
}

/// End all my sessions, this one too.
#[utoipa::path(post, path = "/api/v1/auths/signout/everywhere", tag = "people", responses(
    (status = 200, body = Value), (status = 401, body = ErrorBody)
))]
async fn sign_out_everywhere(
    State(app): State<App>,
    AnyActor(actor): AnyActor,
) -> Result<Response, Error> {
    actions::sign_out_everywhere(&app, &actor).await?;
    Ok(without_cookie(&app))
}

/// Change my name and picture.
#[utoipa::path(post, path = "/api/v1/auths/update/profile", tag = "people", request_body = UpdateProfile, responses(
    (status = 200, body = Value), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)
))]
async fn update_profile(
    State(app): State<App>,
    AnyActor(actor): AnyActor,
    Body(form): Body<UpdateProfile>,
) -> Result<Json<Value>, Error> {
    let user = people::actions::update_profile(&app, &actor, form).await?;
    let mut body = json!(user.summary(people::is_active(&app, &user)));
    body["email"] = json!(user.email);
    Ok(Json(body))
}

/// Change my password; all my other sessions end.
#[utoipa::path(post, path = "/api/v1/auths/update/password", tag = "people", request_body = UpdatePassword, responses(
    (status = 200, body = bool), (status = 400, body = ErrorBody), (status = 401, body = ErrorBody)
))]
async fn update_password(
    State(app): State<App>,
    actor: Actor,
    Body(form): Body<UpdatePassword>,
) -> Result<Json<bool>, Error> {
    actions::change_password(&app, &actor, form).await?;
    Ok(Json(true))
}

/// Make my API key, in place of the one before. It is shown this once.
#[utoipa::path(post, path = "/api/v1/auths/api_key", tag = "people", responses(
    (status = 200, body = Value), (status = 403, body = ErrorBody)
))]
async fn create_api_key(State(app): State<App>, actor: Actor) -> Result<Json<Value>, Error> {
    let api_key = actions::create_own_key(&app, &actor).await?;
    Ok(Json(json!({ "api_key": api_key })))
}

/// My API key, with all but its last four characters hidden: only its hash is kept.
#[utoipa::path(get, path = "/api/v1/auths/api_key", tag = "people", responses(
    (status = 200, body = Value), (status = 404, body = ErrorBody)
))]
async fn read_api_key(State(app): State<App>, actor: Actor) -> Result<Json<Value>, Error> {
    let api_key = actions::own_key(&app, &actor)
        .await?
        .ok_or(Error::NotFound("API key"))?;
    Ok(Json(json!({ "api_key": api_key })))
}

/// Revoke my API key.
#[utoipa::path(delete, path = "/api/v1/auths/api_key", tag = "people", responses((status = 200, body = bool)))]
async fn delete_api_key(State(app): State<App>, actor: Actor) -> Result<Json<bool>, Error> {
    actions::delete_own_key(&app, &actor).await.map(Json)
}

/// Signing out works without a valid session too: the cookie goes in any case.
async fn end(app: &App, actor: Result<AnyActor, Error>) -> Result<Response, Error> {
    match actor {
        Ok(AnyActor(actor)) => actions::sign_out(app, &actor).await?,
        Err(Error::NotAuthenticated(_)) => {}
        Err(error) => return Err(error),
    }
    Ok(without_cookie(app))
}

fn begin(app: &App, begun: SignedIn) -> Response {
    let session = session_of(app, &begun.user, &begun.token, begun.expires_at_s);
    with_cookie(app, &begun.token, begun.expires_at_s, Json(session))
}

fn session_of(app: &App, user: &User, token: &str, expires_at: Option<i64>) -> Session {
    Session {
        id: user.id.clone(),
        name: user.name.clone(),
        role: user.role,
        email: user.email.clone(),
        profile_image_url: user.profile_image_url.clone(),
        token: token.to_owned(),
        token_type: "Bearer".to_owned(),
        expires_at,
        permissions: permissions(&app.config),
    }
}

fn with_cookie(
    app: &App,
    token: &str,
    expires_at_s: Option<i64>,
    body: impl IntoResponse,
) -> Response {
    let cookie = cookie::set(&app.config.auth, token, expires_at_s)
        .map(|cookie| (header::SET_COOKIE, cookie));
    (
        AppendHeaders(cookie),
        [(header::CACHE_CONTROL, "no-store")],
        body,
    )
        .into_response()
}

fn without_cookie(app: &App) -> Response {
    let cookie = cookie::delete(&app.config.auth).map(|cookie| (header::SET_COOKIE, cookie));
    (AppendHeaders(cookie), Json(json!({ "status": true }))).into_response()
}
