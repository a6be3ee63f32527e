//! Engine.IO alone, for protocols of one's own on top of it: the same door, transports and limits, without namespaces.

use std::{fmt, sync::Arc};

use bytes::Bytes;

use crate::{Class, Config, Frame, Sid, conn::Conn, server::Server};

/// What travels in an Engine.IO session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EngineMessage {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Bytes),
}

pub(crate) type OnMessage = Box<dyn Fn(&EngineSocket, EngineMessage) + Send + Sync>;

/// One Engine.IO session. A cheap handle: clone it freely.
#[derive(Clone)]
pub struct EngineSocket(pub(crate) Arc<Conn>);

impl fmt::Debug for EngineSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EngineSocket").field(&self.0.sid).finish()
    }
}

impl EngineSocket {
    /// The session's id.
    pub fn id(&self) -> &Sid {
        &self.0.sid
    }

    /// Sends a message. Answers whether it was queued; a session whose queue is full is closed.
    pub fn send(&self, message: &EngineMessage) -> bool {
        let frame = match message {
            EngineMessage::Text(text) => Frame::engine(&format!("4{text}")),
            EngineMessage::Binary(bytes) => Frame::engine_binary(bytes),
        };
        self.0.push_raw(&frame, Class::Reliable)
    }
}

/// A server of Engine.IO sessions without Socket.IO above them.
#[derive(Debug, Clone)]
pub struct EngineServer(Server);

impl EngineServer {
    /// A server that hands every message to `on_message`, in order; it must not block.
    pub fn new<F>(config: Config, on_message: F) -> EngineServer
    where
        F: Fn(&EngineSocket, EngineMessage) + Send + Sync + 'static,
    {
        EngineServer(Server::with_messages(config, Some(Box::new(on_message))))
    }

    /// A router that answers at `path`, with and without a trailing slash.
    pub fn router<S: Clone + Send + Sync + 'static>(&self, path: &str) -> axum::Router<S> {
        self.0.router(path)
    }

    /// Closes every session so that its client comes back, and refuses new ones.
    pub async fn close(&self) {
        self.0.close().await;
    }
}
