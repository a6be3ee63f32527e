//! `events:channel` (contract 3.6) and the numbered events of our own about channels and members.

use crate::channels::Channel;
use crate::messages::Message;
use crate::people::{UserRef, UserSummary};
use crate::{ChannelId, MessageId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// The envelope of `events:channel`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ChannelPush {
    /// A message was posted, edited or deleted. Numbered.
    Message {
        /// Where.
        channel_id: ChannelId,
        /// Which message.
        message_id: MessageId,
        /// What happened.
        data: ChannelEvent,
        /// Who did it.
        user: UserRef,
        /// The channel as it is now.
        channel: Box<Channel>,
    },
    /// Somebody is typing. A signal: never stored, never numbered, sent to the typist too.
    Typing {
        /// Where.
        channel_id: ChannelId,
        /// The root of the thread, or null in the channel itself; the key is always there.
        #[schema(required)]
        message_id: Option<MessageId>,
        /// `{type: "typing", data: {typing: bool}}`, as the typist sent it.
        #[schema(value_type = Object)]
        data: Value,
        /// Who types.
        user: UserRef,
    },
    /// You have a new channel. To `user:{id}`, numbered; the payload is `{data: {type: "channel:created"}}`.
    Created {
        /// Only the type.
        data: ChannelEvent,
    },
}

/// Inside `events:channel`, told apart by `type`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum ChannelEvent {
    /// A message was stored; carries the whole message.
    #[serde(rename = "message")]
    Posted(Box<Posted>),
    /// A message's text changed; carries the whole message.
    #[serde(rename = "message:update")]
    Updated(Box<Message>),
    /// A message is gone; carries it as it was, with the deleter as `user`.
    #[serde(rename = "message:delete")]
    Deleted(Box<Message>),
    /// A thread grew or shrank; carries its root.
    #[serde(rename = "message:reply")]
    Replied(Box<Message>),
    /// A channel was made for you.
    #[serde(rename = "channel:created")]
    Created,
}

/// A new message, with the id its author gave it before the server did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Posted {
    /// As sent; null if the client sent none.
    #[schema(required)]
    pub temp_id: Option<String>,
    /// The message.
    #[serde(flatten)]
    pub message: Message,
}

/// Payload of `channel:updated`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChannelChange {
    /// The channel as it is now.
    pub channel: Box<Channel>,
}

/// Payload of `channel:deleted`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChannelDeleted {
    /// Which.
    pub channel_id: ChannelId,
}

/// Payload of `channel:added` and `channel:removed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChannelSeen {
    /// Which.
    pub channel_id: ChannelId,
}

/// Payload of `member:joined`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct MemberJoined {
    /// Where.
    pub channel_id: ChannelId,
    /// Who.
    pub user: UserSummary,
}

/// Payload of `member:left`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemberLeft {
    /// Where.
    pub channel_id: ChannelId,
    /// Who.
    pub user_id: UserId,
}
