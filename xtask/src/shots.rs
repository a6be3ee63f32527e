//! `shots`: the pictures of the documents, taken from a demo workspace by the script in `e2e`.

use anyhow::{Result, bail};

use crate::process::{self, command};
use crate::repository::path;
use crate::{build, programs};

/// Builds, starts a demo workspace on a temporary folder and photographs it.
pub fn run() -> Result<()> {
    for program in [&programs::NODE, &programs::CHROMIUM, &programs::EMOJI_FONT] {
        program.require()?;
    }
    if !path("e2e/shots.mjs").exists() {
        bail!("e2e/shots.mjs is not in this tree");
    }
    let binary = build::debug()?;
    let mut shots = command("node");
    shots.arg("e2e/shots.mjs").env("TIDINGS_BINARY", binary);
    if let Some(chromium) = programs::chromium() {
        shots.env("CHROMIUM", chromium);
    }
    process::run(&mut shots)
}
