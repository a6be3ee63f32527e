//! What the clients of `packages/client` told and showed: a plain stream that leaves nothing out without a word, and in
//! the end a screen that shows what the database holds.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::Finding;
use super::database::Database;
use crate::tab::Room;

/// How much of what a client said before belongs to a finding.
const NOTES: usize = 12;

/// A line that was said, and when, in milliseconds since the round began.
pub type Said = (u64, Value);

/// What one client was told of one room.
#[derive(Default)]
struct Told {
    seq: Option<i64>,
    /// A hole or a repeat of which nothing was said yet.
    odd: Option<(u64, String)>,
}

/// Holes and repeats in the streams of these rooms that the client's next word of being caught up does not name.
#[must_use]
pub fn stream(said: &[Said], rooms: &HashSet<Room>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut told: HashMap<(String, Room), Told> = HashMap::new();
    for (index, (at, line)) in said.iter().enumerate() {
        let client = line["client"].as_str().unwrap_or_default();
        match line["kind"].as_str() {
            Some("event") => {
                let room: Room = line["room"].as_str().unwrap_or_default().into();
                let seq = line["seq"].as_i64().unwrap_or_default();
                let key = (client.to_owned(), room.clone());
                let told = told.entry(key).or_default();
                let before = told.seq.replace(seq);
                if rooms.contains(&room) && before.is_some_and(|before| before + 1 != seq) {
                    let what = format!(
                        "the client of the package ({client}) saw {seq} after {}; it had said {:?}",
                        before.unwrap_or_default(),
                        notes(&said[..index], &line["client"])
                    );
                    told.odd.get_or_insert((*at, what));
                }
            }
            Some("caught_up") => {
                let all = [&line["refetch"], &line["left"]];
                let named: HashSet<&str> = all
                    .into_iter()
                    .filter_map(Value::as_array)
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                for ((of, room), told) in &mut told {
                    if of != client {
                        continue;
                    }
                    if named.contains(&**room) {
                        *told = Told::default();
                    }
                    findings.extend(unsaid(room, told));
                }
            }
            Some("error") | None => {
                findings.push(Finding::new(format!("the Node process says: {line}")).at(*at));
            }
            _ => {}
        }
    }
    for ((_, room), told) in &mut told {
        findings.extend(unsaid(room, told));
    }
    findings
}

fn unsaid(room: &Room, told: &mut Told) -> Option<Finding> {
    let (at, what) = told.odd.take()?;
    Some(Finding::new(what).in_room(room).at(at))
}

/// The last that a client said of itself, and when.
#[must_use]
pub fn notes(said: &[Said], client: &Value) -> Vec<String> {
    let of_itself = said.iter().rev().filter(|(_, line)| {
        let kind = line["kind"].as_str();
        line["client"] == *client && matches!(kind, Some("state" | "view" | "caught_up"))
    });
    let mut notes: Vec<String> = of_itself
        .take(NOTES)
        .map(|(at, line)| format!("{at} {line}"))
        .collect();
    notes.reverse();
    notes
}

/// Whether a screen shows something else than the newest messages of its channel.
#[must_use]
pub fn differs(shown: &Value, database: &Database) -> Option<Finding> {
    let channel = shown["channel"].as_str().unwrap_or_default();
    let room: Room = format!("channel:{channel}").into();
    let wrong = |what: String| {
        let what = format!("on the screen of {}: {what}", shown["client"]);
        Some(Finding::new(what).in_room(&room))
    };
    if shown["connection"] != "live" {
        return wrong(format!("the connection is {}", shown["connection"]));
    }
    if shown["phase"] != "live" {
        return wrong(format!("the channel is {}", shown["phase"]));
    }
    let rows = shown["messages"].as_array().into_iter().flatten();
    let there: Vec<(i64, &str)> = rows
        .map(|row| {
            (
                row["no"].as_i64().unwrap_or(0),
                row["content"].as_str().unwrap_or_default(),
            )
        })
        .collect();
    let first = there.first().map_or(0, |row| row.0);
    let mut expected: Vec<(i64, &str)> = database
        .messages
        .values()
        .filter(|message| message.channel_id == channel && !message.is_deleted)
        .filter_map(|message| {
            Some((
                message.no.filter(|no| *no >= first)?,
                message.content.as_str(),
            ))
        })
        .collect();
    expected.sort_unstable();
    if there.is_empty() && !expected.is_empty() {
        return wrong(format!(
            "nothing, though there are {} messages",
            expected.len()
        ));
    }
    let at = (0..expected.len().max(there.len())).find(|at| expected.get(*at) != there.get(*at))?;
    wrong(format!(
        "{:?} stands where {:?} should",
        there.get(at),
        expected.get(at)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(seq: i64) -> Value {
        json!({"client": "c", "kind": "event", "room": "channel:a", "seq": seq})
    }

    fn caught_up(refetch: &[&str]) -> Value {
        json!({"client": "c", "kind": "caught_up", "refetch": refetch, "left": []})
    }

    fn found(lines: &[Value]) -> usize {
        let said: Vec<Said> = lines.iter().map(|line| (0, line.clone())).collect();
        stream(&said, &HashSet::from(["channel:a".into()])).len()
    }

    #[test]
    fn a_hole_in_a_stream_must_be_named_when_the_client_has_caught_up() {
        let named = caught_up(&["channel:a"]);
        let other = caught_up(&["channel:b"]);
        assert_eq!(found(&[event(1), event(2), event(3)]), 0);
        assert_eq!(found(&[event(1), event(4)]), 1, "never named");
        assert_eq!(found(&[event(1), event(4), event(5), named.clone()]), 0);
        assert_eq!(
            found(&[event(1), event(4), other.clone(), named.clone()]),
            1
        );
        assert_eq!(found(&[event(1), named.clone(), event(4)]), 0);
        assert_eq!(found(&[event(1), named, event(4), event(6), other]), 1);
        assert_eq!(found(&[event(1), event(1)]), 1, "a repeat");
    }
}
