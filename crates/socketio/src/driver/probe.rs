//! The upgrade: a WebSocket probes beside a polling session and takes it over.

use std::task::{Context, Poll};

use socketio_proto::{
    engine::{Incoming, Packet, Transport, decode_payload},
    websocket::Message,
};

use super::Driver;
use crate::{Frame, conn::Close, polling::Polling, websocket::WebSocket};

/// A WebSocket that has not taken over.
pub(super) struct Probe {
    pub(super) websocket: Box<WebSocket>,
    pub(super) until_ms: u64,
}

impl Driver {
    /// Lets a WebSocket probe, and moves the session to it when it is ready.
    pub(super) fn poll_probe(&mut self, cx: &mut Context<'_>, now_ms: u64) -> Result<(), Close> {
        while let Some(probe) = &mut self.probe {
            let is_late = now_ms >= probe.until_ms;
            // What goes out here is short; a peer that does not take it is late.
            while matches!(probe.websocket.poll_write(cx), Poll::Ready(Ok(1..))) {}
            let read = match probe.websocket.poll_message(cx) {
                Poll::Pending if !is_late => return Ok(()),
                Poll::Pending => None,
                Poll::Ready(Ok(Message::Text(text))) => self.probe_packet(&text, now_ms),
                Poll::Ready(Ok(Message::Ping(payload))) => {
                    probe.websocket.answer_ping(payload);
                    Some(false)
                }
                Poll::Ready(Ok(Message::Pong(_))) => Some(false),
                Poll::Ready(Ok(Message::Binary(_) | Message::Close(_)) | Err(_)) => None,
            };
            match read {
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
                self.probe.as_mut()?.websocket.queue(frame.first.bytes);
                self.conn.polling.as_deref()?.set_probing(true);
                Some(false)
            }
            Incoming::Upgraded => Some(true),
            _ => None,
        }
    }

    fn adopt(&mut self, cx: &mut Context<'_>) {
        // What the client posted before it upgraded was handed over before, and comes first.
        while let Some(text) = self.polling().and_then(Polling::next_packet) {
            let now_ms = self.conn.shared.now_ms();
            let Some(Ok(packet)) = decode_payload(&text).next() else {
                continue;
            };
            let taken = match packet {
                Packet::Message(text) => self.dispatch.text(&self.conn, text.into_owned(), now_ms),
                Packet::Binary(bytes) => {
                    self.dispatch
                        .binary(&self.conn, bytes.into_owned().into(), now_ms)
                }
                _ => Ok(()),
            };
            if let Err(reason) = taken {
                self.conn.close(Close::now(reason, 1002));
            }
        }
        self.websocket = self.probe.take().map(|probe| *probe.websocket);
        if let Some(polling) = self.conn.polling.as_deref() {
            polling.upgraded();
        }
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
