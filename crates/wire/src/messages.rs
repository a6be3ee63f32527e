//! Messages of channels. Contract 3.6 (`MessageResponse`) and 5.3; times in nanoseconds.

use crate::people::UserRef;
use crate::{ChannelId, MessageId, TimestampNs, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A stored message by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MessageRow {
    /// Which.
    pub id: MessageId,
    /// Who wrote it.
    pub user_id: UserId,
    /// Where.
    pub channel_id: ChannelId,
    /// The message it quotes.
    #[schema(required)]
    pub reply_to_id: Option<MessageId>,
    /// The root of the thread it stands in.
    #[schema(required)]
    pub parent_id: Option<MessageId>,
    /// Not used yet.
    pub is_pinned: bool,
    /// Not used yet.
    #[schema(required)]
    pub pinned_by: Option<UserId>,
    /// Not used yet.
    #[schema(required)]
    pub pinned_at: Option<TimestampNs>,
    /// Markdown; at most 64 KiB.
    pub content: String,
    /// Free for clients (attachments); in lists only whether there is any.
    #[schema(required, value_type = Option<Object>)]
    pub data: Option<Value>,
    /// Free for clients.
    #[schema(required, value_type = Option<Object>)]
    pub meta: Option<Value>,
    /// When it was posted.
    pub created_at: TimestampNs,
    /// When it was edited last; equal to `created_at` if never.
    pub updated_at: TimestampNs,
    /// Number in its channel, contiguous from 1; null in a thread.
    #[schema(required)]
    pub no: Option<i64>,
}

/// A message with its author and what hangs on it, as lists and events carry it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// The message itself.
    #[serde(flatten)]
    pub row: MessageRow,
    /// Who wrote it; in `message:delete` who deleted it. Null if the account is gone.
    #[schema(required)]
    pub user: Option<UserRef>,
    /// The message it quotes, one level deep.
    #[schema(required, no_recursion)]
    pub reply_to_message: Option<Box<Message>>,
    /// When its thread was answered last.
    #[schema(required)]
    pub latest_reply_at: Option<TimestampNs>,
    /// Answers in its thread.
    pub reply_count: i64,
    /// Not used yet; always empty.
    pub reactions: Vec<Reaction>,
}

/// One reaction and who chose it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reaction {
    /// Its short name.
    pub name: String,
    /// Who chose it.
    pub users: Vec<ReactionUser>,
    /// How many.
    pub count: i64,
}

/// Who reacted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReactionUser {
    /// Who.
    pub id: UserId,
    /// The name shown.
    pub name: String,
}

/// `POST /api/v1/channels/{id}/messages/post`.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct PostMessage {
    /// Chosen by the client; comes back in the event. The same one again is the same message, once and for ever.
    #[serde(default)]
    pub temp_id: Option<String>,
    /// Markdown; at most 64 KiB.
    pub content: String,
    /// A message of this channel to quote.
    #[serde(default)]
    pub reply_to_id: Option<MessageId>,
    /// A top-level message of this channel to answer in its thread.
    #[serde(default)]
    pub parent_id: Option<MessageId>,
    /// Free for clients; at most 64 KiB.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub data: Option<Value>,
    /// Free for clients; keys the server speaks with (`model_id`, `webhook`) are removed.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub meta: Option<Value>,
}

/// `POST /api/v1/channels/{id}/messages/{mid}/update`.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct EditMessage {
    /// Replaces the text.
    pub content: String,
    /// Merged key by key.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub data: Option<Value>,
    /// Merged key by key.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub meta: Option<Value>,
}
