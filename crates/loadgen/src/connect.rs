//! The connect measurement: how many handshakes a server takes in a second, and what one costs it.

use std::time::{Duration, Instant};

use anyhow::Result;
use futures_util::future::try_join_all;
use serde::Serialize;
use serde_json::Value;

use crate::connection::Connection;
use crate::process::cpu_time;
use crate::target::Target;

/// What one server did.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The server and its version.
    pub name: String,
    /// Connections opened up to CONNECT's answer, and hung up on by us.
    pub connects: u64,
    /// Over the whole time.
    pub connects_per_s: f64,
    /// Processor time of the server for one, hanging up included, in microseconds.
    pub cpu_us_per_connect: f64,
}

/// Opens and closes connections, so many at a time, for so long.
///
/// # Errors
/// If a connection is refused.
pub async fn measure(target: &Target, at_once: usize, lasts: Duration) -> Result<Outcome> {
    let auth = target.auths(1).pop().unwrap_or(Value::Null);
    let (cpu_before, started) = (cpu_time(target.pid())?, Instant::now());
    let one_after_another = || async {
        let mut connects = 0;
        while started.elapsed() < lasts {
            drop(Connection::open(&target.endpoint, &auth, 0).await?);
            connects += 1;
        }
        anyhow::Ok(connects)
    };
    let lanes = try_join_all((0..at_once).map(|_| one_after_another())).await?;
    let (connects, took): (u64, _) = (lanes.iter().sum(), started.elapsed());
    let cpu = cpu_time(target.pid())?.saturating_sub(cpu_before);
    Ok(Outcome {
        name: target.name.clone(),
        connects,
        connects_per_s: connects as f64 / took.as_secs_f64(),
        cpu_us_per_connect: cpu.as_secs_f64() * 1e6 / connects.max(1) as f64,
    })
}
