//! The servers that ours is measured against: small programs below `bench/peers`, made ready here and nowhere else.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::process::{self, cargo, command, output_of};
use crate::programs;
use crate::repository::{changed_at, path, target};

/// Ours with compression: what `--peers` may name beside [`ALL`], for `--deflate`.
pub const COMPRESSED: &str = "compressed";

/// What `--peers` may name, ours first.
pub const ALL: [&str; 7] = [
    "ours",
    "epoll",
    "uring",
    "socketioxide",
    "node",
    "python",
    "tidings",
];

const LIMITS: &str = "bench/peers/limits";
const SOCKETIOXIDE: &str = "bench/peers/socketioxide";
const NODE: &str = "bench/peers/node-socketio";
const PYTHON: &str = "bench/peers/python-socketio";

/// Builds or installs a room server and gives it as `loadgen` wants it: `name=program argument…`, from the root.
pub fn ready(name: &str) -> Result<String> {
    match name {
        "ours" | COMPRESSED => {
            let example = ["--package", "socketio", "--example", "room_server"];
            process::run(
                cargo()
                    .args(["build", "--release", "--locked"])
                    .args(example),
            )?;
            let program = target().join("release/examples/room_server");
            let program = program.display();
            Ok(match name {
                COMPRESSED => format!("the socketio crate, compressing={program} --compress"),
                _ => format!("the socketio crate={program}"),
            })
        }
        "epoll" => {
            build(LIMITS)?;
            Ok(format!("epoll limit={LIMITS}/target/release/epoll-limit"))
        }
        "uring" => {
            build(LIMITS)?;
            let version = locked(LIMITS, "io-uring")?;
            Ok(format!(
                "io_uring limit (io-uring {version})={LIMITS}/target/release/uring-limit"
            ))
        }
        "socketioxide" => {
            build(SOCKETIOXIDE)?;
            let version = locked(SOCKETIOXIDE, "socketioxide")?;
            Ok(format!(
                "socketioxide {version}={SOCKETIOXIDE}/target/release/peer-socketioxide"
            ))
        }
        "node" => node(),
        "python" => python(),
        other => bail!(
            "`{other}` is no peer; there are {}, {COMPRESSED}",
            ALL.join(", ")
        ),
    }
}

/// A Rust peer has its own lock file and its own target folder: it is no member of the workspace.
fn build(folder: &str) -> Result<()> {
    let mut build = cargo();
    build.args(["build", "--release", "--locked", "--target-dir", "target"]);
    process::run(build.current_dir(path(folder)))
}

/// The version of a package in a peer's lock file.
fn locked(folder: &str, package: &str) -> Result<String> {
    let lock = path(folder).join("Cargo.lock");
    let text =
        fs::read_to_string(&lock).with_context(|| format!("{} cannot be read", lock.display()))?;
    let start = format!("name = \"{package}\"\nversion = \"");
    let version = text
        .split_once(&start)
        .and_then(|(_, rest)| rest.split('"').next());
    Ok(version.unwrap_or("?").to_owned())
}

fn node() -> Result<String> {
    programs::NODE.require()?;
    let folder = path(NODE);
    let installed = folder.join("node_modules/.package-lock.json");
    if !is_newer(&installed, &folder.join("package-lock.json")) {
        let install = ["ci", "--no-audit", "--no-fund"];
        process::run(command("npm").args(install).current_dir(&folder))?;
    }
    let version = |of: &str| {
        let program = format!("console.log(require('./node_modules/{of}/package.json').version)");
        let asked = output_of(command("node").args(["-e", &program]).current_dir(&folder));
        asked.unwrap_or_else(|| "?".to_owned())
    };
    let runtime = output_of(command("node").arg("--version")).unwrap_or_default();
    Ok(format!(
        "socket.io {}, ws {}, Node {}=node {NODE}/server.mjs",
        version("socket.io"),
        version("ws"),
        runtime.trim_start_matches('v')
    ))
}

fn python() -> Result<String> {
    programs::PYTHON.require()?;
    let folder = path(PYTHON);
    let requirements = folder.join("requirements.txt");
    let interpreter = folder.join(".venv/bin/python");
    let installed = folder.join(".venv/installed.txt");
    if !is_newer(&installed, &requirements) {
        process::run(
            command("python3")
                .args(["-m", "venv"])
                .arg(folder.join(".venv")),
        )?;
        let install = ["-m", "pip", "install", "--quiet", "--requirement"];
        process::run(command(&interpreter).args(install).arg(&requirements))?;
        fs::write(&installed, "").context("the environment cannot be written")?;
    }
    let pinned = fs::read_to_string(&requirements).context("there are no requirements")?;
    let version = |of: &str| {
        let line = pinned.lines().find_map(|line| line.strip_prefix(of));
        line.and_then(|line| line.strip_prefix("=="))
            .unwrap_or("?")
            .to_owned()
    };
    let runtime = output_of(command(&interpreter).arg("--version")).unwrap_or_default();
    Ok(format!(
        "python-socketio {}, uvicorn {}, uvloop {}, {runtime}={PYTHON}/.venv/bin/python {PYTHON}/server.py",
        version("python-socketio"),
        version("uvicorn"),
        version("uvloop")
    ))
}

fn is_newer(made: &Path, source: &Path) -> bool {
    changed_at(made).is_some_and(|made| changed_at(source) <= Some(made))
}
