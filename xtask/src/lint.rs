//! `lint`: what a reviewer should not have to say. Warnings are errors.

use anyhow::Result;

use crate::process::{self, cargo};
use crate::steps::Steps;
use crate::{programs, web};

/// All checks that run no test.
pub fn run() -> Result<()> {
    let mut steps = Steps::new("lint");
    rust(&mut steps)?;
    steps.run_with("web types", web::exists(), &[&programs::NODE], || {
        web::install()?;
        web::npm("lint", &[])?;
        web::npm("check", &[])
    })?;
    steps.finish()
}

/// The checks of the Rust sources, as steps of a longer list.
pub fn rust(steps: &mut Steps) -> Result<()> {
    steps.run("fmt", || {
        process::run(cargo().args(["fmt", "--all", "--check"]))
    })?;
    steps.run("clippy", || {
        process::run(cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ]))
    })?;
    steps.run("rustdoc", || {
        let doc = [
            "doc",
            "--workspace",
            "--no-deps",
            "--document-private-items",
        ];
        process::run(cargo().env("RUSTDOCFLAGS", "--deny warnings").args(doc))
    })
}
