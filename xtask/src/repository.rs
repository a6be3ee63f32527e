//! Where things lie in this repository, and what is newer than what.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The folder with the workspace's `Cargo.toml`.
pub fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// A path below the root.
pub fn path(below: &str) -> PathBuf {
    root().join(below)
}

/// Where cargo puts what it builds: `CARGO_TARGET_DIR` if set, else `target`.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => path("target"),
    }
}

/// The `tidings` binary of a profile's folder (`debug` or `release`).
pub fn binary(profile: &str) -> PathBuf {
    target().join(profile).join("tidings")
}

/// When a file was last changed; `None` where there is none.
pub fn changed_at(file: &Path) -> Option<SystemTime> {
    fs::metadata(file).ok()?.modified().ok()
}

/// The newest change below some folders or files. What is installed, built or generated does not count.
pub fn newest_change(places: &[PathBuf]) -> Option<SystemTime> {
    places.iter().filter_map(|place| newest_below(place)).max()
}

const NOT_SOURCES: [&str; 6] = [
    "node_modules",
    "build",
    ".svelte-kit",
    "target",
    ".git",
    ".venv",
];

fn newest_below(place: &Path) -> Option<SystemTime> {
    let about = fs::metadata(place).ok()?;
    if !about.is_dir() {
        return about.modified().ok();
    }
    let entries = fs::read_dir(place).ok()?;
    entries
        .flatten()
        .filter(|entry| !NOT_SOURCES.iter().any(|name| entry.file_name() == *name))
        .filter_map(|entry| newest_below(&entry.path()))
        .max()
}
