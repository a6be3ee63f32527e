//! What only the whole product is measured by: `durable`, on this disk and on a slower one, and `resume`.

use std::path::PathBuf;

use anyhow::Result;

use crate::process::{self, command};
use crate::repository::path;
use crate::{build, programs};

/// The measurements that have no peers.
pub const ONLY: [&str; 2] = ["durable", "resume"];

/// Builds Tidings in the release profile and measures it; the arguments are `loadgen`'s.
pub fn run(measurement: &str, arguments: &[&str]) -> Result<()> {
    programs::NODE.require()?;
    let tidings = build::release()?;
    let (mut bench, figures) = super::loadgen(measurement)?;
    bench.arg("--tidings").arg(tidings);
    if measurement == "durable" {
        bench.arg("--slow-sync").arg(slow_sync()?);
    }
    process::run(bench.args(arguments))?;
    println!("The same figures as JSON: {}", figures.display());
    Ok(())
}

/// Compiles the library that makes a disk slower.
pub fn slow_sync() -> Result<PathBuf> {
    programs::C_COMPILER.require()?;
    let library = super::folder()?.join("slow_sync.so");
    let mut compile = command("cc");
    compile
        .args(["-O2", "-shared", "-fPIC", "-o"])
        .arg(&library);
    process::run(compile.arg(path("bench/shim/slow_sync.c")).arg("-ldl"))?;
    Ok(library)
}
