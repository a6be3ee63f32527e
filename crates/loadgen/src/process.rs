//! What a process costs, by Linux' own account.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

/// In which `/proc/net/sockstat` counts, on the machines that we measure on.
const PAGE_BYTES: u64 = 4096;

/// Processor time that a server has used, in user and kernel mode: all threads of its process, those that have ended
/// too, and of the processes it has started, as long as they live. In nanoseconds, from the scheduler's own account;
/// `/proc/<pid>/stat` tells the same in hundredths of a second.
///
/// # Errors
/// If there is no such process.
pub fn cpu_time(pid: u32) -> Result<Duration> {
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(i32::try_from(pid)?));
    let own = clock
        .and_then(clock_gettime)
        .context("the process is gone")?;
    let started = children(pid).into_iter().map(|child| {
        // One that ends just now costs nothing any more.
        cpu_time(child).unwrap_or_default()
    });
    Ok(Duration::from(own) + started.sum())
}

/// Those that a process has started and that live.
fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    let lists = threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| {
            let pids = list.split_whitespace();
            pids.filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()
        })
        .collect()
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

/// How many sockets a process has open.
///
/// # Errors
/// If there is no such process.
pub fn open_sockets(pid: u32) -> Result<usize> {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).context("the process is gone")?;
    let targets = files
        .flatten()
        .filter_map(|file| fs::read_link(file.path()).ok());
    Ok(targets
        .filter(|target| target.to_string_lossy().starts_with("socket:"))
        .count())
}

/// Memory that the kernel holds for the TCP connections of the whole machine, in bytes.
#[must_use]
pub fn tcp_bytes() -> u64 {
    let stat = fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    let tcp = stat.lines().find_map(|line| line.strip_prefix("TCP:"));
    let pages = tcp.and_then(|tcp| tcp.split_once(" mem ")?.1.trim().parse::<u64>().ok());
    pages.unwrap_or_default() * PAGE_BYTES
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
    use std::io::Read;
    use std::process::{Command, Stdio};
    use std::thread;
    use std::time::Duration;

    use super::{children, cpu_time, open_sockets, resident_bytes};

    /// Uses so much processor time.
    fn work(how_much: Duration) {
        let own = std::process::id();
        let until = cpu_time(own).unwrap() + how_much;
        while cpu_time(own).unwrap() < until {
            std::hint::black_box((0..1000).sum::<u64>());
        }
    }

    #[test]
    fn our_own_process_costs_something() {
        assert!(resident_bytes(std::process::id()).unwrap() > 100_000);
        assert!(cpu_time(u32::MAX).is_err());
    }

    #[test]
    fn a_socket_is_counted_as_long_as_it_is_open() {
        // Other tests open none.
        let own = std::process::id();
        let before = open_sockets(own).unwrap();
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(open_sockets(own).unwrap(), before + 1);
        drop(socket);
        assert_eq!(open_sockets(own).unwrap(), before);
    }

    #[test]
    fn time_is_told_finer_than_in_hundredths_and_of_threads_that_have_ended() {
        let own = std::process::id();
        let before = cpu_time(own).unwrap();
        let worker = thread::spawn(|| work(Duration::from_millis(2)));
        worker.join().unwrap();
        let cost = cpu_time(own).unwrap() - before;
        assert!(cost >= Duration::from_millis(2), "{cost:?}");
        assert_ne!(cost.subsec_nanos() % 10_000_000, 0, "{cost:?}");
    }

    #[test]
    fn a_server_costs_what_the_processes_cost_that_it_has_started() {
        let script = "exec 3<&0; (i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; echo; read wait <&3) & wait";
        let mut parent = Command::new("sh")
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = [0];
        parent
            .stdout
            .as_mut()
            .unwrap()
            .read_exact(&mut line)
            .unwrap();
        let all = cpu_time(parent.id()).unwrap();
        let started = children(parent.id());
        let child = cpu_time(*started.first().unwrap()).unwrap();
        drop(parent.stdin.take());
        parent.wait().unwrap();
        assert!(child > Duration::from_millis(1) && all > child, "{all:?}");
    }
}
