//! Memory blocks, their versions, and proposals. Who may do what is decided by the caller.

use rusqlite::{Row, params};
use wire::UserId;
use wire::memory::{Confidence, MemoryBlock, Proposal, ProposalStatus};

use crate::conn::sql;
use crate::{Conn, Error, Tx, new_id};

/// The most blocks a person has.
pub const MAX_BLOCKS: i64 = 200;

/// The most proposals a list shows.
const MAX_LISTED: i64 = 200;

/// A proposal with the person it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// As shown.
    pub proposal: Proposal,
    /// Whose block it would change.
    pub user_id: UserId,
}

/// What a proposal is made of.
#[derive(Debug, Clone)]
pub struct NewProposal {
    /// The API key's id.
    pub agent_id: String,
    /// The API key's name.
    pub agent_name: String,
    /// The version it was made from; must exist.
    pub base_version: i64,
    /// The proposed text.
    pub body: String,
    /// Why.
    pub reasoning: String,
    /// How sure.
    pub confidence: Confidence,
    /// The chat it came from.
    pub thread_id: Option<String>,
}

/// A person's blocks by name, at most [`MAX_BLOCKS`].
pub fn blocks(conn: &Conn, user_id: &UserId) -> Result<Vec<MemoryBlock>, Error> {
    conn.all(
        sql!("memory/blocks"),
        params![user_id.as_str(), MAX_BLOCKS],
        block_row,
    )
}

/// One block.
pub fn block(conn: &Conn, id: &str) -> Result<Option<MemoryBlock>, Error> {
    conn.first(sql!("memory/block"), [id], block_row)
}

/// A person's block of this name.
pub fn block_named(
    conn: &Conn,
    user_id: &UserId,
    name: &str,
) -> Result<Option<MemoryBlock>, Error> {
    conn.first(
        sql!("memory/block_named"),
        [user_id.as_str(), name],
        block_row,
    )
}

/// Makes a block, at version 1. [`Error::Conflict`] if the name is taken.
pub fn insert_block(
    tx: &mut Tx<'_>,
    user_id: &UserId,
    name: &str,
    body: &str,
    now_ms: i64,
) -> Result<MemoryBlock, Error> {
    let id = new_id();
    tx.run(
        sql!("memory/insert_block"),
        params![id, user_id.as_str(), name, body, now_ms],
    )?;
    tx.run(
        sql!("memory/insert_version"),
        params![id, 1, body, user_id.as_str(), now_ms],
    )?;
    tx.one(sql!("memory/block"), [&id], block_row)
}

/// Gives a block a new text, and the next version.
pub fn update_block(
    tx: &mut Tx<'_>,
    id: &str,
    name: &str,
    body: &str,
    by: &UserId,
    now_ms: i64,
) -> Result<MemoryBlock, Error> {
    tx.run(sql!("memory/update_block"), params![id, name, body, now_ms])?;
    let block = tx.one(sql!("memory/block"), [id], block_row)?;
    let version = params![id, block.version, body, by.as_str(), now_ms];
    tx.run(sql!("memory/insert_version"), version)?;
    Ok(block)
}

/// Deletes all blocks of a person, with their versions and proposals.
pub fn delete_of_user(tx: &mut Tx<'_>, user_id: &UserId) -> Result<(), Error> {
    tx.run(sql!("memory/delete_of_user"), [user_id.as_str()])
        .map(drop)
}

/// Removes a block with its versions and proposals.
pub fn delete_block(tx: &mut Tx<'_>, id: &str) -> Result<(), Error> {
    tx.run(sql!("memory/delete_block"), [id]).map(|_| ())
}

/// How many proposals wait for a person.
pub fn total(conn: &Conn, user_id: &UserId) -> Result<i64, Error> {
    conn.one(sql!("memory/total"), [user_id.as_str()], |row| row.get(0))
}

/// What waits for a person, newest first.
pub fn pending(conn: &Conn, user_id: &UserId) -> Result<Vec<Proposal>, Error> {
    let rows = conn.all(
        sql!("memory/pending"),
        params![user_id.as_str(), MAX_LISTED],
        proposal_row,
    )?;
    Ok(rows.into_iter().map(|stored| stored.proposal).collect())
}

/// One proposal.
pub fn proposal(conn: &Conn, id: &str) -> Result<Option<Stored>, Error> {
    conn.first(sql!("memory/proposal"), [id], proposal_row)
}

/// What this agent has waiting for this block.
pub fn pending_of_agent(
    conn: &Conn,
    block: &MemoryBlock,
    agent_id: &str,
) -> Result<Vec<Stored>, Error> {
    let key = [block.user_id.as_str(), block.id.as_str(), agent_id];
    conn.all(sql!("memory/pending_of_agent"), key, proposal_row)
}

/// Stores a proposal that waits.
pub fn insert_proposal(
    tx: &mut Tx<'_>,
    block: &MemoryBlock,
    new: &NewProposal,
    now_ms: i64,
) -> Result<Proposal, Error> {
    let id = new_id();
    tx.run(
        sql!("memory/insert_proposal"),
        params![
            id,
            block.id,
            block.user_id.as_str(),
            new.agent_id,
            new.agent_name,
            new.base_version,
            new.body,
            new.reasoning,
            new.confidence.as_str(),
            new.thread_id,
            now_ms
        ],
    )?;
    tx.one(sql!("memory/proposal"), [&id], proposal_row)
        .map(|stored| stored.proposal)
}

/// Ends a proposal's waiting.
pub fn decide(tx: &mut Tx<'_>, id: &str, status: ProposalStatus, now_ms: i64) -> Result<(), Error> {
    tx.run(sql!("memory/decide"), params![id, status.as_str(), now_ms])
        .map(|_| ())
}

fn block_row(row: &Row<'_>) -> rusqlite::Result<MemoryBlock> {
    Ok(MemoryBlock {
        id: row.get(0)?,
        user_id: UserId(row.get(1)?),
        name: row.get(2)?,
        body: row.get(3)?,
        version: row.get(4)?,
        created_at_ms: row.get(5)?,
        updated_at_ms: row.get(6)?,
        pending: row.get(7)?,
    })
}

fn proposal_row(row: &Row<'_>) -> rusqlite::Result<Stored> {
    let (confidence, status): (String, String) = (row.get(9)?, row.get(11)?);
    let proposal = Proposal {
        id: row.get(0)?,
        block_id: row.get(1)?,
        block_name: row.get(2)?,
        agent_id: row.get(3)?,
        agent_name: row.get(4)?,
        base_version: row.get(5)?,
        old_value: row.get(6)?,
        new_value: row.get(7)?,
        reasoning: row.get(8)?,
        // The table's checks allow no other names.
        confidence: Confidence::parse(&confidence).unwrap_or_default(),
        thread_id: row.get(10)?,
        status: ProposalStatus::parse(&status).unwrap_or(ProposalStatus::Pending),
        block_version: row.get(12)?,
        created_at_ms: row.get(13)?,
        decided_at_ms: row.get(14)?,
    };
    Ok(Stored {
        proposal,
        user_id: UserId(row.get(15)?),
    })
}
