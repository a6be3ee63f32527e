//! The namespaces of one connection: which packet may come for which of them. `T` is what the owner keeps for each.
//!
//! ```text
//!         CONNECT             accept                 DISCONNECT from the server
//!  none ──────────► asking ──────────► connected ───────────────────────────────► left
//!    ▲                │ refuse            │ DISCONNECT from the client             │ CONNECT
//!    └────────────────┴───────────────────┘                                        └──► asking
//! ```
//! What a client sent before it learned that the server sent it away is ignored; anything else out of turn closes the
//! connection, as in the reference.

use std::sync::Arc;

use super::Kind;

/// Where a connection stands with one namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// CONNECT has come and is not answered.
    Asking,
    /// CONNECT was answered.
    Connected,
    /// The server sent DISCONNECT.
    Left,
}

/// What a packet for a namespace means.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<T> {
    /// The client asks for a namespace it is not in.
    Ask,
    /// It has as many namespaces as it may.
    TooMany,
    /// An event or an ack for this entry.
    Deliver(T),
    /// The client left; the entry is forgotten.
    Leave(T),
    /// The client left before its CONNECT was answered; the entry is forgotten.
    Withdraw(T),
    /// Too late to matter.
    Ignore,
}

/// A packet that must not come in this state. The connection must be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the packet must not come in this state of its namespace")]
pub struct OutOfTurn;

#[derive(Debug)]
struct Entry<T> {
    name: Arc<str>,
    state: State,
    owner: Option<T>,
}

/// The namespaces of one connection.
#[derive(Debug)]
pub struct Namespaces<T> {
    entries: Vec<Entry<T>>,
}

impl<T> Default for Namespaces<T> {
    fn default() -> Self {
        Namespaces {
            entries: Vec::new(),
        }
    }
}

impl<T: Clone> Namespaces<T> {
    /// Takes a packet's type and namespace.
    pub fn receive(&mut self, kind: Kind, name: &str, max: usize) -> Result<Step<T>, OutOfTurn> {
        let found = self.entries.iter().position(|entry| &*entry.name == name);
        let state = found.map(|at| self.entries[at].state);
        match (kind, state) {
            (Kind::Connect, None) if self.live() >= max => Ok(Step::TooMany),
            (Kind::Connect, None | Some(State::Left)) => Ok(Step::Ask),
            (Kind::Connect | Kind::ConnectError, _) => Err(OutOfTurn),
            (_, Some(State::Left)) => Ok(Step::Ignore),
            (Kind::Disconnect, Some(state)) => {
                let owner = found.and_then(|at| self.entries.swap_remove(at).owner);
                let step = match state {
                    State::Asking => Step::Withdraw,
                    _ => Step::Leave,
                };
                Ok(owner.map_or(Step::Ignore, step))
            }
            (Kind::Disconnect, None) => Ok(Step::Ignore),
            (_, Some(State::Connected)) => {
                let owner = found.and_then(|at| self.entries[at].owner.clone());
                Ok(owner.map_or(Step::Ignore, Step::Deliver))
            }
            (_, Some(State::Asking) | None) => Err(OutOfTurn),
        }
    }

    /// Notes that the owner considers a CONNECT; to be followed by `accept` or `remove`.
    pub fn ask(&mut self, name: Arc<str>, owner: T) {
        self.entries.retain(|entry| entry.name != name);
        self.entries.reserve_exact(1);
        self.entries.push(Entry {
            name,
            state: State::Asking,
            owner: Some(owner),
        });
    }

    /// Whether the owner that `is_same` looks for is kept under this name.
    pub fn holds(&self, name: &str, is_same: impl Fn(&T) -> bool) -> bool {
        let mut entries = self.entries.iter().filter(|entry| &*entry.name == name);
        entries.any(|entry| entry.owner.as_ref().is_some_and(&is_same))
    }

    /// CONNECT is answered.
    pub fn accept(&mut self, name: &str) {
        if let Some(entry) = self
            .entries
            .iter_mut()
            .find(|entry| &*entry.name == name && entry.state == State::Asking)
        {
            entry.state = State::Connected;
        }
    }

