//! What clients saw: only what the log holds, word for word, and nothing they had no right to.
//!
//! Order, holes and repeats were judged by the tab itself as they came. A log ends where a backup is restored: each
//! event is compared with the log of its time.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::Finding;
use super::database::{Database, Logged};
use crate::tab::{Kind, Position, Room, Seen, Tab, What};
use crate::world::World;

/// How much later than one tab another may see what the server committed, in milliseconds.
const SEEN_WITHIN_MS: u64 = 2_000;

/// What is said of a finding in a stock client's session that went on.
pub const WENT_ON: &str = ", in a session that went on";

/// The log as it was until a backup took its place.
pub struct Epoch {
    /// Milliseconds since the round began; the last one never ends.
    pub until: u64,
    events: HashMap<(Room, i64), (i64, u64)>,
    /// The same in order, by room.
    logs: HashMap<Room, Vec<Logged>>,
    /// Who was in which room from which number on: room, person's number, and each change.
    members: HashMap<(Room, usize), Vec<(i64, bool)>>,
}

impl Epoch {
    /// The log of a database that was the server's until then.
    #[must_use]
    pub fn of(world: &World, database: &Database, until: u64) -> Epoch {
        let mut members: HashMap<(Room, usize), Vec<(i64, bool)>> = HashMap::new();
        for channel in &world.channels {
            let room: Room = format!("channel:{}", channel.id).into();
            for who in &channel.members {
                members.insert((room.clone(), *who), vec![(0, true)]);
            }
        }
        for event in &database.events {
            if let Some((id, is_in)) = change_of_members(event)
                && let Some(who) = world.person(id)
            {
                let changes = members.entry((event.room.clone(), who)).or_default();
                changes.push((event.position.0, is_in));
            }
        }
        let mut logs: HashMap<Room, Vec<Logged>> = HashMap::new();
        for event in &database.events {
            let log = logs.entry(event.room.clone()).or_default();
            log.push(event.clone());
        }
        let events = database.events.iter().map(|event| {
            let (seq, at) = event.position;
            ((event.room.clone(), seq), (at, event.hash))
        });
        Epoch {
            until,
            events: events.collect(),
            logs,
            members,
        }
    }

    /// The events of a room, in order.
    #[must_use]
    pub fn log(&self, room: &Room) -> &[Logged] {
        self.logs.get(room).map_or(&[], Vec::as_slice)
    }

    /// Whether the person was in the room at this number; the events of coming and going are theirs too.
    fn is_member(&self, room: &Room, who: usize, seq: i64) -> bool {
        let Some(changes) = self.members.get(&(room.clone(), who)) else {
            return false;
        };
        let after = changes.iter().take_while(|(at, _)| *at <= seq).last();
        let before = changes.iter().take_while(|(at, _)| *at < seq).last();
        [before, after]
            .into_iter()
            .flatten()
            .any(|(_, is_in)| *is_in)
    }

    /// The event at this number of a room.
    fn logged(&self, room: &Room, seq: i64) -> Option<&Logged> {
        let log = self.log(room);
        let index = log.binary_search_by_key(&seq, |event| event.position.0);
        index.ok().map(|index| &log[index])
    }

    /// At which number a server that stood at `newest` at most let a person in to whom it gave this event: where they were
    /// added next, if they were not in the room.
    fn let_in_at(&self, room: &Room, who: usize, seq: i64, newest: i64) -> i64 {
        if self.is_member(room, who, seq) {
            return seq;
        }
        let entry = self.next_entry(room, who, seq);
        entry.filter(|entry| *entry <= newest).unwrap_or(seq)
    }

    /// Where the person was added next after this number.
    fn next_entry(&self, room: &Room, who: usize, seq: i64) -> Option<i64> {
        let changes = self.members.get(&(room.clone(), who))?;
        let mut later = changes.iter().filter(|(at, _)| *at > seq);
        later.find(|(_, is_in)| *is_in).map(|(at, _)| *at)
    }

