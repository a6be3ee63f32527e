//! Memory blocks and proposals: short texts about a person that agents read, and changes that a person decides about.
//!
//! An agent proposes; a person approves, edits or rejects. A decision names the proposal and the version that the person
//! saw, so that a stale one cannot silently undo another. Times in milliseconds.

use crate::UserId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A memory block: a short markdown text about its owner, versioned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemoryBlock {
    /// Which (UUID).
    pub id: String,
    /// About whom.
    pub user_id: UserId,
    /// Its title; unique for its owner.
    pub name: String,
    /// Markdown; at most 16 KiB.
    pub body: String,
    /// Grows by one with every change, from 1.
    pub version: i64,
    /// When it was made.
    pub created_at_ms: i64,
    /// When its text changed last.
    pub updated_at_ms: i64,
    /// Proposals that wait for a decision.
    pub pending: i64,
}

/// All blocks of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemoryBlocks {
    /// By name.
    pub blocks: Vec<MemoryBlock>,
    /// Proposals that wait, in all blocks.
    pub total: i64,
}

/// How sure the proposer is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// A guess.
    Low,
    /// Likely.
    #[default]
    Medium,
    /// Said in so many words.
    High,
}

impl Confidence {
    /// Its name on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Confidence::Low => "low",
            Confidence::Medium => "medium",
            Confidence::High => "high",
        }
    }

    /// The confidence of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Confidence> {
        [Confidence::Low, Confidence::Medium, Confidence::High]
            .into_iter()
            .find(|c| c.as_str() == name)
    }
}

/// What became of a proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ProposalStatus {
    /// Waits for the person.
    Pending,
    /// Taken over, perhaps edited.
    Approved,
    /// Turned down.
    Rejected,
    /// A later proposal of the same agent for the same block took its place.
    Superseded,
}

impl ProposalStatus {
    /// Its name on the wire and in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            ProposalStatus::Pending => "pending",
            ProposalStatus::Approved => "approved",
            ProposalStatus::Rejected => "rejected",
            ProposalStatus::Superseded => "superseded",
        }
    }

    /// The status of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<ProposalStatus> {
        use ProposalStatus::{Approved, Pending, Rejected, Superseded};
        [Pending, Approved, Rejected, Superseded]
            .into_iter()
            .find(|s| s.as_str() == name)
    }
}

/// A proposed new text for a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Proposal {
    /// Which (UUID); the study's `diff_id`.
    pub id: String,
    /// For which block.
    pub block_id: String,
    /// That block's name.
    pub block_name: String,
    /// Who proposes: the id of the API key.
    pub agent_id: String,
    /// The name that the key was given.
    pub agent_name: String,
    /// The version of the block that the proposal was made from.
    pub base_version: i64,
    /// The block's text at that version.
    pub old_value: String,
    /// The proposed text.
    pub new_value: String,
    /// Why, in a sentence or two.
    pub reasoning: String,
    /// How sure the proposer is.
    pub confidence: Confidence,
    /// The chat it came from, if any.
    #[schema(required)]
    pub thread_id: Option<String>,
    /// What became of it.
    pub status: ProposalStatus,
    /// The block's version now; unequal to `base_version` means that the block moved on.
    pub block_version: i64,
    /// When it was proposed.
    pub created_at_ms: i64,
    /// When it was decided.
    #[schema(required)]
    pub decided_at_ms: Option<i64>,
}

/// Proposals that wait, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Proposals {
    /// At most 200.
    pub proposals: Vec<Proposal>,
    /// How many wait in all.
    pub total: i64,
}

/// `POST /api/v1/memory/blocks`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct CreateBlock {
    /// 1 to 80 characters; unique for its owner.
    pub name: String,
    /// Markdown; at most 16 KiB.
    #[serde(default)]
    pub body: String,
}

/// `POST /api/v1/memory/blocks/{id}/update`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct UpdateBlock {
    /// The new text.
    pub body: String,
    /// A new name, if it changes.
    #[serde(default)]
    pub name: Option<String>,
    /// The version the text was made from; another one now is a 409.
    pub base_version: i64,
}

/// `POST /api/v1/memory/blocks/{id}/proposals`: with an API key.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct Propose {
    /// The proposed text; at most 16 KiB.
    pub body: String,
    /// The version it was made from; absent means the present one.
    #[serde(default)]
    pub base_version: Option<i64>,
    /// Why; at most 4 KiB.
    #[serde(default)]
    pub reasoning: String,
    /// How sure.
    #[serde(default)]
    pub confidence: Confidence,
    /// The chat it came from.
    #[serde(default)]
    pub thread_id: Option<String>,
}

/// `POST /api/v1/memory/proposals/{id}/approve`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct Approve {
    /// The version the person saw; another one now is a 409.
    pub base_version: i64,
    /// The text as the person edited it; absent takes the proposed one.
    #[serde(default)]
    pub body: Option<String>,
}

/// `POST /api/v1/memory/proposals/{id}/reject`.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct Reject {
    /// The version the person saw; another one now is a 409.
    pub base_version: i64,
}
