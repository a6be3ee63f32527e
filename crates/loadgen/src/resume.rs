//! The resume measurement: what it costs a server when sockets come back and are given what they missed. What a socket
//! costs that is behind: `slow`.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::future::{join_all, try_join_all};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::sleep_until;

use crate::http::Client;
use crate::judged::{self, Judged};
use crate::open_webui;
use crate::process::{cpu_time, resident_bytes};
use crate::returning::{Returned, Visitor};
use crate::slow::{self, Slow};
use crate::workspace::Workspace;

const POSTERS: usize = 16;
/// Channels that each person is in.
const CHANNELS_EACH: usize = 5;

/// How much to do.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// Sockets that come back to missed events, and events that each missed.
    pub missed: (usize, usize),
    /// Sockets that come back after a restart.
    pub sockets: usize,
    /// People they belong to.
    pub people: usize,
    /// Groups that these share, each person in five of them.
    pub rooms: usize,
    /// The time over which they return, in seconds.
    pub within_s: u64,
    /// Sockets that are slow, and what passes them by.
    pub slow: slow::Plan,
}

/// What was seen.
#[derive(Debug, Serialize)]
pub struct Outcome {
    /// Sockets one by one that missed nothing, as a measure.
    pub nothing_missed: Catching,
    /// The same from the newest events in memory.
    pub from_memory: Catching,
    /// The same after a restart, from the log.
    pub from_log: Catching,
    /// All at once after a restart.
    pub storm: Storm,
    /// Memory of slow sockets.
    pub slow: Slow,
}

/// Sockets that come back one after the other.
#[derive(Debug, Serialize)]
pub struct Catching {
    /// Events each was given.
    pub events: usize,
    /// Processor time of the server for one, connecting included, in milliseconds.
    pub cpu_ms: f64,
    /// From connecting until `resumed`, the slowest in a hundred, in milliseconds.
    pub p99_ms: f64,
}

/// Many sockets that come back after a restart.
#[derive(Debug, Serialize)]
pub struct Storm {
    /// From the moment the server listened until the last was live, in seconds.
    pub all_live_s: f64,
    /// Processor time of the server until then, for one socket, in milliseconds.
    pub cpu_ms: f64,
    /// From connecting until `resumed`, in milliseconds.
    pub p50_ms: f64,
    /// The same for the slowest in a hundred.
    pub p99_ms: f64,
    /// Times a socket was turned away and came again.
    pub turned_away: usize,
    /// Events given to all together.
    pub events: usize,
    /// Resident memory of the server with all of them, in bytes for one.
    pub bytes_per_socket: u64,
}

/// Runs all parts on one database.
///
/// # Errors
/// If a connection is refused or lost, or anybody is not given everything that was missed.
pub async fn measure(tidings: &Path, plan: &Plan) -> Result<Outcome> {
    eprintln!("{} people sign up", plan.people);
    let mut workspace = Workspace::open(tidings, plan.people).await?;
    for room in 0..plan.rooms {
        let members: Vec<usize> = (1..plan.people)
            .filter(|person| channels_of(*person, plan).contains(&room))
            .collect();
        workspace
            .add_group(&format!("room {room}"), &members)
            .await?;
    }
    eprintln!(
        "{} sockets come back to {} events",
        plan.missed.0, plan.missed.1
    );
    let (nothing_missed, from_memory, from_log) = catch_up(&mut workspace, plan).await?;
    eprintln!("{} sockets come back after a restart", plan.sockets);
    let storm = storm(&mut workspace, plan).await?;
    let theirs = channels_of(1, plan);
    let rooms = slow::Rooms {
        theirs: theirs.first().copied().unwrap_or_default(),
        elsewhere: (0..plan.rooms)
            .find(|room| !theirs.contains(room))
            .context("everybody is in every room")?,
    };
    let slow = slow::measure(&mut workspace, rooms, &plan.slow).await?;
    Ok(Outcome {
        nothing_missed,
        from_memory,
        from_log,
        storm,
        slow,
    })
}

/// Five rooms far apart, so that all are of the same size.
fn channels_of(person: usize, plan: &Plan) -> Vec<usize> {
    let apart = plan.rooms.div_ceil(CHANNELS_EACH).max(1);
    let rooms = (0..CHANNELS_EACH).map(|turn| (person + turn * apart) % plan.rooms);
    rooms.collect()
}

