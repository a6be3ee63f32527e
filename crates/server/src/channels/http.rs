//! The routes of channels (contract 5.3), and two of our own: leaving, and moving the read marker.

use super::views::Listing;
use crate::app::App;
use crate::auth::Actor;
use crate::error::Error;
use crate::http::as_of::Snapshot;
use crate::http::body::Body;
use crate::http::query::Params;
use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::routing::get;
use http::request::Parts;
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::channels::{
    ChangeMembers, Channel, ChannelDetail, ChannelRow, CreateChannel, Member, MoveReadMarker,
    SetMemberActive, UpdateChannel,
};
use wire::errors::{ErrorBody, ValidationBody};
use wire::events::{Posted, ReadMarker};
use wire::messages::{EditMessage, Message, PostMessage};
use wire::people::UserSummaries;
use wire::{ChannelId, MessageId, UserId};

/// Every route of channels. All answer 403 where channels are switched off.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .route("/api/v1/channels", get(list))
        .routes(routes!(list_all))
        .routes(routes!(direct))
        .routes(routes!(create))
        .routes(routes!(detail))
        .routes(routes!(update))
        .routes(routes!(delete))
        .routes(routes!(members))
        .routes(routes!(add_members))
        .routes(routes!(remove_members))
        .routes(routes!(set_active))
        .routes(routes!(leave))
        .routes(routes!(leave_by_delete))
        .routes(routes!(move_marker))
        .routes(routes!(messages))
        .routes(routes!(post))
        .routes(routes!(message))
        .routes(routes!(message_data))
        .routes(routes!(thread))
        .routes(routes!(edit))
        .routes(routes!(delete_message))
}

type Answer<T> = Result<Json<T>, Error>;

/// A caller where channels are switched on.
struct Caller(Actor);

impl FromRequestParts<App> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Error> {
        let actor = <Actor as FromRequestParts<App>>::from_request_parts(parts, app).await?;
        if app.config.features.channels {
            Ok(Caller(actor))
        } else {
            Err(Error::Forbidden(
                "channels are switched off on this server (ENABLE_CHANNELS)",
            ))
        }
    }
}

/// The caller's channels: standard ones they may read, groups, direct conversations they have not hidden.
#[utoipa::path(get, operation_id = "list_channels", path = "/api/v1/channels/", tag = "channels",
    responses((status = 200, body = Vec<ChannelRow>), (status = 401, body = ErrorBody)))]
async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
) -> Result<Snapshot<Vec<ChannelRow>>, Error> {
    super::list(&app, &actor).await
}

/// The caller's channels without their numbers.
#[utoipa::path(get, operation_id = "list_channels_without_numbers", path = "/api/v1/channels/list", tag = "channels",
    responses((status = 200, body = Vec<Channel>), (status = 401, body = ErrorBody)))]
async fn list_all(
    State(app): State<App>,
    Caller(actor): Caller,
) -> Result<Snapshot<Vec<Channel>>, Error> {
    let rows = super::list(&app, &actor).await?;
    Ok(rows.map(|rows| rows.into_iter().map(|row| row.channel).collect()))
}

/// The direct conversation with a person, made if there is none; with oneself too.
#[utoipa::path(get, operation_id = "open_direct", path = "/api/v1/channels/users/{user_id}", tag = "channels", params(("user_id" = UserId, Path)),
    responses((status = 200, body = Channel), (status = 404, body = ErrorBody)))]
async fn direct(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(other): Path<UserId>,
) -> Answer<Channel> {
    super::direct_with(&app, &actor, vec![other])
        .await
        .map(Json)
}

/// Makes a channel: standard (admins only), a group, or a direct conversation.
#[utoipa::path(post, operation_id = "create_channel", path = "/api/v1/channels/create", tag = "channels", request_body = CreateChannel,
    responses((status = 200, body = Channel), (status = 401, body = ErrorBody), (status = 422, body = ValidationBody)))]
async fn create(
    State(app): State<App>,
    Caller(actor): Caller,
    Body(form): Body<CreateChannel>,
) -> Answer<Channel> {
    super::create(&app, &actor, form).await.map(Json)
}

