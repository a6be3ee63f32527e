//! Stock Socket.IO recovery: a socket goes on after one place of the whole log, over the rooms that are its person's
//! now. All it missed is given at once, before CONNECT is answered, within a step of the hub: nothing falls between.
//!
//! In doubt the answer is no, and the client begins anew: a place that this log does not know, something pruned, too
//! much missed, too many changes of rights. And a room that was lost meanwhile: what came in it before is not told, yet
//! the place goes on with the other rooms, so that nobody would know what is missing if the room were the person's again.
//! One that was lost and is theirs again already is a room like any other.
//!
//! It is asked twice: for the socket's id before there is a socket (`live/recovery.rs`, which also says what a `pid`
//! says), and with the rights of the moment at which the rooms are entered, which may be others.

use super::{Entered, Hub, Theirs, has_entered, lock, stamped};
use crate::live;
use socketio::{Class, Socket, Stamped};
use store::log::{Head, Missed, Most};
use store::{Committed, What};

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

    /// Whether a client that has everything up to `from` can go on in these rooms, and lost none.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn reaches_back(&self, theirs: &Theirs, from: Head) -> Result<bool, store::Error> {
        Ok(self.missed(theirs, from).await?.is_some())
    }

    /// Gives a socket that is in no room what these got after `from`, and enters it into them.
    ///
    /// # Errors
    /// When the log cannot be read; the socket is in no room then.
    pub async fn go_on(
        &self,
        socket: &Socket,
        theirs: &Theirs,
        from: Head,
    ) -> Result<Entered, store::Error> {
        let Some(missed) = self.missed(theirs, from).await? else {
            return Ok(Entered::Doubtful);
        };
        let (socket, rooms) = (socket.clone(), names(theirs));
        self.step_in(theirs, move |hub| {
            if !hub.go_on_now(&socket, &rooms, missed) {
                return Entered::Doubtful;
            }
            has_entered(&socket);
            Entered::Yes
        })
        .await
    }

    async fn missed(&self, theirs: &Theirs, from: Head) -> Result<Option<Missed>, store::Error> {
        let (names, theirs) = (names(theirs), theirs.clone());
        self.read(move |conn| {
            let Some(missed) = store::log::missed_after(conn, &names, from, MOST)? else {
                return Ok(None);
            };
            let (person, rooms) = (&theirs.user_id, &theirs.rooms);
            let may_have_lost =
                store::log::may_have_lost_a_room_after(conn, person, rooms, from.number)?;
            Ok((!may_have_lost).then_some(missed))
        })
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

fn names(theirs: &Theirs) -> Vec<String> {
    theirs.rooms.iter().map(ToString::to_string).collect()
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
