//! The idle measurement: many connections that say nothing, and what they cost a server.

use std::time::Duration;

use anyhow::{Result, bail};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::crowd::Crowd;
use crate::process::{cpu_time, open_file_limit, resident_bytes};
use crate::target::Target;

const JOINED_WITHIN: Duration = Duration::from_secs(120);
const SETTLE: Duration = Duration::from_secs(2);
/// Files a server or we have open besides connections.
const OTHER_FILES: usize = 200;

/// What one server did.
#[derive(Debug, Clone, Serialize)]
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

/// How many connections the limit of open files allows, of those wanted.
#[must_use]
pub fn allowed(wanted: usize) -> usize {
    wanted.min(open_file_limit().saturating_sub(OTHER_FILES))
}

/// Opens connections, lets them be for `lasts` and hangs up.
///
/// # Errors
/// If a connection is refused or lost.
pub async fn measure(target: &mut Target, wanted: usize, lasts: Duration) -> Result<Outcome> {
    let connections = allowed(wanted);
    target.endpoint.spread = true;
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
