//! What one does to memory blocks and proposals; each is one job.

use crate::access;
use crate::app::App;
use crate::auth::{Actor, Credential};
use crate::error::Error;
use crate::http::as_of::{AsOf, Snapshot};
use store::{Conn, Tx, memory};
use wire::events::{DecidedDiff, MemoryPush, MemoryUpdated, PendingDiffs, ServerEvent};
use wire::memory::{
    Approve, CreateBlock, MemoryBlock, MemoryBlocks, Proposal, ProposalStatus, Proposals, Propose,
    Reject, UpdateBlock,
};
use wire::{Room, UserId};

const MAX_NAME_CHARS: usize = 80;
const MAX_BODY_BYTES: usize = 16 * 1024;
const MAX_REASONING_BYTES: usize = 4 * 1024;

/// The caller's blocks, and how many proposals wait in all of them.
pub async fn list(app: &App, actor: &Actor) -> Result<Snapshot<MemoryBlocks>, Error> {
    let user_id = actor.id().clone();
    app.store
        .read(move |conn| {
            let body = MemoryBlocks {
                blocks: memory::blocks(conn, &user_id)?,
                total: memory::total(conn, &user_id)?,
            };
            let as_of = AsOf::read(conn, [Room::User(user_id)])?;
            Ok(Snapshot { body, as_of })
        })
        .await
}

/// One of the caller's blocks.
pub async fn get(app: &App, actor: &Actor, id: String) -> Result<Snapshot<MemoryBlock>, Error> {
    let actor = actor.clone();
    app.store
        .read(move |conn| {
            let body = access::own_block(conn, &actor, &id)?;
            let as_of = AsOf::read(conn, [Room::User(actor.user.id)])?;
            Ok(Snapshot { body, as_of })
        })
        .await
}

/// Makes a block.
pub async fn create(app: &App, actor: &Actor, form: CreateBlock) -> Result<MemoryBlock, Error> {
    let name = checked_name(&form.name)?;
    Error::at_most("the text, in bytes", form.body.len(), MAX_BODY_BYTES)?;
    let (user_id, now_ms) = (actor.id().clone(), app.clock.now_ms());
    app.command(actor, move |tx| {
        refuse_too_many(tx, &user_id)?;
        refuse_taken(tx, &user_id, &name, None)?;
        let block = memory::insert_block(tx, &user_id, &name, &form.body, now_ms)?;
        tell_updated(tx, &block, block.version, "user");
        Ok(block)
    })
    .await
}

/// Gives a block a new text, if it is still the version the text was made from.
pub async fn update(
    app: &App,
    actor: &Actor,
    id: String,
    form: UpdateBlock,
) -> Result<MemoryBlock, Error> {
    let name = form.name.as_deref().map(checked_name).transpose()?;
    Error::at_most("the text, in bytes", form.body.len(), MAX_BODY_BYTES)?;
    let (caller, now_ms) = (actor.clone(), app.clock.now_ms());
    app.command(actor, move |tx| {
        let block = access::own_block(tx, &caller, &id)?;
        refuse_stale(&block, form.base_version)?;
        let name = name.unwrap_or_else(|| block.name.clone());
        refuse_taken(tx, caller.id(), &name, Some(&block.id))?;
        let block = memory::update_block(tx, &id, &name, &form.body, caller.id(), now_ms)?;
        tell_updated(tx, &block, block.version, "user");
        Ok(block)
    })
    .await
}

/// Removes a block, with what waits for it.
pub async fn delete(app: &App, actor: &Actor, id: String) -> Result<(), Error> {
    let caller = actor.clone();
    app.command(actor, move |tx| {
        let block = access::own_block(tx, &caller, &id)?;
        memory::delete_block(tx, &id)?;
        if block.pending > 0 {
            let block = MemoryBlock {
                pending: 0,
                ..block.clone()
            };
            tell_pending(tx, &block, None)?;
        }
        tell_updated(tx, &block, 0, "user");
        Ok(())
    })
    .await
}

/// What waits for the caller's decision.
pub async fn pending(app: &App, actor: &Actor) -> Result<Snapshot<Proposals>, Error> {
    let user_id = actor.id().clone();
    app.store
        .read(move |conn| {
            let body = Proposals {
                proposals: memory::pending(conn, &user_id)?,
                total: memory::total(conn, &user_id)?,
            };
            let as_of = AsOf::read(conn, [Room::User(user_id)])?;
            Ok(Snapshot { body, as_of })
        })
        .await
}

