//! `events:memory` (contract 10.5): to every tab of the person whose memory it is. Counts are absolute.

use crate::memory::Confidence;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The flat envelope of `events:memory`, told apart by `type`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum MemoryPush {
    /// A proposal was made, or one that waited is gone: so many wait now.
    #[serde(rename = "diff:pending")]
    Pending(PendingDiffs),
    /// The person took a proposal over.
    #[serde(rename = "diff:approved")]
    Approved(DecidedDiff),
    /// The person turned a proposal down.
    #[serde(rename = "diff:rejected")]
    Rejected(DecidedDiff),
    /// A later proposal took its place.
    #[serde(rename = "diff:superseded")]
    Superseded(DecidedDiff),
    /// A block's text changed, was made, or is gone.
    #[serde(rename = "memory:updated")]
    Updated(MemoryUpdated),
}

/// `diff:pending`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PendingDiffs {
    /// How many wait for this block.
    pub count: i64,
    /// Which block.
    pub block_id: String,
    /// How many wait in all blocks.
    pub total: i64,
    /// The newest one, if the event reports a new one.
    #[schema(required)]
    pub diff_id: Option<String>,
    /// Who proposed it.
    #[schema(required)]
    pub agent_id: Option<String>,
    /// The chat it came from.
    #[schema(required)]
    pub thread_id: Option<String>,
    /// How sure.
    #[schema(required)]
    pub confidence: Option<Confidence>,
}

/// `diff:approved`, `diff:rejected`, `diff:superseded`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DecidedDiff {
    /// Which block.
    pub block_id: String,
    /// Which proposal.
    pub diff_id: String,
    /// How many wait for this block now.
    pub count: i64,
    /// How many wait in all blocks now.
    pub total: i64,
    /// Who decided: a person's id, or an agent's for `diff:superseded`.
    pub by: String,
}

/// `memory:updated`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemoryUpdated {
    /// The block's name.
    pub block_name: String,
    /// Which block.
    pub block_id: String,
    /// Its version now; 0 if it is gone.
    pub version: i64,
    /// `user` or `agent` (a proposal was approved).
    pub by: String,
}