/// The person of a socket; the admin, who is in every group, has none.
fn person_of(socket: usize, plan: &Plan) -> usize {
    1 + socket % (plan.people - 1)
}

pub(crate) fn visitor(workspace: &Workspace, person: usize) -> Visitor {
    let token = workspace.tokens.get(person).cloned().unwrap_or_default();
    Visitor::new(workspace.endpoint(), token)
}

/// Posts so many messages to each of the rooms, a few at once.
pub(crate) async fn post(
    workspace: &Workspace,
    rooms: &[usize],
    each: usize,
    text: &str,
) -> Result<()> {
    let admin = workspace.admin().context("nobody signed up")?;
    for room in rooms {
        let path = workspace.post_path(*room);
        let post = |posts: usize| {
            let path = &path;
            async move {
                let mut client = Client::open(workspace.server.address, path, admin).await?;
                for _ in 0..posts {
                    client.post(&json!({ "content": text })).await?;
                }
                anyhow::Ok(())
            }
        };
        let lanes = POSTERS.min(each);
        let shares = (0..lanes).map(|lane| each / lanes + usize::from(lane < each % lanes));
        try_join_all(shares.map(post)).await?;
    }
    Ok(())
}

async fn catch_up(
    workspace: &mut Workspace,
    plan: &Plan,
) -> Result<(Catching, Catching, Catching)> {
    let (sockets, events) = plan.missed;
    let room = channels_of(1, plan).first().copied().unwrap_or_default();
    let mut known = visitor(workspace, 1).come(&json!({}), 0).await?;
    let before = std::mem::take(&mut known.positions);
    drop(known);
    let nothing = one_by_one(workspace, sockets, &before, 0).await?;
    post(workspace, &[room], events, "A message that somebody missed").await?;
    let from_memory = one_by_one(workspace, sockets, &before, events).await?;
    workspace.restart(None)?;
    let from_log = one_by_one(workspace, sockets, &before, events).await?;
    Ok((nothing, from_memory, from_log))
}

async fn one_by_one(
    workspace: &Workspace,
    sockets: usize,
    positions: &Value,
    events: usize,
) -> Result<Catching> {
    // The first after a start pays for what is done once.
    visitor(workspace, 1).come(positions, events).await?;
    let cpu_before = cpu_time(workspace.server.pid())?;
    let mut took = Vec::new();
    for _ in 0..sockets {
        let returned = visitor(workspace, 1).come(positions, events).await?;
        if returned.events() != events {
            bail!("{} events came of {events}", returned.events());
        }
        took.push(returned.took);
    }
    let cpu = cpu_time(workspace.server.pid())?.saturating_sub(cpu_before);
    Ok(Catching {
        events,
        cpu_ms: cpu.as_secs_f64() * 1e3 / sockets.max(1) as f64,
        p99_ms: percentile_ms(took, 99),
    })
}

async fn storm(workspace: &mut Workspace, plan: &Plan) -> Result<Storm> {
    let mut positions = Vec::new();
    for person in 0..plan.people {
        let mut known = visitor(workspace, person).come(&json!({}), 0).await?;
        positions.push(std::mem::take(&mut known.positions));
    }
    // Everybody misses one message in each of the five rooms.
    let rooms: Vec<usize> = (0..plan.rooms).collect();
    post(workspace, &rooms, 1, "Posted while they were away").await?;
    let missed = CHANNELS_EACH.min(plan.rooms);
    workspace.restart(None)?;
    let started = tokio::time::Instant::now();
    let pid = workspace.server.pid();
    let bytes_at_rest = resident_bytes(pid)?;
    let within = Duration::from_secs(plan.within_s);
    let workspace = &*workspace;
    let returning = (0..plan.sockets).map(|socket| {
        let person = person_of(socket, plan);
        let claims = positions.get(person).cloned().unwrap_or_default();
        // Spread evenly, in an order that has nothing to do with who they are.
        let place = socket.wrapping_mul(7919) % plan.sockets.max(1);
        let at = started + within * place as u32 / plan.sockets.max(1) as u32;
        async move {
            sleep_until(at).await;
            let mut visitor = visitor(workspace, person);
            visitor.index = socket;
            visitor.come_at_last(&claims, missed).await
        }
    });
    let returned: Vec<Returned> = join_all(returning)
        .await
        .into_iter()
        .collect::<Result<_>>()?;
    let all_live_s = started.elapsed().as_secs_f64();
    let cpu = cpu_time(pid)?;
    let gained = resident_bytes(pid)?.saturating_sub(bytes_at_rest);
    let events = returned.iter().map(Returned::events).sum();
    if events != plan.sockets * missed {
        bail!("{events} events came of {}", plan.sockets * missed);
    }
    let took: Vec<Duration> = returned.iter().map(|returned| returned.took).collect();
    Ok(Storm {
        all_live_s,
        cpu_ms: cpu.as_secs_f64() * 1e3 / plan.sockets.max(1) as f64,
        p50_ms: percentile_ms(took.clone(), 50),
        p99_ms: percentile_ms(took, 99),
        turned_away: returned.iter().map(|returned| returned.turned_away).sum(),
        events,
        bytes_per_socket: gained / plan.sockets.max(1) as u64,
    })
}

