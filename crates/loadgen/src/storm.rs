//! The storm: everybody is cut off at the same moment and comes back within seconds. All must be back, hear what is said
//! then, and the server's memory must be what it was.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::future::join_all;
use serde::Serialize;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout};

use crate::connection::{Connection, Endpoint};
use crate::crowd::Crowd;
use crate::idle::allowed;
use crate::process::{cpu_time, resident_bytes};
use crate::target::Target;

const WITHIN: Duration = Duration::from_secs(60);
/// How long a server is left alone before its memory is read, of the time over which everybody came.
const SETTLE: f64 = 0.6;
/// By when a server must have given back what the crowd took, once all have left.
const GIVEN_BACK_WITHIN: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Whoever is turned away waits half a second to one and a half, doubled each time: what socket.io-client does.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// A server keeps a little: as much of what it had, and this beside.
const MAY_KEEP: f64 = 0.2;
const MAY_KEEP_BYTES: f64 = 4e6;
/// Sockets of one person, in a crowd of any size.
const SOCKETS_PER_PERSON: usize = 20;

/// How they came, the first time or after a storm.
#[derive(Debug, Clone, Serialize)]
pub struct Coming {
    /// From the first moment until the last was connected and in its room, in seconds.
    pub all_in_s: f64,
    /// The slowest, from its own moment until CONNECT was answered, in seconds.
    pub slowest_s: f64,
    /// How often somebody was turned away and came again.
    pub turned_away: usize,
    /// Resident memory with all of them.
    pub bytes: u64,
}

/// What one server did.
#[derive(Debug, Clone, Serialize)]
pub struct Outcome {
    /// The server and its version.
    pub name: String,
    /// Connections that were open: fewer than wanted where the limit of open files allowed no more.
    pub connections: usize,
    /// Over how many seconds they came back, each at a moment of its own.
    pub over_s: f64,
    /// The first time, and after each storm.
    pub comings: Vec<Coming>,
    /// Processor time of the server for one that is cut off and comes back, in microseconds.
    pub cpu_us_per_return: f64,
    /// Resident memory before the first came.
    pub bytes_at_rest: u64,
    /// The same when the last had gone.
    pub bytes_afterwards: u64,
    /// How long after that it was given back, or we stopped looking, in seconds.
    pub looked_s: f64,
}

/// How many people the sockets of a crowd belong to.
#[must_use]
pub fn people_of(connections: usize) -> usize {
    connections.div_ceil(SOCKETS_PER_PERSON)
}

impl Outcome {
    /// What the server did not give back, if anything.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        let with_all = |coming: Option<&Coming>| coming.map_or(0, |coming| coming.bytes);
        let (first, last) = (
            with_all(self.comings.first()),
            with_all(self.comings.last()),
        );
        let what = if keeps(first, last) {
            ("with all back", first, last)
        } else if keeps(self.bytes_at_rest, self.bytes_afterwards) {
            ("with all gone", self.bytes_at_rest, self.bytes_afterwards)
        } else {
            return None;
        };
        let (when, before, after) = what;
        Some(format!(
            "{}: memory {when} was {:.1} MB and is {:.1} MB",
            self.name,
            before as f64 / 1e6,
            after as f64 / 1e6
        ))
    }

    /// A table: a row for each time they came, and for the server without them.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "| {}, {} connections | all in, s | slowest, s | turned away | MB resident |\n|---|---:|---:|---:|---:|\n",
            self.name, self.connections
        );
        let mut row = |what: &str, coming: Option<&Coming>, bytes: u64| {
            let figures = coming.map_or("| | |".to_owned(), |coming| {
                format!(
                    "{:.1} | {:.2} | {} |",
                    coming.all_in_s, coming.slowest_s, coming.turned_away
                )
            });
            let _never = writeln!(text, "| {what} | {figures} {:.1} |", bytes as f64 / 1e6);
        };
        row("before they came", None, self.bytes_at_rest);
        for (number, coming) in self.comings.iter().enumerate() {
            let what = match number {
                0 => "they came".to_owned(),
                number => format!("back after storm {number}"),
            };
            row(&what, Some(coming), coming.bytes);
        }
        row("all have gone", None, self.bytes_afterwards);
        let _never = write!(
            text,
            "\nAll were back and heard the next event each time. Server CPU {:.0} µs per return. {}.\n",
            self.cpu_us_per_return,
            match self.fault() {
                None => format!(
                    "Memory was given back {:.1} s after the last had gone",
                    self.looked_s
                ),
                Some(fault) => format!("**NOT GIVEN BACK: {fault}**"),
            }
        );
        text
    }
}

/// Whether memory is more than what it was and what a server may keep.
fn keeps(before: u64, after: u64) -> bool {
    after as f64 > before as f64 * (1.0 + MAY_KEEP) + MAY_KEEP_BYTES
}

