//! Every event on the wire, in both directions. An event that is not named here does not exist.
//!
//! `ServerEvent` is what the server may push, `ClientEvent` what a client may send. Names stand here once; the
//! reference's names and payloads are those of the contract, sections 2 and 3. Numbered events get `room`, `seq` and
//! `at` added to their payload's top level when they are committed.

mod channel;
mod chat;
mod client;
mod memory;
mod session;

pub use channel::{
    ChannelChange, ChannelDeleted, ChannelEvent, ChannelPush, ChannelSeen, MemberJoined,
    MemberLeft, Posted,
};
pub use chat::{ChatEvent, ChatList, ChatMessageError, ChatMessages, ChatPush};
pub use client::{ChannelCommand, ClientEvent, DecodeError, Token, Usage};
pub use memory::{DecidedDiff, MemoryPush, MemoryUpdated, PendingDiffs};
pub use session::{Joined, Left, PeopleChange, Presence, ReadMarker, Ready, Recovered, Resumed};

use serde::Serialize;

macro_rules! events {
    ($(#[$doc:meta])* pub enum $name:ident {
        $($(#[$vdoc:meta])* $wire:literal => $variant:ident($payload:ty)),* $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub enum $name {
            $($(#[$vdoc])* $variant($payload)),*
        }

        impl $name {
            /// Every name, in the order of the declaration.
            pub const NAMES: &'static [&'static str] = &[$($wire),*];

            /// The event's name on the wire.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $wire),* }
            }

            /// The event's one argument as JSON.
            ///
            /// # Errors
            /// Never for the types declared here; a map with keys that are not text would fail.
            pub fn payload(&self) -> Result<serde_json::Value, serde_json::Error> {
                match self { $(Self::$variant(payload) => serde_json::to_value(payload)),* }
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $(Self::$variant(payload) => payload.serialize(serializer)),* }
            }
        }

        /// The payload's schema for each name: what the contract generator reads.
        #[must_use]
        pub fn schemas() -> Vec<(&'static str, String)> {
            vec![$(($wire, <$payload as utoipa::ToSchema>::name().into_owned())),*]
        }

        /// Registers every payload and what it refers to.
        pub fn collect(into: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
            $(
                into.push((
                    <$payload as utoipa::ToSchema>::name().into_owned(),
                    <$payload as utoipa::PartialSchema>::schema(),
                ));
                <$payload as utoipa::ToSchema>::schemas(into);
            )*
        }
    };
}

events! {
    /// What the server may push.
    pub enum ServerEvent {
        /// Room `channel:{id}`: messages, typing. Room `user:{id}`: "you have a new channel".
        "events:channel" => Channel(ChannelPush),
        /// Room `user:{id}`: everything about one's chats with models.
        "events" => Chat(ChatPush),
        /// Room `user:{id}`: proposals for one's memory blocks, and changes of their texts.
        "events:memory" => Memory(MemoryPush),
        /// To the socket, after CONNECT: its rooms and the position of each one's head.
        "ready" => Ready(Ready),
        /// To the socket: what it missed has been sent, or must be fetched.
        "resumed" => Resumed(Resumed),
        /// To the socket: it entered a room.
        "joined" => Joined(Joined),
        /// To the socket: it left a room.
        "left" => Left(Left),
        /// Room `user:{id}`: a read marker moved (state).
        "events:read" => Read(ReadMarker),
        /// Room `everyone`: somebody came or went (state).
        "events:presence" => Presence(Presence),
        /// Room `everyone`: somebody signed up, or changed name, picture or role.
        "events:people" => People(PeopleChange),
        /// Room `channel:{id}`: name, description or access changed.
        "channel:updated" => ChannelUpdated(ChannelChange),
        /// Room `channel:{id}`: the channel is gone.
        "channel:deleted" => ChannelDeleted(ChannelDeleted),
        /// Room `channel:{id}`: somebody became a member.
        "member:joined" => MemberJoined(MemberJoined),
        /// Room `channel:{id}`: somebody is a member no longer.
        "member:left" => MemberLeft(MemberLeft),
        /// Room `user:{id}`: you may see this channel from now on.
        "channel:added" => ChannelAdded(ChannelSeen),
        /// Room `user:{id}`: you may not see this channel any more.
        "channel:removed" => ChannelRemoved(ChannelSeen),
    }
}

impl ServerEvent {
    /// Whether clients that speak only the contract know this name; all others are sent to sockets that opted in.
    #[must_use]
    pub fn is_in_contract(&self) -> bool {
        name_is_in_contract(self.name())
    }
}

/// Whether clients that speak only the contract know this event.
#[must_use]
pub fn name_is_in_contract(name: &str) -> bool {
    matches!(name, "events:channel" | "events" | "events:memory")
}
