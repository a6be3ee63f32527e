//! The end of a connection: say so, give the peer time to hear it, let the handlers finish.

use std::task::{Context, Poll};

use super::{Driver, Phase, millis};
use crate::{DisconnectReason, conn::Close};

/// A close under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Closing {
    reason: DisconnectReason,
    code: u16,
    pub(super) until_ms: u64,
    /// Whether what is queued goes out first.
    flush: bool,
    is_said: bool,
}

impl Driver {
    pub(super) fn begin_closing(&mut self, close: Close, now_ms: u64) {
        // The first to ask decides; this also stops everyone else from queueing.
        self.conn.close(close);
        let close = self.conn.out().close.unwrap_or(close);
        self.session.close();
        self.probe = None;
        let left = std::mem::take(&mut self.conn.out().left);
        left.iter().for_each(|socket| self.dispatch.left(socket));
        self.dispatch.end(close.reason);
        // A peer that has taken nothing for the ping timeout takes no farewell either.
        let grace_ms = match now_ms >= self.blocked_until_ms() {
            true => 0,
            false => millis(self.conn.shared.config.close_grace),
        };
        tracing::debug!(sid = %self.conn.sid, reason = close.reason.as_str(), "a connection closes");
        self.phase = Phase::Closing(Closing {
            reason: close.reason,
            code: close.code,
            until_ms: now_ms.saturating_add(grace_ms),
            flush: close.flush,
            is_said: false,
        });
    }

    /// One turn of a close. `Ready` when the transport is gone.
    pub(super) fn poll_closing(
        &mut self,
        closing: &mut Closing,
        cx: &mut Context<'_>,
        now_ms: u64,
    ) -> Poll<()> {
        self.dispatch.poll(&self.conn, cx);
        if now_ms >= closing.until_ms || matches!(closing.code, 1006) {
            return Poll::Ready(());
        }
        if self.websocket.is_none() {
            let Some(polling) = self.polling() else {
                return Poll::Ready(());
            };
            let is_done = polling.close_was_told() || (!closing.flush && !polling.has_get());
            return if is_done {
                Poll::Ready(())
            } else {
                Poll::Pending
            };
        }
        if self.write(cx, now_ms).is_err() {
            return Poll::Ready(());
        }
        let Some(websocket) = &mut self.websocket else {
            return Poll::Ready(());
        };
        if !websocket.is_drained() {
            return Poll::Pending;
        }
        if !closing.is_said {
            closing.is_said = true;
            websocket.queue_close(closing.code, closing.reason.as_str());
        }
        match websocket.poll_write(cx) {
            Poll::Ready(Ok(_)) if !websocket.is_drained() => cx.waker().wake_by_ref(),
            Poll::Ready(Ok(_)) => {}
            Poll::Ready(Err(_)) => return Poll::Ready(()),
            Poll::Pending => return Poll::Pending,
        }
        // Wait for the peer's answer or end, so that it reads the close before the stream breaks.
        websocket.poll_end(cx)
    }

    /// The transport is gone; handlers go on.
    pub(super) fn begin_ending(&mut self) {
        // A peer has not even taken all before the farewell: what the system holds for it would stay until that gives up.
        if let Some(websocket) = self.websocket.take_if(|websocket| !websocket.is_drained()) {
            websocket.abort();
        }
        self.websocket = None;
        self.admission = None;
        self.conn.out().stream = None;
        if let Some(polling) = self.conn.polling.as_deref() {
            polling.end("1");
        }
        self.conn.out().queue.clear();
        self.phase = Phase::Ending;
    }
}
