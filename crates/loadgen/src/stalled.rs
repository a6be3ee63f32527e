//! Readers that stop reading: what they cost, when the server has got rid of them, and whether the others in the room
//! notice.
//!
//! Parts without and with them alternate in one process, at one pace, so that what the machine does meanwhile hits both.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::connection::Connection;
use crate::crowd::Crowd;
use crate::fanout::percentile;
use crate::process::{open_sockets, resident_bytes, tcp_bytes};
use crate::target::Target;

const JOINED_WITHIN: Duration = Duration::from_secs(30);
const STRAGGLERS_WITHIN: Duration = Duration::from_secs(10);
const SETTLE: Duration = Duration::from_millis(500);
/// Events that fill what the system holds for a reader quickly, how many at a time, and how often at most.
const FILL_BYTES: usize = 16_000;
const FILL_FOR: Duration = Duration::from_millis(200);
const FILL_WITHIN: Duration = Duration::from_secs(60);
/// A reader for whom the system takes no more than this is stopped.
const FULL_BYTES: u64 = 512;
/// How much longer than its heartbeat a server may take, on a busy machine, before we wait no more.
const PATIENCE: Duration = Duration::from_secs(15);

/// How much to do.
#[derive(Debug, Clone, clap::Args, Serialize)]
pub struct Plan {
    /// Sockets that read, all in one room
    #[arg(long, default_value_t = 500)]
    pub connections: usize,
    /// Sockets in the same room that never read
    #[arg(long, default_value_t = 20)]
    pub stopped: usize,
    /// Events a second
    #[arg(long = "rate", default_value_t = 50)]
    pub events_per_s: u32,
    /// Sizes of the events, one after the other; Tidings sends its own and is measured once
    #[arg(long, value_delimiter = ',', default_value = "200,2000")]
    pub event_bytes: Vec<usize>,
    /// How long a part lasts; the readers must live that long
    #[arg(long, default_value_t = 8)]
    pub seconds: u64,
    /// Parts without and parts with them
    #[arg(long, default_value_t = 4)]
    pub alternations: usize,
}

/// What one server did.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The server and its version.
    pub name: String,
    /// After how long in silence a client counts as gone: ping interval and timeout.
    pub heartbeat_s: f64,
    /// One for each size of events.
    pub parts: Vec<Part>,
}

/// Events of one size.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    /// Their size in bytes.
    pub event_bytes: usize,
    /// Latencies of those who read, alone.
    pub without: Latency,
    /// The same with others beside them who do not.
    pub with: Latency,
    /// The p99 with them, of that without, of each alternation.
    pub p99_ratios: Vec<f64>,
    /// Resident memory gained for each reader that had stopped, at most.
    pub bytes_per_reader: u64,
    /// What the kernel held for each when everybody else had read everything, the client's end included.
    pub kernel_bytes_per_reader: u64,
    /// When each was gone, from when it stopped reading, in seconds.
    pub gone_s: Vec<f64>,
    /// What the kernel still held for each of them then.
    pub kernel_bytes_left: u64,
}

/// In milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Latency {
    /// The median.
    pub p50_ms: f64,
    /// The slowest in a hundred.
    pub p99_ms: f64,
}

impl Latency {
    fn of(mut latencies_us: Vec<u32>) -> Self {
        latencies_us.sort_unstable();
        Self {
            p50_ms: percentile(&latencies_us, 50) / 1e3,
            p99_ms: percentile(&latencies_us, 99) / 1e3,
        }
    }
}

/// Those who do not read, with what was there before they came.
struct Stopped {
    readers: Vec<Connection>,
    since: Instant,
    resident: u64,
    kernel: u64,
    sockets: usize,
}

