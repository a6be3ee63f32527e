//! What a process costs, read from Linux' `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// The kernel counts processor time for user space in hundredths of a second, on every architecture.
const TICK: Duration = Duration::from_millis(10);

/// Processor time the process has used, in user and kernel mode, over all its threads.
///
/// # Errors
/// If there is no such process.
pub fn cpu_time(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("the process is gone")?;
    // The second field is the program's name in brackets and may hold anything; fields are counted after it.
    let after_name = stat
        .rsplit_once(')')
        .map_or(stat.as_str(), |(_, rest)| rest);
    let mut fields = after_name.split_whitespace().skip(11);
    let mut ticks = || {
        fields
            .next()
            .and_then(|field| field.parse::<u32>().ok())
            .context("an odd /proc stat")
    };
    Ok(TICK * (ticks()? + ticks()?))
}

/// Memory resident now, in bytes.
///
/// # Errors
/// If there is no such process.
pub fn resident_bytes(pid: u32) -> Result<u64> {
    let status =
        fs::read_to_string(format!("/proc/{pid}/status")).context("the process is gone")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("no VmRSS")?;
    let kibibytes: u64 = line
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .context("an odd VmRSS")?;
    Ok(kibibytes * 1024)
}

/// How many files this process may have open at once, and so may each server that it starts.
#[must_use]
pub fn open_file_limit() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    #[test]
    fn our_own_process_costs_something() {
        let own = std::process::id();
        assert!(super::resident_bytes(own).unwrap() > 100_000);
        super::cpu_time(own).unwrap();
    }
}
