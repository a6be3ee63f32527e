//! Events of our own about sessions and people: only sockets that opted in get them.

use crate::people::UserSummary;
use crate::{ChannelId, UserId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// Payload of `ready`: the socket's whole list of rooms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Ready {
    /// Who the socket belongs to.
    pub user_id: UserId,
    /// Room name to the position of its head, `[seq, at]` (`at` in milliseconds).
    #[schema(value_type = Object)]
    pub rooms: BTreeMap<String, (i64, i64)>,
}

/// Payload of `resumed`: every room the socket claimed a position in is live.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Resumed {
    /// Room name to what became of it.
    pub rooms: BTreeMap<String, Recovered>,
}

/// What became of one room of a socket that came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Recovered {
    /// Everything that was missed has been sent. False: fetch the room's content anew.
    pub recovered: bool,
    /// Where the room is live from, `[seq, at]`.
    #[schema(value_type = Vec<i64>)]
    pub position: (i64, i64),
}

/// Payload of `joined`: the socket entered a room; its events follow from here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Joined {
    /// The room's name.
    pub room: String,
    /// Where the room is live from, `[seq, at]`.
    #[schema(value_type = Vec<i64>)]
    pub position: (i64, i64),
}

/// Payload of `left`: the socket is in this room no longer; no event of it follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Left {
    /// The room's name.
    pub room: String,
}

/// Payload of `events:read`: how far a person has read a channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReadMarker {
    /// Which channel.
    pub channel_id: ChannelId,
    /// `no` of the last message read.
    pub read_no: i64,
    /// Unread mentions; always 0 until mentions exist.
    pub mentions: i64,
    /// Grows with every move; the greatest wins.
    pub version: i64,
}

/// Payload of `events:presence`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Presence {
    /// Who.
    pub user_id: UserId,
    /// Has an open socket.
    pub online: bool,
    /// Grows with every change of anybody; the greatest wins.
    pub version: i64,
}

/// Payload of `events:people`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PeopleChange {
    /// The person as they are now.
    pub user: UserSummary,
    /// The account is gone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
}
