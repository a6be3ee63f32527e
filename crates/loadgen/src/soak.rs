//! The soak test: people come, hear events and go, for a long time, and the server's memory must not climb.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};

use crate::crowd::Crowd;
use crate::process::resident_bytes;
use crate::target::Target;

const RESIDENTS: usize = 100;
const VISITORS: usize = 50;
const EVENTS_PER_VISIT: usize = 20;
const WITHIN: Duration = Duration::from_secs(30);
const EVENTS_PER_S: u32 = 50;
/// Allocators keep a little; more than this, between the second and the last quarter of the time, is a leak.
const MAY_GROW_BYTES: f64 = 2e6;
const MAY_GROW: f64 = 0.05;

/// What was seen.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The server and its version.
    pub name: String,
    /// How long it went.
    pub seconds: u64,
    /// Connections that came and went.
    pub visits: u64,
    /// Events delivered; every one was counted at the client.
    pub deliveries: u64,
    /// Median resident memory in the second quarter of the time.
    pub early_bytes: f64,
    /// The same in the last quarter.
    pub late_bytes: f64,
}

impl Outcome {
    /// Whether memory grew by more than an allocator may keep.
    #[must_use]
    pub fn climbs(&self) -> bool {
        let grown = self.late_bytes - self.early_bytes;
        grown > MAY_GROW_BYTES.max(self.early_bytes * MAY_GROW)
    }
}

/// Residents stay and hear everything; visitors come in groups, hear some of it and go.
///
/// # Errors
/// If a connection is refused or lost, or an event does not reach everybody.
pub async fn measure(target: &Target, lasts: Duration) -> Result<Outcome> {
    let residents = gather(target, RESIDENTS).await?;
    let started = Instant::now();
    let (mut visits, mut deliveries) = (0, 0);
    let mut samples = Vec::new();
    let mut pace = interval(Duration::from_secs(1) / EVENTS_PER_S);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while started.elapsed() < lasts {
        let visitors = gather(target, VISITORS).await?;
        let before = residents.deliveries();
        for speaker in 0..EVENTS_PER_VISIT {
            pace.tick().await;
            let packet = target.signal(&residents.stamp());
            residents.send(speaker, &[packet]).await?;
        }
        let events = EVENTS_PER_VISIT as u64;
        let heard = residents
            .until(before + events * RESIDENTS as u64, WITHIN)
            .await
            && visitors.until(events * VISITORS as u64, WITHIN).await;
        if !heard || residents.lost() + visitors.lost() > 0 {
            bail!(
                "after {visits} visits: {} connections lost, or events missing",
                residents.lost() + visitors.lost()
            );
        }
        visits += VISITORS as u64;
        deliveries += events * (RESIDENTS + VISITORS) as u64;
        let _sampled = residents.take_latencies_us();
        drop(visitors);
        samples.push((started.elapsed(), resident_bytes(target.pid())? as f64));
    }
    let quarter = |number: u32| {
        let (from, to) = (lasts * (number - 1) / 4, lasts * number / 4);
        let within = samples
            .iter()
            .filter(|(at, _)| *at >= from && (*at < to || number == 4));
        median(within.map(|(_, bytes)| *bytes).collect())
    };
    Ok(Outcome {
        name: target.name.clone(),
        seconds: started.elapsed().as_secs(),
        visits,
        deliveries,
        early_bytes: quarter(2),
        late_bytes: quarter(4),
    })
}

async fn gather(target: &Target, connections: usize) -> Result<Crowd> {
    let auths = target.auths(connections);
    let crowd = Crowd::gather(&target.endpoint, auths, target.event).await?;
    if let Some(greeting) = &target.greeting {
        crowd.ask_all(greeting, WITHIN).await?;
    }
    Ok(crowd)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
