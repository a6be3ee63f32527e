//! `chaos`: builds the server, the fault harness and its preload shim, and lets the harness break the server.
//!
//! Everything is built in the dev profile; the server with its feature `faults`, which knows the named points to stop at
//! and the bugs that can be planted. No other build has it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::process::{self, cargo, command};
use crate::programs;
use crate::repository::{binary, path, target};
use crate::web;

/// As CI runs it: every fault once, in three rounds, always the same ones.
pub const IN_CI: [&str; 7] = ["--cover", "--rounds", "3", "--seed", "1", "--seconds", "6"];

/// And that the checker still sees: every known bug planted in the server in turn.
pub const PLANTED_IN_CI: [&str; 5] = ["--planted", "--seed", "1", "--seconds", "3"];

/// Rounds of faults; the arguments are the harness's (`--seed`, `--rounds`, `--round`, `--faults`, ...).
pub fn run(arguments: &[&str]) -> Result<()> {
    programs::C_COMPILER.require()?;
    process::run(cargo().args(["build", "--package", "chaos"]))?;
    let server = ["build", "--package", "server", "--bin", "tidings"];
    process::run(cargo().args(server).args(["--features", "faults"]))?;
    let keep = target().join("chaos");
    fs::create_dir_all(&keep).with_context(|| format!("{} cannot be made", keep.display()))?;
    // A copy: a long run must not stumble over the next build.
    let server = keep.join("tidings");
    fs::copy(binary("debug"), &server).context("the server cannot be copied")?;
    let mut chaos = command(target().join("debug/chaos"));
    chaos.arg("--server").arg(server);
    chaos.arg("--shim").arg(shim()?).arg("--keep").arg(keep);
    if programs::NODE.fault().is_none() {
        chaos.arg("--client").arg(client()?);
    } else {
        eprintln!("note: without Node.js no client of packages/client takes part");
    }
    process::run(chaos.args(arguments))
}

/// Builds the TypeScript client and says which program drives it.
fn client() -> Result<PathBuf> {
    web::install()?;
    web::npm("build", &["--workspace", "packages/client"])?;
    Ok(path("packages/client/bin/lines.mjs"))
}

/// Compiles the shim.
fn shim() -> Result<PathBuf> {
    let library = target().join("chaos-shim.so");
    let mut compiler = command("cc");
    compiler.args(["-shared", "-fPIC", "-O2", "-Wall", "-o"]);
    compiler.arg(&library).arg(path("crates/chaos/shim/shim.c"));
    process::run(compiler.args(["-ldl", "-lpthread"]))?;
    Ok(library)
}
