//! Writing to many connections at once: one task goes from socket to socket, instead of waking the task of each.
//!
//! It runs when the broadcaster's own turn is over, so that events broadcast in one turn leave in one write.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::conn::Conn;

/// Fewer connections than this are woken: their own tasks write.
const FEW: usize = 4;
/// Connections of one task: a larger room is written to by several.
const PER_TASK: usize = 1024;
/// Connections written to before other tasks get their turn.
const PER_TURN: usize = 64;

/// Flushes connections soon.
pub(crate) fn soon(mut conns: Vec<Arc<Conn>>) {
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
        tokio::task::yield_now().await;
    }
}
