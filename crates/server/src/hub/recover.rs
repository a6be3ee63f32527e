//! Stock Socket.IO recovery: a socket goes on after one place of the whole log, over the rooms that are its person's
//! now. All it missed is given at once, before CONNECT is answered, within a step of the hub: nothing falls between.
//!
//! In doubt the answer is no, and the client begins anew: a place that this log does not know, something pruned, too
//! much missed. Who asks, and what a `pid` says: `live/recovery.rs`.

use super::{Hub, Rights, lock, stamped};
use crate::live;
use socketio::{Class, Socket, Stamped};
use store::log::{Head, Missed, Most};
use store::{Committed, What};
use wire::{Room, UserId};

/// The most that a client is given at once; one further away begins anew.
const MOST: Most = Most {
    events: 1_000,
    bytes: 512 * 1024,
};

impl Hub {
    /// The place in the log up to which everything was delivered.
    #[must_use]
    pub fn cursor(&self) -> Head {
        lock(&self.0.ring).cursor()
    }

    /// Whether a client that has everything up to `from` can go on in these rooms.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn reaches_back(&self, rooms: &[Room], from: Head) -> Result<bool, store::Error> {
        Ok(self.missed(rooms, from).await?.is_some())
    }

    /// Gives a socket that is in no room what its person's rooms got after `from`, and enters it into them. False in doubt,
    /// `None` if the rights have changed since they were read: it is in no room then.
    ///
    /// # Errors
    /// When the log cannot be read; the socket is in no room then.
    pub async fn go_on(
        &self,
        socket: &Socket,
        user_id: &UserId,
        rights: &Rights,
        from: Head,
    ) -> Result<Option<bool>, store::Error> {
        let rooms: Vec<Room> = rights.rooms.iter().cloned().collect();
        let Some(missed) = self.missed(&rooms, from).await? else {
            return Ok(Some(false));
        };
        let rooms: Vec<String> = rooms.iter().map(ToString::to_string).collect();
        let (socket, user_id, as_of) = (socket.clone(), user_id.clone(), rights.as_of);
        self.step(move |hub| {
            hub.admits(&socket, &user_id, as_of)
                .then(|| hub.go_on_now(&socket, &rooms, missed))
        })
        .await
        .ok_or(store::Error::Closed)
    }

    async fn missed(&self, rooms: &[Room], from: Head) -> Result<Option<Missed>, store::Error> {
        let rooms: Vec<String> = rooms.iter().map(ToString::to_string).collect();
        self.0
            .store
            .read(move |conn| store::log::missed_after(conn, &rooms, from, MOST))
            .await
    }

    fn go_on_now(&self, socket: &Socket, rooms: &[String], missed: Missed) -> bool {
        let ring = lock(&self.0.ring);
        let delivered = ring.cursor().number;
        // Delivered since the log was read.
        let Some(newer) = ring.after_pos(rooms, missed.up_to) else {
            return false;
        };
        drop(ring);
        // What is committed and not delivered yet is for the delivery.
        let stored = missed.events.into_iter();
        let stored = stored.filter(|event| event.pos <= delivered);
        for event in stored.filter_map(|event| restored(&event)).chain(newer) {
            socket.send_stamped(&event, Class::Reliable);
        }
        for room in rooms {
            socket.join(room);
        }
        true
    }
}

/// An event as a stock client gets it. None for what it would not know.
fn restored(event: &Committed) -> Option<Stamped> {
    match &event.what {
        What::Event(what) if live::is_for_all(&what.name) => {
            Some(stamped(what, event.pos, event.at_ms))
        }
        _ => None,
    }
}
