//! Rights on memory blocks and proposals: they belong to the person they are about, and only that person decides.

use crate::auth::{Actor, Credential};
use crate::error::Error;
use store::{Conn, memory};
use wire::memory::{MemoryBlock, Proposal};

/// The block is the caller's; also an agent that works with the person's key may read it and propose.
///
/// # Errors
/// [`Error::NotFound`] for somebody else's.
pub fn own_block(conn: &Conn, actor: &Actor, id: &str) -> Result<MemoryBlock, Error> {
    memory::block(conn, id)?
        .filter(|block| block.user_id == *actor.id())
        .ok_or(Error::NotFound("memory block"))
}

/// The caller may decide about the proposal: it is for them, and they are a person, not an agent with their key.
///
/// # Errors
/// [`Error::NotFound`] for somebody else's, [`Error::Forbidden`] with an API key.
pub fn may_decide(conn: &Conn, actor: &Actor, id: &str) -> Result<Proposal, Error> {
    let stored = memory::proposal(conn, id)?
        .filter(|stored| stored.user_id == *actor.id())
        .ok_or(Error::NotFound("proposal"))?;
    match actor.credential {
        Credential::Session { .. } => Ok(stored.proposal),
        Credential::ApiKey => Err(Error::Forbidden(
            "people decide about proposals: sign in as the person, an API key may only propose",
        )),
    }
}
