//! What happened, for somebody who has to understand a finding: the timeline of its room, its command and its tab.

use std::fmt::Write as _;

use crate::check::Finding;
use crate::fault::Arena;
use crate::ledger::Command;
use crate::tab::{Room, What};

/// How many lines a story has at most; those before the finding count.
const LINES: usize = 50;
/// How much of what came after it belongs to it, in milliseconds.
const AFTERWARDS_MS: u64 = 100;

/// The story of one finding.
#[must_use]
pub fn of(finding: &Finding, arena: &Arena) -> String {
    let mut lines: Vec<(u64, String)> = arena.story.borrow().clone();
    for command in arena.office.ledger.commands() {
        if finding.tag.as_deref() == Some(command.tag.as_str()) {
            lines.extend(of_command(&command));
        }
    }
    for tab in &arena.tabs {
        if finding.tab == Some(tab.number) {
            for seen in tab.history() {
                let line = describe(&seen.what, finding.room.as_ref());
                lines.extend(line.map(|line| {
                    (
                        seen.at,
                        format!("tab {}.{} {line}", tab.number, seen.connection),
                    )
                }));
            }
        }
    }
    lines.sort_by_key(|(at, _)| *at);
    if let Some(at) = finding.at {
        lines.retain(|(line, _)| *line <= at + AFTERWARDS_MS);
    }
    let first = lines.len().saturating_sub(LINES);
    let mut text = String::new();
    for (at, line) in &lines[first..] {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "    {at:>6} ms  {line}");
    }
    text
}

fn of_command(command: &Command) -> Vec<(u64, String)> {
    let sent = format!(
        "{} is sent by person {}: {:?}",
        command.tag, command.person, command.wish
    );
    let attempts = command
        .attempts
        .iter()
        .map(|(at, how)| (*at, format!("{}: {how}", command.tag)));
    std::iter::once((command.from, sent))
        .chain(attempts)
        .collect()
}

/// One line about what was seen, if it concerns the room.
fn describe(what: &What, room: Option<&Room>) -> Option<String> {
    let of_room = |found: &Room| room.is_none_or(|room| room == found);
    match what {
        What::Asked(claims) => {
            let mine = claims.iter().filter(|(found, _)| of_room(found));
            Some(format!("connects, claims {:?}", mine.collect::<Vec<_>>()))
        }
        What::Greeted(goes_on) => Some(format!("is let in, goes on: {goes_on}")),
        What::Replayed => Some("has all that it missed".to_owned()),
        What::Ready(rooms) => {
            let mine = rooms.iter().filter(|(found, _)| of_room(found));
            Some(format!("ready {:?}", mine.collect::<Vec<_>>()))
        }
        What::Resumed(rooms) => {
            let mine = rooms.iter().filter(|(found, _)| of_room(found));
            Some(format!("resumed {:?}", mine.collect::<Vec<_>>()))
        }
        What::Joined(found, at) => of_room(found).then(|| format!("joined at {}", at.0)),
        What::Left(found) => of_room(found).then(|| "left".to_owned()),
        What::Event(found, at, name, _) => {
            (room.is_some() && of_room(found)).then(|| format!("{name} {} of {}", at.0, at.1))
        }
        What::Closed(why) => Some(format!("is closed: {why}")),
    }
}
