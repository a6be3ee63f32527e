//! Channels, groups and direct conversations, and their members. Contract 5.3; times in nanoseconds.

use crate::{ChannelId, TimestampNs, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// What kind of conversation a channel is; null on the wire is a standard channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChannelKind {
    /// Members only, made by anyone.
    Group,
    /// Between two people, or a note to oneself.
    Dm,
}

/// A channel as every answer and event shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Channel {
    /// Which.
    pub id: ChannelId,
    /// Who made it.
    pub user_id: UserId,
    /// Null for a standard channel.
    #[serde(rename = "type")]
    #[schema(required)]
    pub kind: Option<ChannelKind>,
    /// Lower case; empty for a direct conversation.
    pub name: String,
    /// One line on what it is for.
    #[schema(required)]
    pub description: Option<String>,
    /// As given at creation; null where nobody said.
    #[schema(required)]
    pub is_private: Option<bool>,
    /// Free for clients.
    #[schema(required, value_type = Option<Object>)]
    pub data: Option<Value>,
    /// Free for clients.
    #[schema(required, value_type = Option<Object>)]
    pub meta: Option<Value>,
    /// Null: everybody reads and writes. Else the people who may.
    #[schema(required)]
    pub access_control: Option<AccessControl>,
    /// When it was made.
    pub created_at: TimestampNs,
    /// When its name, description or access changed last.
    pub updated_at: TimestampNs,
    /// Who changed it last.
    #[schema(required)]
    pub updated_by: Option<UserId>,
    /// Not used yet; the contract's clients expect the key.
    #[schema(required)]
    pub archived_at: Option<TimestampNs>,
    /// Not used yet.
    #[schema(required)]
    pub archived_by: Option<UserId>,
    /// Not used: a deleted channel is gone.
    #[schema(required)]
    pub deleted_at: Option<TimestampNs>,
    /// Not used.
    #[schema(required)]
    pub deleted_by: Option<UserId>,
}

/// Who may read and write a standard channel that is not open to everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessControl {
    /// Who may read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<AccessList>,
    /// Who may post.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub write: Option<AccessList>,
}

/// People and groups of people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccessList {
    /// Groups; the contract's clients send the key, no group exists yet.
    #[serde(default)]
    pub group_ids: Vec<String>,
    /// People.
    #[serde(default)]
    pub user_ids: Vec<UserId>,
}

/// The other side of a direct conversation, as the sidebar shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChannelUser {
    /// Who.
    pub id: UserId,
    /// The name shown.
    pub name: String,
    /// Has an open socket, or did something within the last three minutes.
    pub is_active: bool,
    /// Not used yet; the contract's clients expect the key.
    #[schema(required)]
    pub status_emoji: Option<String>,
    /// Not used yet.
    #[schema(required)]
    pub status_message: Option<String>,
    /// Not used yet.
    #[schema(required)]
    pub status_expires_at: Option<i64>,
}

/// The two absolute numbers that unread counts are the difference of, and the version of the marker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReadPosition {
    /// `no` of the newest top-level message; 0 in an empty channel.
    pub last_no: i64,
    /// `no` up to which the caller has read.
    pub read_no: i64,
    /// Grows with every move of the marker; the greatest wins.
    pub read_version: i64,
}

impl ReadPosition {
    /// How many top-level messages the caller has not read.
    #[must_use]
    pub fn unread(&self) -> i64 {
        (self.last_no - self.read_no).max(0)
    }
}

/// A row of the sidebar: `GET /api/v1/channels/`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChannelRow {
    /// The channel itself.
    #[serde(flatten)]
    pub channel: Channel,
    /// Members of a direct conversation; null elsewhere.
    #[schema(required)]
    pub user_ids: Option<Vec<UserId>>,
    /// Members of a direct conversation; null elsewhere.
    #[schema(required)]
    pub users: Option<Vec<ChannelUser>>,
    /// When the newest message was posted.
    #[schema(required)]
    pub last_message_at: Option<TimestampNs>,
    /// `last_no - read_no`.
    pub unread_count: i64,
    /// The numbers behind it.
    #[serde(flatten)]
    pub position: ReadPosition,
}

