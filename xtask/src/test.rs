//! `test` and `ci`: everything that can say no.
//!
//! The web app is built first, because the server carries it; Rust, TypeScript and the browser journeys follow. Programs
//! that are missing skip their tests loudly, or fail them when `CI` is set.

use anyhow::{Result, bail};

use crate::process::{self, cargo, command};
use crate::repository::{binary, path};
use crate::steps::Steps;
use crate::{bench, build, chaos, fuzz, generate, lint, programs, python, web};

const PARTS: [&str; 3] = ["rust", "web", "journeys"];

/// The named parts, or all.
pub fn run(parts: &[&str]) -> Result<()> {
    if let Some(unknown) = parts.iter().find(|part| !PARTS.contains(part)) {
        bail!(
            "`{unknown}` is not a part of the tests; there are {}",
            PARTS.join(", ")
        );
    }
    let mut steps = Steps::new("test");
    add(&mut steps, if parts.is_empty() { &PARTS } else { parts })?;
    steps.finish()
}

/// What must hold before a change lands.
pub fn ci() -> Result<()> {
    let mut steps = Steps::new("ci");
    lint::rust(&mut steps)?;
    add(&mut steps, &PARTS)?;
    steps.run("fuzz, 10 s a target", fuzz::briefly)?;
    for measurement in ["fanout", "storm", "stalled", "durable", "resume"] {
        steps.run(&format!("bench {measurement} --smoke"), || {
            bench::run(measurement, &["--smoke"])
        })?;
    }
    steps.run("chaos, every fault once", || chaos::run(&chaos::IN_CI))?;
    steps.run("chaos, every planted bug found", || {
        chaos::run(&chaos::PLANTED_IN_CI)
    })?;
    steps.run("nothing generated is stale", generate::must_be_current)?;
    steps.finish()
}

fn add(steps: &mut Steps, parts: &[&str]) -> Result<()> {
    let wants = |part| parts.contains(&part);
    programs::RUST.require()?;
    programs::C_COMPILER.require()?;
    if wants("web") || wants("journeys") {
        steps.run_with("web app", web::exists(), &[&programs::NODE], web::build)?;
    }
    if wants("rust") {
        rust(steps)?;
    }
    if wants("web") {
        steps.run_with("web tests", web::exists(), &[&programs::NODE], || {
            web::npm("lint", &[])?;
            web::npm("check", &[])?;
            web::npm("test", &[])
        })?;
    }
    if wants("journeys") {
        journeys(steps)?;
    }
    Ok(())
}

fn rust(steps: &mut Steps) -> Result<()> {
    steps.run("Rust tests", || {
        if programs::has_nextest() {
            process::run(cargo().args(["nextest", "run", "--workspace", "--no-fail-fast"]))
        } else {
            process::run(cargo().args(["test", "--workspace", "--all-targets", "--no-fail-fast"]))
        }
    })?;
    steps.run("Rust examples in documentation", || {
        process::run(cargo().args(["test", "--workspace", "--doc"]))
    })
}

fn journeys(steps: &mut Steps) -> Result<()> {
    let exists = path("e2e/package.json").exists();
    steps.run_with(
        "browser journeys and foreign clients",
        exists,
        &[&programs::NODE, &programs::CHROMIUM],
        || {
            build::for_tests()?;
            web::install()?;
            // Plain Node reads no TypeScript.
            web::npm("build", &["--workspace", "packages/client"])?;
            let mut journeys = command("npm");
            journeys
                .args(["run", "test", "--workspace", "e2e", "--if-present"])
                .env("TIDINGS_BINARY", binary("debug"));
            if let Some(chromium) = programs::chromium() {
                journeys.env("CHROMIUM", chromium);
            }
            if let Some(interpreter) = python::environment()? {
                journeys.env("TIDINGS_PYTHON", interpreter);
            }
            process::run(&mut journeys)
        },
    )
}
