//! The rules of a client, held against what arrives, as it arrives.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

use super::seen::{State, position, positions};
use super::{Kind, Position, Room, Tab, What};

/// What stands first in every numbered payload.
#[derive(Deserialize)]
struct Numbered {
    room: String,
    seq: i64,
    at: i64,
}

impl Tab {
    /// The connection is gone: of rooms that were not judged, what came without a hole counts.
    pub(super) fn part(&self) {
        let mut state = self.state.borrow_mut();
        let State {
            positions, waiting, ..
        } = &mut *state;
        for (room, waited) in waiting.drain() {
            if let Some(position) = positions.get_mut(&room) {
                for arrived in waited.arrived {
                    if arrived.0 == position.0 + 1 {
                        *position = arrived;
                    }
                }
            }
        }
        if self.kind == Kind::Stock {
            state.positions.clear();
        }
        state.is_caught_up = false;
    }

    /// CONNECT was answered. A stock client whose `pid` comes back goes on where it was; else it begins anew. Answers
    /// whether it goes on.
    pub(super) fn greeted(&self, answer: &str) -> Result<bool> {
        if self.kind == Kind::Resuming {
            return Ok(false);
        }
        let answer: Value = serde_json::from_str(answer)?;
        let session = answer["pid"].as_str().map(str::to_owned);
        let mut state = self.state.borrow_mut();
        let goes_on = session.is_some() && session == state.session;
        if !goes_on {
            state.positions.clear();
        }
        state.session = session;
        state.is_caught_up = true;
        drop(state);
        self.note(What::Greeted(goes_on));
        Ok(goes_on)
    }

    /// The last argument of an event is its offset, as socket.io-client sees it.
    pub(super) fn reached(&self, offset: &str) {
        let mut state = self.state.borrow_mut();
        if state.session.is_some() {
            state.offset = Some(offset.to_owned());
        }
    }

    pub(super) fn ready(&self, ready: &Value) -> Result<()> {
        let heads = positions(&ready["rooms"]);
        self.note(What::Ready(heads.clone()));
        let mut state = self.state.borrow_mut();
        let State {
            positions, waiting, ..
        } = &mut *state;
        positions.retain(|room, _| heads.contains_key(room));
        waiting.retain(|room, _| heads.contains_key(room));
        for (room, head) in heads {
            positions.entry(room).or_insert(head);
        }
        Ok(())
    }

    pub(super) fn resumed(&self, resumed: &Value) -> Result<()> {
        let rooms = resumed["rooms"].as_object().context("no rooms")?;
        let mut results = BTreeMap::new();
        for (room, result) in rooms {
            let room: Room = room.as_str().into();
            let is_recovered = result["recovered"].as_bool().unwrap_or_default();
            results.insert(room, (is_recovered, position(&result["position"])));
        }
        self.note(What::Resumed(results.clone()));
        for (room, (is_recovered, at)) in results {
            self.judge(&room, is_recovered, at);
        }
        self.state.borrow_mut().is_caught_up = true;
        Ok(())
    }

    /// Holds what arrived in a room against what the server says of it.
    fn judge(&self, room: &Room, is_recovered: bool, at: Position) {
        let mut state = self.state.borrow_mut();
        let waited = state.waiting.remove(room).unwrap_or_default();
        let Some(mut here) = state.positions.get(room).copied() else {
            return;
        };
        let mut breaches = Vec::new();
        if !is_recovered {
            here = at;
            if room.starts_with("user:") {
                state.pending_total = None;
            }
        }
        for arrived in waited.arrived {
            if arrived.0 == here.0 + 1 {
                here = arrived;
            } else if is_recovered || arrived.0 > at.0 {
                breaches.push(format!(
                    "after {} came {} while the room was catching up (recovered: {is_recovered}, live from {})",
                    here.0, arrived.0, at.0
                ));
            }
        }
        if is_recovered && here.0 < at.0 {
            breaches.push(format!(
                "said to be recovered at {}, but only {} had arrived",
                at.0, here.0
            ));
        }
        state.positions.insert(room.clone(), here);
        drop(state);
        for what in breaches {
            self.breach(room, what);
        }
    }

    pub(super) fn event(&self, name: &str, payload: &str) -> Result<()> {
        let Numbered { room, seq, at } = serde_json::from_str(payload)?;
        let room: Room = room.into();
        let mut hasher = DefaultHasher::new();
        payload.hash(&mut hasher);
        self.note(What::Event(
            room.clone(),
            (seq, at),
            name.into(),
            hasher.finish(),
        ));
        if name == "events:memory" {
            let event: Value = serde_json::from_str(payload)?;
            if let Some(total) = event["data"]["total"].as_i64() {
                self.state.borrow_mut().pending_total = Some(total);
            }
        }
        let mut state = self.state.borrow_mut();
        if let Some(waiting) = state.waiting.get_mut(&room) {
            waiting.arrived.push((seq, at));
            return Ok(());
        }
        let here = state.positions.insert(room.clone(), (seq, at));
        drop(state);
        match here {
            None if self.kind != Kind::Resuming => {}
            None => self.breach(
                &room,
                format!("{seq} came of a room that the socket is not in"),
            ),
            Some(here) if seq != here.0 + 1 && self.kind == Kind::Resuming => {
                self.breach(&room, format!("after {} came {seq}", here.0));
            }
            Some(here) if seq <= here.0 => {
                self.breach(&room, format!("after {} came {seq} again or late", here.0));
            }
            Some(here) if at < here.1 => {
                self.breach(
                    &room,
                    format!("{seq} has an earlier time than the one before"),
                );
            }
            Some(_) => {}
        }
        Ok(())
    }
}
