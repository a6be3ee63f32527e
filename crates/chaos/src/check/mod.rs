//! The checker: holds the harness's own history (commands, and what each client saw) against the database and REST.
//!
//! `database` reads, `commands` looks for what was acknowledged, `streams` at what raw sockets saw, `clients` at what those
//! of the package told and showed, `snapshots` at lists, `counts` at badges. Each answers with findings; a round without
//! any has passed. `recoveries` judges a whole run.

pub mod clients;
pub mod commands;
pub mod counts;
pub mod database;
pub mod recoveries;
pub mod snapshots;
pub mod streams;

use crate::tab::Room;

/// A promise that was broken.
#[derive(Debug, Clone)]
pub struct Finding {
    /// What, in a sentence.
    pub what: String,
    /// When it was seen, in milliseconds since the round began.
    pub at: Option<u64>,
    /// The room it happened in, if one.
    pub room: Option<Room>,
    /// The tag of the command it is about, if one.
    pub tag: Option<String>,
    /// The number of the tab it is about, if one.
    pub tab: Option<usize>,
}

impl Finding {
    /// About nothing in particular yet.
    #[must_use]
    pub fn new(what: impl Into<String>) -> Finding {
        Finding {
            what: what.into(),
            at: None,
            room: None,
            tag: None,
            tab: None,
        }
    }

    /// Seen at this time.
    #[must_use]
    pub fn at(mut self, at: u64) -> Finding {
        self.at = Some(at);
        self
    }

    /// About a room.
    #[must_use]
    pub fn in_room(mut self, room: &Room) -> Finding {
        self.room = Some(room.clone());
        self
    }

    /// About a command.
    #[must_use]
    pub fn of(mut self, tag: &str) -> Finding {
        self.tag = Some(tag.to_owned());
        self
    }

    /// About what a tab saw.
    #[must_use]
    pub fn seen_by(mut self, tab: usize) -> Finding {
        self.tab = Some(tab);
        self
    }
}
