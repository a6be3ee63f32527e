//! `run` and `build`: the server with the web app inside, in the dev and the release profile.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::process::{self, cargo, command};
use crate::programs;
use crate::{repository, web};

/// Builds the web app and the server in the dev profile.
pub fn debug() -> Result<PathBuf> {
    programs::RUST.require()?;
    programs::C_COMPILER.require()?;
    web::build()?;
    process::run(cargo().args(["build", "--package", "server", "--bin", "tidings"]))?;
    Ok(repository::binary("debug"))
}

/// Builds the programs that tests start, in the dev profile: always the same set, so that no step builds the crates
/// below them anew with other features.
pub fn for_tests() -> Result<()> {
    let packages = [
        "build",
        "--package",
        "server",
        "--package",
        "loadgen",
        "--package",
        "socketio",
    ];
    let programs = [
        "--bin",
        "tidings",
        "--bin",
        "loadgen",
        "--example",
        "room_server",
        "--example",
        "protocol_suite",
        "--example",
        "engine_suite",
        "--example",
        "client_suite",
        "--example",
        "ws_echo",
    ];
    process::run(cargo().args(packages).args(programs))
}

/// Builds both in the release profile and says where the binary lies.
pub fn release() -> Result<PathBuf> {
    programs::RUST.require()?;
    programs::C_COMPILER.require()?;
    web::build()?;
    process::run(cargo().args([
        "build",
        "--release",
        "--locked",
        "--package",
        "server",
        "--bin",
        "tidings",
    ]))?;
    let binary = repository::binary("release");
    let bytes = std::fs::metadata(&binary)
        .with_context(|| format!("{} was not built", binary.display()))?
        .len();
    println!("{} ({:.1} MB)", binary.display(), bytes as f64 / 1e6);
    Ok(binary)
}

/// Builds, then becomes the server: signals and the terminal are the server's from here on.
pub fn run_server(arguments: &[&str]) -> Result<()> {
    let binary = debug()?;
    let error = command(&binary).args(arguments).exec();
    Err(error).with_context(|| format!("{} could not be started", binary.display()))
}
