//! The upgrade: a WebSocket probes beside a polling session and takes it over.

use std::task::{Context, Poll};

use socketio_proto::{
    engine::{Incoming, Packet, Transport},
    websocket::Message,
};

use super::Driver;
use crate::{Frame, admission::ProbePlace, conn::Close, websocket::WebSocket};

/// A WebSocket that has not taken over.
pub(super) struct Probe {
    pub(super) websocket: Box<WebSocket>,
    pub(super) _place: ProbePlace,
    pub(super) until_ms: u64,
}

impl Probe {
    /// The next text; `None` if it is gone, or late.
    fn poll_text(&mut self, cx: &mut Context<'_>, now_ms: u64) -> Poll<Option<String>> {
        loop {
            // A peer that does not take its answers is asked for no more.
            let read = match self.websocket.poll_write(cx) {
                Poll::Ready(Ok(1..)) => continue,
                Poll::Ready(Ok(0)) => self.websocket.poll_message(cx),
                Poll::Ready(Err(_)) => return Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            };
            return match read {
                Poll::Pending if now_ms < self.until_ms => Poll::Pending,
                Poll::Pending => Poll::Ready(None),
                Poll::Ready(Ok(Message::Text(text))) => Poll::Ready(Some(text)),
                Poll::Ready(Ok(Message::Ping(payload))) => {
                    self.websocket.answer_ping(payload);
                    continue;
                }
                Poll::Ready(Ok(Message::Pong(_))) => continue,
                Poll::Ready(Ok(Message::Binary(_) | Message::Close(_)) | Err(_)) => {
                    Poll::Ready(None)
                }
            };
        }
    }
}

impl Driver {
    /// Lets a WebSocket probe, and moves the session to it when it is ready.
    pub(super) fn poll_probe(&mut self, cx: &mut Context<'_>, now_ms: u64) -> Result<(), Close> {
        while let Some(probe) = &mut self.probe {
            let Poll::Ready(heard) = probe.poll_text(cx, now_ms) else {
                return Ok(());
            };
            let Some(text) = heard else {
                self.drop_probe(cx);
                continue;
            };
            // What the client posted before it upgrades was handed over before, and comes first. What there is no room
            // for is read when there is, before the WebSocket.
            while self.dispatch.has_room(&self.conn) && self.read_posted(now_ms)? {}
            match self.probe_packet(&text, now_ms) {
                Some(false) => {}
                Some(true) => self.adopt(cx),
                None => self.drop_probe(cx),
            }
        }
        Ok(())
    }

    /// Answers whether the WebSocket takes over, or `None` if it must go.
    fn probe_packet(&mut self, text: &str, now_ms: u64) -> Option<bool> {
        let packet = Packet::decode(text).ok()?;
        match self
            .session
            .receive(Transport::WebSocket, packet, now_ms)
            .ok()?
        {
            Incoming::ProbeAnswer(answer) => {
                let frame = Frame::engine(&answer.encode());
                self.probe
                    .as_mut()?
                    .websocket
                    .queue(frame.first().bytes.clone());
                self.conn.polling.as_deref()?.set_probing(true);
                Some(false)
            }
            Incoming::Upgraded => Some(true),
            _ => None,
        }
    }

    fn adopt(&mut self, cx: &mut Context<'_>) {
        self.websocket = self.probe.take().map(|probe| *probe.websocket);
        self.conn.out().stream = self.websocket.as_ref().and_then(WebSocket::shared_stream);
        if let Some(polling) = self.conn.polling.as_deref() {
            polling.upgraded();
            self.has_posted = polling.has_posted();
        }
        // Not before: what a poll could still take must be readable there.
        let deflates = self
            .websocket
            .as_ref()
            .is_some_and(|websocket| websocket.deflates);
        self.conn.set_deflates(deflates);
        cx.waker().wake_by_ref();
    }

    fn drop_probe(&mut self, cx: &mut Context<'_>) {
        self.session.probe_failed();
        if let Some(mut probe) = self.probe.take() {
            probe.websocket.queue_close(1002, "");
            let _ = probe.websocket.poll_write(cx);
        }
        if let Some(polling) = self.polling() {
            polling.set_probing(false);
        }
    }
}