/// `GET /api/v1/channels/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ChannelDetail {
    /// The channel itself.
    #[serde(flatten)]
    pub channel: Channel,
    /// May rename and delete it, add and remove members.
    pub is_manager: bool,
    /// May post.
    pub write_access: bool,
    /// How many may read it.
    pub user_count: i64,
    /// Members of a group or direct conversation; null elsewhere.
    #[schema(required)]
    pub user_ids: Option<Vec<UserId>>,
    /// Members of a direct conversation; null elsewhere.
    #[schema(required)]
    pub users: Option<Vec<ChannelUser>>,
    /// When the caller's marker moved last.
    #[schema(required)]
    pub last_read_at: Option<TimestampNs>,
    /// `last_no - read_no`.
    pub unread_count: i64,
    /// The numbers behind it.
    #[serde(flatten)]
    pub position: ReadPosition,
}

/// A membership row, as adding members answers it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// Which row (UUID).
    pub id: String,
    /// In which channel.
    pub channel_id: ChannelId,
    /// Who.
    pub user_id: UserId,
    /// Not used yet.
    #[schema(required)]
    pub role: Option<String>,
    /// Always `joined`.
    pub status: String,
    /// Shown in the member's sidebar.
    pub is_active: bool,
    /// Not used yet.
    pub is_channel_muted: bool,
    /// Not used yet.
    pub is_channel_pinned: bool,
    /// Free for clients.
    #[schema(required, value_type = Option<Object>)]
    pub data: Option<Value>,
    /// Free for clients.
    #[schema(required, value_type = Option<Object>)]
    pub meta: Option<Value>,
    /// When they were added.
    #[schema(required)]
    pub invited_at: Option<TimestampNs>,
    /// Who added them.
    #[schema(required)]
    pub invited_by: Option<UserId>,
    /// When they joined.
    pub joined_at: TimestampNs,
    /// When they left.
    #[schema(required)]
    pub left_at: Option<TimestampNs>,
    /// When their marker moved last.
    #[schema(required)]
    pub last_read_at: Option<TimestampNs>,
    /// When the row was made.
    pub created_at: TimestampNs,
    /// When the row changed last.
    pub updated_at: TimestampNs,
}

/// `POST /api/v1/channels/create`.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct CreateChannel {
    /// `group` or `dm`; null, absent or empty for a standard channel (admins only).
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    /// 1 to 80 characters, lower-cased; may be empty for a direct conversation.
    pub name: String,
    /// At most 500 characters.
    #[serde(default)]
    pub description: Option<String>,
    /// Kept as given.
    #[serde(default)]
    pub is_private: Option<bool>,
    /// Free for clients.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub data: Option<Value>,
    /// Free for clients.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub meta: Option<Value>,
    /// Standard channels only: null opens it to everybody.
    #[serde(default)]
    pub access_control: Option<AccessControl>,
    /// Accepted for old clients; no group exists yet.
    #[serde(default)]
    pub group_ids: Option<Vec<String>>,
    /// First members of a group, or the other side of a direct conversation.
    #[serde(default)]
    pub user_ids: Option<Vec<UserId>>,
}

/// `POST /api/v1/channels/{id}/update`.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct UpdateChannel {
    /// 1 to 80 characters, lower-cased.
    pub name: String,
    /// At most 500 characters.
    #[serde(default)]
    pub description: Option<String>,
    /// Kept as given.
    #[serde(default)]
    pub is_private: Option<bool>,
    /// Free for clients.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub data: Option<Value>,
    /// Free for clients.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub meta: Option<Value>,
    /// Standard channels only: null opens it to everybody, absent leaves it as it is.
    #[serde(default, deserialize_with = "null_counts")]
    #[schema(value_type = Option<AccessControl>)]
    pub access_control: Option<Option<AccessControl>>,
}

/// Tells null from absent: what is there, null too, is `Some`.
fn null_counts<'de, T: Deserialize<'de>, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

/// `POST /api/v1/channels/{id}/update/members/add` and `/remove`.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct ChangeMembers {
    /// Who; at most 500.
    #[serde(default)]
    pub user_ids: Vec<UserId>,
    /// Accepted for old clients; no group exists yet.
    #[serde(default)]
    pub group_ids: Vec<String>,
}

/// `POST /api/v1/channels/{id}/members/active`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct SetMemberActive {
    /// False hides the conversation from the caller's sidebar until something is posted.
    pub is_active: bool,
}

/// `POST /api/v1/channels/{id}/read`: moves the caller's marker, backwards too ("mark unread").
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct MoveReadMarker {
    /// The last message read; 0 marks all unread. More than the channel has is taken as all.
    pub read_no: i64,
}
