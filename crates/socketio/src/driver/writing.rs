//! The writing half: what is queued goes to the peer as far as it takes it. While nothing is on its way here, others may
//! write past the driver; see `Out::is_direct`.

use std::task::{Context, Poll};

use crate::{
    DisconnectReason,
    conn::{Close, Conn},
    flush::Awaited,
    outgoing::{Outgoing, Sink},
};

/// Bytes moved from the queue to a stream at once.
const BYTES_PER_WRITE: usize = 64 * 1024;
const NEVER: u64 = u64::MAX;

/// How writing goes.
pub(crate) struct Writing {
    /// When the peer stopped taking bytes.
    blocked_ms: u64,
}

impl Writing {
    pub(crate) fn new() -> Writing {
        Writing { blocked_ms: NEVER }
    }

    /// Until when a peer that takes nothing has time.
    pub(crate) fn blocked_until_ms(&self, timeout_ms: u64) -> u64 {
        self.blocked_ms.saturating_add(timeout_ms)
    }

    /// Writes what is queued until there is no more or the peer takes no more. Answers whether any of it was written.
    pub(crate) fn write<S: Sink>(
        &mut self,
        conn: &Conn,
        outgoing: &mut Outgoing<S>,
        cx: &mut Context<'_>,
        now_ms: u64,
    ) -> Result<bool, Close> {
        let mut has_written = false;
        let mut gone = 0;
        loop {
            let mut out = conn.out();
            out.queue.written(std::mem::take(&mut gone));
            if outgoing.is_drained() {
                out.awaited = Awaited::Nothing;
                out.queue
                    .take_bytes(BYTES_PER_WRITE, |bytes| outgoing.queue(bytes));
            }
            out.is_direct = outgoing.is_idle();
            if out.is_direct {
                self.blocked_ms = NEVER;
                return Ok(has_written);
            }
            drop(out);
            match outgoing.poll_write(cx) {
                Poll::Ready(Ok(bytes)) => {
                    has_written = true;
                    self.blocked_ms = NEVER;
                    gone = bytes;
                }
                Poll::Ready(Err(_)) => {
                    return Err(Close::now(DisconnectReason::TransportClose, 1006));
                }
                Poll::Pending => {
                    if self.blocked_ms == NEVER || has_written {
                        self.blocked_ms = now_ms;
                    }
                    return Ok(has_written);
                }
            }
        }
    }
}
