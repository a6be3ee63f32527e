//! The admin's people page: `/api/v1/users/` and what is done to one account.

use super::actions::{self, Change};
use crate::access;
use crate::app::App;
use crate::auth::{Actor, Admin, rules};
use crate::error::Error;
use crate::http::as_of::{AsOf, Snapshot};
use crate::http::body::Body;
use crate::http::command::once_shown;
use crate::http::query::Params;
use crate::people::http::Search;
use crate::people::{actions::chosen_picture, is_active};
use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use store::Tx;
use store::users::{self, User};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::errors::ErrorBody;
use wire::people::{AdminUpdate, AdminUser, AdminUsers};
use wire::{Room, UserId};

/// The routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(update))
        .routes(routes!(disable))
        .routes(routes!(reset_password))
        .routes(routes!(delete))
}

/// Whether a person may not sign in.
#[derive(Debug, Deserialize, ToSchema)]
struct Disable {
    /// `false` allows it again.
    disabled: bool,
}

/// A new password, set by an admin.
#[derive(Debug, Deserialize, ToSchema)]
struct NewPassword {
    /// 8 to 256 bytes.
    password: String,
}

/// Everybody, by name; `query` finds names and addresses.
#[utoipa::path(get, operation_id = "list_accounts", path = "/api/v1/users/", tag = "admin", params(Search), responses(
    (status = 200, body = AdminUsers), (status = 401, body = ErrorBody)
))]
async fn list(
    State(app): State<App>,
    _: Admin,
    Params(asked): Params<Search>,
) -> Result<Snapshot<AdminUsers>, Error> {
    let (text, page) = asked.parts();
    let found = app.store.read(move |conn| {
        Ok::<_, Error>(Snapshot {
            body: users::list(conn, &text, page)?,
            as_of: AsOf::read(conn, [Room::Everyone])?,
        })
    });
    let shown = |user: &User| user.for_admin(is_active(&app, user));
    Ok(found.await?.map(|(found, total)| AdminUsers {
        users: found.iter().map(shown).collect(),
        total,
    }))
}

/// Change an account; a new role acts on the person's open tabs at once, a new password signs them out everywhere.
#[utoipa::path(post, operation_id = "update_account", path = "/api/v1/users/{id}/update", tag = "admin", params(("id" = String, Path)),
    request_body = AdminUpdate, responses(
    (status = 200, body = AdminUser),
    (status = 400, body = ErrorBody, description = "`email_taken`, `last_admin`, or a field that is not allowed"),
    (status = 404, body = ErrorBody),
))]
async fn update(
    State(app): State<App>,
    Admin(admin): Admin,
    Path(id): Path<String>,
    Body(form): Body<AdminUpdate>,
) -> Result<Json<AdminUser>, Error> {
    let id = UserId(id);
    let password = form.password.filter(|password| !password.is_empty());
    let change = Change {
        role: form.role,
        name: form.name.as_deref().map(rules::name).transpose()?,
        email: form.email.as_deref().map(rules::email).transpose()?,
        password_hash: match password {
            Some(password) => Some(hashed(&app, password).await?),
            None => None,
        },
        picture: Some(chosen_picture(
            Some(&id),
            form.profile_image_url.as_deref(),
        )?),
    };
    let now_ms = app.clock.now_ms();
    let user = once(&app, admin, id, move |tx, id| {
        actions::update(tx, id, change, now_ms)
    })
    .await?;
    Ok(shown(&app, &user))
}

/// Disable an account, or enable it again. Disabling ends all sessions at once.
#[utoipa::path(post, operation_id = "disable_account", path = "/api/v1/users/{id}/disable", tag = "admin", params(("id" = String, Path)),
    request_body = Disable, responses(
    (status = 200, body = AdminUser), (status = 400, body = ErrorBody, description = "`last_admin`"),
    (status = 404, body = ErrorBody),
))]
async fn disable(
    State(app): State<App>,
    Admin(admin): Admin,
    Path(id): Path<String>,
    Body(form): Body<Disable>,
) -> Result<Json<AdminUser>, Error> {
    let now_ms = app.clock.now_ms();
    let user = once(&app, admin, UserId(id), move |tx, id| {
        actions::set_disabled(tx, id, form.disabled, now_ms)
    })
    .await?;
    Ok(shown(&app, &user))
}

/// Set a person's password; they are signed out everywhere.
#[utoipa::path(post, operation_id = "reset_password", path = "/api/v1/users/{id}/password", tag = "admin", params(("id" = String, Path)),
    request_body = NewPassword, responses(
    (status = 200, body = AdminUser), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody),
))]
async fn reset_password(
    State(app): State<App>,
    Admin(admin): Admin,
    Path(id): Path<String>,
    Body(form): Body<NewPassword>,
) -> Result<Json<AdminUser>, Error> {
    let change = Change {
        password_hash: Some(hashed(&app, form.password).await?),
        ..Change::default()
    };
    let now_ms = app.clock.now_ms();
    let user = once(&app, admin, UserId(id), move |tx, id| {
        actions::update(tx, id, change, now_ms)
    })
    .await?;
    Ok(shown(&app, &user))
}

/// Delete an account with its chats and memory. What the person wrote in channels stays, under their name.
#[utoipa::path(delete, operation_id = "delete_account", path = "/api/v1/users/{id}", tag = "admin", params(("id" = String, Path)), responses(
    (status = 200, body = bool), (status = 400, body = ErrorBody, description = "`last_admin`"),
    (status = 404, body = ErrorBody),
))]
async fn delete(
    State(app): State<App>,
    Admin(admin): Admin,
    Path(id): Path<String>,
) -> Result<Json<bool>, Error> {
    let (id, now_ms) = (UserId(id), app.clock.now_ms());
    let (stopping, caller) = (app.clone(), admin.clone());
    app.to_the_end(async move {
        let gone = id.clone();
        stopping
            .command(&admin, move |tx| {
                access::may_administrate(tx, &caller)?;
                actions::delete(tx, &id, now_ms)
            })
            .await?;
        stopping.runs.stop_all(|run| run.user_id == gone);
        Ok(())
    })
    .await?;
    Ok(Json(true))
}

/// Changes an account once for the admin's key; again, it is shown as it is now.
async fn once<F>(app: &App, admin: Actor, id: UserId, change: F) -> Result<User, Error>
where
    F: FnOnce(&mut Tx<'_>, &UserId) -> Result<User, Error> + Send + 'static,
{
    app.store
        .write(move |tx| {
            access::may_administrate(tx, &admin)?;
            let again = |tx: &mut Tx<'_>, id: UserId| {
                users::by_id(tx, &id)?.ok_or(Error::NotFound("person"))
            };
            let change = |tx: &mut Tx<'_>| Ok((id.clone(), change(tx, &id)?));
            once_shown(tx, &admin, change, again)
        })
        .await
}

async fn hashed(app: &App, password: String) -> Result<String, Error> {
    rules::password(&password)?;
    app.auth.passwords.hash(password).await
}

fn shown(app: &App, user: &User) -> Json<AdminUser> {
    Json(user.for_admin(is_active(app, user)))
}
