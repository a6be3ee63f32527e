//! The Python environment of the tests: `.venv` in the repository, filled from one pinned list.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::process::{self, command};
use crate::programs;
use crate::repository::path;

const REQUIREMENTS: &str = "e2e/python/requirements.txt";

/// The interpreter of `.venv`; made, or filled again when the list of packages has changed.
///
/// `None` where nothing here wants Python, or (not in CI) where it is missing: its tests are skipped then, loudly.
pub fn environment() -> Result<Option<PathBuf>> {
    if !path(REQUIREMENTS).exists() {
        return Ok(None);
    }
    if let Err(error) = programs::PYTHON.require() {
        if programs::in_ci() {
            return Err(error);
        }
        eprintln!("SKIPPED: {error:#}");
        return Ok(None);
    }
    let wanted = fs::read_to_string(path(REQUIREMENTS))
        .with_context(|| format!("{REQUIREMENTS} cannot be read"))?;
    let interpreter = path(".venv/bin/python");
    let installed = path(".venv/installed.txt");
    if interpreter.exists() && fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        return Ok(Some(interpreter));
    }
    process::run(command("python3").args(["-m", "venv", ".venv"]))?;
    let install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--requirement",
        REQUIREMENTS,
    ];
    process::run(command(&interpreter).args(install))?;
    fs::write(&installed, wanted).context(".venv cannot be written")?;
    Ok(Some(interpreter))
}
