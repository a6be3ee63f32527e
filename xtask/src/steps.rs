//! A list of steps with its score: each is announced, timed, and passed, failed or skipped for a stated reason.
//!
//! A failed step stops the list at once in CI; elsewhere the rest still runs, so that one sees all that is wrong.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::programs::{self, Program};

/// What happened so far.
pub struct Steps {
    of: &'static str,
    started: Instant,
    passed: usize,
    failed: Vec<String>,
    skipped: Vec<String>,
}

impl Steps {
    /// An empty list; `of` names the command in the summary.
    pub fn new(of: &'static str) -> Self {
        Self {
            of,
            started: Instant::now(),
            passed: 0,
            failed: Vec::new(),
            skipped: Vec::new(),
        }
    }

    /// Runs a step. The error is returned only where the list must stop.
    pub fn run(&mut self, name: &str, step: impl FnOnce() -> Result<()>) -> Result<()> {
        eprintln!("\n== {name}");
        let started = Instant::now();
        match step() {
            Ok(()) => {
                self.passed += 1;
                eprintln!("== {name}: ok in {:.1} s", started.elapsed().as_secs_f64());
            }
            Err(error) if programs::in_ci() => bail!("{name}: {error:#}"),
            Err(error) => {
                eprintln!("== {name}: FAILED: {error:#}");
                self.failed.push(name.to_owned());
            }
        }
        Ok(())
    }

    /// Like `run`, for a step whose subject may not exist and whose programs may be missing.
    ///
    /// A missing program skips the step with a loud note; with `CI` set it is an error.
    pub fn run_with(
        &mut self,
        name: &str,
        exists: bool,
        needs: &[&Program],
        step: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        if !exists {
            return Ok(());
        }
        for program in needs {
            let Some(fault) = program.fault() else {
                continue;
            };
            if programs::in_ci() {
                bail!(
                    "{name} needs {}: {fault}. {}",
                    program.name,
                    program.how_to_get()
                );
            }
            eprintln!(
                "\n== {name}: SKIPPED, it needs {}: {fault}. {}",
                program.name,
                program.how_to_get()
            );
            self.skipped.push(format!("{name} ({})", program.name));
            return Ok(());
        }
        self.run(name, step)
    }

    /// The summary line, and an error if anything failed.
    pub fn finish(self) -> Result<()> {
        let seconds = self.started.elapsed().as_secs_f64();
        let mut summary = format!("\n{}: {} steps ok", self.of, self.passed);
        if !self.skipped.is_empty() {
            summary += &format!(
                ", {} skipped: {}",
                self.skipped.len(),
                self.skipped.join("; ")
            );
        }
        println!("{summary}, in {seconds:.0} s");
        if !self.failed.is_empty() {
            bail!("{} failed: {}", self.of, self.failed.join(", "));
        }
        Ok(())
    }
}
