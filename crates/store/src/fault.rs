//! Faults on purpose, for tests that break the server: named points where a thread stops for good, so that the process
//! can be killed there, and planted bugs that such a test must find.
//!
//! Compiled with the cargo feature `faults` alone, which nothing turns on by itself. Armed once, at the start, by a text
//! like `park:before_commit:3,plant:lost_event:50`; [`arm`] refuses what it does not know.

use std::io::Write;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where a thread can be stopped: at the n-th passing, the first if no number is given.
const POINTS: [&str; 4] = [
    "before_commit",
    "before_hand_over",
    "before_answer",
    "mid_checkpoint",
];

/// Bugs that can be planted: every n-th time, every 50th if no number is given.
const PLANTS: [&str; 9] = [
    "lost_event",
    "no_event",
    "double_event",
    "wrong_order",
    "false_ack",
    "twice",
    "synchronous_off",
    "send_to_removed",
    "hang_up",
];

static ARMED: OnceLock<Vec<Armed>> = OnceLock::new();

struct Armed {
    kind: Kind,
    name: &'static str,
    number: u64,
    passed: AtomicU64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Park,
    Plant,
}

/// Arms what the text says, and says so on the error stream. Errors name the word that is not known.
pub fn arm(text: &str) -> Result<(), String> {
    let entries = text
        .split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty());
    let mut armed = Vec::new();
    for entry in entries {
        armed.push(parse(entry).ok_or_else(|| format!("the fault \"{entry}\" is not known"))?);
        say(&format!("fault armed: {entry}"));
    }
    ARMED
        .set(armed)
        .map_err(|_| "faults were armed already".to_owned())
}

fn parse(entry: &str) -> Option<Armed> {
    let mut parts = entry.split(':');
    let (kind, known, default) = match parts.next()? {
        "park" => (Kind::Park, POINTS.as_slice(), 1),
        "plant" => (Kind::Plant, PLANTS.as_slice(), 50),
        _ => return None,
    };
    let name = parts.next()?;
    let name = known.iter().find(|known| **known == name)?;
    let number = match parts.next() {
        Some(number) => number.parse().ok().filter(|number| *number > 0)?,
        None => default,
    };
    parts.next().is_none().then_some(Armed {
        kind,
        name,
        number,
        passed: AtomicU64::new(0),
    })
}

fn armed(kind: Kind, name: &str) -> Option<&'static Armed> {
    let armed = ARMED.get()?;
    armed
        .iter()
        .find(|armed| armed.kind == kind && armed.name == name)
}

/// A thread passes a point. The one that passes it for the armed time says so and never goes on.
pub fn pass(point: &'static str) {
    let Some(armed) = armed(Kind::Park, point) else {
        return;
    };
    if armed.passed.fetch_add(1, Ordering::SeqCst) + 1 == armed.number {
        say(&format!("fault reached: {point}"));
        loop {
            std::thread::park();
        }
    }
}

/// Whether a bug is planted.
pub fn is_planted(plant: &'static str) -> bool {
    armed(Kind::Plant, plant).is_some()
}

/// Whether a planted bug shows this time.
pub fn shows(plant: &'static str) -> bool {
    armed(Kind::Plant, plant).is_some_and(|armed| {
        (armed.passed.fetch_add(1, Ordering::SeqCst) + 1).is_multiple_of(armed.number)
    })
}

/// Whether events of this room count: those that clients hold positions of, but for `everyone`.
pub fn counts(room: &str) -> bool {
    room.starts_with("channel:") || room.starts_with("user:")
}

fn say(line: &str) {
    let mut out = std::io::stderr().lock();
    // Nobody may be reading: the fault is none the less.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_can_be_armed() {
        let known = |entry: &str| parse(entry).map(|armed| (armed.name, armed.number));
        assert_eq!(known("park:before_commit:3"), Some(("before_commit", 3)));
        assert_eq!(known("plant:lost_event"), Some(("lost_event", 50)));
        for wrong in [
            "park:lost_event",
            "plant:before_commit",
            "park:before_commit:0",
            "park:before_commit:1:2",
            "x",
        ] {
            assert_eq!(known(wrong), None, "{wrong}");
        }
    }
}
