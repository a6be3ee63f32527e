//! Sockets that are *behind*: fed page by page from the ring or the log while their queue is short, until each room
//! meets the hub's cursor and goes live within one of the hub's steps.
//!
//! A room that is behind gets no live event and buffers none, and while its queue is long no task waits for it: so a slow
//! or returning socket costs no more memory than a live one. A room may end (`until`) while it is behind: the socket
//! still gets what came before its removal.

use super::pages::Paged;
use super::places::{Place, Places};
use super::{Hub, lock, stamped, tell};
use futures_util::FutureExt;
use socketio::{Class, Socket};
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use store::What;
use store::log::Most;
use wire::Room;
use wire::events::{Recovered, Resumed, ServerEvent};

/// A page is read only while the socket's queue is no longer, in bytes: the transport's `queue_low_bytes`. A socket that
/// reads nothing keeps this much, and the places of its frames in the queue are most of what being behind costs.
pub const SHORT_QUEUE: usize = 32 * 1024;

/// What a page has at most: no more bytes than make a short queue long, but one event in any case.
const PAGE: Most = Most {
    events: 200,
    bytes: SHORT_QUEUE,
};

/// After which time it is first looked whether CONNECT was answered.
const FIRST_LOOK: Duration = Duration::from_millis(1);

/// How often in the end.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Who is told when every room of a socket is live.
pub enum Asker {
    /// The client, by the event `resumed`.
    Client,
    /// A command of it, by its acknowledgement. Dropped uncalled if the socket is gone before, or another person's.
    Command(Box<dyn FnOnce(Resumed) + Send>),
}

/// What is known of a socket while it is behind in some room.
pub struct Behind {
    socket: Socket,
    places: Mutex<Places>,
    results: Mutex<BTreeMap<String, Recovered>>,
    /// Who waits for the end.
    askers: Mutex<Vec<Asker>>,
    /// Whether a task feeds it. Else its queue is long, and feeding begins again when it has drained.
    is_fed: AtomicBool,
}

impl Behind {
    /// A socket that is behind in these places; `results` are the rooms that are live already.
    pub fn new(
        socket: Socket,
        places: Places,
        results: BTreeMap<String, Recovered>,
        asker: Asker,
    ) -> Behind {
        Behind {
            socket,
            places: Mutex::new(places),
            results: Mutex::new(results),
            askers: Mutex::new(vec![asker]),
            is_fed: AtomicBool::new(false),
        }
    }

    /// Whether its task is to end: the queue is long, and [`Hub::on_drain`] comes, or has come and begun anew.
    fn waits_for_drain(&self) -> bool {
        self.is_fed.store(false, Ordering::Release);
        self.socket.await_drain() || self.is_fed.swap(true, Ordering::AcqRel)
    }

    fn first(&self) -> Option<(Arc<str>, Place)> {
        lock(&self.places).first().cloned()
    }

    /// Goes on with what another asked for on the same socket.
    fn take_in(&self, asked: Behind) {
        let mut places = lock(&self.places);
        for (room, place) in std::mem::take(&mut *lock(&asked.places)) {
            places.insert(room, place);
        }
        lock(&self.results).append(&mut lock(&asked.results));
        lock(&self.askers).append(&mut lock(&asked.askers));
    }

    /// Tells the client that every room is live.
    fn finish(&self) {
        let resumed = Resumed {
            rooms: std::mem::take(&mut *lock(&self.results)),
        };
        let mut is_told = false;
        for asker in std::mem::take(&mut *lock(&self.askers)) {
            match asker {
                Asker::Command(answer) => answer(resumed.clone()),
                Asker::Client => is_told = true,
            }
        }
        if is_told {
            tell(&self.socket, &ServerEvent::Resumed(resumed));
        }
    }
}

