//! Recovery from this process's memory: the newest events of a namespace, and the sessions of clients that went away a
//! short while ago. Bounded in time, count and bytes; gone with the process.
//!
//! One lock orders all reliable events of the namespace, so that an offset names a place in what each client saw.

use std::{
    any::Any,
    collections::{HashMap, HashSet, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::Stamped;
use crate::{Broadcast, Class, Frame, Sid, Socket, tables};

/// What a namespace keeps in memory for clients that come back soon; see
/// [`Namespace::keep_for_recovery`](crate::Namespace::keep_for_recovery).
#[derive(Debug, Clone)]
pub struct RecoveryWindow {
    /// How long a client may be away.
    pub max_disconnection: Duration,
    /// Events that are kept.
    pub max_events: usize,
    /// Bytes of the events that are kept.
    pub max_bytes: usize,
    /// Clients that are away and may come back; the one away longest goes first.
    pub max_sessions: usize,
}

impl Default for RecoveryWindow {
    fn default() -> Self {
        RecoveryWindow {
            max_disconnection: Duration::from_secs(120),
            max_events: 10_000,
            max_bytes: 16 << 20,
            max_sessions: 10_000,
        }
    }
}

/// Whom an event was for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Audience {
    /// Rooms and ids; empty for everybody.
    pub(crate) to: Vec<Box<str>>,
    pub(crate) except: Vec<Sid>,
    pub(crate) except_rooms: Vec<Box<str>>,
    pub(crate) mask: u32,
}

impl Audience {
    fn has(&self, sid: &Sid, away: &Away) -> bool {
        let is_in = |room: &str| away.rooms.contains(room);
        let is_named = |room: &str| is_in(room) || room == sid.as_str();
        away.flags & self.mask == self.mask
            && (self.to.is_empty() || self.to.iter().any(|room| is_named(room)))
            && !self.except.contains(sid)
            && !self.except_rooms.iter().any(|room| is_in(room))
    }
}

struct Kept {
    event: Stamped,
    audience: Audience,
    at_ms: u64,
}

struct Session {
    sid: Sid,
    /// The newest event when it began: where a client is that got none.
    start: u64,
    away: Option<Away>,
}

/// What a client had when it went.
pub(crate) struct Away {
    pub(crate) rooms: HashSet<String>,
    pub(crate) flags: u32,
    pub(crate) data: Option<Arc<dyn Any + Send + Sync>>,
    since_ms: u64,
}

impl Away {
    pub(crate) fn new(
        rooms: HashSet<String>,
        flags: u32,
        data: Option<Arc<dyn Any + Send + Sync>>,
    ) -> Away {
        Away {
            rooms,
            flags,
            data,
            since_ms: 0,
        }
    }
}

#[derive(Default)]
struct State {
    /// Number of the newest event; they are numbered from 1, without holes.
    head: u64,
    events: VecDeque<Kept>,
    bytes: usize,
    by_pid: HashMap<Box<str>, Session>,
    /// Who went when, in that order. Those who came back stand here until their time is over.
    gone: VecDeque<(u64, Box<str>)>,
}

/// The events and sessions of one namespace.
pub(crate) struct Memory {
    bounds: RecoveryWindow,
    start: Instant,
    state: Mutex<State>,
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("bounds", &self.bounds)
            .finish_non_exhaustive()
    }
}

