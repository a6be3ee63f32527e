//! Is every acknowledged command there exactly once, with exactly one event, and nothing that was refused?
//!
//! Also the log by itself: numbers without holes, one event for each row, one row for each event.

use std::collections::HashMap;

use super::Finding;
use super::database::{Database, Logged};
use crate::ledger::{Command, Outcome, Wish};
use crate::tab::Room;
use crate::world::World;

/// How often something happened, by what names it.
type Counts = HashMap<String, usize>;

/// What the log tells of, counted.
#[derive(Default)]
struct Told {
    posted: Counts,
    /// By text, as it was posted.
    texts: Counts,
    edited: Counts,
    deleted: Counts,
}

/// Everything about commands and the log.
#[must_use]
pub fn check(world: &World, commands: &[Command], database: &Database) -> Vec<Finding> {
    let mut findings = log(database);
    let told = told(&database.events);
    findings.extend(rows_and_events(database, &told));
    let by_temp_id = messages_by_temp_id(database);
    for command in commands {
        findings.extend(one(world, command, database, &told, &by_temp_id));
    }
    findings.extend(last_texts(commands, database));
    findings.extend(members(world, commands, database));
    findings
}

/// Numbers without holes, heads that are heads, times that do not go back.
fn log(database: &Database) -> Vec<Finding> {
    let mut findings = Vec::new();
    if database.integrity != "ok" {
        findings.push(Finding::new(format!(
            "the database is damaged: {}",
            database.integrity
        )));
    }
    for two in database.places.windows(2) {
        let [(before, earlier), (after, later)] = [two[0], two[1]];
        if before + 1 != after {
            findings.push(Finding::new(format!(
                "in the log, {after} follows {before}"
            )));
        }
        if later < earlier {
            findings.push(Finding::new(format!(
                "in the log, {after} is earlier than {before}"
            )));
        }
    }
    if let Some((last, _)) = database.places.last()
        && *last != database.head_pos
    {
        findings.push(Finding::new(format!(
            "the log's head is {}, its last row {last}",
            database.head_pos
        )));
    }
    let mut heads: HashMap<Room, i64> = HashMap::new();
    for event in &database.events {
        let before = heads
            .insert(event.room.clone(), event.position.0)
            .unwrap_or(0);
        if before + 1 != event.position.0 {
            let what = format!("in the log, {} follows {before}", event.position.0);
            findings.push(Finding::new(what).in_room(&event.room));
        }
    }
    for (room, head) in &database.heads {
        let last = heads.get(room).copied().unwrap_or(0);
        if last != head.0 {
            let what = format!("the room's head is {}, its last event {last}", head.0);
            findings.push(Finding::new(what).in_room(room));
        }
    }
    findings
}

fn told(events: &[Logged]) -> Told {
    let mut told = Told::default();
    let mut count = |counts: fn(&mut Told) -> &mut Counts, name: &str| {
        *counts(&mut told).entry(name.to_owned()).or_default() += 1;
    };
    for event in events
        .iter()
        .filter(|event| &*event.name == "events:channel")
    {
        let data = &event.payload["data"];
        let message = &data["data"];
        let id = message["id"].as_str().unwrap_or_default();
        match data["type"].as_str() {
            Some("message") => {
                count(|told| &mut told.posted, id);
                count(
                    |told| &mut told.texts,
                    message["content"].as_str().unwrap_or_default(),
                );
            }
            Some("message:update") => {
                count(
                    |told| &mut told.edited,
                    message["content"].as_str().unwrap_or_default(),
                );
            }
            Some("message:delete") => count(|told| &mut told.deleted, id),
            _ => {}
        }
    }
    told
}

