//! Routes under `/api/v1/chats` (contract 5.4): bodies in, actions, answers out.

use super::actions::{self, Switch};
use super::report;
use crate::app::App;
use crate::auth::Actor;
use crate::error::Error;
use crate::http::as_of::Snapshot;
use crate::http::body::Body;
use crate::http::query::Params;
use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use store::chats::Which;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::chats::{Chat, ChatForm, ChatRow, EditChatMessage, ReportChatEvent};
use wire::{ChatId, MessageId};

/// The routes of chats.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list_chats, delete_all_chats))
        .routes(routes!(list_chats_by_page))
        .routes(routes!(list_pinned_chats))
        .routes(routes!(list_archived_chats))
        .routes(routes!(create_chat))
        .routes(routes!(open_chat, update_chat, delete_chat))
        .routes(routes!(pin_chat))
        .routes(routes!(archive_chat))
        .routes(routes!(edit_chat_message, delete_chat_message))
        .routes(routes!(report_chat_event))
        .route(
            "/api/v1/chats",
            axum::routing::get(list_chats).delete(delete_all_chats),
        )
}

/// Which page of the list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Page {
    /// From 1, sixty rows each; without it all rows come.
    page: Option<u32>,
    /// Whether pinned chats are in it too.
    include_pinned: Option<bool>,
}

impl Page {
    fn which(&self) -> Which {
        match self.include_pinned {
            Some(true) => Which::All,
            _ => Which::Unpinned,
        }
    }
}

/// The caller's chats, what changed last first.
#[utoipa::path(get, path = "/api/v1/chats/", tag = "chats", params(Page), responses((status = 200, body = Vec<ChatRow>)))]
async fn list_chats(
    State(app): State<App>,
    actor: Actor,
    Params(page): Params<Page>,
) -> Result<Snapshot<Vec<ChatRow>>, Error> {
    actions::list(&app, &actor, page.which(), page.page).await
}

/// The same as `/api/v1/chats/`.
#[utoipa::path(get, path = "/api/v1/chats/list", tag = "chats", params(Page), responses((status = 200, body = Vec<ChatRow>)))]
async fn list_chats_by_page(
    State(app): State<App>,
    actor: Actor,
    Params(page): Params<Page>,
) -> Result<Snapshot<Vec<ChatRow>>, Error> {
    actions::list(&app, &actor, page.which(), page.page).await
}

/// The caller's pinned chats.
#[utoipa::path(get, path = "/api/v1/chats/pinned", tag = "chats", responses((status = 200, body = Vec<ChatRow>)))]
async fn list_pinned_chats(
    State(app): State<App>,
    actor: Actor,
) -> Result<Snapshot<Vec<ChatRow>>, Error> {
    actions::list(&app, &actor, Which::Pinned, None).await
}

/// The caller's archived chats.
#[utoipa::path(get, path = "/api/v1/chats/archived", tag = "chats", params(Page), responses((status = 200, body = Vec<ChatRow>)))]
async fn list_archived_chats(
    State(app): State<App>,
    actor: Actor,
    Params(page): Params<Page>,
) -> Result<Snapshot<Vec<ChatRow>>, Error> {
    actions::list(&app, &actor, Which::Archived, page.page).await
}

/// Makes a chat.
#[utoipa::path(post, path = "/api/v1/chats/new", tag = "chats", request_body = ChatForm, responses((status = 200, body = Chat)))]
async fn create_chat(
    State(app): State<App>,
    actor: Actor,
    Body(form): Body<ChatForm>,
) -> Result<Json<Chat>, Error> {
    Ok(Json(actions::create(&app, &actor, form.chat).await?))
}

/// One chat with its messages.
#[utoipa::path(get, path = "/api/v1/chats/{id}", tag = "chats", params(("id" = String, Path)), responses((status = 200, body = Chat)))]
async fn open_chat(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<ChatId>,
) -> Result<Snapshot<Chat>, Error> {
    actions::open(&app, &actor, id).await
}

