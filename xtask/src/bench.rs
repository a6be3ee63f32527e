//! `bench fanout`: one event to many sockets, ours beside a plain Node Socket.IO server.
//!
//! Builds what is measured and hands over to `loadgen`, which starts the servers, measures them and prints the table.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{self, cargo, command};
use crate::repository::{binary, changed_at, path, target};
use crate::{build, programs};

const PEER: &str = "bench/peers/node-socketio";

/// The whole measurement in the release profile, or with `--smoke` the smallest form that shows that it works.
pub fn fanout(arguments: &[&str]) -> Result<()> {
    match arguments {
        [] => whole(),
        ["--smoke"] => smoke(),
        other => bail!("bench fanout knows only --smoke, not `{}`", other.join(" ")),
    }
}

fn whole() -> Result<()> {
    programs::NODE.require()?;
    let server = build::release()?;
    process::run(cargo().args(["build", "--release", "--locked", "--package", "loadgen"]))?;
    process::run(cargo().args([
        "build",
        "--release",
        "--locked",
        "--package",
        "socketio",
        "--example",
        "room_server",
    ]))?;
    install_peer()?;
    let figures = target().join("bench");
    fs::create_dir_all(&figures)
        .with_context(|| format!("{} cannot be made", figures.display()))?;
    let figures = figures.join("fanout.json");
    let mut bench = with_many_files(&beside(&server));
    bench.arg("fanout").arg("--tidings").arg(&server);
    bench
        .arg("--room-server")
        .arg(target().join("release/examples/room_server"));
    bench
        .arg("--node-peer")
        .arg(path(PEER))
        .arg("--json")
        .arg(&figures);
    process::run(&mut bench)?;
    println!("The same figures as JSON: {}", figures.display());
    Ok(())
}

fn smoke() -> Result<()> {
    process::run(cargo().args([
        "build",
        "--package",
        "server",
        "--bin",
        "tidings",
        "--package",
        "loadgen",
    ]))?;
    let server = binary("debug");
    let mut bench = with_many_files(&beside(&server));
    bench
        .args([
            "fanout",
            "--connections",
            "20",
            "--seconds",
            "1",
            "--tidings",
        ])
        .arg(&server);
    process::run(&mut bench)
}

fn beside(server: &Path) -> PathBuf {
    server.with_file_name("loadgen")
}

/// A thousand sockets need more open files than most shells allow; the hard limit is usually enough.
fn with_many_files(program: &Path) -> Command {
    let mut shell = command("sh");
    shell
        .args(["-c", "ulimit -n \"$(ulimit -H -n)\"; exec \"$@\"", "sh"])
        .arg(program);
    shell
}

/// The peer keeps its own packages: it is no part of the product's npm workspaces.
fn install_peer() -> Result<()> {
    let folder = path(PEER);
    let installed = changed_at(&folder.join("node_modules/.package-lock.json"));
    if installed
        .is_some_and(|installed| changed_at(&folder.join("package-lock.json")) <= Some(installed))
    {
        return Ok(());
    }
    process::run(
        command("npm")
            .args(["ci", "--no-audit", "--no-fund"])
            .current_dir(folder),
    )
}