fn rows_and_events(database: &Database, told: &Told) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut numbers: HashMap<&str, Vec<i64>> = HashMap::new();
    for message in database.messages.values() {
        let room: Room = format!("channel:{}", message.channel_id).into();
        let tag = message.temp_id.clone().unwrap_or_default();
        let events = told.posted.get(&message.id).copied().unwrap_or(0);
        if events != 1 {
            let what = format!("the message {} has {events} events, not 1", message.id);
            findings.push(Finding::new(what).in_room(&room).of(&tag));
        }
        let deletions = told.deleted.get(&message.id).copied().unwrap_or(0);
        if deletions != usize::from(message.is_deleted) {
            let what = format!(
                "the message {} has {deletions} events of its deletion",
                message.id
            );
            findings.push(Finding::new(what).in_room(&room).of(&tag));
        }
        numbers
            .entry(&message.channel_id)
            .or_default()
            .extend(message.no);
    }
    for id in told
        .posted
        .keys()
        .filter(|id| !database.messages.contains_key(*id))
    {
        findings.push(Finding::new(format!(
            "an event tells of the message {id}, which is not there"
        )));
    }
    for (channel, mut numbers) in numbers {
        numbers.sort_unstable();
        let last = database.last_no.get(channel).copied().unwrap_or(0);
        if !numbers.iter().copied().eq(1..=last) {
            let what = format!("the messages' numbers are not 1 to {last}");
            findings.push(Finding::new(what).in_room(&format!("channel:{channel}").into()));
        }
    }
    findings
}

fn messages_by_temp_id(database: &Database) -> HashMap<&str, Vec<&super::database::Message>> {
    let mut by_temp_id: HashMap<&str, Vec<_>> = HashMap::new();
    for message in database.messages.values() {
        if let Some(temp_id) = &message.temp_id {
            by_temp_id.entry(temp_id).or_default().push(message);
        }
    }
    by_temp_id
}

fn one(
    world: &World,
    command: &Command,
    database: &Database,
    told: &Told,
    by_temp_id: &HashMap<&str, Vec<&super::database::Message>>,
) -> Option<Finding> {
    let tag = command.tag.as_str();
    let wrong = |what: String| Some(Finding::new(what).of(tag));
    match &command.wish {
        Wish::Post { channel, .. } => {
            let room = format!("channel:{}", world.channels[*channel].id).into();
            let rows = by_temp_id.get(tag).map_or(&[][..], Vec::as_slice);
            let events = told
                .texts
                .get(&format!("{tag} posted"))
                .copied()
                .unwrap_or(0);
            let by_name = || times(command, rows.len(), "the message");
            if let Some(finding) = (!command.is_by_outbox)
                .then(by_name)
                .flatten()
                .or_else(|| times(command, events, "the event of the message"))
            {
                return Some(finding.in_room(&room));
            }
            let row = rows.first()?;
            let acknowledged = match &command.outcome {
                Outcome::Acknowledged { body, .. } => body["id"].as_str(),
                _ => None,
            };
            if acknowledged.is_some_and(|id| id != row.id) {
                return wrong(format!(
                    "{acknowledged:?} was acknowledged, {} is there",
                    row.id
                ));
            }
            (row.user_id != world.people[command.person].id)
                .then(|| Finding::new("the message is not its author's").of(tag))
        }
        Wish::Edit { channel, .. } => {
            let events = told
                .edited
                .get(&format!("{tag} edited"))
                .copied()
                .unwrap_or(0);
            times(command, events, "the event of the edit").map(|finding| {
                finding.in_room(&format!("channel:{}", world.channels[*channel].id).into())
            })
        }
        Wish::Delete { message, .. } => {
            let is_gone = database.messages.get(message).map(|row| row.is_deleted);
            match (&command.outcome, is_gone) {
                (Outcome::Acknowledged { .. }, Some(false)) => {
                    wrong(format!("{message} is not deleted"))
                }
                _ => None,
            }
        }
        Wish::Propose { .. } => {
            let rows = database
                .proposals
                .iter()
                .filter(|row| row.reasoning == tag)
                .count();
            times(command, rows, "the proposal")
        }
        Wish::Decide { approves: true, .. } => {
            let text = format!("{tag} approved");
            let rows = database.versions.iter().filter(|row| row.2 == text).count();
            times(command, rows, "the approved text")
        }
        Wish::Decide { proposal, .. } => {
            let status = database.proposals.iter().find(|row| row.id == *proposal);
            let status = status.map(|row| row.status.as_str());
            match (&command.outcome, status) {
                (Outcome::Acknowledged { .. }, Some("rejected")) => None,
                (Outcome::Acknowledged { .. }, status) => {
                    wrong(format!("{proposal} was rejected, and is {status:?}"))
                }
                _ => None,
            }
        }
        Wish::Read { .. } | Wish::Member { .. } => None,
    }
}

