//! Clients of the TypeScript package `packages/client`, in a Node process: they listen, come back and send through their
//! outbox like the web app does, and say in lines of JSON what they saw and what would be on the screen.
//!
//! The protocol is the header of `packages/client/bin/lines.mjs`.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::check::Finding;
use crate::check::database::Database;
use crate::ledger::Wish;
use crate::rng::Rng;
use crate::tab::Room;
use crate::writer::Office;

/// How much of what a client said before belongs to a finding.
const NOTES: usize = 12;
/// Whose clients there are, by number.
const PEOPLE: [usize; 3] = [0, 3, 5];

/// The process, what it said, and what it was given to send.
pub struct Node {
    child: RefCell<Child>,
    input: RefCell<Option<ChildStdin>>,
    office: Rc<Office>,
    said: RefCell<Vec<(u64, Value)>>,
    /// Commands of the ledger that the outbox has not ended yet, by their tag.
    under_way: RefCell<HashMap<String, usize>>,
}

impl Node {
    /// Starts the process and opens its clients.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(program: &Path, office: &Rc<Office>) -> Result<Rc<Node>> {
        let mut child = Command::new("node")
            .arg(program)
            .arg(format!("http://{}", office.address))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("node does not start")?;
        let output = child.stdout.take().context("node has no output")?;
        let (lines, said) = mpsc::unbounded_channel();
        // Pipes block: a thread reads, and ends with the process.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if lines.send(line).is_err() {
                    return;
                }
            }
        });
        let node = Rc::new(Node {
            input: RefCell::new(child.stdin.take()),
            child: RefCell::new(child),
            office: office.clone(),
            said: RefCell::default(),
            under_way: RefCell::default(),
        });
        tokio::task::spawn_local(node.clone().listen(said));
        for person in PEOPLE {
            let token = &office.world.people[person].token;
            node.tell(&json!({"do": "open", "client": name(person), "token": token}));
        }
        Ok(node)
    }

    async fn listen(self: Rc<Node>, mut lines: mpsc::UnboundedReceiver<String>) {
        while let Some(line) = lines.recv().await {
            let said: Value = serde_json::from_str(&line).unwrap_or(Value::String(line));
            let tag = said["ref"].as_str().unwrap_or_default();
            let number = self.under_way.borrow().get(tag).copied();
            if let Some(number) = number {
                let is_over = match said["kind"].as_str() {
                    Some("sent") => {
                        let body = json!({"id": said["message"]});
                        self.office.ledger.attempt(number, Ok((200, body)));
                        true
                    }
                    Some("failed" | "refused") => {
                        let why = said.to_string();
                        self.office.ledger.attempt(number, Err(why));
                        true
                    }
                    _ => false,
                };
                if is_over {
                    self.under_way.borrow_mut().remove(tag);
                }
            }
            self.said
                .borrow_mut()
                .push((self.office.ledger.now(), said));
        }
    }

    fn tell(&self, what: &Value) {
        if let Some(input) = self.input.borrow_mut().as_mut() {
            // A process that is gone is found when nothing is shown in the end.
            let _ = writeln!(input, "{what}");
        }
    }

    /// Posts through the outbox until the round is over.
    pub async fn write(self: Rc<Node>, mut rng: Rng) {
        while !self.office.mood.is_over.get() {
            sleep(Duration::from_millis(rng.between(100, 500))).await;
            let person = *rng.pick(&PEOPLE).unwrap_or(&0);
            let channel = rng.below(2); // the two whose members stay
            let world = &self.office.world;
            if !world.channels[channel].members.contains(&person) {
                continue;
            }
            let wish = Wish::Post {
                channel,
                parent: None,
            };
            let (number, tag) = self.office.ledger.open_by_outbox(person, wish);
            self.under_way.borrow_mut().insert(tag.clone(), number);
            self.tell(&json!({
                "do": "post", "client": name(person), "channel": world.channels[channel].id,
                "content": format!("{tag} posted"), "ref": tag,
            }));
        }
    }

    /// Whether the outboxes have sent everything.
    #[must_use]
    pub fn has_sent_all(&self) -> bool {
        self.under_way.borrow().is_empty()
    }

    /// Asks what is on the screens, and compares it with the database; empty when they agree and are connected.
    pub async fn compare(&self, database: &Database) -> Vec<Finding> {
        let before = self.said.borrow().len();
        // A late answer to an earlier question is none to this one.
        let question = format!("show {before}");
        let mut asked = 0;
        for person in PEOPLE {
            for channel in self.channels_of(person, database) {
                asked += 1;
                self.tell(&json!({
                    "do": "show", "client": name(person), "channel": channel, "ref": question,
                }));
            }
        }
        let shown = || -> Vec<Value> {
            let said = self.said.borrow();
            let new = said[before..].iter().map(|(_, said)| said);
            new.filter(|said| said["kind"] == "shows" && said["ref"] == question.as_str())
                .cloned()
                .collect()
        };
        for _ in 0..100 {
            if shown().len() >= asked {
                break;
            }
            sleep(Duration::from_millis(20)).await;
        }
        let shown = shown();
        if shown.len() < asked {
            return vec![Finding::new("the Node process does not answer")];
        }
        shown
            .iter()
            .filter_map(|shown| {
                let finding = differs(shown, database)?;
                let client = shown["client"].as_str().unwrap_or_default();
                let what = format!("{}; it had said {:?}", finding.what, self.notes(client));
                Some(Finding { what, ..finding })
            })
            .collect()
    }

    /// The last that a client said of itself, and when.
    fn notes(&self, client: &str) -> Vec<String> {
        let said = self.said.borrow();
        let of_itself = said.iter().rev().filter(|(_, said)| {
            let kind = said["kind"].as_str();
            said["client"] == client && matches!(kind, Some("state" | "view" | "caught_up"))
        });
        let mut notes: Vec<String> = of_itself
            .take(NOTES)
            .map(|(at, said)| format!("{at} {said}"))
            .collect();
        notes.reverse();
        notes
    }

    fn channels_of(&self, person: usize, database: &Database) -> Vec<String> {
        let id = &self.office.world.people[person].id;
        let channels = self.office.world.channels.iter().enumerate();
        channels
            .filter(|(number, channel)| {
                let key = (channel.id.clone(), id.clone());
                *number == 0 || database.members.contains_key(&key)
            })
            .map(|(_, channel)| channel.id.clone())
            .collect()
    }

    /// Whether the plain stream of each client had neither hole nor repeat that it was not told of. Rooms that people
    /// come into and leave are left to the raw tabs.
    #[must_use]
    pub fn stream(&self) -> Vec<Finding> {
        let calm: HashSet<Room> = self
            .office
            .world
            .channels
            .iter()
            .filter(|channel| !channel.is_revolving)
            .map(|channel| format!("channel:{}", channel.id).into())
            .collect();
        let mut findings = Vec::new();
        let mut last: HashMap<(String, Room), i64> = HashMap::new();
        let mut odd: HashMap<(String, Room), (u64, String)> = HashMap::new();
        let mut between: HashMap<String, Vec<String>> = HashMap::new();
        for (at, said) in self.said.borrow().iter() {
            let client = said["client"].as_str().unwrap_or_default().to_owned();
            if matches!(said["kind"].as_str(), Some("state" | "view" | "caught_up")) {
                let notes = between.entry(client.clone()).or_default();
                notes.push(format!("{at} {said}"));
                if notes.len() > NOTES {
                    notes.remove(0);
                }
            }
            match said["kind"].as_str() {
                Some("event") => {
                    let room: Room = said["room"].as_str().unwrap_or_default().into();
                    let seq = said["seq"].as_i64().unwrap_or_default();
                    let key = (client, room.clone());
                    if let Some((at, what)) = odd.remove(&key) {
                        findings.push(Finding::new(what).in_room(&room).at(at));
                    }
                    let before = last.insert(key.clone(), seq);
                    if calm.contains(&room) && before.is_some_and(|before| before + 1 != seq) {
                        let before = before.unwrap_or_default();
                        let what = format!(
                            "the client of the package ({}) saw {seq} after {before}; it had said {:?}",
                            key.0,
                            between.get(&key.0)
                        );
                        odd.insert(key, (*at, what));
                    }
                }
                Some("caught_up") => {
                    for room in said["refetch"].as_array().into_iter().flatten() {
                        let room: Room = room.as_str().unwrap_or_default().into();
                        odd.remove(&(client.clone(), room.clone()));
                        last.remove(&(client.clone(), room));
                    }
                }
                // What a view loads covers what the stream skips then; what it shows is compared in the end.
                Some("view") if said["phase"] == "live" => {
                    let channel = said["channel"].as_str().unwrap_or_default();
                    last.remove(&(client, format!("channel:{channel}").into()));
                }
                Some("error") | None => {
                    findings.push(Finding::new(format!("the Node process says: {said}")).at(*at));
                }
                _ => {}
            }
        }
        for ((_, room), (at, what)) in odd {
            findings.push(Finding::new(what).in_room(&room).at(at));
        }
        findings
    }

    /// Ends the process.
    pub fn end(&self) {
        self.input.borrow_mut().take();
        let mut child = self.child.borrow_mut();
        // It ends with its input; whoever does not is made to.
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.end();
    }
}

fn name(person: usize) -> String {
    format!("person {person}")
}

/// Whether a screen shows something else than the newest messages of its channel.
fn differs(shown: &Value, database: &Database) -> Option<Finding> {
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
