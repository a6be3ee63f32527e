//! The machine a measurement was taken on, and how busy it was with other things.

use std::fs;
use std::process::Command;

use serde::Serialize;

/// More than this at the start, and figures are marked as taken on a loaded machine.
const QUIET_LOAD: f64 = 2.0;

/// What must stand beside a figure for it to mean something.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// In UTC.
    pub date: String,
    /// Linux' release.
    pub kernel: String,
    /// How many processors and which.
    pub processor: String,
    /// The load average of the last minute before anything was measured.
    pub load: f64,
}

impl Machine {
    /// This one, now.
    #[must_use]
    pub fn here() -> Self {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = info
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .unwrap_or("unknown processor");
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let model = model.trim_start_matches([' ', '\t', ':']);
        let date = Command::new("date")
            .args(["-u", "+%Y-%m-%d %H:%M"])
            .output();
        let date = date.map(|output| output.stdout).unwrap_or_default();
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            date: String::from_utf8_lossy(&date).trim().to_owned(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .unwrap_or_default()
                .trim()
                .to_owned(),
            processor: format!("{processors} x {model}"),
            load: load
                .split(' ')
                .next()
                .and_then(|load| load.parse().ok())
                .unwrap_or(f64::NAN),
        }
    }

    /// One or two sentences.
    #[must_use]
    pub fn describe(&self) -> String {
        let Self {
            date,
            kernel,
            processor,
            load,
        } = self;
        let mut text =
            format!("{date} UTC, Linux {kernel}, {processor}, load {load:.1} before the start.");
        if load.is_nan() || *load >= QUIET_LOAD {
            text.push_str(
                " **The machine was busy with other things**: compare processor times, \
                 and those among themselves only; latencies and rates mean little.",
            );
        }
        text
    }
}