/// Opens connections and cuts them all off, storm after storm; each time they come back over `over`.
///
/// # Errors
/// If a connection is lost or not back in time.
pub async fn measure(
    target: &mut Target,
    wanted: usize,
    storms: usize,
    over: Duration,
) -> Result<Outcome> {
    let connections = allowed(wanted);
    let pid = target.pid();
    let auths = target.auths(connections);
    let bytes_at_rest = resident_bytes(pid)?;
    let (mut crowd, first) = come(target, &auths, over).await?;
    let mut comings = vec![first];
    let cpu_before = cpu_time(pid)?;
    for storm in 1..=storms {
        drop(crowd);
        let back = come(target, &auths, over).await;
        let (again, coming) = back.with_context(|| format!("storm {storm}"))?;
        crowd = again;
        comings.push(coming);
    }
    let cpu = cpu_time(pid)?.saturating_sub(cpu_before);
    drop(crowd);
    let gone = Instant::now();
    // The listeners' tasks hold the connections: they end when we next let them run.
    sleep(LOOK_EVERY).await;
    while keeps(bytes_at_rest, resident_bytes(pid)?) && gone.elapsed() < GIVEN_BACK_WITHIN {
        sleep(LOOK_EVERY).await;
    }
    Ok(Outcome {
        name: target.name.clone(),
        connections,
        over_s: over.as_secs_f64(),
        comings,
        cpu_us_per_return: cpu.as_secs_f64() * 1e6 / (connections * storms).max(1) as f64,
        bytes_at_rest,
        bytes_afterwards: resident_bytes(pid)?,
        looked_s: gone.elapsed().as_secs_f64(),
    })
}

/// Everybody comes at a moment of their own within `over`, whoever else is on the way, and hears an event.
async fn come(target: &mut Target, auths: &[Value], over: Duration) -> Result<(Crowd, Coming)> {
    let started = Instant::now();
    target.endpoint.spread_anew();
    let doors = Doors::default();
    let coming = auths.iter().enumerate().map(|(index, auth)| {
        let (endpoint, doors) = (&target.endpoint, &doors);
        async move {
            sleep(over.mul_f64(share(index))).await;
            doors.enter(endpoint, auth, index).await
        }
    });
    let Ok(all) = timeout(WITHIN, join_all(coming)).await else {
        bail!(
            "{} OF {} WERE NOT BACK AFTER {} S; {} were turned away, first because: {}",
            auths.len() - doors.inside.get(),
            auths.len(),
            WITHIN.as_secs(),
            doors.turned_away.get(),
            doors.why.borrow()
        );
    };
    let crowd = Crowd::of(all, target.event);
    if let Some(greeting) = &target.greeting {
        crowd.ask_all(greeting, WITHIN).await?;
    }
    let all_in_s = started.elapsed().as_secs_f64();
    let signal = target.signal(&crowd.stamp());
    crowd.send(0, &[signal]).await?;
    if !crowd.until(crowd.len() as u64, WITHIN).await {
        bail!(
            "{} OF {} HEARD NOTHING",
            crowd.len() as u64 - crowd.deliveries(),
            crowd.len()
        );
    }
    sleep(over.mul_f64(SETTLE)).await;
    if crowd.lost() > 0 {
        bail!("{} OF {} WERE LOST AGAIN", crowd.lost(), crowd.len());
    }
    let coming = Coming {
        all_in_s,
        slowest_s: doors.slowest.get().as_secs_f64(),
        turned_away: doors.turned_away.get(),
        bytes: resident_bytes(target.pid())?,
    };
    Ok((crowd, coming))
}

/// What is seen of those who come.
#[derive(Default)]
struct Doors {
    inside: Cell<usize>,
    slowest: Cell<Duration>,
    turned_away: Cell<usize>,
    /// Why the first was turned away.
    why: RefCell<String>,
}

impl Doors {
    /// Connects, as often as it takes.
    async fn enter(&self, endpoint: &Endpoint, auth: &Value, index: usize) -> Connection {
        let started = Instant::now();
        let mut wait = FIRST_WAIT;
        loop {
            match Connection::open(endpoint, auth, index).await {
                Ok(connection) => {
                    self.inside.set(self.inside.get() + 1);
                    self.slowest.set(self.slowest.get().max(started.elapsed()));
                    return connection;
                }
                Err(error) => {
                    if self.turned_away.replace(self.turned_away.get() + 1) == 0 {
                        *self.why.borrow_mut() = format!("{error:#}");
                    }
                }
            }
            sleep(wait.mul_f64(0.5 + share(index))).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

/// A number from 0 to 1 for each index: neighbours far apart, all of them spread evenly, the same in every run.
fn share(index: usize) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    (index as f64 * GOLDEN).fract()
}

#[cfg(test)]
mod tests {
    use super::{Coming, Outcome};

    #[test]
    fn a_server_that_keeps_what_the_crowd_took_is_told_of() {
        let coming = |bytes| Coming {
            all_in_s: 5.0,
            slowest_s: 0.1,
            turned_away: 0,
            bytes,
        };
        let outcome = |last, afterwards| Outcome {
            name: "a server".to_owned(),
            connections: 10_000,
            over_s: 5.0,
            comings: vec![coming(25_000_000), coming(last)],
            cpu_us_per_return: 100.0,
            bytes_at_rest: 5_000_000,
            bytes_afterwards: afterwards,
            looked_s: 1.0,
        };
        assert_eq!(outcome(26_000_000, 9_000_000).fault(), None);
        assert_eq!(
            outcome(26_000_000, 26_000_000).fault().unwrap(),
            "a server: memory with all gone was 5.0 MB and is 26.0 MB"
        );
        assert!(outcome(40_000_000, 9_000_000).fault().is_some());
    }
}
