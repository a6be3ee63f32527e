//! The `loadgen` program: measures servers from outside. `cargo xtask bench` builds everything and calls it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Parser, Subcommand};
use loadgen::fanout::{self, Plan};
use loadgen::machine::Machine;
use loadgen::peer::Peer;
use loadgen::report::{Report, Runs};
use loadgen::target::{PEOPLE, Target};
use loadgen::workspace::SlowSync;
use loadgen::{connect, durable, idle, resume, slow, soak, stalled, storm};
use serde::Serialize;
use tokio::task::LocalSet;

/// Who comes back after a restart does so over this time.
const RETURNING_WITHIN_S: u64 = 5;

#[derive(Parser)]
#[command(about = "Opens many real connections to servers and measures them")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// One event to every connection, over and over
    Fanout {
        #[command(flatten)]
        servers: Servers,
        #[command(flatten)]
        plan: Plan,
    },
    /// Handshakes, as many as the server takes
    Connect {
        #[command(flatten)]
        servers: Servers,
        /// Handshakes on their way at once
        #[arg(long, default_value_t = 32)]
        at_once: usize,
        /// For how long
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
    /// Connections that say nothing
    Idle {
        #[command(flatten)]
        servers: Servers,
        /// Sockets to open: one measurement for each number
        #[arg(long, value_delimiter = ',', default_value = "10000,50000")]
        connections: Vec<usize>,
        /// For how long they are watched
        #[arg(long, default_value_t = 30)]
        seconds: u64,
    },
    /// Messages posted over HTTP, each on the disk before it is answered
    Durable {
        #[command(flatten)]
        product: Product,
        /// A library to preload that makes every flush slower, for a second measurement
        #[arg(long)]
        slow_sync: Option<PathBuf>,
        /// Milliseconds it adds to each flush
        #[arg(long, default_value_t = 2)]
        delay_ms: u32,
        /// People who post at once
        #[arg(long, default_value_t = 64)]
        senders: usize,
        /// How long each part lasts, in seconds
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// Listeners and posts a second of each part at a pace
        #[arg(long, value_delimiter = ',', value_parser = pace, default_value = "0x20,500x20,1000x300")]
        paces: Vec<(usize, u32)>,
    },
    /// Sockets that come back and are given what they missed
    Resume {
        #[command(flatten)]
        product: Product,
        /// Sockets that come back after a restart
        #[arg(long, default_value_t = 10_000)]
        sockets: usize,
        /// People they belong to
        #[arg(long, default_value_t = 2000)]
        people: usize,
        /// Groups these share, each person in five of them
        #[arg(long, default_value_t = 50)]
        rooms: usize,
        /// Events that a socket missed
        #[arg(long, default_value_t = 100)]
        missed: usize,
        /// How often one comes back to them
        #[arg(long, default_value_t = 300)]
        samples: usize,
        /// Sockets that are slow; fewer than this, and what the server's memory does by itself is seen too
        #[arg(long, default_value_t = 2_000)]
        slow: usize,
        /// Events posted before these come
        #[arg(long, default_value_t = 12_000)]
        before: usize,
        /// Events that pass them by
        #[arg(long, default_value_t = 800)]
        passed: usize,
        /// How many of these one may leave unread and stay live
        #[arg(long, default_value_t = 140)]
        held: usize,
    },
    /// Everybody is cut off at once and comes back within seconds
    Storm {
        #[command(flatten)]
        servers: Servers,
        /// Sockets that are cut off
        #[arg(long, default_value_t = 10_000)]
        connections: usize,
        /// How often
        #[arg(long, default_value_t = 3)]
        storms: usize,
        /// Over how many seconds they come back
        #[arg(long, default_value_t = RETURNING_WITHIN_S)]
        seconds: u64,
    },
    /// Readers that stop reading: what they cost, and whether others notice
    Stalled {
        #[command(flatten)]
        servers: Servers,
        #[command(flatten)]
        plan: stalled::Plan,
    },
    /// People come and go for a long time, and memory must not climb
    Soak {
        #[command(flatten)]
        servers: Servers,
        /// For how long
        #[arg(long, default_value_t = 3600)]
        seconds: u64,
    },
}

#[derive(Args)]
struct Product {
    /// The Tidings binary
    #[arg(long)]
    tidings: PathBuf,
    /// Where to write the figures as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

/// Reads `listeners x rate`, such as `1000x300`.
fn pace(text: &str) -> Result<(usize, u32)> {
    let (listeners, rate) = text.split_once('x').context("a pace is 1000x300")?;
    Ok((listeners.parse()?, rate.parse()?))
}

#[derive(Args)]
struct Servers {
    /// A room server, as `name=program argument…`; the first is ours
    #[arg(long = "peer")]
    peers: Vec<Peer>,
    /// The Tidings binary, to measure the whole product too
    #[arg(long)]
    tidings: Option<PathBuf>,
    /// Where to write the figures as JSON
    #[arg(long)]
    json: Option<PathBuf>,
}

impl Servers {
    /// How many there are, the product last.
    fn count(&self) -> usize {
        self.peers.len() + usize::from(self.tidings.is_some())
    }