/// An agent proposes a text. Its former proposal for the same block, if it still waits, is superseded.
pub async fn propose(
    app: &App,
    actor: &Actor,
    block_id: String,
    form: Propose,
) -> Result<Proposal, Error> {
    Error::at_most("the text, in bytes", form.body.len(), MAX_BODY_BYTES)?;
    Error::at_most(
        "the reasoning, in bytes",
        form.reasoning.len(),
        MAX_REASONING_BYTES,
    )?;
    let (caller, now_ms) = (actor.clone(), app.clock.now_ms());
    app.command(actor, move |tx| {
        propose_in(tx, &caller, &block_id, form, now_ms)
    })
    .await
}

fn propose_in(
    tx: &mut Tx<'_>,
    actor: &Actor,
    block_id: &str,
    form: Propose,
    now_ms: i64,
) -> Result<Proposal, Error> {
    let block = access::own_block(tx, actor, block_id)?;
    let agent_name = agent_name(tx, actor)?;
    let base_version = form.base_version.unwrap_or(block.version);
    refuse_stale(&block, base_version)?;
    if form.body == block.body {
        return Err(Error::refused(
            "nothing_changed",
            "the proposed text is the text the block has",
        ));
    }
    supersede(tx, &block, &actor.session_id, now_ms)?;
    let new = memory::NewProposal {
        agent_id: actor.session_id.clone(),
        agent_name,
        base_version,
        body: form.body,
        reasoning: form.reasoning,
        confidence: form.confidence,
        thread_id: form.thread_id,
    };
    let proposal = memory::insert_proposal(tx, &block, &new, now_ms)?;
    let block = access::own_block(tx, actor, block_id)?;
    tell_pending(tx, &block, Some(&proposal))?;
    Ok(proposal)
}

/// The caller takes a proposal over, perhaps edited.
pub async fn approve(
    app: &App,
    actor: &Actor,
    id: String,
    form: Approve,
) -> Result<MemoryBlock, Error> {
    Error::at_most(
        "the text, in bytes",
        form.body.as_ref().map_or(0, String::len),
        MAX_BODY_BYTES,
    )?;
    let (caller, now_ms) = (actor.clone(), app.clock.now_ms());
    app.command(actor, move |tx| approve_in(tx, &caller, &id, form, now_ms))
        .await
}

fn approve_in(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: &str,
    form: Approve,
    now_ms: i64,
) -> Result<MemoryBlock, Error> {
    let proposal = access::may_decide(tx, actor, id)?;
    refuse_decided(&proposal)?;
    let block = access::own_block(tx, actor, &proposal.block_id)?;
    refuse_stale(&block, form.base_version)?;
    if form.body.is_none() {
        // The block moved on since the agent read it: only a text that the person has seen whole may replace it.
        refuse_stale(&block, proposal.base_version)?;
    }
    let body = form.body.unwrap_or(proposal.new_value);
    memory::decide(tx, id, ProposalStatus::Approved, now_ms)?;
    let block = memory::update_block(tx, &block.id, &block.name, &body, actor.id(), now_ms)?;
    let decided = decided(tx, &block, id, actor.id().as_str())?;
    emit(tx, &block.user_id, MemoryPush::Approved(decided));
    tell_pending(tx, &block, None)?;
    tell_updated(tx, &block, block.version, "agent");
    Ok(block)
}

/// The caller turns a proposal down, having seen the block as it is.
pub async fn reject(app: &App, actor: &Actor, id: String, form: Reject) -> Result<Proposal, Error> {
    let (caller, now_ms) = (actor.clone(), app.clock.now_ms());
    app.command(actor, move |tx| {
        let proposal = access::may_decide(tx, &caller, &id)?;
        refuse_decided(&proposal)?;
        let block = access::own_block(tx, &caller, &proposal.block_id)?;
        refuse_stale(&block, form.base_version)?;
        memory::decide(tx, &id, ProposalStatus::Rejected, now_ms)?;
        let block = access::own_block(tx, &caller, &proposal.block_id)?;
        let decided = decided(tx, &block, &id, caller.id().as_str())?;
        emit(tx, &block.user_id, MemoryPush::Rejected(decided));
        tell_pending(tx, &block, None)?;
        access::may_decide(tx, &caller, &id)
    })
    .await
}