/// Whether something may be there so many times, by what is known of its command.
fn times(command: &Command, found: usize, what: &str) -> Option<Finding> {
    let is_right = match command.outcome {
        Outcome::Acknowledged { .. } => found == 1,
        Outcome::Refused { .. } => found == 0,
        Outcome::Unknown => found <= 1,
    };
    let known = match command.outcome {
        Outcome::Acknowledged { at, .. } => format!("acknowledged at {at} ms"),
        Outcome::Refused { status } => format!("refused ({status})"),
        Outcome::Unknown => "never answered".to_owned(),
    };
    (!is_right).then(|| {
        Finding::new(format!(
            "{what} is there {found} times, though it was {known}"
        ))
        .of(&command.tag)
    })
}

/// A value that was set several times: when each began, when it was answered (none: never), and the value.
struct Setting<T> {
    from: u64,
    until: Option<u64>,
    value: T,
}

/// Whether the value found can be the last one: not of a setting that was answered before another answered one began.
fn can_be_last<T: PartialEq>(settings: &[Setting<T>], found: &T) -> bool {
    settings
        .iter()
        .filter(|one| one.value == *found)
        .any(|one| {
            let overwritten = settings.iter().any(|later| {
                later.until.is_some() && one.until.is_some_and(|until| until < later.from)
            });
            !overwritten
        })
}

fn until(command: &Command) -> Option<Option<u64>> {
    match command.outcome {
        Outcome::Acknowledged { at, .. } => Some(Some(at)),
        Outcome::Unknown => Some(None),
        Outcome::Refused { .. } => None,
    }
}

/// The text of each message is that of its last edit.
fn last_texts(commands: &[Command], database: &Database) -> Vec<Finding> {
    let mut edits: HashMap<&str, Vec<Setting<String>>> = HashMap::new();
    for command in commands {
        if let (Wish::Edit { message, .. }, Some(until)) = (&command.wish, until(command)) {
            edits.entry(message).or_default().push(Setting {
                from: command.from,
                until,
                value: format!("{} edited", command.tag),
            });
        }
    }
    let mut findings = Vec::new();
    for (id, edits) in edits {
        let Some(row) = database.messages.get(id).filter(|row| !row.is_deleted) else {
            continue;
        };
        let is_acknowledged = edits.iter().any(|edit| edit.until.is_some());
        let is_first_text = row.content.ends_with(" posted");
        let is_right = if is_first_text {
            !is_acknowledged
        } else {
            can_be_last(&edits, &row.content)
        };
        if !is_right {
            let what = format!(
                "the message {id} says `{}`, which is not its last edit",
                row.content
            );
            findings.push(Finding::new(what).of(row.content.split(' ').next().unwrap_or_default()));
        }
    }
    findings
}

/// Who is in a group is what was last said of them.
fn members(world: &World, commands: &[Command], database: &Database) -> Vec<Finding> {
    let mut changes: HashMap<(usize, usize), Vec<Setting<bool>>> = HashMap::new();
    for command in commands {
        if let (
            Wish::Member {
                channel,
                who,
                joins,
            },
            Some(until),
        ) = (&command.wish, until(command))
        {
            changes.entry((*channel, *who)).or_default().push(Setting {
                from: command.from,
                until,
                value: *joins,
            });
        }
    }
    let mut findings = Vec::new();
    for ((channel, who), settings) in changes {
        let (id, person) = (&world.channels[channel].id, &world.people[who].id);
        let is_in = database.members.contains_key(&(id.clone(), person.clone()));
        let was_in = world.channels[channel].members.contains(&who);
        let nothing_sure = settings.iter().all(|one| one.until.is_none());
        if !(can_be_last(&settings, &is_in) || (nothing_sure && was_in == is_in)) {
            let what = format!("person {who} is in the group: {is_in}, which was not said last");
            findings.push(Finding::new(what).in_room(&format!("channel:{id}").into()));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::{Setting, can_be_last};

    #[test]
    fn a_value_is_the_last_one_unless_another_began_after_it_was_answered() {
        let setting = |from, until, value| Setting { from, until, value };
        let settings = [
            setting(0, Some(10), 'a'),
            setting(5, Some(15), 'b'),
            setting(20, Some(30), 'c'),
            setting(0, None, 'd'),
        ];
        let last: Vec<char> = "abcdx"
            .chars()
            .filter(|one| can_be_last(&settings, one))
            .collect();
        assert_eq!(last, ['c', 'd']);
        assert!(can_be_last(&settings[..2], &'a'), "they overlap");
    }
}
