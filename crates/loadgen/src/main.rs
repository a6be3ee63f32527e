//! The `loadgen` program: measures servers from outside. `cargo xtask bench` builds everything and calls it.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use loadgen::fanout::{self, Plan};
use loadgen::report::Report;
use loadgen::target::Target;
use tokio::task::LocalSet;

#[derive(Parser)]
#[command(about = "Opens many real connections to a server and measures it")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// One event to every connection, over and over
    Fanout {
        /// The Tidings binary to start
        #[arg(long)]
        tidings: Option<PathBuf>,
        /// The `room_server` example of the socketio crate, to measure the transport alone
        #[arg(long)]
        room_server: Option<PathBuf>,
        /// The folder of a Node peer to start beside it
        #[arg(long)]
        node_peer: Option<PathBuf>,
        /// Sockets to open
        #[arg(long, default_value_t = 1000)]
        connections: usize,
        /// Events a second at the easy pace
        #[arg(long, default_value_t = 20)]
        rate: u32,
        /// How long each part lasts, in seconds
        #[arg(long, default_value_t = 5)]
        seconds: u32,
        /// Where to write the figures as JSON
        #[arg(long)]
        json: Option<PathBuf>,
    },
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, run(Arguments::parse().command))
}

async fn run(command: Command) -> Result<()> {
    let Command::Fanout {
        tidings,
        room_server,
        node_peer,
        connections,
        rate,
        seconds,
        json,
    } = command;
    let plan = Plan {
        connections,
        events_per_s: rate,
        seconds,
    };
    let mut outcomes = Vec::new();
    if let Some(binary) = tidings {
        let target = Target::tidings(&binary).await?;
        outcomes.push(fanout::measure(&target, plan, true).await?);
    }
    if let Some(binary) = room_server {
        let target = Target::room_server(&binary)?;
        outcomes.push(fanout::measure(&target, plan, false).await?);
    }
    if let Some(folder) = node_peer {
        let target = Target::node_peer(&folder)?;
        outcomes.push(fanout::measure(&target, plan, false).await?);
    }
    let report = Report::new(plan, outcomes);
    println!("{}", report.markdown());
    if let Some(file) = json {
        fs::write(&file, serde_json::to_string_pretty(&report)?)
            .with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Ok(())
}
