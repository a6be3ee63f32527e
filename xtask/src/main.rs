//! `cargo xtask`: the one way to do anything in this repository.
//!
//! Each command is one module; `programs` knows what must be installed, `web` and `python` prepare the parts that are
//! not Rust, `process` runs things and says so. Nothing here is part of the product.

mod bench;
mod build;
mod chaos;
mod dev;
mod fuzz;
mod generate;
mod lint;
mod process;
mod programs;
mod python;
mod repository;
mod setup;
mod shots;
mod steps;
mod test;
mod web;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask <command>

  setup [--yes]            names the programs that are missing and how to get them; --yes as root installs them
  run [-- arguments]       builds web app and server (dev profile) and starts the server, e.g. `run -- --demo`
  dev [-- arguments]       server and web app with reload on every change; Ctrl-C stops both
  build                    the release binary with the web app inside
  test [rust|web|journeys] every test, or one part: Rust, TypeScript, browser journeys
  lint                     fmt, clippy, rustdoc, prettier, svelte-check; warnings refused
  ci                       lint, every test, short fuzzing, the smallest bench, every fault once, every planted bug; `update` must change nothing
  update                   regenerates what is generated: API documents, TypeScript types
  bench fanout [--smoke]   fans events out to 1,000 sockets, beside the limits and other Socket.IO servers
  bench connect            handshakes a second and what one costs
  bench idle               10,000 and 50,000 connections that say nothing
  bench soak [--seconds N] an hour of coming and going; memory must not climb
  bench storm [--smoke]    10,000 connections cut off at once that come back within 5 s; memory must be what it was
  bench stalled [--smoke]  whether readers that stop reading slow the others down, and what they cost until they are gone
                           each with [--peers ours,epoll,uring,socketioxide,node,python,tidings], then --seconds,
                           --runs, --connections and what else `loadgen --help` names
  bench durable [--smoke]  messages stored over HTTP a second, on this disk and a slower one, and how soon they are heard
  bench resume [--smoke]   what sockets cost that come back to what they missed, one by one and 10,000 after a restart
                           both the whole product alone; options as `loadgen --help` names them
  fuzz [--seconds 60]      the decoders, each for so long, on inputs made from crates/socketio-proto/tests/corpus
  chaos [--rounds 200]     kills, cuts, restores and slows a real server while people use it, and checks what it promised;
                           also --seed N, --round K, --faults kill,power-cut, and what `chaos --help` names
  shots                    takes the screenshots of docs/screenshots from a demo workspace
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] | ["help" | "-h" | "--help"] => {
            print!("{USAGE}");
            Ok(())
        }
        ["setup"] => setup::run(false),
        ["setup", "--yes" | "-y"] => setup::run(true),
        ["run", rest @ ..] => build::run_server(after_dashes(rest)),
        ["dev", rest @ ..] => dev::run(after_dashes(rest)),
        ["build"] => build::release().map(drop),
        ["test"] => test::run(&[]),
        ["test", parts @ ..] => test::run(parts),
        ["lint"] => lint::run(),
        ["ci"] => test::ci(),
        ["update"] => generate::update(),
        [
            "bench",
            what @ ("fanout" | "connect" | "idle" | "soak" | "storm" | "stalled" | "durable"
            | "resume"),
            rest @ ..,
        ] => bench::run(what, rest),
        ["fuzz", rest @ ..] => fuzz::run(rest),
        ["chaos", rest @ ..] => chaos::run(rest),
        ["shots"] => shots::run(),
        _ => bail!("`{}` is not a command\n\n{USAGE}", words.join(" ")),
    }
}

/// Arguments for the server: those after `--`, or all of them where nobody wrote `--`.
fn after_dashes<'a>(rest: &'a [&'a str]) -> &'a [&'a str] {
    match rest {
        ["--", rest @ ..] => rest,
        rest => rest,
    }
}
