//! A WebSocket alone: the crate's own RFC 6455 stack for uses without Engine.IO, and for outside conformance tools.

use std::{
    fmt,
    future::{Future, poll_fn},
    task::{Poll, ready},
};

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use socketio_proto::websocket::{Message, Opcode, encode};

use crate::{
    Config, EngineMessage,
    upgrade::Upgrade,
    websocket::{ReadError, SocketLimits, WebSocket},
};

/// The request is not the opening of a WebSocket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request is not the opening of a WebSocket")]
pub struct NotAWebSocket;

/// One WebSocket. Pings are answered while it is read.
pub struct RawWebSocket(WebSocket);

impl fmt::Debug for RawWebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RawWebSocket").finish()
    }
}

impl RawWebSocket {
    /// Answers a request that opens a WebSocket: the response to send, and what becomes the WebSocket when it is sent
    /// (`None` if the client has gone). Messages of more than `max_bytes` end it with 1009.
    pub fn accept<B>(
        mut request: Request<B>,
        max_bytes: usize,
    ) -> Result<
        (
            Response<Body>,
            impl Future<Output = Option<RawWebSocket>> + Send,
        ),
        NotAWebSocket,
    > {
        let upgrade = Upgrade::of(&mut request).map_err(|_| NotAWebSocket)?;
        let answer = upgrade.answer();
        let limits = SocketLimits {
            message_bytes: max_bytes,
            ..SocketLimits::of(&Config::default())
        };
        let opened = async move {
            let upgraded = upgrade.on_upgrade.await.ok()?;
            Some(RawWebSocket(WebSocket::new(upgraded, limits)))
        };
        Ok((answer, opened))
    }

    /// The next message; `None` when the WebSocket has been closed, by either side or by an error.
    pub async fn next(&mut self) -> Option<EngineMessage> {
        loop {
            let read = poll_fn(|cx| {
                // Answers to pings go out as the peer takes them; an error shows when reading.
                while let Poll::Ready(Ok(1..)) = self.0.poll_write(cx) {}
                self.0.poll_message(cx)
            });
            let close = match read.await {
                Ok(Message::Text(text)) => return Some(EngineMessage::Text(text)),
                Ok(Message::Binary(bytes)) => return Some(EngineMessage::Binary(bytes.into())),
                Ok(Message::Ping(payload)) => {
                    self.0.answer_ping(payload);
                    continue;
                }
                Ok(Message::Pong(_)) => continue,
                Ok(Message::Close(code)) => code,
                Err(ReadError::WebSocket(error)) => Some(error.close_code()),
                Err(ReadError::Gone) => return None,
            };
            match close {
                Some(code) => self.0.queue_close(code, ""),
                None => self.0.queue(Bytes::from_static(&[0x88, 0])),
            }
            self.flush().await;
            poll_fn(|cx| self.0.poll_end(cx)).await;
            return None;
        }
    }

    /// Sends a message and waits until the system has taken it. False if the peer is gone.
    pub async fn send(&mut self, message: &EngineMessage) -> bool {
        let frame = match message {
            EngineMessage::Text(text) => encode(Opcode::Text, text.as_bytes()),
            EngineMessage::Binary(bytes) => encode(Opcode::Binary, bytes),
        };
        self.0.queue(frame.into());
        self.flush().await
    }

    async fn flush(&mut self) -> bool {
        poll_fn(|cx| {
            while !self.0.is_drained() {
                if ready!(self.0.poll_write(cx)).is_err() {
                    return Poll::Ready(false);
                }
            }
            Poll::Ready(true)
        })
        .await
    }
}
