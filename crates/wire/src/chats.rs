//! Chats with models. Contract 5.4 and 5.5; times in seconds.

use crate::{ChatId, MessageId, TaskId, TimestampS, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
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
    /// First in the list.
    #[serde(default)]
    pub pinned: bool,
}

/// `POST /api/v1/chats/new` and `POST /api/v1/chats/{id}`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct ChatForm {
    /// The contract's document; `history.messages` are merged message by message.
    #[schema(value_type = Object)]
    pub chat: Map<String, Value>,
    /// Accepted for old clients; no folder exists yet.
    #[serde(default)]
    pub folder_id: Option<String>,
}

/// `POST /api/v1/chats/{id}/messages/{mid}`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct EditChatMessage {
    /// Replaces the text.
    pub content: String,
}

/// `POST /api/v1/chats/{id}/messages/{mid}/event`: as if the model's side had reported it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct ReportChatEvent {
    /// `status`, `message`, `replace`, `files`, `embeds`, `source`, `citation`, `notification`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// What the type says.
    #[schema(value_type = Object)]
    pub data: Map<String, Value>,
}

/// `POST /api/chat/completions`: OpenAI's body, and with `session_id`, `chat_id` and `id` the task flow's. Other keys
/// (`temperature`, `tools`, ...) go to the model as they are.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct CompletionRequest {
    /// Which model.
    #[serde(default)]
    pub model: Option<String>,
    /// Whether the answer comes in parts; ignored by the task flow.
    #[serde(default)]
    pub stream: Option<bool>,
    /// The conversation in OpenAI's form; the task flow takes the stored one if it is missing.
    #[serde(default)]
    #[schema(value_type = Option<Vec<Object>>)]
    pub messages: Option<Vec<Map<String, Value>>>,
    /// The asking socket; any text.
    #[serde(default)]
    pub session_id: Option<String>,
    /// The chat to answer in; `local:` and anything is a chat that is not stored.
    #[serde(default)]
    pub chat_id: Option<ChatId>,
    /// The message to write the answer into.
    #[serde(default)]
    pub id: Option<MessageId>,
    /// The message that is answered.
    #[serde(default)]
    pub parent_id: Option<MessageId>,
    /// That message itself, if it may not be stored yet.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub parent_message: Option<Map<String, Value>>,
    /// What to do after the answer.
    #[serde(default)]
    pub background_tasks: Option<BackgroundTasks>,
    /// The chat's settings: `temperature`, `max_tokens`, `system`, ...
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub params: Option<Map<String, Value>>,
    /// Everything else.
    #[serde(flatten)]
    #[schema(ignore)]
    pub rest: Map<String, Value>,
}

/// What to do after an answer.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct BackgroundTasks {
    /// Ask the model for a title, if the chat has none of its own yet.
    #[serde(default)]
    pub title_generation: Option<bool>,
}

/// `GET /api/tasks/chat/{chat_id}`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChatTasks {
    /// The generations under way in the chat; none in a chat that is not the caller's.
    pub task_ids: Vec<TaskId>,
}

/// `GET /api/tasks`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Tasks {
    /// The caller's generations under way.
    pub tasks: Vec<TaskId>,
}

/// `POST /api/tasks/stop/{task_id}`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TaskStopped {
    /// Whether there was one to stop.
    pub status: bool,
    /// The same as a sentence.
    pub message: String,
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
