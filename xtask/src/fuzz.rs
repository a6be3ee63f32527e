//! `fuzz`: feeds the decoders of `socketio-proto` with what no honest peer sends, for longer than the tests do.

use anyhow::{Result, bail};

use crate::process::{self, cargo};

const USUAL_SECONDS: &str = "60";
const SECONDS_IN_CI: &str = "10";

/// Each target for `--seconds` (60 if not given), as many at once as there are cores, in the release profile with
/// overflow checks.
pub fn run(arguments: &[&str]) -> Result<()> {
    let seconds = match arguments {
        [] => USUAL_SECONDS,
        ["--seconds", seconds] => seconds,
        other => bail!("fuzz knows only --seconds, not `{}`", other.join(" ")),
    };
    let mut test = cargo();
    test.args([
        "test",
        "--release",
        "--locked",
        "--package",
        "socketio-proto",
    ])
    .args(["--test", "fuzz", "--", "--show-output"])
    .env("CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS", "true")
    .env("CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS", "true")
    .env("FUZZ_SECONDS", seconds);
    process::run(&mut test)
}

/// Each target for 10 seconds, in the dev profile: it has the checks, the decoders are optimised in it, and the tests
/// have built it already.
pub fn briefly() -> Result<()> {
    let mut test = cargo();
    test.args(["test", "--package", "socketio-proto", "--test", "fuzz"])
        .args(["--", "--show-output"])
        .env("FUZZ_SECONDS", SECONDS_IN_CI);
    process::run(&mut test)
}