fn percentile_ms(mut took: Vec<Duration>, percent: usize) -> f64 {
    took.sort_unstable();
    let index = (took.len() * percent).div_ceil(100).saturating_sub(1);
    took.get(index).map_or(0.0, |took| took.as_secs_f64() * 1e3)
}

impl Outcome {
    /// The figures.
    #[must_use]
    pub fn markdown(&self, plan: &Plan) -> String {
        let mut text = format!(
            "{} sockets come back one after the other.\n\n\
             | missed | server CPU, ms per socket | until `resumed` p99, ms |\n|---|---:|---:|\n",
            plan.missed.0
        );
        for (from, part) in [
            ("nothing", &self.nothing_missed),
            ("from memory", &self.from_memory),
            ("from the log, after a restart", &self.from_log),
        ] {
            text += &format!(
                "| {} events, {from} | {:.2} | {:.1} |\n",
                part.events, part.cpu_ms, part.p99_ms
            );
        }
        let Storm {
            all_live_s,
            cpu_ms,
            p50_ms,
            p99_ms,
            turned_away,
            events,
            bytes_per_socket,
        } = &self.storm;
        text += &format!(
            "\n{} sockets of {} people in {} rooms return within {} s after a restart and are given {events} events.\n\n\
             | all live after, s | server CPU, ms per socket | until `resumed` p50, ms | p99, ms | turned away and came again | KB per socket |\n\
             |---:|---:|---:|---:|---:|---:|\n| {all_live_s:.1} | {cpu_ms:.2} | {p50_ms:.1} | {p99_ms:.1} | {turned_away} | {:.2} |\n",
            plan.sockets,
            plan.people,
            plan.rooms,
            plan.within_s,
            *bytes_per_socket as f64 / 1e3
        );
        text += &self.slow.markdown(&plan.slow);
        text += &self.judged(plan);
        let connect = Some(format!("{cpu_ms:.2} ms, with what was missed"));
        text += &open_webui::table([None, None, connect, None, None]);
        text + "\nOpen WebUI gives nothing of what was missed. The figures that are not here are those of `bench durable`.\n"
    }

    fn judged(&self, plan: &Plan) -> String {
        let Storm {
            all_live_s, cpu_ms, ..
        } = self.storm;
        let (memory, log) = (self.from_memory.cpu_ms, self.from_log.cpu_ms);
        let (live, behind) = (self.slow.live_and_slow, self.slow.behind);
        judged::table([
            Judged {
                what: format!("{} missed events, server CPU", plan.missed.1),
                meant: "under 5 ms",
                seen: format!("{memory:.2} ms from memory, {log:.2} from the log"),
                is_reached: memory.max(log) < 5.0,
            },
            Judged {
                what: format!("{} sockets after a restart: all live", plan.sockets),
                meant: "within 30 s",
                seen: format!("{all_live_s:.1} s"),
                is_reached: all_live_s <= 30.0,
            },
            Judged {
                what: "the same, server CPU each".to_owned(),
                meant: "at most 1 ms",
                seen: format!("{cpu_ms:.2} ms"),
                is_reached: cpu_ms <= 1.0,
            },
            Judged {
                what: "memory of a socket that is behind".to_owned(),
                meant: "no more than of a live one that reads as little",
                seen: format!("{:.2} and {:.2} KB", behind / 1e3, live / 1e3),
                is_reached: behind <= live,
            },
        ])
    }
}
