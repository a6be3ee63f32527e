//! Is a list over HTTP what the log gives up to the place that the list claims? Then a client that applies what is newer
//! and drops what is not shows the truth.

use serde_json::Value;

use super::Finding;
use super::database::Logged;
use super::streams::Epoch;
use crate::reader::{List, PAGE, Snapshot};
use crate::tab::Room;
use crate::world::World;

/// Every snapshot of a round.
#[must_use]
pub fn check(world: &World, snapshots: &[Snapshot], epochs: &[Epoch]) -> Vec<Finding> {
    let judged = snapshots.iter().filter_map(|snapshot| {
        let epoch = epochs.iter().find(|epoch| snapshot.at <= epoch.until)?;
        one(world, snapshot, epoch)
    });
    judged.collect()
}

fn one(world: &World, snapshot: &Snapshot, epoch: &Epoch) -> Option<Finding> {
    let rooms: Vec<Room> = match &snapshot.list {
        List::Messages(channel) => vec![format!("channel:{}", world.channels[*channel].id).into()],
        List::Proposals => vec![format!("user:{}", world.people[snapshot.person].id).into()],
        List::Channels => listed(&snapshot.body),
    };
    for room in rooms {
        let wrong = |what: String| {
            let what = format!("person {}: {what}", snapshot.person);
            Some(Finding::new(what).in_room(&room).at(snapshot.at))
        };
        let Some((seq, at)) = snapshot.as_of.get(&room).copied() else {
            return wrong("a list does not say up to where it is".to_owned());
        };
        let log = epoch.log(&room);
        let is_known = seq == 0 || log.iter().any(|event| event.position == (seq, at));
        if !is_known {
            return wrong(format!(
                "a list is as of {seq}:{at}, which the log does not hold"
            ));
        }
        let before = log.iter().take_while(|event| event.position.0 <= seq);
        let fault = match &snapshot.list {
            List::Messages(_) => messages(before, &snapshot.body),
            List::Channels => last_number(before, &room, &snapshot.body),
            List::Proposals => waiting(before, &snapshot.body),
        };
        if let Some(fault) = fault {
            return wrong(format!("a list as of {seq} {fault}"));
        }
    }
    None
}

fn listed(body: &Value) -> Vec<Room> {
    let rows = body.as_array().into_iter().flatten();
    rows.filter_map(|row| Some(format!("channel:{}", row["id"].as_str()?).into()))
        .collect()
}

/// The newest messages outside threads with their texts, newest first.
fn messages<'a>(log: impl Iterator<Item = &'a Logged>, body: &Value) -> Option<String> {
    let mut expected: Vec<(&str, &str)> = Vec::new();
    for event in log.filter(|event| &*event.name == "events:channel") {
        let message = &event.payload["data"]["data"];
        let id = message["id"].as_str().unwrap_or_default();
        let content = message["content"].as_str().unwrap_or_default();
        match event.payload["data"]["type"].as_str() {
            Some("message") if message["parent_id"].is_null() => expected.push((id, content)),
            Some("message:update") => {
                for known in expected.iter_mut().filter(|known| known.0 == id) {
                    known.1 = content;
                }
            }
            Some("message:delete") => expected.retain(|known| known.0 != id),
            _ => {}
        }
    }
    let rows = body.as_array().into_iter().flatten();
    let found: Vec<(&str, &str)> = rows
        .map(|row| {
            let text = |key: &str| row[key].as_str().unwrap_or_default();
            (text("id"), text("content"))
        })
        .collect();
    let expected: Vec<(&str, &str)> = expected.into_iter().rev().take(PAGE).collect();
    let differs = (0..expected.len().max(found.len()))
        .find(|index| expected.get(*index) != found.get(*index))?;
    Some(format!(
        "has {:?} at place {differs}, the log gives {:?}",
        found.get(differs),
        expected.get(differs)
    ))
}

/// The number of the newest message, which unread counts are made of.
fn last_number<'a>(
    log: impl Iterator<Item = &'a Logged>,
    room: &Room,
    body: &Value,
) -> Option<String> {
    let posted = log.filter(|event| event.payload["data"]["type"] == "message");
    let expected = posted
        .filter_map(|event| event.payload["data"]["data"]["no"].as_i64())
        .last()
        .unwrap_or(0);
    let row = body.as_array().into_iter().flatten().find(|row| {
        let id = row["id"].as_str().unwrap_or_default();
        room.strip_prefix("channel:") == Some(id)
    })?;
    let found = row["last_no"].as_i64();
    (found != Some(expected))
        .then(|| format!("says that the last message is {found:?}, the log gives {expected}"))
}

/// How many proposals wait.
fn waiting<'a>(log: impl Iterator<Item = &'a Logged>, body: &Value) -> Option<String> {
    let told = log.filter_map(|event| event.payload["data"]["total"].as_i64());
    let expected = told.last().unwrap_or(0);
    let found = body["total"].as_i64();
    (found != Some(expected)).then(|| format!("says {found:?} wait, the log gives {expected}"))
}
