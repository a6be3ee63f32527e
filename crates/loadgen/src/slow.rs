//! What a socket costs that does not read: one that is behind, beside one that is still live, and one that reads.
//!
//! The server is started anew for each, and so many events are posted before the first socket comes that what it keeps
//! of them grows no more: what it gains then is the sockets'. What they do not need any more goes back to the system while
//! the server works on, so it does before it is weighed: in a room that none of them is in.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use serde::Serialize;
use serde_json::json;
use tokio::time::sleep;

use crate::process::resident_bytes;
use crate::resume::{post, visitor};
use crate::returning::Returned;
use crate::workspace::Workspace;

/// Events posted elsewhere before the server is weighed.
const ELSEWHERE: usize = 1_000;
const SETTLE: Duration = Duration::from_secs(2);
const WITHIN: Duration = Duration::from_secs(60);
/// Events that are posted until all have read them: far fewer than make anyone behind.
const AT_ONCE: usize = 40;
/// Ten of these make a message of about 1.7 KB on the wire.
const TEXT: &str = "A longer message, such as people write now and then. ";

/// How much to do.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// Sockets.
    pub sockets: usize,
    /// Events posted before they come.
    pub before: usize,
    /// Events that pass them by.
    pub passed: usize,
    /// How many of them, the last ones, a socket may leave unread and stay live: a server queues 256 KiB for it.
    pub held: usize,
}

/// Bytes resident for one socket, in a room that got many events.
#[derive(Debug, Serialize)]
pub struct Slow {
    /// Live, before any event.
    pub idle: f64,
    /// Live, has read them all.
    pub live: f64,
    /// Live, has not read the last ones.
    pub live_and_slow: f64,
    /// Has read none: it is behind.
    pub behind: f64,
}

/// Where events are posted: in the room of the sockets, and in one that they are not in.
#[derive(Debug, Clone, Copy)]
pub struct Rooms {
    /// Theirs.
    pub theirs: usize,
    /// Another.
    pub elsewhere: usize,
}

/// Three servers one after the other, on the same data.
///
/// # Errors
/// If anybody is not given everything in the end, or is live or behind and was not to be.
pub async fn measure(workspace: &mut Workspace, rooms: Rooms, plan: &Plan) -> Result<Slow> {
    let held = plan.held.min(plan.passed);
    eprintln!("{} sockets read", plan.sockets);
    let (idle, live) = one(workspace, rooms, plan, plan.passed).await?;
    eprintln!("{} sockets leave the last {held} events", plan.sockets);
    let (_, live_and_slow) = one(workspace, rooms, plan, plan.passed - held).await?;
    eprintln!("{} sockets do not read", plan.sockets);
    let (_, behind) = one(workspace, rooms, plan, 0).await?;
    Ok(Slow {
        idle,
        live,
        live_and_slow,
        behind,
    })
}

/// Sockets that read so many of the events: what one costs before them and after.
async fn one(
    workspace: &mut Workspace,
    rooms: Rooms,
    plan: &Plan,
    read: usize,
) -> Result<(f64, f64)> {
    let text = TEXT.repeat(10);
    workspace.restart(None)?;
    let pid = workspace.server.pid();
    post(workspace, &[rooms.theirs], plan.before, &text).await?;
    sleep(SETTLE).await;
    let at_rest = resident_bytes(pid)?;
    let per_socket = |bytes: u64| (bytes as f64 - at_rest as f64) / plan.sockets.max(1) as f64;
    let mut returned = Vec::new();
    for index in 0..plan.sockets {
        let mut visitor = visitor(workspace, 1);
        (visitor.index, visitor.is_narrow) = (index, true);
        returned.push(visitor.come(&json!({}), 0).await?);
    }
    sleep(SETTLE).await;
    let idle = per_socket(resident_bytes(pid)?);
    // No faster than they read.
    for posted in (0..read).step_by(AT_ONCE) {
        let events = (posted + AT_ONCE).min(read);
        post(workspace, &[rooms.theirs], events - posted, &text).await?;
        wait_for(&returned, events).await?;
    }
    let unread = plan.passed - read;
    if unread > 0 {
        returned.iter_mut().for_each(Returned::stop_reading);
        post(workspace, &[rooms.theirs], unread, &text).await?;
    }
    post(workspace, &[rooms.elsewhere], ELSEWHERE, &text).await?;
    sleep(SETTLE).await;
    let after = per_socket(resident_bytes(pid)?);
    if unread > 0 {
        returned.iter_mut().for_each(Returned::go_on_reading);
        wait_for(&returned, plan.passed).await?;
        // The last thing that one hears who was behind.
        sleep(SETTLE).await;
    }
    let behind = returned.iter().filter(|one| one.was_behind()).count();
    let expected = if read == 0 { plan.sockets } else { 0 };
    if behind != expected {
        bail!(
            "{behind} of {} sockets were behind, not {expected}",
            plan.sockets
        );
    }
    Ok((idle, after))
}

/// Waits until each of them has been given so many events.
async fn wait_for(returned: &[Returned], events: usize) -> Result<()> {
    let started = Instant::now();
    while returned.iter().any(|returned| returned.events() < events) {
        if started.elapsed() > WITHIN {
            let short = returned.iter().filter(|one| one.events() < events).count();
            bail!(
                "{short} of {} sockets were not given everything",
                returned.len()
            );
        }
        sleep(Duration::from_millis(50)).await;
    }
    match returned.iter().find(|returned| returned.events() > events) {
        Some(one) => bail!("a socket was given {} events of {events}", one.events()),
        None => Ok(()),
    }
}

impl Slow {
    /// The figures.
    #[must_use]
    pub fn markdown(&self, plan: &Plan) -> String {
        let row = |what: &str, bytes: f64| format!("| {what} | {:.2} |\n", bytes / 1e3);
        [
            format!(
                "\n{} events pass {} sockets in one room; all are given all of them in the end.\n\n\
                 | KB per socket | |\n|---|---:|\n",
                plan.passed, plan.sockets
            ),
            row("live, before the events", self.idle),
            row("live, has read them all", self.live),
            row(
                &format!("live, has not read the last {}", plan.held),
                self.live_and_slow,
            ),
            row("has read none, is behind", self.behind),
        ]
        .concat()
    }
}
