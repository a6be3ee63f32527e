//! Clients of the TypeScript package `packages/client`, in a Node process: they listen, come back and send through their
//! outbox like the web app does, and say in lines of JSON what they saw and what would be on the screen.
//!
//! The protocol is the header of `packages/client/bin/lines.mjs`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::check::database::Database;
use crate::check::{Finding, clients};
use crate::ledger::Wish;
use crate::rng::Rng;
use crate::writer::Office;

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

    /// Posts through the outbox until the round is over, and now and then lets a client ask whether it missed anything.
    pub async fn write(self: Rc<Node>, mut rng: Rng) {
        while !self.office.mood.is_over.get() {
            sleep(Duration::from_millis(rng.between(100, 500))).await;
            let person = *rng.pick(&PEOPLE).unwrap_or(&0);
            if rng.chance(10) {
                self.tell(&json!({"do": "wake", "client": name(person)}));
            }
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

    /// Asks to be told when all that is on the wire now has ended. The server must be gone.
    pub fn ask_for_silence(&self) -> String {
        let question = format!("hush {}", self.said.borrow().len());
        self.tell(&json!({"do": "hush", "ref": question}));
        question
    }

    /// Whether that is so.
    #[must_use]
    pub fn is_silent(&self, question: &str) -> bool {
        let said = self.said.borrow();
        let mut latest = said.iter().rev().map(|(_, said)| said);
        latest.any(|said| said["kind"] == "silent" && said["ref"] == question)
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
                let finding = clients::differs(shown, database)?;
                let notes = clients::notes(&self.said.borrow(), &shown["client"]);
                let what = format!("{}; it had said {notes:?}", finding.what);
                Some(Finding { what, ..finding })
            })
            .collect()
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
        let channels = self.office.world.channels.iter();
        let calm = channels
            .filter(|channel| !channel.is_revolving)
            .map(|channel| format!("channel:{}", channel.id).into())
            .collect();
        clients::stream(&self.said.borrow(), &calm)
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