/// Alternates parts without and with them; the last ones are waited for until the server has closed them all.
///
/// # Errors
/// If somebody who reads misses an event or is cut off, or somebody who does not is never closed.
pub async fn measure(target: &mut Target, plan: &Plan) -> Result<Outcome> {
    let auths = target.auths(plan.connections);
    let crowd = Crowd::gather(&target.endpoint, auths, target.event).await?;
    if let Some(greeting) = &target.greeting {
        crowd.ask_all(greeting, JOINED_WITHIN).await?;
    }
    let mut outcome = Outcome {
        name: target.name.clone(),
        heartbeat_s: 0.0,
        parts: Vec::new(),
    };
    let sizes = match target.greeting {
        Some(_) => plan.event_bytes.as_slice(),
        None => plan.event_bytes.get(..1).unwrap_or_default(),
    };
    for event_bytes in sizes {
        target.event_bytes = *event_bytes;
        let part = part(target, &crowd, plan, &mut outcome.heartbeat_s).await?;
        outcome.parts.push(part);
    }
    if crowd.lost() > 0 {
        bail!("{} who read were cut off", crowd.lost());
    }
    Ok(outcome)
}

async fn part(
    target: &mut Target,
    crowd: &Crowd,
    plan: &Plan,
    heartbeat_s: &mut f64,
) -> Result<Part> {
    let lasts = Duration::from_secs(plan.seconds);
    let (mut without, mut with, mut p99_ratios) = (Vec::new(), Vec::new(), Vec::new());
    let mut last = None;
    for _ in 0..plan.alternations {
        drop(last.take());
        sleep(SETTLE).await;
        let alone = send(target, crowd, plan, lasts, || Ok(false)).await?;
        let stopped = stop(target, plan).await?;
        fill(target, crowd, plan).await?;
        let beside = send(target, crowd, plan, lasts, || Ok(false)).await?;
        let gone = plan.stopped - still_there(target, &stopped)?;
        if gone > 0 {
            bail!("{gone} were closed before the part was over: fewer --seconds are needed");
        }
        p99_ratios.push(Latency::of(beside.clone()).p99_ms / Latency::of(alone.clone()).p99_ms);
        without.extend(alone);
        with.extend(beside);
        last = Some(stopped);
    }
    let Some(stopped) = last else {
        bail!("no alternation was asked for");
    };
    let heartbeat = stopped
        .readers
        .first()
        .map_or(Duration::ZERO, |one| one.heartbeat);
    *heartbeat_s = heartbeat.as_secs_f64();
    let of_each = |bytes: u64| bytes / plan.stopped.max(1) as u64;
    let kernel = tcp_bytes().saturating_sub(stopped.kernel);
    let (mut gone_s, mut most_resident) = (Vec::new(), 0);
    let watch = || {
        most_resident = most_resident.max(resident_bytes(target.pid())?);
        let there = still_there(target, &stopped)?;
        let now_s = stopped.since.elapsed().as_secs_f64();
        gone_s.resize(plan.stopped - there, now_s);
        Ok(there == 0)
    };
    let at_most = (heartbeat + PATIENCE).saturating_sub(stopped.since.elapsed());
    let _latencies = send(target, crowd, plan, at_most, watch).await?;
    if gone_s.len() < plan.stopped {
        bail!(
            "{} of {} who do not read were never closed",
            plan.stopped - gone_s.len(),
            plan.stopped
        );
    }
    Ok(Part {
        event_bytes: target.event_bytes,
        without: Latency::of(without),
        with: Latency::of(with),
        p99_ratios,
        bytes_per_reader: of_each(most_resident.saturating_sub(stopped.resident)),
        kernel_bytes_per_reader: of_each(kernel),
        gone_s,
        kernel_bytes_left: of_each(tcp_bytes().saturating_sub(stopped.kernel)),
    })
}

/// Sends at the pace, for so long or until `is_done`, which is asked now and then. Answers the latencies.
async fn send(
    target: &Target,
    crowd: &Crowd,
    plan: &Plan,
    lasts: Duration,
    mut is_done: impl FnMut() -> Result<bool>,
) -> Result<Vec<u32>> {
    let (first, started) = (crowd.deliveries(), Instant::now());
    let mut pace = interval(Duration::from_secs(1) / plan.events_per_s);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut events = 0;
    while started.elapsed() < lasts {
        pace.tick().await;
        let packet = target.signal(&crowd.stamp());
        crowd.send(events, &[packet]).await?;
        events += 1;
        if events % 5 == 0 && is_done()? {
            break;
        }
    }
    let due = first + (events * crowd.len()) as u64;
    if !crowd.until(due, STRAGGLERS_WITHIN).await {
        bail!("{} events did not arrive", due - crowd.deliveries());
    }
    Ok(crowd.take_latencies_us())
}

