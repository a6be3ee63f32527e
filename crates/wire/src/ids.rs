//! Ids as types, so that a channel's id cannot stand where a person's is wanted.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<String> for $name {
            fn from(id: String) -> Self {
                Self(id)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }
    )*};
}

ids! {
    /// A person (UUID).
    UserId,
    /// A channel, a group or a direct conversation (UUID).
    ChannelId,
    /// A message in a channel or in a chat (UUID; old clients choose the ids of chat messages themselves).
    MessageId,
    /// A chat with a model (UUID).
    ChatId,
    /// A running generation, as the contract's `task_id` names it (UUID).
    TaskId,
}
