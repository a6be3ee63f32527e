//! The caller of a request, as handlers ask for it: [`Actor`] (uses the workspace), [`AnyActor`] (may still wait for
//! approval), [`Admin`], [`MaybeActor`] (or nobody).
//!
//! Each request is checked against the store: the session stands, the person may sign in, the role is the one of now.

use super::{api_key, cookie};
use crate::app::App;
use crate::error::Error;
use crate::http::command::Key;
use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, header};
use std::sync::Arc;
use store::users::User;
use store::{sessions, tokens, users};
use wire::UserId;
use wire::people::Role;

const NO_CREDENTIAL: &str = "not signed in: send a token as a bearer, or sign in first";
const NOT_VALID: &str = "the session has ended or the token is not valid; sign in again";
const WAITS: &str = "this account waits for an admin's approval";
const ADMINS_ONLY: &str = "only an admin may do this";

/// Who calls, and with what. The role is `admin` or `user`.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The person, as of now.
    pub user: User,
    /// The session's `jti`, or the id of the API key: what [`store::Effect::EndSession`] names.
    pub session_id: String,
    /// What the caller showed.
    pub credential: Credential,
    /// Under which key the request is a command that happens once; none if it has no key.
    pub command: Option<Arc<Key>>,
}

/// What a caller showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// A session's token.
    Session {
        /// When it ends, in seconds; none is never.
        expires_at_s: Option<i64>,
    },
    /// An API key.
    ApiKey,
}

impl Actor {
    /// Who.
    #[must_use]
    pub fn id(&self) -> &UserId {
        &self.user.id
    }

    /// Whether they run the workspace.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.user.role == Role::Admin
    }

    /// The caller with the same command's step of this name.
    #[must_use]
    pub fn step(&self, name: impl std::fmt::Display) -> Actor {
        Actor {
            command: self.command.as_ref().map(|key| Arc::new(key.step(name))),
            ..self.clone()
        }
    }
}

/// A caller who may still wait for approval.
#[derive(Debug, Clone)]
pub struct AnyActor(pub Actor);

/// A caller who runs the workspace.
#[derive(Debug, Clone)]
pub struct Admin(pub Actor);

/// A caller, or nobody; a token that is not valid is nobody.
#[derive(Debug, Clone)]
pub struct MaybeActor(pub Option<Actor>);

impl FromRequestParts<App> for AnyActor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let shown = shown(&parts.headers).ok_or(Error::NotAuthenticated(NO_CREDENTIAL))?;
        let command = parts.extensions.get::<Arc<Key>>().cloned();
        let actor = actor_of_token(app, &shown).await?;
        Ok(AnyActor(Actor { command, ..actor }))
    }
}

impl FromRequestParts<App> for Actor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let AnyActor(actor) =
            <AnyActor as FromRequestParts<App>>::from_request_parts(parts, app).await?;
        match actor.user.role {
            Role::Admin | Role::User => Ok(actor),
            Role::Pending => Err(Error::RoleForbids(WAITS)),
        }
    }
}

impl FromRequestParts<App> for Admin {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let actor = <Actor as FromRequestParts<App>>::from_request_parts(parts, app).await?;
        if actor.is_admin() {
            Ok(Admin(actor))
        } else {
            Err(Error::RoleForbids(ADMINS_ONLY))
        }
    }
}

impl FromRequestParts<App> for MaybeActor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        match <AnyActor as FromRequestParts<App>>::from_request_parts(parts, app).await {
            Ok(AnyActor(actor)) => Ok(MaybeActor(Some(actor))),
            Err(Error::NotAuthenticated(_)) => Ok(MaybeActor(None)),
            Err(error) => Err(error),
        }
    }
}

/// The token or key of a request: a bearer, else the cookie.
pub(crate) fn shown(headers: &HeaderMap) -> Option<String> {
    let Some(line) = headers.get(header::AUTHORIZATION) else {
        return cookie::read(headers);
    };
    let (scheme, token) = line.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim().to_owned())
}

