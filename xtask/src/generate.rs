//! `update`: everything that is generated, made again: API documents from the Rust types, TypeScript from those.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::process::{self, cargo};
use crate::repository::{path, root};
use crate::web;

/// Files that no hand may edit.
const GENERATED: [&str; 5] = [
    "docs/openapi.json",
    "docs/asyncapi.json",
    "docs/compatibility.md",
    "packages/client/src/schema.ts",
    "packages/client/src/events.generated.ts",
];

/// Regenerates in the order in which one file comes from another.
pub fn update() -> Result<()> {
    // Tests that compare a file with what it is made from write it instead when `UPDATE` is set.
    let mut tests = cargo();
    tests.env("UPDATE", "1").args([
        "test",
        "--quiet",
        "--package",
        "server",
        "--test",
        "contract",
        "--test",
        "golden",
    ]);
    process::run(&mut tests)?;
    if web::exists() {
        web::install()?;
        web::npm("generate", &["--workspaces"])?;
    }
    Ok(())
}

/// Regenerates and fails if anything changed: somebody forgot to.
pub fn must_be_current() -> Result<()> {
    let before = contents();
    update()?;
    let after = contents();
    let stale: Vec<String> = after
        .iter()
        .filter(|(file, text)| before.get(*file) != Some(text))
        .map(|(file, _)| {
            file.strip_prefix(root())
                .unwrap_or(file)
                .display()
                .to_string()
        })
        .collect();
    if !stale.is_empty() {
        bail!(
            "generated files were out of date: {}. Commit what `cargo xtask update` makes",
            stale.join(", ")
        );
    }
    Ok(())
}

fn contents() -> BTreeMap<PathBuf, Vec<u8>> {
    GENERATED
        .iter()
        .map(|file| path(file))
        .filter_map(|file| Some((file.clone(), fs::read(file).ok()?)))
        .collect()
}
