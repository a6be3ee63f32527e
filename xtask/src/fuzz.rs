//! `fuzz`: feeds the decoders of `socketio-proto` with what no honest peer sends, for longer than the tests do.

use anyhow::{Result, bail};

use crate::process::{self, cargo};

const USUAL_SECONDS: &str = "60";

/// Each target for `--seconds` (60 if not given), all at once, in the release profile with overflow checks.
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
