//! The durable measurement: messages posted over HTTP, each on the disk before it is answered, and how soon listeners
//! have them.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use futures_util::future::try_join_all;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::crowd::Crowd;
use crate::fanout::percentile;
use crate::http::Client;
use crate::judged::{self, Judged};
use crate::open_webui;
use crate::process::{cpu_time, resident_bytes};
use crate::workspace::{SlowSync, Workspace};

/// Connections that posts at a pace are spread over: more than are ever on their way at once.
const POSTERS: usize = 32;
const CHANNEL: &str = "bench";
const EVENT: &str = "events:channel";
const STRAGGLERS_WITHIN: Duration = Duration::from_secs(20);
const SETTLE: Duration = Duration::from_secs(1);

/// How much to do.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// People who post at the same time, each the next when the last is answered.
    pub senders: usize,
    /// How long each part lasts, in seconds.
    pub seconds: u64,
    /// Listeners and posts a second, for each part at a pace.
    pub paces: Vec<(usize, u32)>,
}

/// What was seen.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// What the server needs before anybody comes.
    pub at_rest: Option<AtRest>,
    /// As fast as the senders go, on this disk and on slower ones.
    pub posts: Vec<Posts>,
    /// At a pace, with listeners.
    pub heard: Vec<Heard>,
    /// Parts that came to nothing, and why.
    pub failed: Vec<String>,
}

/// A server that nobody uses yet.
#[derive(Debug, Serialize)]
pub struct AtRest {
    /// From the start of the process until it listened, on a database that exists.
    pub started_in_ms: f64,
    /// Resident memory then.
    pub bytes: u64,
}

/// Posts as fast as they are answered.
#[derive(Debug, Serialize)]
pub struct Posts {
    /// Milliseconds added to each flush.
    pub delay_ms: u32,
    /// Posts answered.
    pub posts: u64,
    /// Over the whole time.
    pub posts_per_s: f64,
    /// Processor time of the server for one, in microseconds.
    pub cpu_us_per_post: f64,
    /// From sending to the answer, in milliseconds.
    pub p50_ms: f64,
    /// The same for the slowest in a hundred.
    pub p99_ms: f64,
}

/// Posts at a pace, and who hears them.
#[derive(Debug, Serialize)]
pub struct Heard {
    /// Sockets in the channel.
    pub listeners: usize,
    /// Posts a second that were meant.
    pub rate: u32,
    /// Posts a second that were answered.
    pub posts_per_s: f64,
    /// Processor time of the server for one socket that connects and enters its rooms, in milliseconds.
    pub cpu_ms_per_connect: f64,
    /// Processor time of the server for one post and all its deliveries, in microseconds.
    pub cpu_us_per_post: f64,
    /// From the commit to the listener, in milliseconds.
    pub since_commit_p50_ms: f64,
    /// The same for the slowest in a hundred.
    pub since_commit_p99_ms: f64,
    /// From sending the post to the listener, in milliseconds.
    pub since_sent_p99_ms: f64,
}

/// Runs all parts on one database. A part in which a post is refused, a connection is lost, or a listener misses an event
/// is among those that failed; the others are measured all the same.
///
/// # Errors
/// If there is no server with people in it.
pub async fn measure(tidings: &Path, plan: &Plan, slow: Option<&SlowSync>) -> Result<Outcome> {
    let mut workspace = Workspace::open(tidings, plan.senders).await?;
    workspace.add_open_channel(CHANNEL).await?;
    let mut outcome = Outcome {
        at_rest: None,
        posts: Vec::new(),
        heard: Vec::new(),
        failed: Vec::new(),
    };
    let disks = std::iter::once(None).chain(slow.map(Some));
    for disk in disks {
        let delay_ms = disk.map_or(0, |slow| slow.delay_ms);
        let what = format!(
            "{} senders, {delay_ms} ms added to each flush",
            plan.senders
        );
        eprintln!("{what}");
        let seen = async {
            workspace.restart(disk)?;
            as_fast_as_answered(&workspace, plan, delay_ms).await
        };
        match seen.await {
            Ok(seen) => outcome.posts.push(seen),
            Err(error) => outcome.fail(&what, &error),
        }
    }
    match at_rest(&mut workspace).await {
        Ok(seen) => outcome.at_rest = Some(seen),
        Err(error) => outcome.fail("at rest", &error),
    }
    for (listeners, rate) in plan.paces.iter().copied() {
        let what = format!("{listeners} listeners, {rate} posts a second");
        eprintln!("{what}");
        let seen = async {
            workspace.restart(None)?;
            at_a_pace(&workspace, plan, listeners, rate).await
        };
        match seen.await {
            Ok(seen) => outcome.heard.push(seen),
            Err(error) => outcome.fail(&what, &error),
        }
    }
    Ok(outcome)
}

