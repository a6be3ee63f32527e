//! `events` (contract 3.1 to 3.3): chats with models, to every tab of their owner.

use crate::chats::RunPosition;
use crate::{ChatId, MessageId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The envelope of `events`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChatPush {
    /// Which chat.
    #[schema(required)]
    pub chat_id: Option<ChatId>,
    /// Which message of it.
    #[schema(required)]
    pub message_id: Option<MessageId>,
    /// What happened.
    pub data: ChatEvent,
    /// On pieces of a streaming answer: where in the run's text the piece begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunPosition>,
}

/// Inside `events`, told apart by `type`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum ChatEvent {
    /// A piece of an answer (an OpenAI chunk whose `delta.content` is appended), or `{content}` that replaces it, or
    /// `{error}`, or the last one, `{done: true, content, title}`.
    #[serde(rename = "chat:completion")]
    #[schema(value_type = Object)]
    Completion(Value),
    /// The chat has a new title.
    #[serde(rename = "chat:title")]
    Title(String),
    /// Messages were added or changed in some tab.
    #[serde(rename = "chat:messages")]
    Messages(ChatMessages),
    /// A chat was made, renamed or deleted.
    #[serde(rename = "chat:list")]
    List(ChatList),
    /// An answer failed.
    #[serde(rename = "chat:message:error")]
    MessageError(ChatMessageError),
    /// Nothing generates in this chat any more, though not because it finished.
    #[serde(rename = "chat:tasks:cancel")]
    TasksCancelled,
    /// The whole text of a message was replaced.
    #[serde(rename = "chat:message", alias = "replace")]
    #[schema(value_type = Object)]
    MessageReplaced(Value),
    /// Text to append to a message: `{content}`.
    #[serde(rename = "message", alias = "chat:message:delta")]
    #[schema(value_type = Object)]
    MessageAppended(Value),
    /// What the model's side is doing: `{description, done, action?, hidden?}`.
    #[serde(rename = "status")]
    #[schema(value_type = Object)]
    Status(Value),
    /// Files of a message: `{files}`.
    #[serde(rename = "files", alias = "chat:message:files")]
    #[schema(value_type = Object)]
    Files(Value),
    /// HTML documents shown with a message: `{embeds}`.
    #[serde(rename = "embeds", alias = "chat:message:embeds")]
    #[schema(value_type = Object)]
    Embeds(Value),
    /// Where a part of the text comes from: `{source, document, metadata}`.
    #[serde(rename = "source", alias = "citation")]
    #[schema(value_type = Object)]
    Source(Value),
    /// A notice for the person: `{type, content}`.
    #[serde(rename = "notification")]
    #[schema(value_type = Object)]
    Notification(Value),
}

/// `chat:messages`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatMessages {
    /// The last message of the shown branch.
    #[schema(required)]
    pub current_id: Option<MessageId>,
    /// Whole messages by id, in the contract's shape.
    #[schema(value_type = Object)]
    pub messages: BTreeMap<String, Value>,
}

/// `chat:list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatList {
    /// Which chat.
    pub chat_id: ChatId,
    /// Its title, unless it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// When it changed last, in seconds, unless it is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<i64>,
    /// It is gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// No folder exists yet; old clients expect the key.
    #[schema(required)]
    pub folder_id: Option<String>,
}

/// `chat:message:error`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChatMessageError {
    /// `{content: sentence, code, kept?}`.
    #[schema(value_type = Object)]
    pub error: Value,
}