    /// Starts one of them; in the product are so many people.
    async fn start(&self, index: usize, people: usize) -> Result<Target> {
        match (self.peers.get(index), &self.tidings) {
            (Some(peer), _) => Target::room_server(peer),
            (None, Some(binary)) => Target::tidings(binary, people).await,
            (None, None) => bail!("there is no server {index}"),
        }
    }

    /// The arguments that name one of them.
    fn arguments(&self, index: usize) -> Vec<String> {
        match (self.peers.get(index), &self.tidings) {
            (Some(peer), _) => vec!["--peer".to_owned(), peer.to_string()],
            (None, Some(binary)) => vec!["--tidings".to_owned(), binary.display().to_string()],
            (None, None) => Vec::new(),
        }
    }

    fn write<T: Serialize>(&self, figures: &T) -> Result<()> {
        write(self.json.as_deref(), figures)
    }
}

fn write<T: Serialize>(file: Option<&Path>, figures: &T) -> Result<()> {
    let Some(file) = file else {
        return Ok(());
    };
    fs::write(file, serde_json::to_string_pretty(figures)?)
        .with_context(|| format!("{} cannot be written", file.display()))
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    LocalSet::new().block_on(&runtime, run(Arguments::parse().command))
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::Fanout { servers, plan } => fan_out(&servers, plan).await,
        Command::Connect {
            servers,
            at_once,
            seconds,
        } => handshakes(&servers, at_once, Duration::from_secs(seconds)).await,
        Command::Idle {
            servers,
            connections,
            seconds,
        } => idlers(&servers, &connections, Duration::from_secs(seconds)).await,
        Command::Durable {
            product,
            slow_sync,
            delay_ms,
            senders,
            seconds,
            paces,
        } => {
            let plan = durable::Plan {
                senders,
                seconds,
                paces,
            };
            let slow = slow_sync.map(|library| SlowSync { library, delay_ms });
            println!("{}\n", Machine::here().describe());
            let outcome = durable::measure(&product.tidings, &plan, slow.as_ref()).await?;
            println!("{}", outcome.markdown(&plan));
            let failed = outcome.failed.join("; ");
            write(product.json.as_deref(), &(plan, outcome))?;
            if !failed.is_empty() {
                bail!("not everything could be measured: {failed}");
            }
            Ok(())
        }
        Command::Resume {
            product,
            sockets,
            people,
            rooms,
            missed,
            samples,
            slow,
            before,
            passed,
            held,
        } => {
            let plan = resume::Plan {
                missed: (samples, missed),
                sockets,
                people,
                rooms,
                within_s: RETURNING_WITHIN_S,
                slow: slow::Plan {
                    sockets: slow,
                    before,
                    passed,
                    held,
                },
            };
            println!("{}\n", Machine::here().describe());
            let outcome = resume::measure(&product.tidings, &plan).await?;
            println!("{}", outcome.markdown(&plan));
            write(product.json.as_deref(), &(plan, outcome))
        }
        Command::Storm {
            servers,
            connections,
            storms,
            seconds,
        } => cut_off(&servers, connections, storms, Duration::from_secs(seconds)).await,
        Command::Stalled { servers, plan } => stop_reading(&servers, &plan).await,
        Command::Soak { servers, seconds } => long(&servers, Duration::from_secs(seconds)).await,
    }
}

/// The servers in turn, run after run, so that a disturbance does not hit one of them only.
async fn fan_out(servers: &Servers, plan: Plan) -> Result<()> {
    let machine = Machine::here();
    let mut all: Vec<Runs> = Vec::new();
    for run in 0..plan.runs {
        for index in 0..servers.count() {
            let mut target = servers.start(index, PEOPLE).await?;
            target.event_bytes = plan.event_bytes;
            target.endpoint.deflates = plan.deflate;
            if run == 0 {
                all.push(Runs {
                    name: target.name.clone(),
                    outcomes: Vec::new(),
                    failures: Vec::new(),
                });
            }
            eprintln!("run {} of {}: {}", run + 1, plan.runs, target.name);
            let is_product = index == servers.peers.len();
            match fanout::measure(&target, plan, is_product).await {
                Ok(outcome) => all[index].outcomes.push(outcome),
                Err(error) => all[index].failures.push(format!("{error:#}")),
            }
        }
    }
    let report = Report {
        plan,
        machine,
        servers: all,
    };
    println!("{}", report.markdown());
    servers.write(&report)?;
    let failed: Vec<_> = report
        .servers
        .iter()
        .filter(|server| !server.failures.is_empty())
        .map(|server| server.name.as_str())
        .collect();
    if !failed.is_empty() {
        bail!("not every run came to its end: {}", failed.join(", "));
    }
    Ok(())
}

