//! The web app's packages and its built form: made when missing or older than what they come from, else left alone.

use anyhow::{Result, bail};

use crate::process::{self, command};
use crate::programs;
use crate::repository::{changed_at, newest_change, path};

/// Whether this repository has a web app yet.
pub fn exists() -> bool {
    path("web/package.json").exists()
}

/// `npm ci`, if the lock file is newer than what is installed.
pub fn install() -> Result<()> {
    programs::NODE.require()?;
    let Some(lock) = changed_at(&path("package-lock.json")) else {
        bail!("package-lock.json is missing: it belongs to the repository");
    };
    if changed_at(&path("node_modules/.package-lock.json"))
        .is_some_and(|installed| installed >= lock)
    {
        return Ok(());
    }
    process::run(command("npm").args(["ci", "--no-audit", "--no-fund"]))
}

/// The built web app in `web/build`, made again if a source is newer.
///
/// A folder without `_app` is only the placeholder that lets the server compile; it does not count as built.
pub fn build() -> Result<()> {
    if !exists() {
        eprintln!("note: there is no web app in this tree: the server starts without one");
        return Ok(());
    }
    install()?;
    let sources = [path("web"), path("packages"), path("package-lock.json")];
    let built =
        changed_at(&path("web/build/index.html")).filter(|_| path("web/build/_app").is_dir());
    if built.is_some_and(|built| newest_change(&sources).is_none_or(|source| source <= built)) {
        return Ok(());
    }
    npm("build", &["--workspace", "web"])
}

/// `npm run SCRIPT` with npm's own choice of workspaces.
pub fn npm(script: &str, options: &[&str]) -> Result<()> {
    process::run(
        command("npm")
            .args(["run", script, "--if-present"])
            .args(options),
    )
}