/// Who a token or key belongs to, also while they wait for approval; notes that they are active.
///
/// # Errors
/// [`Error::NotAuthenticated`] when it is not valid (any more); the store's errors.
pub async fn actor_of_token(app: &App, shown: &str) -> Result<Actor, Error> {
    let now_ms = app.clock.now_ms();
    let (actor, used_at_ms) = if shown.starts_with(api_key::PREFIX) {
        of_key(app, shown).await?
    } else {
        (of_session(app, shown, now_ms).await?, None)
    };
    note_active(app, &actor, used_at_ms, now_ms).await;
    Ok(actor)
}

/// What a session's token says. Whether the session still stands, the store must be asked.
pub struct ClaimedSession {
    /// The session's `jti`.
    pub session_id: String,
    user_id: UserId,
    expires_at_s: Option<i64>,
}

impl ClaimedSession {
    /// Reads a token; none if its signature does not hold, or its time is over.
    #[must_use]
    pub fn of_token(app: &App, token: &str) -> Option<ClaimedSession> {
        let claims = app.auth.tokens.read(token, app.clock.now_ms() / 1_000)?;
        Some(ClaimedSession {
            session_id: claims.jti,
            user_id: claims.id,
            expires_at_s: claims.exp,
        })
    }

    /// The caller, if the session is this person's.
    #[must_use]
    pub fn actor(self, user: User) -> Option<Actor> {
        (user.id == self.user_id).then_some(Actor {
            user,
            session_id: self.session_id,
            credential: Credential::Session {
                expires_at_s: self.expires_at_s,
            },
            command: None,
        })
    }
}

async fn of_session(app: &App, token: &str, now_ms: i64) -> Result<Actor, Error> {
    let claimed = ClaimedSession::of_token(app, token).ok_or(Error::NotAuthenticated(NOT_VALID))?;
    let session_id = claimed.session_id.clone();
    let user = app
        .store
        .read(move |conn| sessions::user_of(conn, &session_id, now_ms))
        .await?;
    user.and_then(|user| claimed.actor(user))
        .ok_or(Error::NotAuthenticated(NOT_VALID))
}

async fn of_key(app: &App, key: &str) -> Result<(Actor, Option<i64>), Error> {
    if !app.config.auth.enable_api_keys {
        return Err(Error::NotAuthenticated(
            "this server accepts no API keys (ENABLE_API_KEYS)",
        ));
    }
    let hash = api_key::hash(key);
    let holder = app
        .store
        .read(move |conn| tokens::holder(conn, &hash))
        .await?;
    let holder = holder.ok_or(Error::NotAuthenticated(NOT_VALID))?;
    let used_at_ms = Some(holder.last_used_at_ms.unwrap_or(0));
    let actor = Actor {
        user: holder.user,
        session_id: holder.key_id,
        credential: Credential::ApiKey,
        command: None,
    };
    Ok((actor, used_at_ms))
}

/// At most one write a person (and a key) in the interval of the settings.
async fn note_active(app: &App, actor: &Actor, used_at_ms: Option<i64>, now_ms: i64) {
    let interval_ms =
        i64::try_from(app.config.features.active_interval.as_millis()).unwrap_or(i64::MAX);
    let is_due = |at_ms: i64| now_ms - at_ms > interval_ms;
    let key_id = used_at_ms
        .filter(|at_ms| is_due(*at_ms))
        .map(|_| actor.session_id.clone());
    if !is_due(actor.user.last_active_at_ms) && key_id.is_none() {
        return;
    }
    let user_id = actor.user.id.clone();
    app.note("that somebody is active", move |tx| {
        users::set_active(tx, &user_id, now_ms)?;
        key_id.map_or(Ok(()), |key_id| tokens::set_used(tx, &key_id, now_ms))
    })
    .await;
}
