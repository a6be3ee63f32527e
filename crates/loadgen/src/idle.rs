//! The idle measurement: many connections that say nothing, and what they cost a server.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::crowd::Crowd;
use crate::process::{cpu_time, open_file_limit, resident_bytes};
use crate::target::Target;

const JOINED_WITHIN: Duration = Duration::from_secs(120);
const SETTLE: Duration = Duration::from_secs(2);
/// Files a server or we have open besides connections.
const OTHER_FILES: usize = 200;

/// What one server did.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Outcome {
    /// The server and its version.
    pub name: String,
    /// Connections that were asked for.
    pub wanted: usize,
    /// Connections that were open: fewer where the limit of open files allowed no more.
    pub connections: usize,
    /// Resident memory before the first.
    pub bytes_at_rest: u64,
    /// Resident memory gained per connection.
    pub bytes_per_connection: u64,
    /// How long it took to open and join them.
    pub opened_in_s: f64,
    /// Processor time a second of doing nothing costs the server, in milliseconds: pings, mostly.
    pub cpu_ms_per_s: f64,
    /// Resident memory when all have hung up.
    pub bytes_afterwards: u64,
}

impl Outcome {
    /// As a row of the table.
    #[must_use]
    pub fn row(&self) -> String {
        format!(
            "| {} | {} | {:.2} | {:.1} | {:.1} | {:.1} | {:.1} |",
            self.name,
            self.connections,
            self.bytes_per_connection as f64 / 1e3,
            self.bytes_at_rest as f64 / 1e6,
            self.bytes_afterwards as f64 / 1e6,
            self.opened_in_s,
            self.cpu_ms_per_s
        )
    }
}

/// How many connections the limit of open files allows, of those wanted.
#[must_use]
pub fn allowed(wanted: usize) -> usize {
    wanted.min(open_file_limit().saturating_sub(OTHER_FILES))
}

/// How many servers, each with a client process of its own, are needed for so many connections at once.
#[must_use]
pub fn processes(wanted: usize) -> usize {
    wanted.div_ceil(allowed(wanted).max(1)).max(1)
}

/// As [`measure`] with more connections than one process may have: as many servers of the same kind, each measured by
/// another process of this program with the given arguments, all at the same time.
///
/// # Errors
/// If one of them fails.
pub fn measure_in_parts(arguments: &[String], wanted: usize, lasts: Duration) -> Result<Outcome> {
    let parts = processes(wanted);
    let folder = tempfile::tempdir()?;
    let started = Instant::now();
    let mut running = Vec::new();
    for part in 0..parts {
        let connections = wanted / parts + usize::from(part < wanted % parts);
        let figures = folder.path().join(part.to_string());
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["idle", "--connections", &connections.to_string()])
            .args(["--seconds", &lasts.as_secs().to_string(), "--json"])
            .arg(&figures)
            .args(arguments)
            .stdout(Stdio::null());
        running.push((command.spawn()?, figures));
    }
    let mut all = Vec::new();
    for (mut process, figures) in running {
        if !process.wait()?.success() {
            bail!("one of {parts} parts failed");
        }
        let outcomes: Vec<Outcome> = serde_json::from_slice(&fs::read(figures)?)?;
        all.extend(outcomes);
    }
    // They were all open at once if none was done before the last had begun to be watched.
    let slowest_s = all
        .iter()
        .fold(0.0, |most: f64, one| most.max(one.opened_in_s));
    let fastest_s = all
        .iter()
        .fold(f64::MAX, |least, one| least.min(one.opened_in_s));
    if slowest_s > fastest_s + lasts.as_secs_f64() || started.elapsed() < lasts {
        bail!("the parts were not open at the same time; more --seconds are needed");
    }
    let sum = |pick: fn(&Outcome) -> u64| all.iter().map(pick).sum::<u64>();
    let connections = all.iter().map(|one| one.connections).sum();
    let name = all.first().map_or("", |one| one.name.as_str());
    Ok(Outcome {
        name: format!("{name}, {parts} processes"),
        wanted,
        connections,
        bytes_at_rest: sum(|one| one.bytes_at_rest),
        bytes_per_connection: sum(|one| one.bytes_per_connection * one.connections as u64)
            / connections.max(1) as u64,
        opened_in_s: slowest_s,
        cpu_ms_per_s: all.iter().map(|one| one.cpu_ms_per_s).sum(),
        bytes_afterwards: sum(|one| one.bytes_afterwards),
    })
}

/// Opens connections, lets them be for `lasts` and hangs up.
///
/// # Errors
/// If a connection is refused or lost.
pub async fn measure(target: &mut Target, wanted: usize, lasts: Duration) -> Result<Outcome> {
    let connections = allowed(wanted);
    target.endpoint.spread_anew();
    let pid = target.pid();
    let bytes_at_rest = resident_bytes(pid)?;
    let started = Instant::now();
    let auths = target.auths(connections);
    let crowd = Crowd::gather(&target.endpoint, auths, target.event).await?;
    if let Some(greeting) = &target.greeting {
        crowd.ask_all(greeting, JOINED_WITHIN).await?;
    }
    let opened_in_s = started.elapsed().as_secs_f64();
    sleep(SETTLE).await;
    let gained = resident_bytes(pid)?.saturating_sub(bytes_at_rest);
    let cpu_before = cpu_time(pid)?;
    sleep(lasts).await;
    let cpu = cpu_time(pid)?.saturating_sub(cpu_before);
    if crowd.lost() > 0 {
        bail!("{} of {} connections were lost", crowd.lost(), crowd.len());
    }
    let open = crowd.len();
    drop(crowd);
    // The listeners' tasks hold the connections: they end when we next let them run.
    sleep(SETTLE).await;
    Ok(Outcome {
        name: target.name.clone(),
        wanted,
        connections: open,
        bytes_at_rest,
        bytes_per_connection: gained / open.max(1) as u64,
        opened_in_s,
        cpu_ms_per_s: cpu.as_secs_f64() * 1e3 / lasts.as_secs_f64(),
        bytes_afterwards: resident_bytes(pid)?,
    })
}
