//! The storm: everybody is cut off at the same moment and comes back within seconds. All must be back, and the server's
//! memory must be what it was.

use std::time::Duration;

use anyhow::{Result, bail};
use serde::Serialize;
use tokio::time::{Instant, sleep};

use crate::crowd::Crowd;
use crate::idle::allowed;
use crate::process::{cpu_time, resident_bytes};
use crate::target::Target;

const WITHIN: Duration = Duration::from_secs(60);
const SETTLE: Duration = Duration::from_secs(3);
/// Allocators keep a little: more than this over what it was after the first return has not been given back.
const MAY_KEEP_BYTES: f64 = 4e6;
const MAY_KEEP: f64 = 0.1;

/// What one server did.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The server and its version.
    pub name: String,
    /// Connections that were open: fewer than wanted where the limit of open files allowed no more.
    pub connections: usize,
    /// Over how many seconds they came back, each at a moment of its own.
    pub over_s: f64,
    /// From the cut until the last was connected and in its room again, in seconds, storm by storm.
    pub back_in_s: Vec<f64>,
    /// Processor time of the server for one that is cut off and comes back, in microseconds.
    pub cpu_us_per_return: f64,
    /// Resident memory with all of them, before the first storm.
    pub bytes_before: u64,
    /// The same after each.
    pub bytes_after: Vec<u64>,
    /// Resident memory before the first came, and when the last had gone.
    pub bytes_empty: (u64, u64),
}

impl Outcome {
    /// Whether memory after the last storm is more than an allocator may keep over that after the first.
    #[must_use]
    pub fn climbs(&self) -> bool {
        let (Some(first), Some(last)) = (self.bytes_after.first(), self.bytes_after.last()) else {
            return false;
        };
        *last as f64 - *first as f64 > MAY_KEEP_BYTES.max(*first as f64 * MAY_KEEP)
    }
}

/// Opens connections and cuts them all off, storm after storm; each time they come back over `over`.
///
/// # Errors
/// If a connection is refused, lost, or not back in time.
pub async fn measure(
    target: &mut Target,
    wanted: usize,
    storms: usize,
    over: Duration,
) -> Result<Outcome> {
    let connections = allowed(wanted);
    target.endpoint.spread = Some(0);
    let pid = target.pid();
    let at_rest = resident_bytes(pid)?;
    let auths = target.auths(connections);
    let mut crowd = gather(target, &auths, over).await?;
    sleep(SETTLE).await;
    let mut outcome = Outcome {
        name: target.name.clone(),
        connections,
        over_s: over.as_secs_f64(),
        back_in_s: Vec::new(),
        cpu_us_per_return: 0.0,
        bytes_before: resident_bytes(pid)?,
        bytes_after: Vec::new(),
        bytes_empty: (at_rest, 0),
    };
    let cpu_before = cpu_time(pid)?;
    for storm in 1..=storms {
        let cut = Instant::now();
        drop(crowd);
        crowd = gather(target, &auths, over).await?;
        outcome.back_in_s.push(cut.elapsed().as_secs_f64());
        sleep(SETTLE).await;
        if crowd.lost() > 0 || crowd.len() != connections {
            bail!(
                "after storm {storm}: {} of {connections} were lost",
                crowd.lost()
            );
        }
        outcome.bytes_after.push(resident_bytes(pid)?);
    }
    let cpu = cpu_time(pid)?.saturating_sub(cpu_before);
    outcome.cpu_us_per_return = cpu.as_secs_f64() * 1e6 / (connections * storms).max(1) as f64;
    drop(crowd);
    // The listeners' tasks hold the connections: they end when we next let them run.
    sleep(SETTLE).await;
    outcome.bytes_empty.1 = resident_bytes(pid)?;
    Ok(outcome)
}

async fn gather(target: &Target, auths: &[serde_json::Value], over: Duration) -> Result<Crowd> {
    let coming = Crowd::gather_over(&target.endpoint, auths.to_vec(), target.event, over);
    let crowd = tokio::time::timeout(WITHIN, coming).await??;
    if let Some(greeting) = &target.greeting {
        crowd.ask_all(greeting, WITHIN).await?;
    }
    Ok(crowd)
}