fn agent_name(conn: &Conn, actor: &Actor) -> Result<String, Error> {
    if actor.credential != Credential::ApiKey {
        return Err(Error::Forbidden(
            "proposals come from agents: call this with an API key (sk-...); people edit the block itself",
        ));
    }
    let keys = store::tokens::of_user(conn, actor.id())?;
    let own = keys.into_iter().find(|key| key.id == actor.session_id);
    own.map(|key| key.name)
        .ok_or(Error::NotAuthenticated("the API key was revoked"))
}

fn supersede(
    tx: &mut Tx<'_>,
    block: &MemoryBlock,
    agent_id: &str,
    now_ms: i64,
) -> Result<(), Error> {
    for former in memory::pending_of_agent(tx, block, agent_id)? {
        let id = former.proposal.id;
        memory::decide(tx, &id, ProposalStatus::Superseded, now_ms)?;
        let now = memory::block(tx, &block.id)?.unwrap_or_else(|| block.clone());
        let decided = decided(tx, &now, &id, agent_id)?;
        emit(tx, &block.user_id, MemoryPush::Superseded(decided));
    }
    Ok(())
}

fn refuse_stale(block: &MemoryBlock, base_version: i64) -> Result<(), Error> {
    if block.version == base_version {
        return Ok(());
    }
    let (name, now) = (&block.name, block.version);
    Err(Error::Conflict {
        code: "stale_version",
        detail: format!(
            "\"{name}\" is at version {now} now, not at {base_version}; look at it again"
        ),
    })
}

fn refuse_decided(proposal: &Proposal) -> Result<(), Error> {
    if proposal.status == ProposalStatus::Pending {
        return Ok(());
    }
    Err(Error::Conflict {
        code: "already_decided",
        detail: format!("this proposal is {} already", proposal.status.as_str()),
    })
}

fn refuse_too_many(conn: &Conn, user_id: &UserId) -> Result<(), Error> {
    let most = memory::MAX_BLOCKS;
    if i64::try_from(memory::blocks(conn, user_id)?.len()).is_ok_and(|held| held < most) {
        return Ok(());
    }
    let detail = format!("one has at most {most} memory blocks; delete one first");
    Err(Error::refused("too_many_blocks", detail))
}

fn refuse_taken(conn: &Conn, user_id: &UserId, name: &str, but: Option<&str>) -> Result<(), Error> {
    match memory::block_named(conn, user_id, name)? {
        Some(block) if Some(block.id.as_str()) != but => Err(Error::Conflict {
            code: "name_taken",
            detail: format!("there is a memory block \"{name}\" already"),
        }),
        _ => Ok(()),
    }
}

fn checked_name(name: &str) -> Result<String, Error> {
    let name = name.trim();
    Error::at_most(
        "the name, in characters",
        name.chars().count(),
        MAX_NAME_CHARS,
    )?;
    if name.is_empty() {
        return Err(Error::refused(
            "name_empty",
            "a memory block needs a name of 1 to 80 characters",
        ));
    }
    Ok(name.to_owned())
}

fn decided(
    conn: &Conn,
    block: &MemoryBlock,
    diff_id: &str,
    by: &str,
) -> Result<DecidedDiff, Error> {
    Ok(DecidedDiff {
        block_id: block.id.clone(),
        diff_id: diff_id.to_owned(),
        count: block.pending,
        total: memory::total(conn, &block.user_id)?,
        by: by.to_owned(),
    })
}

/// How many wait now, for the badge; `new` is the proposal that came, if one did.
fn tell_pending(tx: &mut Tx<'_>, block: &MemoryBlock, new: Option<&Proposal>) -> Result<(), Error> {
    let pending = PendingDiffs {
        count: block.pending,
        block_id: block.id.clone(),
        total: memory::total(tx, &block.user_id)?,
        diff_id: new.map(|proposal| proposal.id.clone()),
        agent_id: new.map(|proposal| proposal.agent_id.clone()),
        thread_id: new.and_then(|proposal| proposal.thread_id.clone()),
        confidence: new.map(|proposal| proposal.confidence),
    };
    emit(tx, &block.user_id, MemoryPush::Pending(pending));
    Ok(())
}

fn tell_updated(tx: &mut Tx<'_>, block: &MemoryBlock, version: i64, by: &str) {
    let updated = MemoryUpdated {
        block_name: block.name.clone(),
        block_id: block.id.clone(),
        version,
        by: by.to_owned(),
    };
    emit(tx, &block.user_id, MemoryPush::Updated(updated));
}

fn emit(tx: &mut Tx<'_>, user_id: &UserId, push: MemoryPush) {
    tx.emit(Room::User(user_id.clone()), ServerEvent::Memory(push));
}