impl Hub {
    /// Within a step: says `resumed` at once, or starts feeding.
    pub(super) fn feed_or_finish(&self, behind: Behind) {
        if lock(&behind.places).is_empty() {
            behind.finish();
        } else {
            self.feed(behind);
        }
    }

    /// Within a step: starts feeding, or has what feeds the socket already go on with this.
    pub(super) fn feed(&self, behind: Behind) {
        let known = lock(&self.0.behind).get(behind.socket.id()).cloned();
        if let Some(known) = known {
            // A `resume` while catching up.
            known.take_in(behind);
            return;
        }
        let behind = Arc::new(behind);
        lock(&self.0.behind).insert(*behind.socket.id(), behind.clone());
        self.spawn_feed(behind);
    }

    /// Within a delivery: the socket gets nothing of this room from the event after `cursor` on, until it is fed. What
    /// waits at the end of its queue is withdrawn and fed again.
    pub(super) fn fall_behind(&self, socket: &Socket, room: &Arc<str>, cursor: i64) {
        socket.leave(room);
        let withdrawn = socket.withdraw(lock(&self.0.ring).newest_first(room, cursor));
        let cursor = cursor - i64::try_from(withdrawn).unwrap_or(0);
        let known = lock(&self.0.behind).get(socket.id()).cloned();
        if let Some(behind) = known {
            lock(&behind.places).insert(room.clone(), Place::at(cursor));
            return;
        }
        let places = Places::from_iter([(room.clone(), Place::at(cursor))]);
        let behind = Arc::new(Behind::new(
            socket.clone(),
            places,
            BTreeMap::new(),
            Asker::Client,
        ));
        // The refusal of this event is followed by `on_drain`, perhaps at once.
        lock(&self.0.behind).insert(*socket.id(), behind);
        tracing::debug!(sid = %socket.id(), %room, cursor, "a slow socket is behind");
        if socket.is_gone() {
            // Perhaps it was forgotten just before.
            self.forget(socket);
        }
    }

    /// The queue of a socket is short again.
    pub(super) fn on_drain(&self, socket: &Socket) {
        let behind = lock(&self.0.behind).get(socket.id()).cloned();
        if let Some(behind) = behind {
            self.spawn_feed(behind);
        }
    }

    /// Within a step: nothing above the room's present head is fed to this socket, or to any.
    pub(super) fn stop_feeding(&self, socket: Option<&Socket>, room: &Room) {
        let name = room.to_string();
        let head = lock(&self.0.ring).head(&name).seq;
        let all: Vec<Arc<Behind>> = match socket {
            Some(socket) => lock(&self.0.behind)
                .get(socket.id())
                .cloned()
                .into_iter()
                .collect(),
            None => lock(&self.0.behind).values().cloned().collect(),
        };
        for behind in all {
            if let Some(place) = lock(&behind.places).get_mut(&name) {
                place.until = place.until.or(Some(head));
                place.is_back = false;
            }
        }
    }

    /// Within a step: a socket that is still being fed what came before its removal enters the room again after that.
    pub(super) fn rejoin_behind(&self, socket: &Socket, room: &str) -> bool {
        let Some(behind) = lock(&self.0.behind).get(socket.id()).cloned() else {
            return false;
        };
        match lock(&behind.places).get_mut(room) {
            Some(place) => {
                place.is_back = place.until.is_some();
                true
            }
            None => false,
        }
    }

    /// Whether a socket is behind in a room that is its.
    pub(super) fn is_behind_in(&self, socket: &Socket, room: &str) -> bool {
        let behind = lock(&self.0.behind).get(socket.id()).cloned();
        behind.is_some_and(|behind| {
            let mut places = lock(&behind.places);
            let place = places.get_mut(room);
            place.is_some_and(|place| place.until.is_none())
        })
    }

