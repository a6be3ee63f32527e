//! Chats with models. Contract 5.4 and 5.5; times in seconds.

use crate::{ChatId, TaskId, TimestampS, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A chat as the contract shows it. `chat` is assembled from rows: `{id, title, models, history, messages, ...}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Chat {
    /// Which.
    pub id: ChatId,
    /// Whose.
    pub user_id: UserId,
    /// Its title.
    pub title: String,
    /// The contract's document with `history.messages`.
    #[schema(value_type = Object)]
    pub chat: Value,
    /// When it changed last.
    pub updated_at: TimestampS,
    /// When it was made.
    pub created_at: TimestampS,
    /// Not used yet.
    #[schema(required)]
    pub share_id: Option<String>,
    /// Hidden from the list.
    pub archived: bool,
    /// First in the list.
    pub pinned: bool,
    /// Free for clients.
    #[schema(value_type = Object)]
    pub meta: Value,
    /// Not used yet.
    #[schema(required)]
    pub folder_id: Option<String>,
}

/// A row of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatRow {
    /// Which.
    pub id: ChatId,
    /// Its title.
    pub title: String,
    /// When it changed last.
    pub updated_at: TimestampS,
    /// When it was made.
    pub created_at: TimestampS,
}

/// `POST /api/v1/chats/new` and `POST /api/v1/chats/{id}`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct ChatForm {
    /// The contract's document; `history.messages` are merged message by message.
    #[schema(value_type = Object)]
    pub chat: Value,
    /// Accepted for old clients; no folder exists yet.
    #[serde(default)]
    pub folder_id: Option<String>,
}

/// Answer of the task flow of `POST /api/chat/completions`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TaskStarted {
    /// Always true.
    pub status: bool,
    /// The generation that was started.
    pub task_id: TaskId,
}

/// A place in a run's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RunPosition {
    /// Which run.
    pub id: TaskId,
    /// Bytes of text before this piece.
    pub offset: u64,
}