/// One channel with the caller's rights in it.
#[utoipa::path(get, operation_id = "get_channel", path = "/api/v1/channels/{id}", tag = "channels", params(("id" = ChannelId, Path)),
    responses((status = 200, body = ChannelDetail), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn detail(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(id): Path<ChannelId>,
) -> Result<Snapshot<ChannelDetail>, Error> {
    super::detail(&app, &actor, &id).await
}

/// Changes a channel's name, description and access.
#[utoipa::path(post, operation_id = "update_channel", path = "/api/v1/channels/{id}/update", tag = "channels", params(("id" = ChannelId, Path)),
    request_body = UpdateChannel,
    responses((status = 200, body = Channel), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn update(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(id): Path<ChannelId>,
    Body(form): Body<UpdateChannel>,
) -> Answer<Channel> {
    super::update(&app, &actor, &id, form).await.map(Json)
}

/// Deletes a channel with all its messages, for ever.
#[utoipa::path(delete, operation_id = "delete_channel", path = "/api/v1/channels/{id}/delete", tag = "channels", params(("id" = ChannelId, Path)),
    responses((status = 200, body = bool, content_type = "application/json"), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn delete(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(id): Path<ChannelId>,
) -> Answer<bool> {
    super::delete(&app, &actor, &id).await.map(|()| Json(true))
}

/// How the people of a channel are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct MembersQuery {
    /// Only those whose name contains this.
    query: Option<String>,
    /// Accepted for old clients; people are always in the order of their names.
    order_by: Option<String>,
    /// `desc` for backwards.
    direction: Option<String>,
    /// From 1; 30 each.
    page: Option<i64>,
}

/// A page of the people who may read a channel.
#[utoipa::path(get, operation_id = "list_members", path = "/api/v1/channels/{id}/members", tag = "channels",
    params(("id" = ChannelId, Path), MembersQuery),
    responses((status = 200, body = UserSummaries), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn members(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(id): Path<ChannelId>,
    Params(wanted): Params<MembersQuery>,
) -> Result<Snapshot<UserSummaries>, Error> {
    let is_by_name = wanted
        .order_by
        .as_deref()
        .is_none_or(|order| order == "name");
    let listing = Listing {
        query: wanted.query.unwrap_or_default(),
        descending: is_by_name && wanted.direction.as_deref() == Some("desc"),
        page: wanted.page.unwrap_or(1),
    };
    super::members_page(&app, &actor, &id, listing).await
}

/// Adds people to a group; answers with those who were not in it.
#[utoipa::path(post, operation_id = "add_members", path = "/api/v1/channels/{id}/update/members/add", tag = "channels",
    params(("id" = ChannelId, Path)), request_body = ChangeMembers,
    responses((status = 200, body = Vec<Member>), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn add_members(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(id): Path<ChannelId>,
    Body(change): Body<ChangeMembers>,
) -> Answer<Vec<Member>> {
    super::add_members(&app, &actor, &id, change.user_ids)
        .await
        .map(Json)
}

/// Removes people from a group; answers how many were in it.
#[utoipa::path(post, operation_id = "remove_members", path = "/api/v1/channels/{id}/update/members/remove", tag = "channels",
    params(("id" = ChannelId, Path)), request_body = ChangeMembers,
    responses((status = 200, body = i64, content_type = "application/json"), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn remove_members(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(id): Path<ChannelId>,
    Body(change): Body<ChangeMembers>,
) -> Answer<usize> {
    super::remove_members(&app, &actor, &id, change.user_ids)
        .await
        .map(Json)
}

/// Hides a group or direct conversation from the caller's sidebar until the next message, or shows it again.
#[utoipa::path(post, operation_id = "set_channel_active", path = "/api/v1/channels/{id}/members/active", tag = "channels",
    params(("id" = ChannelId, Path)), request_body = SetMemberActive,
    responses((status = 200, body = bool, content_type = "application/json"), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn set_active(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(id): Path<ChannelId>,
    Body(wanted): Body<SetMemberActive>,
) -> Answer<bool> {
    super::set_active(&app, &actor, &id, wanted.is_active)
        .await
        .map(|()| Json(true))
}

/// The caller leaves a group; a direct conversation is hidden until the next message.
#[utoipa::path(post, operation_id = "leave_channel", path = "/api/v1/channels/{id}/leave", tag = "channels", params(("id" = ChannelId, Path)),
    responses((status = 200, body = bool, content_type = "application/json"), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn leave(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(id): Path<ChannelId>,
) -> Answer<bool> {
    super::leave(&app, &actor, &id).await.map(|()| Json(true))
}

/// The same as leaving, for those who think of it as deleting their membership.
#[utoipa::path(delete, operation_id = "delete_own_membership", path = "/api/v1/channels/{id}/members/me", tag = "channels", params(("id" = ChannelId, Path)),
    responses((status = 200, body = bool, content_type = "application/json"), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn leave_by_delete(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(id): Path<ChannelId>,
) -> Answer<bool> {
    super::leave(&app, &actor, &id).await.map(|()| Json(true))
}

/// Moves the caller's read marker, backwards too ("mark unread").
#[utoipa::path(post, operation_id = "move_read_marker", path = "/api/v1/channels/{id}/read", tag = "channels", params(("id" = ChannelId, Path)),
    request_body = MoveReadMarker,
    responses((status = 200, body = ReadMarker), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn move_marker(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(id): Path<ChannelId>,
    Body(wanted): Body<MoveReadMarker>,
) -> Answer<ReadMarker> {
    super::move_marker(&app, &actor, &id, wanted.read_no)
        .await
        .map(Json)
}

/// Which messages of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct PageQuery {
    /// How many of the newest are left out.
    #[serde(default)]
    skip: u32,
    /// How many at most; never more than 200.
    #[serde(default = "default_limit")]
    limit: u32,
}

fn default_limit() -> u32 {
    50
}

/// Top-level messages, newest first; of their `data` only whether there is any.
#[utoipa::path(get, operation_id = "list_messages", path = "/api/v1/channels/{id}/messages", tag = "channels",
    params(("id" = ChannelId, Path), PageQuery),
    responses((status = 200, body = Vec<Message>), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn messages(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(id): Path<ChannelId>,
    Params(page): Params<PageQuery>,
) -> Result<Snapshot<Vec<Message>>, Error> {
    super::message_page(&app, &actor, &id, page.skip, page.limit).await
}

/// Posts a message. Sent again with the same `temp_id`, it is the message that is there already.
#[utoipa::path(post, operation_id = "post_message", path = "/api/v1/channels/{id}/messages/post", tag = "channels", params(("id" = ChannelId, Path)),
    request_body = PostMessage,
    responses((status = 200, body = Posted), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
        (status = 413, body = ErrorBody), (status = 422, body = ValidationBody)))]
async fn post(
    State(app): State<App>,
    Caller(actor): Caller,
    Path(id): Path<ChannelId>,
    Body(draft): Body<PostMessage>,
) -> Answer<Posted> {
    super::post_message(&app, &actor, &id, draft)
        .await
        .map(Json)
}

/// One message with all its data.
#[utoipa::path(get, operation_id = "get_message", path = "/api/v1/channels/{id}/messages/{message_id}", tag = "channels",
    params(("id" = ChannelId, Path), ("message_id" = MessageId, Path)),
    responses((status = 200, body = Message), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn message(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((id, message)): Path<(ChannelId, MessageId)>,
) -> Result<Snapshot<Message>, Error> {
    super::message(&app, &actor, &id, &message).await
}

/// The data of one message.
#[utoipa::path(get, operation_id = "get_message_data", path = "/api/v1/channels/{id}/messages/{message_id}/data", tag = "channels",
    params(("id" = ChannelId, Path), ("message_id" = MessageId, Path)),
    responses((status = 200, body = Option<Object>), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn message_data(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((id, message)): Path<(ChannelId, MessageId)>,
) -> Result<Snapshot<Option<Value>>, Error> {
    let message = super::message(&app, &actor, &id, &message).await?;
    Ok(message.map(|message| message.row.data))
}

/// The answers of a thread, newest first, and its root after the oldest.
#[utoipa::path(get, operation_id = "list_thread", path = "/api/v1/channels/{id}/messages/{message_id}/thread", tag = "channels",
    params(("id" = ChannelId, Path), ("message_id" = MessageId, Path), PageQuery),
    responses((status = 200, body = Vec<Message>), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn thread(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((id, root)): Path<(ChannelId, MessageId)>,
    Params(page): Params<PageQuery>,
) -> Result<Snapshot<Vec<Message>>, Error> {
    super::thread_page(&app, &actor, &id, &root, page.skip, page.limit).await
}

/// Replaces the text of one's own message.
#[utoipa::path(post, operation_id = "edit_message", path = "/api/v1/channels/{id}/messages/{message_id}/update", tag = "channels",
    params(("id" = ChannelId, Path), ("message_id" = MessageId, Path)), request_body = EditMessage,
    responses((status = 200, body = Message), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn edit(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((id, message)): Path<(ChannelId, MessageId)>,
    Body(change): Body<EditMessage>,
) -> Answer<Message> {
    super::edit_message(&app, &actor, &id, &message, change)
        .await
        .map(Json)
}

/// Deletes one's own message, or any in a channel that one manages.
#[utoipa::path(delete, operation_id = "delete_message", path = "/api/v1/channels/{id}/messages/{message_id}/delete", tag = "channels",
    params(("id" = ChannelId, Path), ("message_id" = MessageId, Path)),
    responses((status = 200, body = bool, content_type = "application/json"), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody)))]
async fn delete_message(
    State(app): State<App>,
    Caller(actor): Caller,
    Path((id, message)): Path<(ChannelId, MessageId)>,
) -> Answer<bool> {
    super::delete_message(&app, &actor, &id, &message)
        .await
        .map(|()| Json(true))
}