    /// Within a step: a room that is behind is fed from here on, if it was further; the client fetches anew if from nowhere.
    pub(super) fn move_back(&self, socket: &Socket, room: &str, cursor: Option<i64>) {
        let behind = lock(&self.0.behind).get(socket.id()).cloned();
        let Some(behind) = behind else { return };
        match cursor {
            Some(cursor) => {
                if let Some(place) = lock(&behind.places).get_mut(room) {
                    place.cursor = place.cursor.min(cursor);
                }
            }
            None => _ = lose(&behind, room, None),
        }
    }

    /// How many wait for a socket that is behind.
    pub fn askers(&self, socket: &Socket) -> usize {
        let behind = lock(&self.0.behind).get(socket.id()).cloned();
        behind.map_or(0, |behind| lock(&behind.askers).len())
    }

    /// The rooms that a socket is behind in.
    pub(super) fn behind_in(&self, socket: &Socket) -> Vec<Arc<str>> {
        let behind = lock(&self.0.behind).get(socket.id()).cloned();
        behind.map_or_else(Vec::new, |behind| lock(&behind.places).rooms())
    }

    /// Forgets a socket that is gone: nothing more is fed to it.
    pub fn forget(&self, socket: &Socket) {
        let behind = lock(&self.0.behind).remove(socket.id());
        if let Some(behind) = behind {
            *lock(&behind.places) = Places::default();
        }
    }

    /// Feeds a socket in a task of the hub, if none does. One that breaks costs its socket the transport: the client comes
    /// back.
    fn spawn_feed(&self, behind: Arc<Behind>) {
        if behind.is_fed.swap(true, Ordering::AcqRel) {
            return;
        }
        let hub = self.clone();
        self.0.feeding.spawn(async move {
            let feeding = AssertUnwindSafe(hub.clone().feed_on(behind.clone()));
            if let Err(panic) = feeding.catch_unwind().await {
                let text = crate::error::panic_text(panic.as_ref());
                tracing::error!(panic = text, sid = %behind.socket.id(), "feeding a socket broke; it comes back");
                hub.forget(&behind.socket);
                behind.socket.close_transport();
            }
        });
    }

