//! Commands with an `Idempotency-Key`: the answer to "did it run?".

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Whether a command ran. Times are the server's, in milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CommandRan {
    /// It did.
    pub ran: bool,
    /// Method and path, as in `POST /api/v1/channels/create`.
    #[schema(required)]
    pub command: Option<String>,
    /// When it ran.
    #[schema(required)]
    pub at: Option<i64>,
    /// What is remembered of its answer: the answer itself, of a message, a chat or an account `{"id": ...}`; null where
    /// it says no more than that it was done.
    pub answer: Value,
    /// When this was asked.
    pub now: i64,
    /// What ran at this time or later is known; what ran before may be forgotten.
    pub known_since: i64,
}
