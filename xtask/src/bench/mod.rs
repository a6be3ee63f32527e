//! `bench`: builds what is measured and hands over to `loadgen`, which starts the servers, measures them and prints.
//!
//! Everything runs in the release profile, but for `--smoke`, which only shows that it works. What is measured against is
//! in `peers`; what only the whole product can do in `product`.

mod peers;
mod product;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process::{self, cargo, command};
use crate::repository::{binary, target};
use crate::{build, programs};

/// One of the measurements, all of which `loadgen` does: `fanout`, `connect`, `idle`, `soak`, `storm`,
/// `stalled`, `durable`, `resume`.
///
/// Of the arguments, `--peers a,b` says which servers (see [`peers::ALL`]), `--smoke` asks for the smallest form, and
/// the rest is `loadgen`'s.
pub fn run(measurement: &str, arguments: &[&str]) -> Result<()> {
    if arguments.contains(&"--smoke") {
        return smoke(measurement);
    }
    if product::ONLY.contains(&measurement) {
        return product::run(measurement, arguments);
    }
    let (chosen, rest) = match arguments {
        ["--peers", names, rest @ ..] => (names.split(',').collect(), rest),
        rest => (usual(measurement), rest),
    };
    let (mut bench, figures) = loadgen(measurement)?;
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

/// Builds `loadgen`; answers it with the measurement and the file for its figures as arguments, and that file.
fn loadgen(measurement: &str) -> Result<(Command, PathBuf)> {
    process::run(cargo().args(["build", "--release", "--locked", "--package", "loadgen"]))?;
    let figures = folder()?.join(format!("{measurement}.json"));
    let mut bench = with_many_files(&target().join("release/loadgen"));
    bench.arg(measurement).arg("--json").arg(&figures);
    Ok((bench, figures))
}

/// Where figures and what else is made for a measurement lie.
fn folder() -> Result<PathBuf> {
    let folder = target().join("bench");
    fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    Ok(folder)
}

/// A few connections and seconds, the dev profile and no peer: shows that it works, and measures nothing.
fn smoke(measurement: &str) -> Result<()> {
    build::for_tests()?;
    let mut bench = with_many_files(&target().join("debug/loadgen"));
    bench.arg(measurement);
    // Nobody waits for the product's ping timeout here.
    if measurement != "stalled" {
        bench.arg("--tidings").arg(binary("debug"));
    }
    let room_server = target().join("debug/examples/room_server");
    let room_server = format!("the socketio crate={}", room_server.display());
    match measurement {
        "fanout" => {
            bench.args(["--connections", "20", "--seconds", "1", "--runs", "1"]);
            bench.args(["--peer", &room_server]);
        }
        "storm" => {
            bench.args(["--connections", "60", "--seconds", "1", "--storms", "2"]);
            bench.args(["--peer", &room_server]);
        }
        "stalled" => {
            bench.args(["--connections", "20", "--stopped", "4", "--seconds", "1"]);
            bench.args(["--alternations", "1", "--event-bytes", "200,10000"]);
            let impatient = " --ping-interval 1500 --ping-timeout 4000";
            bench.args(["--peer", &(room_server + impatient)]);
        }
        "durable" => {
            bench.args(["--senders", "4", "--seconds", "1", "--paces", "0x20,20x60"]);
            bench.arg("--slow-sync").arg(product::slow_sync()?);
        }
        "resume" => {
            bench.args(["--sockets", "40", "--people", "11", "--rooms", "10"]);
            bench.args(["--missed", "20", "--samples", "3", "--slow", "3"]);
            bench.args(["--before", "20", "--passed", "900", "--held", "20"]);
        }
        _ => bail!("`bench {measurement}` has no --smoke"),
    }
    process::run(&mut bench)
}

/// A thousand sockets need more open files than most shells allow: root may raise even the hard limit, others get it.
fn with_many_files(program: &PathBuf) -> Command {
    const MORE: &str = "ulimit -n 200000 2>/dev/null || ulimit -n \"$(ulimit -H -n)\"; exec \"$@\"";
    let mut shell = command("sh");
    shell.args(["-c", MORE, "sh"]).arg(program);
    shell
}