    /// An event between these two that a stock client was to be sent, for the person was in the room.
    fn missed(&self, room: &Room, who: usize, (before, after): (i64, i64)) -> Option<i64> {
        (before + 1..after).find(|seq| {
            self.is_member(room, who, *seq) && self.logged(room, *seq).is_some_and(is_for_all)
        })
    }

    /// Whether the person may have been given this event by a server that stood at `head` when it let the socket in.
    fn may_see(&self, room: &Room, who: usize, seq: i64, head: i64) -> bool {
        !room.starts_with("channel:")
            || self.is_member(room, who, seq)
            || (seq..=head).any(|place| self.is_member(room, who, place))
    }
}

/// Whether stock clients are sent it too: the other names came later than they.
#[must_use]
pub fn is_for_all(event: &Logged) -> bool {
    &*event.name == "events:channel"
}

fn change_of_members(event: &Logged) -> Option<(&str, bool)> {
    match &*event.name {
        "member:joined" => Some((event.payload["user"]["id"].as_str()?, true)),
        "member:left" => Some((event.payload["user_id"].as_str()?, false)),
        _ => None,
    }
}

/// When anybody saw something of a room first that is at a number or above, in each epoch.
pub struct Sightings(Vec<HashMap<Room, BTreeMap<i64, u64>>>);

impl Sightings {
    /// Of all these tabs.
    #[must_use]
    pub fn of(tabs: &[Rc<Tab>], epochs: &[Epoch]) -> Sightings {
        let mut sightings: Vec<HashMap<Room, BTreeMap<i64, u64>>> =
            epochs.iter().map(|_| HashMap::new()).collect();
        for seen in tabs.iter().flat_map(|tab| tab.history()) {
            let epoch = epochs.iter().position(|epoch| seen.at <= epoch.until);
            if let (What::Event(room, position, ..), Some(epoch)) = (seen.what, epoch) {
                let first = sightings[epoch].entry(room).or_default();
                let at = first.entry(position.0).or_insert(seen.at);
                *at = seen.at.min(*at);
            }
        }
        Sightings(sightings)
    }

    /// The newest number that the server may have stood at by then.
    fn newest(&self, epoch: usize, room: &Room, by: u64) -> i64 {
        let of_room = self.0.get(epoch).and_then(|rooms| rooms.get(room));
        let seen = of_room.into_iter().flatten();
        let by_then = seen.filter(|(_, at)| **at <= by + SEEN_WITHIN_MS);
        by_then.map(|(seq, _)| *seq).max().unwrap_or(0)
    }
}

/// What one tab saw.
#[must_use]
pub fn check(world: &World, tab: &Tab, epochs: &[Epoch], sightings: &Sightings) -> Vec<Finding> {
    let mut findings = breaches(tab);
    findings.extend(check_seen(world, tab, &tab.history(), epochs, sightings));
    findings
}

/// Where a tab stands while its history is gone through.
#[derive(Default)]
struct Stand {
    connection: u32,
    /// What the server stood at in each room when it let the socket in, as it said.
    heads: HashMap<Room, i64>,
    /// A stock client's session goes on.
    goes_on: bool,
    /// It is being given what it missed; since when it is let in.
    replays: Option<u64>,
    /// The newest that a stock client's session saw in each room.
    newest: HashMap<Room, i64>,
}

impl Stand {
    fn is_on(&mut self, connection: u32) {
        if self.connection != connection {
            let newest = std::mem::take(&mut self.newest);
            *self = Stand {
                connection,
                newest,
                ..Stand::default()
            };
        }
    }

    fn is_greeted(&mut self, goes_on: bool, at: u64) {
        self.goes_on = goes_on;
        self.replays = goes_on.then_some(at);
        if !goes_on {
            self.newest.clear();
        }
    }
}

