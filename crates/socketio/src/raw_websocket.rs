//! A WebSocket alone: the crate's own RFC 6455 stack for uses without Engine.IO, and for outside conformance tools.

use std::{
    fmt,
    future::{Future, poll_fn},
    task::{Poll, ready},
};

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use socketio_proto::websocket::{Message, Opcode, encode, encode_deflated};

use crate::{
    Compression, Config, EngineMessage,
    upgrade::Upgrade,
    websocket::{ReadError, SocketLimits, WebSocket},
};

/// The request is not the opening of a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request is not the opening of a WebSocket")]
pub struct NotAWebSocket;

/// One WebSocket. Pings are answered while it is read.
pub struct RawWebSocket {
    websocket: WebSocket,
    /// As agreed with the client.
    compression: Option<Compression>,
}

impl fmt::Debug for RawWebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawWebSocket")
            .field("websocket", &self.websocket)
            .field("compression", &self.compression)
            .finish()
    }
}

impl RawWebSocket {
    /// Answers a request that opens a WebSocket: the response to send, and what becomes the WebSocket when it is sent
    /// (`None` if the client has gone). Messages of more than `max_bytes` end it with 1009, compressed ones before they
    /// are inflated any further. With `compression`, permessage-deflate is agreed to if it is offered.
    pub fn accept<B>(
        mut request: Request<B>,
        max_bytes: usize,
        compression: Option<Compression>,
    ) -> Result<
        (
            Response<Body>,
            impl Future<Output = Option<RawWebSocket>> + Send,
        ),
        NotAWebSocket,
    > {
        let upgrade =
            Upgrade::of(&mut request, compression.is_some()).map_err(|_| NotAWebSocket)?;
        let answer = upgrade.answer();
        let compression = compression.filter(|_| upgrade.deflates());
        let limits = SocketLimits {
            message_bytes: max_bytes,
            ..SocketLimits::of(&Config::default(), compression.is_some())
        };
        let opened = async move {
            let upgraded = upgrade.on_upgrade.await.ok()?;
            Some(RawWebSocket {
                websocket: WebSocket::new(upgraded, limits),
                compression,
            })
        };
        Ok((answer, opened))
    }

    /// The next message; `None` when the WebSocket has been closed, by either side or by an error.
    pub async fn next(&mut self) -> Option<EngineMessage> {
        loop {
            let read = poll_fn(|cx| {
                // Answers to pings go out as the peer takes them; an error shows when reading.
                while let Poll::Ready(Ok(1..)) = self.websocket.poll_write(cx) {}
                self.websocket.poll_message(cx)
            });
            let close = match read.await {
                Ok(Message::Text(text)) => return Some(EngineMessage::Text(text)),
                Ok(Message::Binary(bytes)) => return Some(EngineMessage::Binary(bytes.into())),
                Ok(Message::Ping(payload)) => {
                    self.websocket.answer_ping(payload);
                    continue;
                }
                Ok(Message::Pong(_)) => continue,
                Ok(Message::Close(code)) => code,
                Err(ReadError::WebSocket(error)) => Some(error.close_code()),
                Err(ReadError::Gone) => return None,
            };
            match close {
                Some(code) => self.websocket.queue_close(code, ""),
                None => self.websocket.queue(Bytes::from_static(&[0x88, 0])),
            }
            self.flush().await;
            poll_fn(|cx| self.websocket.poll_end(cx)).await;
            return None;
        }
    }

    /// Sends a message and waits until the system has taken it. False if the peer is gone.
    pub async fn send(&mut self, message: &EngineMessage) -> bool {
        let (opcode, payload) = match message {
            EngineMessage::Text(text) => (Opcode::Text, text.as_bytes()),
            EngineMessage::Binary(bytes) => (Opcode::Binary, &**bytes),
        };
        let deflated = self
            .compression
            .filter(|compression| payload.len() >= compression.threshold_bytes)
            .and_then(|_| encode_deflated(opcode, payload));
        let frame = deflated.unwrap_or_else(|| encode(opcode, payload));
        self.websocket.queue(frame.into());
        self.flush().await
    }

    async fn flush(&mut self) -> bool {
        poll_fn(|cx| {
            while !self.websocket.is_drained() {
                if ready!(self.websocket.poll_write(cx)).is_err() {
                    return Poll::Ready(false);
                }
            }
            Poll::Ready(true)
        })
        .await
    }
}
