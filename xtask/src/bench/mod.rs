//! `bench`: builds what is measured and hands over to `loadgen`, which starts the servers, measures them and prints.
//!
//! Everything runs in the release profile, but for `fanout --smoke`, which only shows that it works. What is measured
//! against is in `peers`.

mod peers;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{self, cargo, command};
use crate::repository::{binary, target};
use crate::{build, programs};

/// One of the measurements, all of which `loadgen` does: `fanout`, `connect`, `idle`, `soak`.
///
/// Of the arguments, `--peers a,b` says which servers (see [`peers::ALL`]), `--smoke` asks for the smallest form, and
/// the rest is `loadgen`'s.
pub fn run(measurement: &str, arguments: &[&str]) -> Result<()> {
    if arguments.contains(&"--smoke") {
        return smoke(measurement);
    }
    let (chosen, rest) = match arguments {
        ["--peers", names, rest @ ..] => (names.split(',').collect(), rest),
        rest => (usual(measurement), rest),
    };
    process::run(cargo().args(["build", "--release", "--locked", "--package", "loadgen"]))?;
    let figures = target().join("bench");
    fs::create_dir_all(&figures)
        .with_context(|| format!("{} cannot be made", figures.display()))?;
    let figures = figures.join(format!("{measurement}.json"));
    let mut bench = with_many_files(&target().join("release/loadgen"));
    bench.arg(measurement).arg("--json").arg(&figures);
    for name in chosen {
        if name == "tidings" {
            programs::NODE.require()?;
            bench.arg("--tidings").arg(build::release()?);
        } else {
            bench.arg("--peer").arg(peers::ready(name)?);
        }
    }
    process::run(bench.args(rest))?;
    println!("The same figures as JSON: {}", figures.display());
    Ok(())
}

/// The servers of a measurement where nobody chose: all for fan-out, else those that say something about ours.
fn usual(measurement: &str) -> Vec<&'static str> {
    match measurement {
        "fanout" => peers::ALL.to_vec(),
        "connect" => vec!["ours", "tidings", "epoll", "socketioxide", "node"],
        _ => vec!["ours", "tidings"],
    }
}

/// 20 connections, the dev profile and no peer.
fn smoke(measurement: &str) -> Result<()> {
    if measurement != "fanout" {
        bail!("only `bench fanout` has --smoke");
    }
    build::for_tests()?;
    let room_server = target().join("debug/examples/room_server");
    let mut bench = with_many_files(&target().join("debug/loadgen"));
    bench.args(["fanout", "--connections", "20", "--seconds", "1"]);
    bench.args(["--runs", "1", "--peer"]);
    bench.arg(format!("the socketio crate={}", room_server.display()));
    process::run(bench.arg("--tidings").arg(binary("debug")))
}

/// A thousand sockets need more open files than most shells allow: root may raise even the hard limit, others get it.
fn with_many_files(program: &PathBuf) -> Command {
    const MORE: &str = "ulimit -n 200000 2>/dev/null || ulimit -n \"$(ulimit -H -n)\"; exec \"$@\"";
    let mut shell = command("sh");
    shell.args(["-c", MORE, "sh"]).arg(program);
    shell
}
