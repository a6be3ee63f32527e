//! The `chaos` program: rounds of faults against a real server, each judged by a checker with a history of its own.
//!
//! `cargo xtask chaos` builds the server and the shim and calls it. Map: `world` (who there is), `writer` and `tab` (who
//! writes, who listens), `ledger` (what was asked), `server`, `disk`, `volume`, `proxy` (what can break), `fault` (how it breaks),
//! `round` (one round), `check` (was every promise kept), `story` (what happened when one was not).

mod check;
mod disk;
mod fault;
mod http;
mod ledger;
mod node;
mod planted;
mod proxy;
mod reader;
mod rng;
mod round;
mod server;
mod story;
mod tab;
mod volume;
mod world;
mod writer;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use clap::Parser;
use clap::builder::PossibleValuesParser;
use tokio::task::LocalSet;

use crate::check::recoveries::Recoveries;
use crate::fault::{ALL, Fault};
use crate::rng::Rng;
use crate::round::{Report, Run};
use crate::world::World;

/// How long everybody may take to be up to date when nothing is written any more.
const SETTLES_WITHIN: Duration = Duration::from_secs(20);
/// How many faults a round of a long run has.
const FAULTS_PER_ROUND: usize = 4;

#[derive(Parser)]
#[command(about = "Breaks a running server on purpose and checks that it kept its promises")]
struct Arguments {
    /// The server's program, built with its feature `faults`
    #[arg(long)]
    server: PathBuf,
    /// The shim's library
    #[arg(long)]
    shim: PathBuf,
    /// The program that drives clients of `packages/client` under Node; without it, raw sockets alone listen
    #[arg(long)]
    client: Option<PathBuf>,
    /// Where failed rounds leave their files
    #[arg(long)]
    keep: PathBuf,
    /// What everything is drawn from; without it, from the clock
    #[arg(long)]
    seed: Option<u64>,
    /// How many rounds
    #[arg(long, default_value_t = 3)]
    rounds: u64,
    /// Only this round of the seed
    #[arg(long)]
    round: Option<u64>,
    /// How long people go on in each round at least, in seconds
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Only these faults, each in every round; separated by commas
    #[arg(long, value_delimiter = ',', value_parser = PossibleValuesParser::new(ALL.map(|(name, _)| name)))]
    faults: Vec<String>,
    /// Every fault once over all rounds, in a fixed order, instead of a few drawn for each
    #[arg(long)]
    cover: bool,
    /// Plant each known bug in the server in turn, and fail if one is not found
    #[arg(long)]
    planted: bool,
    /// With `--planted`: only this bug
    #[arg(long)]
    bug: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    volume::take_own_mounts();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from);
    let outcome = runtime.and_then(|runtime| LocalSet::new().block_on(&runtime, run(arguments)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chaos: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    let seed = match arguments.seed {
        Some(seed) => seed,
        None => SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() % 1_000_000,
    };
    std::fs::create_dir_all(&arguments.keep)?;
    let root = arguments.keep.canonicalize()?;
    let chosen = chosen(&arguments)?;
    println!("chaos: seed {seed}");
    let has_volumes = match volume::can_mount(&root) {
        Ok(()) => {
            println!("chaos: a full disk is a full file system (tmpfs)");
            true
        }
        Err(error) => {
            println!(
                "chaos: a full disk is played by the shim, for none can be mounted: {error:#}"
            );
            false
        }
    };
    let first = tempfile::tempdir_in(&root)?;
    let template = first.path().join("template");
    let world = World::make(&arguments.server, &arguments.shim, first.path(), &template)
        .await
        .context("the world could not be made")?;
    let run = Run {
        binary: arguments.server.clone(),
        shim: arguments.shim.clone(),
        root,
        template,
        world,
        seed,
        lasts: Duration::from_secs(arguments.seconds),
        client: arguments.client.clone(),
        settles: SETTLES_WITHIN,
        has_volumes,
        planted: None,
    };
    if arguments.planted {
        return planted::all(run, arguments.bug.as_deref()).await;
    }
    let rounds = match arguments.round {
        Some(round) => round..round + 1,
        None => 0..arguments.rounds,
    };
    let mut failed = Vec::new();
    let mut recoveries = Recoveries::default();
    for number in rounds {
        let faults = faults_of(&arguments, &chosen, seed, number);
        let names: Vec<&str> = faults.iter().map(|fault| fault.name()).collect();
        println!("round {number}: {}", names.join(", "));
        let started = Instant::now();
        let report = run.round(number, &faults).await?;
        print(number, &report, started.elapsed());
        recoveries += report.recoveries;
        if !report.findings.is_empty() {
            failed.push(number.to_string());
        }
    }
    if recoveries.never_work() {
        println!(
            "chaos: none of {} returns of stock clients went on, though {} ought to have",
            recoveries.returns, recoveries.due
        );
    }
    if failed.is_empty() && recoveries.never_work() {
        bail!("stock clients with ?recovery=1 never go on; seed {seed}");
    }
    if failed.is_empty() {
        return Ok(());
    }
    bail!(
        "promises were broken in round {}; again with: cargo xtask chaos --seed {seed} --round {}{}",
        failed.join(", "),
        failed[0],
        if arguments.cover { " --cover" } else { "" }
    )
}

fn chosen(arguments: &Arguments) -> Result<Vec<Fault>> {
    let named = |name: &String| {
        let found = ALL.iter().find(|(known, _)| known == name);
        let found = found.map(|(_, fault)| *fault);
        found.with_context(|| format!("no fault is called {name}"))
    };
    arguments.faults.iter().map(named).collect()
}

fn faults_of(arguments: &Arguments, chosen: &[Fault], seed: u64, number: u64) -> Vec<Fault> {
    if !chosen.is_empty() {
        return chosen.to_vec();
    }
    let mut all: Vec<Fault> = ALL.iter().map(|(_, fault)| *fault).collect();
    let mut rng = Rng::new(seed.wrapping_add(number), "which faults");
    if arguments.cover {
        let mine = |index: &usize| {
            u64::try_from(*index).is_ok_and(|index| index % arguments.rounds.max(1) == number)
        };
        let mut mine: Vec<Fault> = (0..all.len())
            .filter(mine)
            .map(|index| all[index])
            .collect();
        rng.shuffle(&mut mine);
        return mine;
    }
    rng.shuffle(&mut all);
    all.truncate(FAULTS_PER_ROUND);
    all
}

fn print(number: u64, report: &Report, took: Duration) {
    let Report {
        findings,
        stories,
        commands: (sent, acknowledged),
        seen,
        recoveries,
        folder,
    } = report;
    println!(
        "round {number}: {sent} commands, {acknowledged} acknowledged, {seen} things seen, \
         {} of {} stock returns went on, {} findings, {:.1} s",
        recoveries.went_on,
        recoveries.returns,
        findings.len(),
        took.as_secs_f64()
    );
    for (index, finding) in findings.iter().take(10).enumerate() {
        let room = finding.room.as_deref().unwrap_or("-");
        let tag = finding.tag.as_deref().unwrap_or("-");
        println!(
            "  * {} (room {room}, command {tag}, tab {:?})",
            finding.what, finding.tab
        );
        if let Some(story) = stories.get(index) {
            print!("{story}");
        }
    }
    if !findings.is_empty() {
        println!("  files: {}", folder.display());
    }
}
