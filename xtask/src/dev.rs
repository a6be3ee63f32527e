//! `dev`: the server, restarted when a Rust source changes, and vite's dev server, which reloads the page itself.
//!
//! Both are children in our process group, so Ctrl-C in a terminal reaches them as well; if one ends, so does the other.

use std::path::PathBuf;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};

use crate::process::{self, cargo, command};
use crate::repository::{binary, newest_change, path};
use crate::{programs, web};

const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Runs both until one ends or the terminal interrupts.
pub fn run(arguments: &[&str]) -> Result<()> {
    programs::RUST.require()?;
    programs::C_COMPILER.require()?;
    let mut vite = None;
    if web::exists() {
        web::install()?;
        let server = format!("http://127.0.0.1:{}", port(arguments));
        vite = Some(Running::start(
            command("npm")
                .env("TIDINGS_SERVER", server)
                .args(["run", "dev", "--workspace", "web"]),
        )?);
    }
    let mut built_at = SystemTime::now();
    let mut server = start_server(arguments)?;
    loop {
        thread::sleep(LOOK_EVERY);
        if let Some(status) = vite.as_mut().and_then(Running::ended) {
            bail!("the web app's dev server ended ({status})");
        }
        if newest_change(&sources()).is_some_and(|changed| changed > built_at) {
            built_at = SystemTime::now();
            eprintln!("a source changed: building again");
            server = None;
            server = start_server(arguments)?.or(server);
        } else if let Some(status) = server.as_mut().and_then(Running::ended) {
            server = None;
            eprintln!("the server ended ({status}); it starts again when a source changes");
        }
    }
}

/// Where the server will listen, so that the web app's dev server can pass requests on.
fn port(arguments: &[&str]) -> String {
    let flag = arguments
        .iter()
        .position(|word| *word == "--port")
        .and_then(|at| arguments.get(at + 1));
    let variable = std::env::var("PORT").ok();
    flag.map(ToString::to_string)
        .or(variable)
        .unwrap_or_else(|| "8080".to_owned())
}

fn sources() -> [PathBuf; 2] {
    [path("crates"), path("Cargo.lock")]
}

/// `None` where the build failed: the compiler has said why, and the next change tries again.
fn start_server(arguments: &[&str]) -> Result<Option<Running>> {
    if let Err(error) =
        process::run(cargo().args(["build", "--package", "server", "--bin", "tidings"]))
    {
        eprintln!("{error:#}");
        return Ok(None);
    }
    Running::start(command(binary("debug")).args(arguments)).map(Some)
}

/// A child that does not outlive its owner.
struct Running(Child);

impl Running {
    fn start(command: &mut Command) -> Result<Self> {
        let line = process::describe(command);
        eprintln!("$ {line}");
        command
            .spawn()
            .map(Self)
            .with_context(|| format!("`{line}` could not be started"))
    }

    fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.0.try_wait().ok().flatten()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended().is_some() {
            return;
        }
        let pid = self.0.id().to_string();
        // TERM lets the server flush and npm pass the signal on; a plain kill would leave vite behind.
        let asked = Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .is_ok_and(|status| status.success());
        if !asked {
            let _already_gone = self.0.kill();
        }
        let _status = self.0.wait();
    }
}
