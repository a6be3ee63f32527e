//! The fan-out measurement: one event to every connection of a room, paced, serial and in bursts.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::crowd::Crowd;
use crate::process::{cpu_time, resident_bytes};
use crate::target::{EVENT_BYTES, Target};

/// Events on their way at once in a burst.
pub const BURST: u64 = 16;
const STRAGGLERS_WITHIN: Duration = Duration::from_secs(10);
const JOINED_WITHIN: Duration = Duration::from_secs(30);
/// Memory is read when the server has had time to settle.
const SETTLE: Duration = Duration::from_secs(1);

/// How much to do.
#[derive(Debug, Clone, Copy, clap::Args, Serialize)]
pub struct Plan {
    /// Sockets, all in one room.
    #[arg(long, default_value_t = 1000)]
    pub connections: usize,
    /// Events a second at the easy pace.
    #[arg(long = "rate", default_value_t = 10)]
    pub events_per_s: u32,
    /// How long each part lasts.
    #[arg(long, default_value_t = 10)]
    pub seconds: u32,
    /// How often everything is done, each time with a new process; medians are reported.
    #[arg(long, default_value_t = 3)]
    pub runs: usize,
    /// Size of an event; Tidings' own are of about 250 bytes
    #[arg(long, default_value_t = EVENT_BYTES)]
    pub event_bytes: usize,
    /// Clients offer to compress (permessage-deflate)
    #[arg(long)]
    pub deflate: bool,
    /// Only the paced part, which needs a long time for an exact figure.
    #[arg(long)]
    pub paced_only: bool,
}

/// What one server did in one run.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// Resident memory gained per open connection.
    pub bytes_per_connection: u64,
    /// Resident memory before the first connection.
    pub bytes_at_rest: u64,
    /// One event after the other, at an easy pace.
    pub paced: Phase,
    /// The next event when everyone has the last.
    pub serial: Option<Phase>,
    /// [`BURST`] events at once, the next as many when everyone has all of them.
    pub burst: Option<Phase>,
    /// Messages posted over HTTP and stored before they are delivered, paced; only Tidings.
    pub posted: Option<Phase>,
}

/// One part of a measurement.
#[derive(Debug, Clone, Serialize)]
pub struct Phase {
    /// Events sent by us.
    pub events: u64,
    /// What arrived, of `events` times connections.
    pub deliveries: u64,
    /// What did not.
    pub missing: u64,
    /// Size of one delivery on the way, in bytes of payload.
    pub bytes_per_delivery: u64,
    /// Processor time of the server for one delivery, in microseconds.
    pub cpu_us_per_delivery: f64,
    /// Over the part's whole time.
    pub deliveries_per_s: f64,
    /// From our sending to our reading, in milliseconds; includes the time we need to read all the others.
    pub latency_p50_ms: f64,
    /// The same for the slowest in a hundred.
    pub latency_p99_ms: f64,
}

/// What is sent in a part, and when.
#[derive(Clone, Copy)]
enum Load {
    PacedSignals,
    PacedPosts,
    /// So many at once, and again when all have arrived.
    Rounds(u64),
}

/// Runs all parts against one server.
///
/// # Errors
/// If connections cannot be opened, are lost, or an event does not reach everybody.
pub async fn measure(target: &Target, plan: Plan, with_posts: bool) -> Result<Outcome> {
    let pid = target.pid();
    let bytes_at_rest = resident_bytes(pid)?;
    let auths = target.auths(plan.connections);
    let crowd = Crowd::gather(&target.endpoint, auths, target.event).await?;
    if let Some(greeting) = &target.greeting {
        crowd.ask_all(greeting, JOINED_WITHIN).await?;
    }
    sleep(SETTLE).await;
    let gained = resident_bytes(pid)?.saturating_sub(bytes_at_rest);
    let bytes_per_connection = gained / crowd.len().max(1) as u64;
    let part = async |is_wanted: bool, load: Load| {
        if is_wanted {
            phase(target, &crowd, plan, load).await.map(Some)
        } else {
            Ok(None)
        }
    };
    let outcome = Outcome {
        bytes_per_connection,
        bytes_at_rest,
        paced: phase(target, &crowd, plan, Load::PacedSignals).await?,
        serial: part(!plan.paced_only, Load::Rounds(1)).await?,
        burst: part(!plan.paced_only, Load::Rounds(BURST)).await?,
        posted: part(with_posts && !plan.paced_only, Load::PacedPosts).await?,
    };
    if crowd.lost() > 0 {
        bail!("{} of {} connections were lost", crowd.lost(), crowd.len());
    }
    Ok(outcome)
}

async fn phase(target: &Target, crowd: &Crowd, plan: Plan, load: Load) -> Result<Phase> {
    let each = crowd.len() as u64;
    let (first_delivery, first_byte) = (crowd.deliveries(), crowd.bytes());
    let (cpu_before, started) = (cpu_time(target.pid())?, Instant::now());
    let lasts = Duration::from_secs(plan.seconds.into());
    let mut pace = interval(Duration::from_secs(1) / plan.events_per_s);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut events = 0;
    while started.elapsed() < lasts {
        // Everybody speaks in turn: a server may limit what one connection sends.
        let speaker = events as usize;
        match load {
            Load::PacedSignals => {
                pace.tick().await;
                let packet = target.signal(&crowd.stamp());
                crowd.send(speaker, &[packet]).await?;
                events += 1;
            }
            Load::PacedPosts => {
                pace.tick().await;
                let text = format!("A message of ordinary length {}", crowd.stamp());
                target.post(&text).await?;
                events += 1;
            }
            Load::Rounds(at_once) => {
                let packets: Vec<_> = (0..at_once)
                    .map(|_| target.signal(&crowd.stamp()))
                    .collect();
                crowd.send(speaker, &packets).await?;
                events += at_once;
                let due = first_delivery + events * each;
                if !crowd.until(due, STRAGGLERS_WITHIN).await {
                    break;
                }
            }
        }
    }
    let due = first_delivery + events * each;
    crowd.until(due, STRAGGLERS_WITHIN).await;
    let took = started.elapsed();
    let cpu = cpu_time(target.pid())?.saturating_sub(cpu_before);
    let deliveries = crowd.deliveries() - first_delivery;
    if deliveries != events * each {
        bail!("{deliveries} deliveries came of {}", events * each);
    }
    let mut latencies = crowd.take_latencies_us();
    latencies.sort_unstable();
    Ok(Phase {
        events,
        deliveries,
        missing: (events * each).saturating_sub(deliveries),
        bytes_per_delivery: (crowd.bytes() - first_byte) / deliveries,
        cpu_us_per_delivery: cpu.as_secs_f64() * 1e6 / deliveries as f64,
        deliveries_per_s: deliveries as f64 / took.as_secs_f64(),
        latency_p50_ms: percentile(&latencies, 50) / 1e3,
        latency_p99_ms: percentile(&latencies, 99) / 1e3,
    })
}

/// The value that so many in a hundred do not pass, of sorted values; 0 where there is none.
#[must_use]
pub fn percentile(sorted: &[u32], percent: usize) -> f64 {
    let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(index).map_or(0.0, |value| f64::from(*value))
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let sorted: Vec<u32> = (1..=100).collect();
        assert_eq!(percentile(&sorted, 50), 50.0);
        assert_eq!(percentile(&sorted, 99), 99.0);
        assert_eq!(percentile(&sorted[..1], 99), 1.0);
        assert_eq!(percentile(&[], 50), 0.0);
    }
}
