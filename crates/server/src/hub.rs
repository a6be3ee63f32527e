//! Delivers the log: every committed event, in `pos` order, from one cursor, to the sockets of its room.
//!
//! The hub is the only sender of numbered events. Effects (who enters or leaves a room, whose sockets end) are applied
//! at their own `pos`, so a removed socket gets nothing numbered above its removal. Signals, pieces and states go
//! through [`crate::publish`].

use crate::live;
use socketio::{Class, Frame, Namespace};
use store::{Committed, Effect, Event, What};
use tokio::sync::mpsc;
use wire::{Room, UserId};

/// How many committed batches may wait for the hub; the store's lane waits beyond it.
pub const WAITING_BATCHES: usize = 256;

/// Runs until the store is closed.
pub async fn run(mut batches: mpsc::Receiver<Vec<Committed>>, io: Namespace) {
    let mut cursor = None;
    while let Some(batch) = batches.recv().await {
        for committed in batch {
            let next = cursor.map(|pos: i64| pos + 1);
            if next.is_some_and(|next| next != committed.pos) {
                tracing::error!(
                    pos = committed.pos,
                    ?next,
                    "the log was handed over with a hole"
                );
            }
            cursor = Some(committed.pos);
            match committed.what {
                What::Event(event) => deliver(&io, &event),
                What::Effect(effect) => apply(&io, &effect),
            }
        }
    }
}

fn deliver(io: &Namespace, event: &Event) {
    let frame = Frame::event_json("/", &event.name, event.payload.get());
    let flags = if wire::events::name_is_in_contract(&event.name) {
        0
    } else {
        live::OPTED_IN
    };
    let sockets = io
        .to(&event.room)
        .with_flags(flags)
        .class(Class::Reliable)
        .send(&frame);
    tracing::debug!(room = %event.room, event = %event.name, seq = event.seq, sockets, "delivered");
}

fn apply(io: &Namespace, effect: &Effect) {
    let sockets_of = |user_id: &UserId| io.in_room(&Room::User(user_id.clone()).to_string());
    match effect {
        Effect::Join { user_id, room } => sockets_of(user_id).join(&room.to_string()),
        Effect::Leave { user_id, room } => sockets_of(user_id).leave(&room.to_string()),
        Effect::Empty { room } => {
            let room = room.to_string();
            io.in_room(&room).leave(&room);
        }
        Effect::JoinAll { of, room } => io.in_room(&of.to_string()).join(&room.to_string()),
        Effect::EndSession { session_id } => live::end_session(io, session_id),
        Effect::EndUser { user_id } => sockets_of(user_id).disconnect(true),
        Effect::RenewUser { user_id } => {
            for socket in sockets_of(user_id).sockets() {
                socket.close_transport();
            }
        }
    }
}
