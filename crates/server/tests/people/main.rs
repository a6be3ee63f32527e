//! People: accounts, sessions, what an admin does, what one person sees of another. Over the public wire.

#![allow(clippy::unwrap_used)] // in the helpers too, not only in the tests

mod accounts;
mod admin;
mod command_line;
mod profile;
mod sessions;
mod sockets;

use testkit::{Person, World};

/// A caller with this token or key.
fn with_token(world: &World, token: impl Into<String>) -> Person {
    let mut caller = world.nobody();
    caller.token = token.into();
    caller
}