fn check_seen(
    world: &World,
    tab: &Tab,
    history: &[Seen],
    epochs: &[Epoch],
    sightings: &Sightings,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut stand = Stand::default();
    for seen in history {
        stand.is_on(seen.connection);
        let Some(which) = epochs.iter().position(|epoch| seen.at <= epoch.until) else {
            continue;
        };
        let epoch = &epochs[which];
        match &seen.what {
            What::Ready(rooms) => {
                let heads = rooms.iter().map(|(room, (head, _))| (room.clone(), *head));
                stand.heads.extend(heads);
            }
            What::Joined(room, at) => {
                stand.heads.insert(room.clone(), at.0);
            }
            What::Greeted(goes_on) => stand.is_greeted(*goes_on, seen.at),
            What::Replayed => stand.replays = None,
            What::Event(room, position, name, hash) => {
                let (seq, _) = *position;
                // A stock client that goes on is told no head. It gets all that it missed of the rooms that were its when it
                // was let in, also from before it was added again.
                let head = match stand.replays {
                    Some(at) => {
                        let newest = sightings.newest(which, room, at);
                        epoch.let_in_at(room, tab.person, seq, newest)
                    }
                    None => stand.heads.get(room).copied().unwrap_or(0),
                };
                let mut found = |what: String| {
                    let found = Finding::new(format!("at {} ms: {what}", seen.at));
                    findings.push(found.in_room(room).seen_by(tab.number).at(seen.at));
                };
                if let Some(wrong) = seen_event(world, tab, epoch, room, *position, *hash, head) {
                    let session = if stand.goes_on { WENT_ON } else { "" };
                    found(format!("{wrong}{session} ({name} {seq})"));
                }
                if tab.kind != Kind::Resuming
                    && let Some(before) = stand.newest.insert(room.clone(), seq)
                    && let Some(missed) = epoch.missed(room, tab.person, (before, seq))
                {
                    found(format!("after {before} came {seq}, without {missed}"));
                }
            }
            _ => {}
        }
    }
    findings
}

/// What the tab noted itself. A stock one is held to less: `check` looks for its holes.
fn breaches(tab: &Tab) -> Vec<Finding> {
    tab.breaches()
        .into_iter()
        .filter(|breach| tab.kind == Kind::Resuming || breach.what.contains("again"))
        .map(|breach| {
            let what = format!("at {} ms: {}", breach.at, breach.what);
            Finding::new(what)
                .in_room(&breach.room)
                .seen_by(tab.number)
                .at(breach.at)
        })
        .collect()
}