async fn at_rest(workspace: &mut Workspace) -> Result<AtRest> {
    workspace.restart(None)?;
    sleep(SETTLE).await;
    Ok(AtRest {
        started_in_ms: workspace.server.started_in.as_secs_f64() * 1e3,
        bytes: resident_bytes(workspace.server.pid())?,
    })
}

fn message(text: &str) -> Value {
    json!({ "content": format!("A message of ordinary length {text}") })
}

async fn as_fast_as_answered(workspace: &Workspace, plan: &Plan, delay_ms: u32) -> Result<Posts> {
    let path = workspace.post_path(0);
    let opening = workspace.tokens.iter().take(plan.senders);
    let opening = opening.map(|token| Client::open(workspace.server.address, &path, token));
    let clients = try_join_all(opening).await?;
    let (cpu_before, started) = (cpu_time(workspace.server.pid())?, Instant::now());
    let lasts = Duration::from_secs(plan.seconds);
    let latencies = RefCell::new(Vec::new());
    let one_after_another = |mut client: Client| {
        let latencies = &latencies;
        async move {
            while started.elapsed() < lasts {
                let sent = Instant::now();
                client.post(&message("and no listener")).await?;
                latencies.borrow_mut().push(micros(sent.elapsed()));
            }
            anyhow::Ok(())
        }
    };
    try_join_all(clients.into_iter().map(one_after_another)).await?;
    let took = started.elapsed();
    let cpu = cpu_time(workspace.server.pid())?.saturating_sub(cpu_before);
    let mut latencies = latencies.into_inner();
    latencies.sort_unstable();
    let posts = latencies.len() as u64;
    Ok(Posts {
        delay_ms,
        posts,
        posts_per_s: posts as f64 / took.as_secs_f64(),
        cpu_us_per_post: cpu.as_secs_f64() * 1e6 / posts.max(1) as f64,
        p50_ms: percentile(&latencies, 50) / 1e3,
        p99_ms: percentile(&latencies, 99) / 1e3,
    })
}

/// Posts leave at their time, whether the last one was answered or not.
async fn at_a_pace(
    workspace: &Workspace,
    plan: &Plan,
    listeners: usize,
    rate: u32,
) -> Result<Heard> {
    let pid = workspace.server.pid();
    let auths = workspace.tokens.iter().cycle().take(listeners);
    let auths = auths.map(|token| json!({ "token": token })).collect();
    let cpu_before = cpu_time(pid)?;
    let crowd = Crowd::gather(&workspace.endpoint(), auths, EVENT).await?;
    sleep(SETTLE).await;
    let connecting = cpu_time(pid)?.saturating_sub(cpu_before);

    let path = workspace.post_path(0);
    let opening = workspace.tokens.iter().cycle().take(POSTERS);
    let opening = opening.map(|token| Client::open(workspace.server.address, &path, token));
    let idle = Rc::new(RefCell::new(try_join_all(opening).await?));
    let (first, cpu_before, started) = (crowd.deliveries(), cpu_time(pid)?, Instant::now());
    let mut pace = interval(Duration::from_secs(1) / rate);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let posts = u64::from(rate) * plan.seconds;
    let mut on_their_way = JoinSet::new();
    for _ in 0..posts {
        pace.tick().await;
        let Some(mut client) = idle.borrow_mut().pop() else {
            bail!("{POSTERS} posts wait for their answer: the server does not keep up");
        };
        let (idle, body) = (Rc::clone(&idle), message(&crowd.stamp()));
        on_their_way.spawn_local(async move {
            client.post(&body).await?;
            idle.borrow_mut().push(client);
            anyhow::Ok(())
        });
    }
    while let Some(posted) = on_their_way.join_next().await {
        posted??;
    }
    let took = started.elapsed();
    let due = first + posts * listeners as u64;
    if !crowd.until(due, STRAGGLERS_WITHIN).await || crowd.lost() > 0 {
        bail!(
            "{} deliveries came of {}, {} connections were lost",
            crowd.deliveries() - first,
            due - first,
            crowd.lost()
        );
    }
    let cpu = cpu_time(pid)?.saturating_sub(cpu_before);
    let (mut sent, mut committed) = (crowd.take_latencies_us(), crowd.take_since_commit_ms());
    sent.sort_unstable();
    committed.sort_unstable();
    Ok(Heard {
        listeners,
        rate,
        posts_per_s: posts as f64 / took.as_secs_f64(),
        cpu_ms_per_connect: connecting.as_secs_f64() * 1e3 / listeners.max(1) as f64,
        cpu_us_per_post: cpu.as_secs_f64() * 1e6 / posts as f64,
        since_commit_p50_ms: percentile(&committed, 50),
        since_commit_p99_ms: percentile(&committed, 99),
        since_sent_p99_ms: percentile(&sent, 99) / 1e3,
    })
}

fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

impl Outcome {
    /// The figures, and beside them what another server of the kind needs.
    #[must_use]
    pub fn markdown(&self, plan: &Plan) -> String {
        let mut text = format!(
            "{} people post as fast as they are answered, {} s; `synchronous=FULL`, nobody listens.\n\n\
             | added to each flush | posts/s | server CPU, µs per post | answer p50, ms | p99, ms |\n\
             |---|---:|---:|---:|---:|\n",
            plan.senders, plan.seconds
        );
        for part in &self.posts {
            text += &format!(
                "| {} ms | {:.0} | {:.0} | {:.1} | {:.1} |\n",
                part.delay_ms, part.posts_per_s, part.cpu_us_per_post, part.p50_ms, part.p99_ms
            );
        }
        text += "\nPosts at a pace into a channel with listeners; every delivery is counted.\n\n\
             | listeners | posts/s | server CPU, ms per connect | server CPU, ms per post | commit to client p50, ms | p99, ms | post to client p99, ms |\n\
             |---:|---:|---:|---:|---:|---:|---:|\n";
        for part in &self.heard {
            text += &format!(
                "| {} | {:.0} | {:.2} | {:.2} | {:.0} | {:.0} | {:.1} |\n",
                part.listeners,
                part.posts_per_s,
                part.cpu_ms_per_connect,
                part.cpu_us_per_post / 1e3,
                part.since_commit_p50_ms,
                part.since_commit_p99_ms,
                part.since_sent_p99_ms
            );
        }
        text += &open_webui::table([
            self.at_rest
                .as_ref()
                .map(|rest| format!("{:.0} ms", rest.started_in_ms)),
            self.at_rest
                .as_ref()
                .map(|rest| format!("{:.1} MB", rest.bytes as f64 / 1e6)),
            self.cell(|part| (part.listeners >= 100).then_some(part.cpu_ms_per_connect)),
            self.cell(|part| (part.listeners == 0).then_some(part.cpu_us_per_post / 1e3)),
            self.cell(|part| (part.listeners == 500).then_some(part.cpu_us_per_post / 1e3)),
        ]);
        for failed in &self.failed {
            text += &format!("\nFailed, and without figures: {failed}.\n");
        }
        text + &judged::table(self.judged())
    }

    fn judged(&self) -> impl Iterator<Item = Judged> {
        let posts = self.posts.iter().map(|part| {
            let (meant, least) = match part.delay_ms {
                0 => ("at least 3,000", 3_000.0),
                _ => ("at least 2,000", 2_000.0),
            };
            Judged {
                what: format!("posts a second, {} ms added to each flush", part.delay_ms),
                meant,
                seen: format!("{:.0}", part.posts_per_s),
                is_reached: part.posts_per_s >= least,
            }
        });
        let crowded = |part: &&Heard| part.listeners >= 1_000 && part.rate >= 300;
        let heard = self.heard.iter().filter(crowded).map(|part| Judged {
            what: format!(
                "commit to client p99, {} posts a second, {} listeners",
                part.rate, part.listeners
            ),
            meant: "under 50 ms",
            seen: format!("{:.0} ms", part.since_commit_p99_ms),
            is_reached: part.since_commit_p99_ms < 50.0,
        });
        posts.chain(heard)
    }

    fn cell(&self, pick: impl Fn(&Heard) -> Option<f64>) -> Option<String> {
        let found = self.heard.iter().find_map(pick);
        found.map(|ms| format!("{ms:.2} ms"))
    }

    fn fail(&mut self, what: &str, error: &anyhow::Error) {
        eprintln!("failed: {error:#}");
        self.failed.push(format!("{what}: {error:#}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_measured_is_printed_beside_what_failed() {
        let plan = Plan {
            senders: 64,
            seconds: 10,
            paces: vec![(0, 20), (1_000, 300)],
        };
        let mut outcome = Outcome {
            at_rest: None,
            posts: vec![Posts {
                delay_ms: 0,
                posts: 40_000,
                posts_per_s: 4_000.0,
                cpu_us_per_post: 120.0,
                p50_ms: 15.0,
                p99_ms: 30.0,
            }],
            heard: Vec::new(),
            failed: Vec::new(),
        };
        outcome.fail("1000 listeners", &anyhow::anyhow!("it does not keep up"));
        let text = outcome.markdown(&plan);
        assert!(
            text.contains("| 0 ms | 4000 | 120 | 15.0 | 30.0 |"),
            "{text}"
        );
        assert!(text.contains("Failed, and without figures: 1000 listeners: it does not keep up."));
        assert!(text.contains("| the same with 500 listeners | - | 108-111 ms |"));
    }
}