/// Enters the room so many times more, and reads nothing from then on.
async fn stop(target: &Target, plan: &Plan) -> Result<Stopped> {
    let (pid, kernel) = (target.pid(), tcp_bytes());
    let (resident, sockets) = (resident_bytes(pid)?, open_sockets(pid)?);
    let mut readers = Vec::new();
    for auth in target.auths(plan.stopped) {
        let reader = Connection::open_as(&target.endpoint, &auth, 0, true).await?;
        if let Some(greeting) = &target.greeting {
            reader.ask(greeting).await?;
        }
        readers.push(reader);
    }
    Ok(Stopped {
        readers,
        since: Instant::now(),
        resident,
        kernel,
        sockets,
    })
}

/// Sends until the system takes nothing more for those who do not read, so that the server notices.
async fn fill(target: &mut Target, crowd: &Crowd, plan: &Plan) -> Result<()> {
    let event_bytes = std::mem::replace(&mut target.event_bytes, FILL_BYTES);
    let (started, mut held) = (Instant::now(), tcp_bytes());
    let is_full = loop {
        let _latencies = send(target, crowd, plan, FILL_FOR, || Ok(false)).await?;
        let now = tcp_bytes();
        let more = now.saturating_sub(std::mem::replace(&mut held, now));
        if more < FULL_BYTES * plan.stopped as u64 {
            break true;
        }
        if started.elapsed() > FILL_WITHIN {
            break false;
        }
    };
    target.event_bytes = event_bytes;
    match is_full {
        true => Ok(()),
        false => bail!("the system takes more and more for those who do not read"),
    }
}

/// How many of them the server has not closed. They themselves would have to read to see it.
fn still_there(target: &Target, stopped: &Stopped) -> Result<usize> {
    let more = open_sockets(target.pid())?.saturating_sub(stopped.sockets);
    Ok(more.min(stopped.readers.len()))
}

impl Outcome {
    /// The table's head.
    #[must_use]
    pub fn head(plan: &Plan) -> String {
        format!(
            "{} sockets in one room, {} events a second; parts of {} s without and with {} more that never read, {} of \
             each in turn; then those are waited for.\n\n\
             | | bytes | p50, ms, without | with | p99, ms, without | with | ratio, of each two | KB per stopped \
             reader, at most | held by the kernel | gone after, s | ping interval and timeout, s | left in the kernel, KB \
             |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
            plan.connections, plan.events_per_s, plan.seconds, plan.stopped, plan.alternations
        )
    }

    /// A row for each size of events.
    #[must_use]
    pub fn rows(&self) -> String {
        let mut text = String::new();
        for part in &self.parts {
            let (first, last) = (part.gone_s.first(), part.gone_s.last());
            let ratios: Vec<_> = part.p99_ratios.iter().map(|x| format!("{x:.2}")).collect();
            // Writing to a String cannot fail.
            let _written = writeln!(
                text,
                "| {} | {} | {:.1} | {:.1} | {:.1} | {:.1} | {:.2} ({}) | {:.1} | {:.1} | {:.1}-{:.1} | {:.1} | {:.1} |",
                self.name,
                part.event_bytes,
                part.without.p50_ms,
                part.with.p50_ms,
                part.without.p99_ms,
                part.with.p99_ms,
                part.with.p99_ms / part.without.p99_ms,
                ratios.join(", "),
                part.bytes_per_reader as f64 / 1e3,
                part.kernel_bytes_per_reader as f64 / 1e3,
                first.copied().unwrap_or_default(),
                last.copied().unwrap_or_default(),
                self.heartbeat_s,
                part.kernel_bytes_left as f64 / 1e3
            );
        }
        text
    }
}