async fn handshakes(servers: &Servers, at_once: usize, lasts: Duration) -> Result<()> {
    println!(
        "{}\n\n{at_once} handshakes at once for {} s, each a WebSocket up to CONNECT's answer.\n",
        Machine::here().describe(),
        lasts.as_secs()
    );
    println!("| | connects/s | server CPU, µs per connect |\n|---|---:|---:|");
    let mut outcomes = Vec::new();
    for index in 0..servers.count() {
        let target = servers.start(index, PEOPLE).await?;
        let outcome = connect::measure(&target, at_once, lasts)
            .await
            .with_context(|| target.name.clone())?;
        println!(
            "| {} | {:.0} | {:.0} |",
            outcome.name, outcome.connects_per_s, outcome.cpu_us_per_connect
        );
        outcomes.push(outcome);
    }
    servers.write(&outcomes)
}

async fn idlers(servers: &Servers, connections: &[usize], lasts: Duration) -> Result<()> {
    println!("{}\n", Machine::here().describe());
    let mut outcomes = Vec::new();
    for wanted in connections {
        let allowed = idle::allowed(*wanted);
        if allowed < *wanted {
            let limit = loadgen::process::open_file_limit();
            println!(
                "**NOT {wanted} CONNECTIONS IN ONE PROCESS: this machine allows {limit} open files a process. First {allowed} \
                 in one, then {wanted} in {} servers at the same time.**\n",
                idle::processes(*wanted)
            );
        }
        println!("| | connections | KB each | MB at rest | MB after | opened in, s | CPU, ms/s |");
        println!("|---|---:|---:|---:|---:|---:|---:|");
        for index in 0..servers.count() {
            let mut target = servers.start(index, PEOPLE).await?;
            let outcome = idle::measure(&mut target, *wanted, lasts)
                .await
                .with_context(|| target.name.clone())?;
            println!("{}", outcome.row());
            outcomes.push(outcome);
            drop(target);
            if allowed < *wanted {
                let arguments = servers.arguments(index);
                let outcome = idle::measure_in_parts(&arguments, *wanted, lasts)?;
                println!("{}", outcome.row());
                outcomes.push(outcome);
            }
        }
        println!();
    }
    servers.write(&outcomes)
}

async fn cut_off(
    servers: &Servers,
    connections: usize,
    storms: usize,
    over: Duration,
) -> Result<()> {
    println!("{}\n", Machine::here().describe());
    println!(
        "Cut off at once {storms} times, back at moments spread over {} s.\n",
        over.as_secs()
    );
    let mut outcomes = Vec::new();
    for index in 0..servers.count() {
        let people = storm::people_of(connections);
        let mut target = servers.start(index, people).await?;
        let outcome = storm::measure(&mut target, connections, storms, over)
            .await
            .with_context(|| target.name.clone())?;
        println!("{}", outcome.markdown());
        outcomes.push(outcome);
    }
    servers.write(&outcomes)?;
    let faults: Vec<_> = outcomes.iter().filter_map(storm::Outcome::fault).collect();
    if !faults.is_empty() {
        bail!("THE STORM LEFT SOMETHING BEHIND: {}", faults.join("; "));
    }
    Ok(())
}

async fn stop_reading(servers: &Servers, plan: &stalled::Plan) -> Result<()> {
    println!(
        "{}\n\n{}",
        Machine::here().describe(),
        stalled::Outcome::head(plan)
    );
    let mut outcomes = Vec::new();
    for index in 0..servers.count() {
        let mut target = servers.start(index, PEOPLE).await?;
        let outcome = stalled::measure(&mut target, plan)
            .await
            .with_context(|| target.name.clone())?;
        print!("{}", outcome.rows());
        outcomes.push(outcome);
    }
    println!();
    servers.write(&outcomes)
}

async fn long(servers: &Servers, lasts: Duration) -> Result<()> {
    println!("{}\n", Machine::here().describe());
    let mut outcomes = Vec::new();
    for index in 0..servers.count() {
        let target = servers.start(index, PEOPLE).await?;
        let outcome = soak::measure(&target, lasts)
            .await
            .with_context(|| target.name.clone())?;
        println!(
            "{}: {} s, {} visits, {} deliveries, none lost; memory {:.1} MB early, {:.1} MB late.",
            outcome.name,
            outcome.seconds,
            outcome.visits,
            outcome.deliveries,
            outcome.early_bytes / 1e6,
            outcome.late_bytes / 1e6
        );
        outcomes.push(outcome);
    }
    servers.write(&outcomes)?;
    if let Some(climber) = outcomes.iter().find(|outcome| outcome.climbs()) {
        bail!("{}: memory climbs", climber.name);
    }
    Ok(())
}