impl Memory {
    pub(crate) fn new(bounds: RecoveryWindow) -> Memory {
        Memory {
            bounds,
            start: Instant::now(),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Keeps an event and sends it.
    pub(crate) fn broadcast(&self, broadcast: Broadcast, frame: &Frame) -> usize {
        let mut state = self.state();
        let event = state.keep(frame, &broadcast.audience(), &self.bounds, self.now_ms());
        broadcast.deliver(frame.size_bytes(), |socket| event.frame_for(socket))
    }

    /// Keeps an event for one socket and sends it.
    pub(crate) fn send(&self, socket: &Socket, frame: &Frame) -> bool {
        let audience = Audience {
            to: vec![socket.id().as_str().into()],
            ..Audience::default()
        };
        let mut state = self.state();
        let event = state.keep(frame, &audience, &self.bounds, self.now_ms());
        socket.send_plain(event.frame_for(socket), Class::Reliable)
    }

    /// A client is new.
    pub(crate) fn begin(&self, socket: &Socket) {
        let Some(pid) = Sid::random() else { return };
        let mut state = self.state();
        let session = Session {
            sid: *socket.id(),
            start: state.head,
            away: None,
        };
        state.by_pid.insert(pid.as_str().into(), session);
        drop(state);
        // A connection that is gone already tells nobody of its session.
        if !socket.offer_recovery(pid.as_str()) {
            self.forget(pid.as_str());
        }
    }

    /// The id of a client that is away, or not yet known to be.
    pub(crate) fn sid_of(&self, pid: &str) -> Option<Sid> {
        self.state().by_pid.get(pid).map(|session| session.sid)
    }

    /// Makes the socket the one that went away: its id, rooms, data, and what it missed. False if that cannot be.
    pub(crate) fn recover(
        &self,
        socket: &Socket,
        sid: Sid,
        pid: &str,
        offset: Option<&str>,
    ) -> bool {
        let mut state = self.state();
        state.forget_old(&self.bounds, self.now_ms());
        let Some(missed) = state.missed(pid, sid, offset, socket.may_hold_bytes()) else {
            return false;
        };
        let Some(away) = state.by_pid.get_mut(pid).and_then(|session| {
            // A connection that broke again meanwhile leaves everything as it is.
            (!socket.is_gone()).then(|| session.away.take()).flatten()
        }) else {
            return false;
        };
        socket.recover_as(sid, pid);
        // Nothing is sent while the lock is held: what was missed comes first, then what is new.
        socket.take_back(away);
        for event in missed {
            socket.send_plain(event.frame_for(socket), Class::Reliable);
        }
        true
    }

    /// Those who may come back, away or not.
    #[cfg(test)]
    pub(crate) fn sessions(&self) -> usize {
        self.state().by_pid.len()
    }

    /// A client's connection was lost.
    pub(crate) fn went_away(&self, pid: &str, mut away: Away) {
        let now_ms = self.now_ms();
        away.since_ms = now_ms;
        let mut state = self.state();
        if let Some(session) = state.by_pid.get_mut(pid) {
            session.away = Some(away);
            state.gone.push_back((now_ms, pid.into()));
        }
        state.forget_old(&self.bounds, now_ms);
    }

    /// A client left, or was made to: it does not come back.
    pub(crate) fn forget(&self, pid: &str) {
        let mut state = self.state();
        state.by_pid.remove(pid);
        tables::shrink(&mut state.by_pid);
    }
}

impl State {
    fn keep(
        &mut self,
        frame: &Frame,
        audience: &Audience,
        bounds: &RecoveryWindow,
        now_ms: u64,
    ) -> Stamped {
        // Of a bundle each event has its own place: a client may break off after any of them.
        let events = frame.events().into_iter().map(|frame| {
            self.head += 1;
            self.bytes += frame.size_bytes();
            let event = Stamped::new(frame, self.head.to_string());
            self.events.push_back(Kept {
                event: event.clone(),
                audience: audience.clone(),
                at_ms: now_ms,
            });
            event
        });
        let mut events: Vec<Stamped> = events.collect();
        self.forget_old(bounds, now_ms);
        let only = if events.len() == 1 {
            events.pop()
        } else {
            Stamped::bundle(events)
        };
        only.unwrap_or_else(|| Stamped::new(frame.clone(), self.head.to_string()))
    }

    /// What a session missed; none if that is not known, or too much.
    fn missed(
        &self,
        pid: &str,
        sid: Sid,
        offset: Option<&str>,
        max_bytes: usize,
    ) -> Option<Vec<Stamped>> {
        let session = self.by_pid.get(pid).filter(|session| session.sid == sid)?;
        let away = session.away.as_ref()?;
        let seen = match offset {
            Some(offset) => offset.parse().ok()?,
            None => session.start,
        };
        let kept = u64::try_from(self.events.len()).ok()?;
        let first_seen = self.head - kept;
        let skip = usize::try_from(seen.checked_sub(first_seen)?).ok()?;
        if seen > self.head {
            return None;
        }
        let missed = self.events.iter().skip(skip);
        let missed: Vec<Stamped> = missed
            .filter(|kept| kept.audience.has(&sid, away))
            .map(|kept| kept.event.clone())
            .collect();
        let bytes: usize = missed.iter().map(|event| event.frame().size_bytes()).sum();
        (bytes <= max_bytes).then_some(missed)
    }

    fn forget_old(&mut self, bounds: &RecoveryWindow, now_ms: u64) {
        let max_ms = u64::try_from(bounds.max_disconnection.as_millis()).unwrap_or(u64::MAX);
        let is_old = |at_ms: u64| now_ms.saturating_sub(at_ms) > max_ms;
        while let Some(oldest) = self.events.front() {
            let is_within =
                self.events.len() <= bounds.max_events && self.bytes <= bounds.max_bytes;
            if is_within && !is_old(oldest.at_ms) {
                break;
            }
            self.bytes -= oldest.event.frame().size_bytes();
            self.events.pop_front();
        }
        while let Some((since_ms, pid)) = self.gone.front() {
            if self.gone.len() <= bounds.max_sessions && !is_old(*since_ms) {
                break;
            }
            let is_still_away = self
                .by_pid
                .get(pid)
                .and_then(|session| session.away.as_ref())
                .is_some_and(|away| away.since_ms == *since_ms);
            if is_still_away {
                self.by_pid.remove(pid);
            }
            self.gone.pop_front();
        }
        tables::shrink_queue(&mut self.events);
        tables::shrink_queue(&mut self.gone);
        tables::shrink(&mut self.by_pid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: RecoveryWindow = RecoveryWindow {
        max_disconnection: Duration::from_secs(1),
        max_events: 3,
        max_bytes: 1_000,
        max_sessions: 2,
    };

    fn sid(name: &str) -> Sid {
        Sid::parse(&format!("{name:0>20}")).unwrap()
    }

    fn away(state: &mut State, pid: &str, rooms: &[&str], since_ms: u64) {
        let rooms = rooms.iter().map(|room| (*room).to_owned()).collect();
        let session = Session {
            sid: sid(pid),
            start: state.head,
            away: Some(Away {
                since_ms,
                ..Away::new(rooms, 0, None)
            }),
        };
        state.by_pid.insert(pid.into(), session);
        state.gone.push_back((since_ms, pid.into()));
        state.forget_old(&BOUNDS, since_ms);
    }

    fn keep(state: &mut State, to: &[&str], except: &str, at_ms: u64) {
        let audience = Audience {
            to: to.iter().map(|room| (*room).into()).collect(),
            except: vec![sid(except)],
            ..Audience::default()
        };
        state.keep(&Frame::event_json("/", "e", "1"), &audience, &BOUNDS, at_ms);
    }

    fn missed(state: &State, pid: &str, offset: Option<&str>) -> Option<Vec<String>> {
        let missed = state.missed(pid, sid(pid), offset, 1_000)?;
        Some(
            missed
                .iter()
                .map(|event| event.offset().to_owned())
                .collect(),
        )
    }

    #[test]
    fn what_was_missed_is_what_was_for_the_session_after_its_offset() {
        let mut state = State::default();
        away(&mut state, "a", &["room"], 0);
        keep(&mut state, &["room", "b"], "x", 0);
        keep(&mut state, &["other"], "x", 0);
        keep(&mut state, &[], "a", 0);
        let none = Some(Vec::new());
        assert_eq!(missed(&state, "a", None), Some(vec!["1".to_owned()]));
        assert_eq!(missed(&state, "a", Some("1")), none);
        assert_eq!(missed(&state, "a", Some("3")), none);
        assert_eq!(missed(&state, "a", Some("4")), None, "above the head");
        assert_eq!(missed(&state, "a", Some("one")), None);
        assert_eq!(missed(&state, "b", None), None, "nobody");
        keep(&mut state, &["a", &sid("a").to_string()], "x", 0);
        assert_eq!(missed(&state, "a", Some("1")), Some(vec!["4".to_owned()]));
        assert_eq!(
            missed(&state, "a", Some("0")),
            None,
            "1 was the oldest of four"
        );
        assert!(
            state.missed("a", sid("a"), Some("1"), 5).is_none(),
            "too many bytes"
        );
    }

    #[test]
    fn events_of_a_bundle_are_kept_and_counted_one_by_one() {
        let mut state = State::default();
        away(&mut state, "a", &[], 0);
        let frames = ["x", "y", "z"].map(|name| Frame::event_json("/", name, "1"));
        let bundle = Frame::bundle(frames).unwrap();
        let stamped = state.keep(&bundle, &Audience::default(), &BOUNDS, 0);
        assert_eq!((stamped.offset(), state.head), ("3", 3));
        assert_eq!(stamped.frame().size_bytes(), bundle.size_bytes());
        assert_eq!(state.bytes, bundle.size_bytes());
        let after_the_first = Some(vec!["2".to_owned(), "3".to_owned()]);
        assert_eq!(missed(&state, "a", Some("1")), after_the_first);
    }

    #[test]
    fn events_and_sessions_are_bounded_in_count_and_time() {
        let mut state = State::default();
        for pid in ["a", "b", "c"] {
            away(&mut state, pid, &[], 10);
        }
        assert_eq!(missed(&state, "a", None), None, "the one away longest");
        for _ in 0..5 {
            keep(&mut state, &[], "x", 20);
        }
        assert_eq!((state.events.len(), state.head), (3, 5));
        state.forget_old(&BOUNDS, 1_011);
        assert_eq!((state.by_pid.len(), state.events.len()), (0, 3));
        state.forget_old(&BOUNDS, 1_021);
        assert_eq!(
            (state.bytes, state.events.len(), state.gone.len()),
            (0, 0, 0)
        );
    }

    #[test]
    fn a_crowd_that_stays_away_leaves_no_room_behind() {
        let mut state = State::default();
        let bounds = RecoveryWindow {
            max_events: 2_000,
            max_bytes: usize::MAX,
            max_sessions: 2_000,
            ..BOUNDS
        };
        for number in 0..2_000_u64 {
            let pid = format!("{number}");
            let session = Session {
                sid: sid(&pid),
                start: 0,
                away: Some(Away::new(HashSet::new(), 0, None)),
            };
            state.by_pid.insert(pid.as_str().into(), session);
            state.gone.push_back((0, pid.into()));
            let frame = Frame::event_json("/", "e", "1");
            state.keep(&frame, &Audience::default(), &bounds, 0);
        }
        state.forget_old(&bounds, 1_001);
        assert_eq!((state.events.len(), state.by_pid.len()), (0, 0));
        let kept = [
            state.events.capacity(),
            state.gone.capacity(),
            state.by_pid.capacity(),
        ];
        assert_eq!(kept, [0, 0, 0]);
    }
}