    /// CONNECT is refused.
    pub fn refuse(&mut self, name: &str) {
        self.entries
            .retain(|entry| &*entry.name != name || entry.state != State::Asking);
    }

    /// The server sends DISCONNECT. Answers whether the owner that `is_same` looks for was there.
    pub fn leave(&mut self, name: &str, is_same: impl Fn(&T) -> bool) -> bool {
        let mut entries = self.entries.iter_mut().filter(|entry| &*entry.name == name);
        let Some(entry) = entries.find(|entry| entry.owner.as_ref().is_some_and(&is_same)) else {
            return false;
        };
        entry.state = State::Left;
        entry.owner = None;
        true
    }

    /// What is kept of all namespaces.
    pub fn owners(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().filter_map(|entry| entry.owner.as_ref())
    }

    /// All that is kept, when the connection ends, and whether its CONNECT was answered.
    pub fn drain(&mut self) -> Vec<(T, bool)> {
        self.entries
            .drain(..)
            .filter_map(|entry| Some((entry.owner?, entry.state == State::Connected)))
            .collect()
    }

    /// Whether the connection is in any namespace, or asks for one.
    pub fn is_empty(&self) -> bool {
        self.live() == 0
    }

    fn live(&self) -> usize {
        self.entries
            .iter()
            .filter(|entry| entry.state != State::Left)
            .count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_drawing() {
        let mut namespaces = Namespaces::default();
        assert_eq!(namespaces.receive(Kind::Event, "/", 1), Err(OutOfTurn));
        assert_eq!(namespaces.receive(Kind::Connect, "/", 1), Ok(Step::Ask));
        namespaces.ask("/".into(), 7);
        assert_eq!(namespaces.receive(Kind::Event, "/", 1), Err(OutOfTurn));
        assert_eq!(namespaces.receive(Kind::Connect, "/", 1), Err(OutOfTurn));
        assert_eq!(
            namespaces.receive(Kind::Connect, "/b", 1),
            Ok(Step::TooMany)
        );
        namespaces.accept("/");
        assert_eq!(
            namespaces.receive(Kind::Event, "/", 1),
            Ok(Step::Deliver(7))
        );
        assert!(namespaces.holds("/", |owner| *owner == 7));
        assert!(!namespaces.holds("/", |owner| *owner == 8));
        assert!(namespaces.leave("/", |owner| *owner == 7));
        assert!(!namespaces.leave("/", |owner| *owner == 7));
        assert_eq!(namespaces.receive(Kind::Event, "/", 1), Ok(Step::Ignore));
        assert_eq!(
            namespaces.receive(Kind::Disconnect, "/", 1),
            Ok(Step::Ignore)
        );
        assert_eq!(namespaces.receive(Kind::Connect, "/", 1), Ok(Step::Ask));
        namespaces.ask("/".into(), 9);
        assert_eq!(
            namespaces.receive(Kind::Disconnect, "/", 1),
            Ok(Step::Withdraw(9))
        );
        assert_eq!(namespaces.receive(Kind::Connect, "/", 1), Ok(Step::Ask));
        namespaces.ask("/".into(), 8);
        namespaces.accept("/");
        assert_eq!(
            namespaces.receive(Kind::Disconnect, "/", 1),
            Ok(Step::Leave(8))
        );
        assert_eq!(namespaces.receive(Kind::Event, "/", 1), Err(OutOfTurn));
    }

    #[test]
    fn the_end_tells_who_was_connected() {
        let mut namespaces = Namespaces::default();
        for (name, owner) in [("/asks", 1), ("/is-in", 2), ("/left", 3)] {
            namespaces.ask(name.into(), owner);
        }
        namespaces.accept("/is-in");
        namespaces.accept("/left");
        assert!(namespaces.leave("/left", |owner| *owner == 3));
        assert_eq!(namespaces.drain(), [(1, false), (2, true)]);
        assert!(namespaces.is_empty());
    }
}
