//! `setup`: what is missing on this machine, and the one line that brings it.

use std::process::Command;

use anyhow::{Result, bail};

use crate::process::{self, output_of};
use crate::programs::{self, Program};

/// Names what is missing. With `install`, as root on a Debian system, installs the packages among it.
pub fn run(install: bool) -> Result<()> {
    let missing = report();
    if missing.is_empty() {
        println!("Everything is here. Next: cargo xtask run");
        return Ok(());
    }
    let packages: Vec<&str> = missing
        .iter()
        .flat_map(|program| program.debian.iter().copied())
        .collect();
    if !packages.is_empty() {
        println!(
            "\non Debian:  sudo apt-get update && sudo apt-get install --yes {}",
            packages.join(" ")
        );
    }
    if !install {
        bail!(
            "{} of {} programs are missing",
            missing.len(),
            programs::ALL.len()
        );
    }
    if !packages.is_empty() {
        apt(&packages)?;
    }
    let still = report();
    match still.as_slice() {
        [] => Ok(()),
        still => bail!(
            "still missing: {}",
            still.iter().map(|p| p.name).collect::<Vec<_>>().join(", ")
        ),
    }
}

fn report() -> Vec<&'static Program> {
    let mut missing = Vec::new();
    for program in programs::ALL {
        match program.fault() {
            None => println!("  ok       {}", program.name),
            Some(fault) => {
                println!("  MISSING  {}: {fault}", program.name);
                println!(
                    "           for {}. {}",
                    program.purpose,
                    program.how_to_get()
                );
                missing.push(program);
            }
        }
    }
    if !programs::has_nextest() {
        println!(
            "  optional cargo-nextest: runs the Rust tests faster (`cargo install cargo-nextest --locked`)"
        );
    }
    missing
}

fn apt(packages: &[&str]) -> Result<()> {
    let is_root = output_of(Command::new("id").arg("-u")).is_some_and(|id| id == "0");
    if !is_root {
        bail!("--yes installs packages as root only: run the line above yourself");
    }
    let apt = || {
        let mut command = process::command("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    process::run(apt().args(["update", "--quiet"]))?;
    process::run(
        apt()
            .args(["install", "--yes", "--quiet", "--no-install-recommends"])
            .args(packages),
    )
}
