//! Writing to many connections at once: one task goes from socket to socket, instead of waking the task of each.
//!
//! It runs when the broadcaster's own turn is over, so that events broadcast in one turn leave in one write. The frames
//! of a busy room wait for each other a little longer: `window` says how long, [`Gathering`] holds who waits.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use crate::{
    conn::Conn,
    rooms::Room,
    runtime::{Handle, now, sleep_until, yield_now},
    sync::{Mutex, MutexGuard},
    window::{Pace, Turn},
};

/// Fewer connections than this are woken: their own tasks write.
const FEW: usize = 4;
/// Connections of one task: a larger room is written to by several.
const PER_TASK: usize = 1024;
/// Connections written to before other tasks get their turn.
const PER_TURN: usize = 64;

/// What a connection's queue waits for, where its driver does not know of what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Awaited {
    /// Nothing: it is empty, or the driver is at it.
    #[default]
    Nothing,
    /// The end of a room's window.
    Window,
    /// A task that was started.
    Task,
}

/// Connections that a broadcast has queued something for and nobody sees to yet.
#[derive(Debug)]
pub(crate) struct Later {
    pub(crate) conns: Vec<Arc<Conn>>,
    pub(crate) awaited: Awaited,
}

impl Later {
    /// For a broadcast that leaves with this turn.
    pub(crate) fn soon() -> Later {
        Later {
            conns: Vec::new(),
            awaited: Awaited::Task,
        }
    }

    /// Flushes them when the broadcaster's turn is over.
    pub(crate) fn flush(self) {
        soon(self.conns);
    }
}

/// What a room gathers for its next write. Takes no memory before the first broadcast to more than a few.
#[derive(Debug, Default)]
pub(crate) struct Gathering(Mutex<Option<Box<State>>>);

#[derive(Debug)]
struct State {
    pace: Pace,
    /// Counts windows: the timer of one that closed early must not close the next.
    window: u64,
    /// Connections that wait for the window that is open.
    waiting: Vec<Arc<Conn>>,
}

/// A frame on its way to the members of a room.
#[derive(Debug)]
struct Passage {
    /// To be filled with those it was queued for.
    later: Later,
    turn: Turn,
    window: u64,
}

/// Sends a frame of so many bytes to a room: `queue` queues it for whom it is for and answers how many those are. It
/// waits for others no longer than `longest`.
pub(crate) fn through(
    room: &Arc<Room>,
    bytes: usize,
    longest: Duration,
    queue: impl FnOnce(&mut Later) -> usize,
) -> usize {
    let mut passage = room.gathering.begin(room.count(), bytes, longest);
    let reached = queue(&mut passage.later);
    passage.end(room);
    reached
}

impl Gathering {
    fn state(&self) -> MutexGuard<'_, Option<Box<State>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A frame of so many bytes is to be queued for so many members. To be ended with [`Passage::end`].
    fn begin(&self, members: usize, bytes: usize, longest: Duration) -> Passage {
        let mut passage = Passage {
            later: Later::soon(),
            turn: Turn::Now,
            window: 0,
        };
        if members < FEW || longest.is_zero() || Handle::try_current().is_err() {
            return passage;
        }
        let now = now();
        let mut state = self.state();
        let state = state.get_or_insert_with(|| {
            Box::new(State {
                pace: Pace::new(longest, now),
                window: 0,
                waiting: Vec::new(),
            })
        });
        passage.turn = state.pace.turn(bytes, now);
        match passage.turn {
            // A window that has become full closes now.
            Turn::Now => passage.later.conns = std::mem::take(&mut state.waiting),
            Turn::Wait => passage.later.awaited = Awaited::Window,
            Turn::Open(_) => {
                passage.later.awaited = Awaited::Window;
                state.window += 1;
            }
        }
        passage.window = state.window;
        passage
    }

    /// Lets those of a passage wait for its window. Gives them back if it has closed.
    fn wait(&self, passage: Passage) -> Later {
        let mut state = self.state();
        let open = state
            .as_mut()
            .filter(|state| state.window == passage.window && state.pace.is_open());
        match open {
            Some(state) => {
                state.waiting.extend(passage.later.conns);
                Later::soon()
            }
            None => passage.later,
        }
    }

    /// Closes a window if it is still open. Answers who waited for it.
    fn close(&self, window: u64) -> Vec<Arc<Conn>> {
        let mut state = self.state();
        match state.as_mut().filter(|state| state.window == window) {
            Some(state) => {
                state.pace.close();
                std::mem::take(&mut state.waiting)
            }
            None => Vec::new(),
        }
    }
}

impl Passage {
    /// The frame is queued for everyone.
    fn end(self, room: &Arc<Room>) {
        let (turn, window) = (self.turn, self.window);
        match turn {
            Turn::Now => self.later.flush(),
            Turn::Wait => room.gathering.wait(self).flush(),
            Turn::Open(at) => {
                room.gathering.wait(self).flush();
                let room = room.clone();
                Handle::current().spawn(async move {
                    sleep_until(at).await;
                    soon(room.gathering.close(window));
                });
            }
        }
    }
}

/// Flushes connections when the caller's turn is over.
fn soon(mut conns: Vec<Arc<Conn>>) {
    let runtime = Handle::try_current().ok().filter(|_| conns.len() >= FEW);
    let Some(runtime) = runtime else {
        return conns.iter().for_each(|conn| conn.flush_by_driver());
    };
    while conns.len() > PER_TASK {
        runtime.spawn(flush(conns.split_off(conns.len() - PER_TASK)));
    }
    runtime.spawn(flush(conns));
}

async fn flush(conns: Vec<Arc<Conn>>) {
    for turn in conns.chunks(PER_TURN) {
        turn.iter().for_each(|conn| conn.flush());
        yield_now().await;
    }
}
