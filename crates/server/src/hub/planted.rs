//! Planted bugs of delivery, for tests that must find them. Compiled with the feature `faults` alone.

use super::{Hub, lock};
use socketio::Stamped;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};
use store::{Event, fault};

type Held = HashMap<Arc<str>, (Arc<str>, i64, Stamped)>;

/// Events that are held back until the next of their room went out.
static HELD: LazyLock<Mutex<Held>> = LazyLock::new(Mutex::default);

/// Delivers an event wrongly if it is time for a planted bug; true if nothing is left to deliver.
pub(super) fn spoil(hub: &Hub, event: &Event, frame: &Stamped) -> bool {
    if !fault::counts(&event.room) {
        return false;
    }
    if let Some((name, seq, held)) = lock(&HELD).remove(&event.room) {
        hub.send_out(&event.room, &event.name, event.seq, frame);
        hub.send_out(&event.room, &name, seq, &held);
        return true;
    }
    if fault::shows("wrong_order") {
        let held = (Arc::from(&*event.name), event.seq, frame.clone());
        lock(&HELD).insert(event.room.clone(), held);
        return true;
    }
    if fault::shows("double_event") {
        hub.send_out(&event.room, &event.name, event.seq, frame);
    }
    fault::shows("lost_event")
}