/// Merges a document into a chat, message by message; what is not sent stays.
#[utoipa::path(post, path = "/api/v1/chats/{id}", tag = "chats", params(("id" = String, Path)), request_body = ChatForm,
    responses((status = 200, body = Chat)))]
async fn update_chat(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<ChatId>,
    Body(form): Body<ChatForm>,
) -> Result<Json<Chat>, Error> {
    Ok(Json(actions::update(&app, &actor, id, form.chat).await?))
}

/// Removes a chat.
#[utoipa::path(delete, path = "/api/v1/chats/{id}", tag = "chats", params(("id" = String, Path)), responses((status = 200, body = bool, content_type = "application/json")))]
async fn delete_chat(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<ChatId>,
) -> Result<Json<bool>, Error> {
    actions::delete(&app, &actor, id).await?;
    Ok(Json(true))
}

/// Removes all chats of the caller.
#[utoipa::path(delete, path = "/api/v1/chats/", tag = "chats", responses((status = 200, body = bool, content_type = "application/json")))]
async fn delete_all_chats(State(app): State<App>, actor: Actor) -> Result<Json<bool>, Error> {
    actions::delete_all(&app, &actor).await?;
    Ok(Json(true))
}

/// Pins a chat, or unpins it.
#[utoipa::path(post, path = "/api/v1/chats/{id}/pin", tag = "chats", params(("id" = String, Path)), responses((status = 200, body = Chat)))]
async fn pin_chat(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<ChatId>,
) -> Result<Json<Chat>, Error> {
    Ok(Json(actions::toggle(&app, &actor, id, Switch::Pin).await?))
}

/// Archives a chat, or takes it back.
#[utoipa::path(post, path = "/api/v1/chats/{id}/archive", tag = "chats", params(("id" = String, Path)), responses((status = 200, body = Chat)))]
async fn archive_chat(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<ChatId>,
) -> Result<Json<Chat>, Error> {
    Ok(Json(
        actions::toggle(&app, &actor, id, Switch::Archive).await?,
    ))
}

/// Replaces the text of a message.
#[utoipa::path(post, path = "/api/v1/chats/{id}/messages/{message_id}", tag = "chats",
    params(("id" = String, Path), ("message_id" = String, Path)), request_body = EditChatMessage,
    responses((status = 200, body = Chat)))]
async fn edit_chat_message(
    State(app): State<App>,
    actor: Actor,
    Path((id, message_id)): Path<(ChatId, MessageId)>,
    Body(edit): Body<EditChatMessage>,
) -> Result<Json<Chat>, Error> {
    Ok(Json(
        actions::edit(&app, &actor, id, message_id, edit.content).await?,
    ))
}

/// Removes a message; what answered it answers its parent.
#[utoipa::path(delete, path = "/api/v1/chats/{id}/messages/{message_id}", tag = "chats",
    params(("id" = String, Path), ("message_id" = String, Path)), responses((status = 200, body = Chat)))]
async fn delete_chat_message(
    State(app): State<App>,
    actor: Actor,
    Path((id, message_id)): Path<(ChatId, MessageId)>,
) -> Result<Json<Chat>, Error> {
    Ok(Json(
        actions::delete_message(&app, &actor, id, message_id).await?,
    ))
}

/// Reports an event about a message: stored with it and told to every tab.
#[utoipa::path(post, path = "/api/v1/chats/{id}/messages/{message_id}/event", tag = "chats",
    params(("id" = String, Path), ("message_id" = String, Path)), request_body = ReportChatEvent,
    responses((status = 200, body = bool, content_type = "application/json")))]
async fn report_chat_event(
    State(app): State<App>,
    actor: Actor,
    Path((id, message_id)): Path<(ChatId, MessageId)>,
    Body(event): Body<ReportChatEvent>,
) -> Result<Json<bool>, Error> {
    report::report(&app, &actor, id, message_id, event).await?;
    Ok(Json(true))
}
