//! Somebody who fetches lists over HTTP while everything moves, and writes down what each answer claims to hold.
//!
//! `Tidings-As-Of` says up to which event a snapshot is; `check::snapshots` replays the log up to there.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use crate::http::{self, Manners, Request};
use crate::rng::Rng;
use crate::tab::{Position, Room};
use crate::writer::Office;

/// How many messages are asked for at once.
pub const PAGE: usize = 50;

/// Which list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum List {
    /// The newest messages of a channel, by number.
    Messages(usize),
    /// The person's channels.
    Channels,
    /// The person's proposals that wait.
    Proposals,
}

/// One answer.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// When it arrived, in milliseconds since the round began.
    pub at: u64,
    /// Who asked, by number.
    pub person: usize,
    /// What for.
    pub list: List,
    /// Up to where it says it is, by room.
    pub as_of: HashMap<Room, Position>,
    /// The answer.
    pub body: Value,
}

/// What was read in a round.
#[derive(Default)]
pub struct Shelf(RefCell<Vec<Snapshot>>);

impl Shelf {
    /// Everything so far.
    #[must_use]
    pub fn snapshots(&self) -> Vec<Snapshot> {
        self.0.borrow().clone()
    }

    /// Reads one list after another until the round is over.
    pub async fn fill(self: Rc<Shelf>, office: Rc<Office>, mut rng: Rng) {
        while !office.mood.is_over.get() {
            self.one(&office, &mut rng).await;
            sleep(Duration::from_millis(rng.between(20, 120))).await;
        }
    }

    async fn one(&self, office: &Office, rng: &mut Rng) {
        let person = rng.below(office.world.people.len());
        let channel = rng.below(office.world.channels.len());
        let (list, path) = match rng.below(4) {
            0 => (List::Channels, "/api/v1/channels/".to_owned()),
            1 => (List::Proposals, "/api/v1/memory/proposals".to_owned()),
            _ => {
                let id = &office.world.channels[channel].id;
                let path = format!("/api/v1/channels/{id}/messages?skip=0&limit={PAGE}");
                (List::Messages(channel), path)
            }
        };
        let request = Request {
            method: "GET",
            path: &path,
            token: &office.world.people[person].token,
            key: None,
            body: None,
        };
        let _trip = office.traffic.begin();
        // No answer and no right are both fine here: whoever reads asks again.
        let Ok(answer) = http::send(office.address, &request, Manners::Patient).await else {
            return;
        };
        if answer.status == 200 {
            self.0.borrow_mut().push(Snapshot {
                at: office.ledger.now(),
                person,
                list,
                as_of: parsed(answer.as_of.as_deref().unwrap_or_default()),
                body: answer.body,
            });
        }
    }
}

/// `channel:X=44:1763900000000, user:Y=7:1763900000000`.
fn parsed(header: &str) -> HashMap<Room, Position> {
    let one = |text: &str| {
        let (room, place) = text.trim().split_once('=')?;
        let (seq, at) = place.split_once(':')?;
        Some((room.into(), (seq.parse().ok()?, at.parse().ok()?)))
    };
    header.split(',').filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::parsed;

    #[test]
    fn the_header_names_rooms_and_places() {
        let read = parsed("channel:X=44:1763, user:Y=7:0");
        assert_eq!(read["channel:X"], (44, 1763));
        assert_eq!(read["user:Y"], (7, 0));
        assert!(parsed("").is_empty());
    }
}