    async fn feed_on(self, behind: Arc<Behind>) {
        let mut wait = FIRST_LOOK;
        while self.is_feeding(&behind) && !behind.socket.is_gone() {
            // Before CONNECT is answered what is sent would be held without a bound.
            if !behind.socket.is_connected() {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LOOK_EVERY);
                continue;
            }
            let Some((room, place)) = behind.first() else {
                if self.end(behind.clone()).await {
                    return;
                } else {
                    continue;
                }
            };
            if behind.waits_for_drain() {
                return;
            }
            let page = match self.page(&room, place.cursor).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(%error, sid = %behind.socket.id(), "a socket could not catch up; it comes back later");
                    behind.socket.close_transport();
                    break;
                }
            };
            let is_at_the_end = match page {
                Some(page) => self.give(&behind, &room, page),
                None => lose(&behind, &room, Some(place.cursor)),
            };
            if is_at_the_end {
                let behind = behind.clone();
                if self
                    .step(move |hub| hub.meet(&behind, &room))
                    .await
                    .is_none()
                {
                    break;
                }
            }
        }
        if self.is_feeding(&behind) {
            self.forget(&behind.socket);
        }
    }

    /// Whether the socket is still there, and its person's.
    fn is_feeding(&self, behind: &Arc<Behind>) -> bool {
        lock(&self.0.behind)
            .get(behind.socket.id())
            .is_some_and(|known| Arc::ptr_eq(known, behind))
    }

    /// Queues a page up to where the socket's right ends, or as much of it as makes the queue long: the rest is read again
    /// when it has drained. Answers whether the room may be at its end, or the right to it.
    fn give(&self, behind: &Behind, room: &Arc<str>, page: Vec<Paged>) -> bool {
        let head = lock(&self.0.ring).head(room).seq;
        let mut places = lock(&behind.places);
        let Some(place) = places.get_mut(room) else {
            return false;
        };
        // It may have been moved back since the page was asked for.
        if page
            .first()
            .is_some_and(|event| event.seq - 1 != place.cursor)
        {
            return false;
        }
        for event in page {
            if place.until.is_some_and(|until| event.seq > until) {
                return true;
            }
            if behind.socket.queued_bytes() > SHORT_QUEUE {
                return false;
            }
            behind.socket.send_stamped(&event.frame, Class::Reliable);
            place.cursor = event.seq;
        }
        place.cursor >= head || place.until.is_some_and(|until| place.cursor >= until)
    }

    /// Within a step: the room goes live if nothing came since the last page, or ends if the right to it has ended.
    fn meet(&self, behind: &Behind, room: &Arc<str>) {
        let head = lock(&self.0.ring).head(room);
        let mut places = lock(&behind.places);
        let Some(place) = places.get_mut(room).copied() else {
            return;
        };
        if place.until.is_some_and(|until| place.cursor >= until) {
            places.remove(room);
            drop(places);
            self.tell_left(&behind.socket, room);
            if place.is_back {
                self.join_now(&behind.socket, room, head);
            }
        } else if place.until.is_none() && place.cursor >= head.seq {
            places.remove(room);
            drop(places);
            behind.socket.join(room);
            lock(&behind.results).insert(
                room.to_string(),
                Recovered {
                    recovered: !place.is_lost,
                    position: head.pair(),
                },
            );
        }
    }

    /// Ends feeding in a step, unless another room fell behind meanwhile.
    async fn end(&self, behind: Arc<Behind>) -> bool {
        self.step(move |hub| {
            if !lock(&behind.places).is_empty() {
                return false;
            }
            if hub.is_feeding(&behind) {
                lock(&hub.0.behind).remove(behind.socket.id());
                behind.finish();
            }
            true
        })
        .await
        .unwrap_or(true)
    }

    /// The next events of a room; none if the one after `after` was pruned while the socket was behind.
    async fn page(&self, room: &Arc<str>, after: i64) -> Result<Option<Vec<Paged>>, store::Error> {
        let head = {
            let ring = lock(&self.0.ring);
            if let Some(page) = ring.after(room, after, PAGE.events) {
                return Ok(Some(page));
            }
            ring.head(room)
        };
        let key = (room.clone(), after);
        let page = self.0.pages.get(key, self.read_page(room, after)).await?;
        let first = page.first().map(|event| event.seq);
        let is_whole = head.seq <= after || first == Some(after + 1);
        Ok(is_whole.then(|| page.to_vec()))
    }

    async fn read_page(&self, room: &Arc<str>, after: i64) -> Result<Arc<[Paged]>, store::Error> {
        let name = room.clone();
        let rows = self
            .read(move |conn| store::log::events_after(conn, &name, after, PAGE))
            .await?;
        let delivered = lock(&self.0.ring).head(room);
        let page = rows.into_iter().filter_map(|row| match row.what {
            // What is committed but not delivered yet is the hub's to deliver.
            What::Event(event) if event.seq <= delivered.seq => Some(Paged {
                seq: event.seq,
                frame: stamped(&event, row.pos, row.at_ms),
            }),
            _ => None,
        });
        Ok(page.collect())
    }
}

/// The log does not hold what comes after a socket's place in a room, or never held the place: the room goes live from its
/// head, and the client fetches anew.
///
/// Where a cursor is named, only if that is still its place. Answers whether the room is lost.
fn lose(behind: &Behind, room: &str, cursor: Option<i64>) -> bool {
    let mut places = lock(&behind.places);
    let place = places.get_mut(room);
    let Some(place) = place.filter(|place| cursor.is_none_or(|cursor| place.cursor == cursor))
    else {
        return false;
    };
    tracing::info!(sid = %behind.socket.id(), %room, cursor = place.cursor, "a socket cannot be given what it missed");
    place.is_lost = true;
    place.cursor = i64::MAX;
    true
}