fn seen_event(
    world: &World,
    tab: &Tab,
    epoch: &Epoch,
    room: &Room,
    (seq, at): Position,
    hash: u64,
    head: i64,
) -> Option<&'static str> {
    match epoch.events.get(&(room.clone(), seq)) {
        None => return Some("an event that the log does not hold was seen"),
        Some((logged_at, _)) if *logged_at != at => {
            return Some("an event was seen with another time than in the log");
        }
        Some((_, logged)) if *logged != hash => {
            return Some("an event was seen with another payload than in the log");
        }
        Some(_) => {}
    }
    let is_own = room
        .strip_prefix("user:")
        .is_none_or(|id| id == world.people[tab.person].id);
    if !is_own {
        return Some("another person's event was seen");
    }
    (!epoch.may_see(room, tab.person, seq, head))
        .then_some("an event was seen by somebody without the right to it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Channel, Person};
    use serde_json::json;

    fn epoch() -> (Epoch, Room) {
        let (_, epoch, room) = told();
        (epoch, room)
    }

    fn told() -> (World, Epoch, Room) {
        let person = |id: &str| Person {
            id: id.into(),
            token: String::new(),
            api_key: String::new(),
            blocks: Vec::new(),
        };
        let channel = Channel {
            id: "c".into(),
            owner: 0,
            members: vec![0],
            is_revolving: true,
        };
        let world = World {
            people: vec![person("ada"), person("bob")],
            channels: vec![channel],
        };
        let (said, joined) = ("events:channel", "member:joined");
        let names = [said, joined, said, said, "member:left", said, joined, said];
        let events = (1..).zip(names).map(|(seq, name)| Logged {
            room: "channel:c".into(),
            position: (seq, seq),
            name: name.into(),
            hash: 0,
            payload: json!({"user": {"id": "bob"}, "user_id": "bob"}),
        });
        let database = Database {
            events: events.collect(),
            ..Database::default()
        };
        let epoch = Epoch::of(&world, &database, u64::MAX);
        (world, epoch, "channel:c".into())
    }

    #[test]
    fn a_stock_client_misses_what_everybody_is_sent_while_it_is_in_the_room() {
        let (epoch, room) = epoch();
        let missed = |who, between| epoch.missed(&room, who, between);
        assert_eq!(missed(0, (1, 3)), None, "2 has a newer name");
        assert_eq!(missed(0, (1, 4)), Some(3));
        assert_eq!(missed(0, (4, 8)), Some(6));
        assert_eq!(missed(1, (2, 4)), Some(3), "2 let it in");
        assert_eq!(missed(1, (1, 8)), Some(3), "removed later, and back again");
        assert_eq!(missed(1, (4, 8)), None, "out and in");
    }

    #[test]
    fn a_stock_client_that_goes_on_may_have_what_came_before_it_was_in() {
        let (epoch, room) = epoch();
        assert!(!epoch.may_see(&room, 1, 6, 0));
        assert!(epoch.may_see(&room, 1, 6, epoch.let_in_at(&room, 1, 6, 8)));
        assert_eq!(epoch.let_in_at(&room, 1, 6, 6), 6, "not added yet");
        assert_eq!(epoch.let_in_at(&room, 1, 4, 8), 4, "still a member");
    }

    /// What is found of a stock client of bob's that saw this, while everybody else had seen all before.
    fn found(seen: &[What]) -> Vec<String> {
        let (world, epoch, room) = told();
        let sightings = Sightings(vec![HashMap::from([(room, BTreeMap::from([(8, 1)]))])]);
        let tab = Tab::new(0, 1, Kind::Recovering, "", tokio::time::Instant::now());
        let seen = (1..).zip(seen).map(|(at, what)| Seen {
            at,
            connection: 1,
            what: what.clone(),
        });
        let history: Vec<Seen> = seen.collect();
        let found = check_seen(&world, &tab, &history, &[epoch], &sightings);
        found.into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn the_rights_of_a_session_that_goes_on_are_those_of_now_only_for_what_it_missed() {
        let event = |seq| What::Event("channel:c".into(), (seq, seq), "events:channel".into(), 0);
        let (back, replayed) = (What::Greeted(true), What::Replayed);
        let missed = [back.clone(), event(6), replayed.clone(), event(8)];
        assert_eq!(found(&missed), [""; 0]);
        let removed = [back, event(4), replayed, event(6), event(8)];
        assert_eq!(
            found(&removed),
            [
                "at 4 ms: an event was seen by somebody without the right to it, in a session that went on (events:channel 6)"
            ]
        );
        let new = [What::Greeted(false), event(6)];
        assert_eq!(found(&new).len(), 1, "a new session missed nothing");
    }

    #[test]
    fn a_session_that_goes_on_without_what_came_before_its_person_was_removed_has_a_hole() {
        let event = |seq| What::Event("channel:c".into(), (seq, seq), "events:channel".into(), 0);
        let history = [event(3), What::Greeted(true), What::Replayed, event(8)];
        assert_eq!(found(&history), ["at 4 ms: after 3 came 8, without 4"]);
        let history = [event(3), What::Greeted(false), event(8)];
        assert_eq!(found(&history), [""; 0], "it began anew");
    }
}
