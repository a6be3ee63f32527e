//! `/api/v1/memory`: blocks and proposals, for the person's pages and for agents with an API key.

use super::actions;
use crate::app::App;
use crate::auth::Actor;
use crate::error::Error;
use crate::http::as_of::Snapshot;
use crate::http::body::Body;
use axum::Json;
use axum::extract::{Path, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use wire::errors::ErrorBody;
use wire::memory::{
    Approve, CreateBlock, MemoryBlock, MemoryBlocks, Proposal, Proposals, Propose, Reject,
    UpdateBlock,
};

/// The routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(create))
        .routes(routes!(read))
        .routes(routes!(update))
        .routes(routes!(remove))
        .routes(routes!(pending))
        .routes(routes!(propose))
        .routes(routes!(approve))
        .routes(routes!(reject))
}

/// My memory blocks, each with how many proposals wait for it.
#[utoipa::path(get, operation_id = "list_memory_blocks", path = "/api/v1/memory/blocks", tag = "memory", responses((status = 200, body = MemoryBlocks)))]
async fn list(State(app): State<App>, actor: Actor) -> Result<Snapshot<MemoryBlocks>, Error> {
    actions::list(&app, &actor).await
}

/// Make a memory block.
#[utoipa::path(post, operation_id = "create_memory_block", path = "/api/v1/memory/blocks", tag = "memory", request_body = CreateBlock, responses(
    (status = 200, body = MemoryBlock), (status = 409, body = ErrorBody)
))]
async fn create(
    State(app): State<App>,
    actor: Actor,
    Body(form): Body<CreateBlock>,
) -> Result<Json<MemoryBlock>, Error> {
    actions::create(&app, &actor, form).await.map(Json)
}

/// One of my memory blocks.
#[utoipa::path(get, operation_id = "get_memory_block", path = "/api/v1/memory/blocks/{id}", tag = "memory", params(("id" = String, Path)), responses(
    (status = 200, body = MemoryBlock), (status = 404, body = ErrorBody)
))]
async fn read(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Snapshot<MemoryBlock>, Error> {
    actions::get(&app, &actor, id).await
}

/// Change a memory block's text; 409 if it is at another version than the one the text was made from.
#[utoipa::path(post, operation_id = "update_memory_block", path = "/api/v1/memory/blocks/{id}/update", tag = "memory", params(("id" = String, Path)),
    request_body = UpdateBlock, responses(
    (status = 200, body = MemoryBlock), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)
))]
async fn update(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Body(form): Body<UpdateBlock>,
) -> Result<Json<MemoryBlock>, Error> {
    actions::update(&app, &actor, id, form).await.map(Json)
}

/// Delete a memory block, with what waits for it.
#[utoipa::path(delete, operation_id = "delete_memory_block", path = "/api/v1/memory/blocks/{id}", tag = "memory", params(("id" = String, Path)), responses(
    (status = 200, body = bool), (status = 404, body = ErrorBody)
))]
async fn remove(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
) -> Result<Json<bool>, Error> {
    actions::delete(&app, &actor, id).await?;
    Ok(Json(true))
}

/// What waits for my decision, newest first.
#[utoipa::path(get, operation_id = "list_proposals", path = "/api/v1/memory/proposals", tag = "memory", responses((status = 200, body = Proposals)))]
async fn pending(State(app): State<App>, actor: Actor) -> Result<Snapshot<Proposals>, Error> {
    actions::pending(&app, &actor).await
}

/// Propose a new text for a block, with an API key. The key's former proposal for the block is superseded.
#[utoipa::path(post, operation_id = "propose", path = "/api/v1/memory/blocks/{id}/proposals", tag = "memory", params(("id" = String, Path)),
    request_body = Propose, responses(
    (status = 200, body = Proposal), (status = 403, body = ErrorBody), (status = 404, body = ErrorBody),
    (status = 409, body = ErrorBody)
))]
async fn propose(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Body(form): Body<Propose>,
) -> Result<Json<Proposal>, Error> {
    actions::propose(&app, &actor, id, form).await.map(Json)
}

/// Take a proposal over, perhaps edited; 409 if the block moved on or the proposal is decided already.
#[utoipa::path(post, operation_id = "approve_proposal", path = "/api/v1/memory/proposals/{id}/approve", tag = "memory", params(("id" = String, Path)),
    request_body = Approve, responses(
    (status = 200, body = MemoryBlock), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)
))]
async fn approve(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Body(form): Body<Approve>,
) -> Result<Json<MemoryBlock>, Error> {
    actions::approve(&app, &actor, id, form).await.map(Json)
}

/// Turn a proposal down; 409 if the block moved on or the proposal is decided already.
#[utoipa::path(post, operation_id = "reject_proposal", path = "/api/v1/memory/proposals/{id}/reject", tag = "memory", params(("id" = String, Path)),
    request_body = Reject, responses(
    (status = 200, body = Proposal), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)
))]
async fn reject(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<String>,
    Body(form): Body<Reject>,
) -> Result<Json<Proposal>, Error> {
    actions::reject(&app, &actor, id, form).await.map(Json)
}
