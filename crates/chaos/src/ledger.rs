//! The harness's own history of commands: what was asked, when, how often, and what is known of the outcome.
//!
//! Nothing here comes from the server's database. `check` holds the two against each other.

use std::cell::RefCell;

use serde_json::Value;
use tokio::time::Instant;

/// What a command wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Post a message, perhaps in a thread.
    Post {
        /// Channel by number.
        channel: usize,
        /// The thread's root.
        parent: Option<String>,
    },
    /// Give a message another text.
    Edit {
        /// Channel by number.
        channel: usize,
        /// Which message.
        message: String,
    },
    /// Delete a message.
    Delete {
        /// Channel by number.
        channel: usize,
        /// Which message.
        message: String,
    },
    /// Set the read marker.
    Read {
        /// Channel by number.
        channel: usize,
        /// Up to where.
        read_no: i64,
    },
    /// Put somebody into a group, or out of it.
    Member {
        /// Channel by number.
        channel: usize,
        /// Person by number.
        who: usize,
        /// In or out.
        joins: bool,
    },
    /// An agent proposes a text.
    Propose {
        /// Which block.
        block: String,
    },
    /// A person approves or rejects.
    Decide {
        /// Which proposal.
        proposal: String,
        /// Yes or no.
        approves: bool,
        /// The block's version that the person saw.
        base_version: i64,
    },
}

/// What is known of a command's outcome.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It was answered with 200, at this time (ms), with this body.
    Acknowledged {
        /// Milliseconds since the round began.
        at: u64,
        /// The answer.
        body: Value,
    },
    /// Every attempt was refused: it did not happen.
    Refused {
        /// The last status.
        status: u16,
    },
    /// An attempt was not answered: it happened once or not at all.
    Unknown,
}

/// One command.
#[derive(Debug, Clone)]
pub struct Command {
    /// Its name in the round: `temp_id`, `Idempotency-Key`, and part of every text.
    pub tag: String,
    /// Whether an outbox sends it, under a name of its own.
    pub is_by_outbox: bool,
    /// Who sends it, by number.
    pub person: usize,
    /// What for.
    pub wish: Wish,
    /// When it was sent first.
    pub from: u64,
    /// What is known.
    pub outcome: Outcome,
    /// Each attempt: when it ended, and how.
    pub attempts: Vec<(u64, String)>,
}

/// All commands of a round.
pub struct Ledger {
    commands: RefCell<Vec<Command>>,
    started: Instant,
    prefix: String,
}

impl Ledger {
    /// An empty one; `prefix` makes its tags different from other rounds'.
    #[must_use]
    pub fn new(prefix: String, started: Instant) -> Ledger {
        Ledger {
            commands: RefCell::default(),
            started,
            prefix,
        }
    }

    /// Milliseconds since the round began.
    #[must_use]
    pub fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Writes down a command before it is sent; answers its number and tag.
    pub fn open(&self, person: usize, wish: Wish) -> (usize, String) {
        let mut commands = self.commands.borrow_mut();
        let number = commands.len();
        let tag = format!("{}-{number}", self.prefix);
        commands.push(Command {
            tag: tag.clone(),
            is_by_outbox: false,
            person,
            wish,
            from: self.now(),
            outcome: Outcome::Refused { status: 0 },
            attempts: Vec::new(),
        });
        (number, tag)
    }

    /// Writes down a command that is given to an outbox: what becomes of it is not known before it says so.
    pub fn open_by_outbox(&self, person: usize, wish: Wish) -> (usize, String) {
        let (number, tag) = self.open(person, wish);
        let mut commands = self.commands.borrow_mut();
        commands[number].is_by_outbox = true;
        commands[number].outcome = Outcome::Unknown;
        (number, tag)
    }

    /// Writes down how an attempt ended: a status with its body, or why there was no answer.
    pub fn attempt(&self, number: usize, outcome: Result<(u16, Value), String>) {
        let at = self.now();
        let mut commands = self.commands.borrow_mut();
        let command = &mut commands[number];
        let text = match &outcome {
            Ok((200, _)) => "acknowledged".to_owned(),
            Ok((status, body)) => format!("{status} {}", body["code"].as_str().unwrap_or_default()),
            Err(why) => format!("no answer: {why}"),
        };
        command.attempts.push((at, text));
        let is_known = matches!(command.outcome, Outcome::Acknowledged { .. });
        command.outcome = match outcome {
            Ok((200, body)) if !is_known => Outcome::Acknowledged { at, body },
            // What failed inside the server may have happened: only 4xx says that it did not.
            Ok((status, _)) if status < 500 && !is_known => match command.outcome {
                Outcome::Unknown => Outcome::Unknown,
                _ => Outcome::Refused { status },
            },
            _ if is_known => return,
            _ => Outcome::Unknown,
        };
    }

    /// How many attempts ended with this status.
    #[must_use]
    pub fn count_of(&self, status: &str) -> usize {
        let commands = self.commands.borrow();
        let attempts = commands.iter().flat_map(|command| &command.attempts);
        attempts.filter(|(_, how)| how.starts_with(status)).count()
    }

    /// A restored backup may have lost what was acknowledged from `from` on: nobody knows of it any more.
    pub fn forget_since(&self, from: u64) {
        for command in self.commands.borrow_mut().iter_mut() {
            if let Outcome::Acknowledged { at, .. } = command.outcome
                && at >= from
            {
                command.outcome = Outcome::Unknown;
                command
                    .attempts
                    .push((self.now(), "a backup from before was restored".into()));
            }
        }
    }

    /// Everything so far.
    #[must_use]
    pub fn commands(&self) -> Vec<Command> {
        self.commands.borrow().clone()
    }
}
