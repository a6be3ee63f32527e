//! The Socket.IO layer of one connection: packets become jobs, and jobs run one after the other.
//!
//! An event, a CONNECT and a disconnect are jobs: they call the owner's handlers. Acknowledgements are not: they are
//! handed on at once, so that a handler can wait for one.

mod jobs;

use std::{sync::Arc, task::Context};

use bytes::Bytes;
use serde_json::json;
use socketio_proto::socket::{Assembled, Assembler, Kind, Namespaces, Step};

use self::jobs::{Job, Jobs, Outcome};
use crate::{
    Ack, AckReply, Args, Class, ConnectError, DisconnectReason, Event, Frame, Sid, Socket,
    config::Dialect, conn::Conn, rate::Bucket,
};

/// The packets and handlers of one connection. Takes no memory of its own while idle, but a word for each namespace.
pub(crate) struct Dispatch {
    assembler: Assembler,
    namespaces: Namespaces<Socket>,
    jobs: Jobs,
    bucket: Bucket,
    /// Set when the connection is gone.
    ended: Option<DisconnectReason>,
}

impl Dispatch {
    pub(crate) fn new(conn: &Conn, now_ms: u64) -> Dispatch {
        let limits = &conn.shared.config.limits;
        Dispatch {
            assembler: Assembler::default(),
            namespaces: Namespaces::default(),
            jobs: Jobs::default(),
            bucket: Bucket::new(limits.events_per_second, limits.events_burst, now_ms),
            ended: None,
        }
    }

    /// Whether more may be read from the client. While somebody waits for an acknowledgement it is, past the number of
    /// events that may wait: a handler may wait for what stands behind them.
    pub(crate) fn has_room(&self, conn: &Conn) -> bool {
        let limits = &conn.shared.config.limits;
        self.jobs.bytes() < limits.waiting_bytes
            && (self.jobs.waiting() < limits.waiting_events || self.awaits_ack())
    }

    fn awaits_ack(&self) -> bool {
        self.namespaces.owners().any(Socket::awaits_ack)
    }

    /// Whether no handler runs or waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.jobs.is_idle()
    }

    /// Whether the connection is gone and everybody has been told.
    pub(crate) fn is_over(&self) -> bool {
        self.ended.is_some() && self.is_idle()
    }

    /// Whether the connection is in any namespace, or asks for one.
    pub(crate) fn has_namespace(&self) -> bool {
        !self.namespaces.is_empty()
    }

    /// The sockets of the connection, to tell them that their queue is short again.
    pub(crate) fn drained(&self) {
        self.namespaces.owners().for_each(Socket::tell_drained);
    }

    /// Takes a text message.
    pub(crate) fn text(
        &mut self,
        conn: &Arc<Conn>,
        text: String,
        now_ms: u64,
    ) -> Result<(), DisconnectReason> {
        match self.assembler.text(text, &conn.shared.packet_limits) {
            Ok(packet) => packet.map_or(Ok(()), |packet| self.packet(conn, packet, now_ms)),
            Err(error) => Err(malformed(conn, &error)),
        }
    }

    /// Takes a binary message.
    pub(crate) fn binary(
        &mut self,
        conn: &Arc<Conn>,
        bytes: Bytes,
        now_ms: u64,
    ) -> Result<(), DisconnectReason> {
        match self.assembler.binary(bytes, &conn.shared.packet_limits) {
            Ok(packet) => packet.map_or(Ok(()), |packet| self.packet(conn, packet, now_ms)),
            Err(error) => Err(malformed(conn, &error)),
        }
    }

    fn packet(
        &mut self,
        conn: &Arc<Conn>,
        packet: Assembled,
        now_ms: u64,
    ) -> Result<(), DisconnectReason> {
        if !self.bucket.take(now_ms) {
            self.tell_too_many(conn, packet.namespace());
            return Err(DisconnectReason::TooManyEvents);
        }
        let max = conn.shared.config.limits.namespaces;
        let step = self
            .namespaces
            .receive(packet.kind, packet.namespace(), max);
        match step.map_err(|error| malformed(conn, &error))? {
            Step::Ask => self.ask(conn, &packet),
            Step::TooMany => refuse(
                conn,
                packet.namespace(),
                &ConnectError::new("too many namespaces"),
            ),
            Step::Deliver(socket) => self.deliver(socket, packet),
            Step::Leave(socket) => {
                let reason = DisconnectReason::ClientDisconnect;
                socket.went_away(reason);
                socket.end();
                self.jobs.push(Job::Disconnect(socket, reason));
            }
            // When its handler has run, or if it never does, it is found to be gone.
            Step::Withdraw(socket) => {
                socket.went_away(DisconnectReason::ClientDisconnect);
                socket.end();
            }
            Step::Ignore => {}
        }
        Ok(())
    }

    /// Says why the connection is about to be closed.
    fn tell_too_many(&self, conn: &Conn, namespace: &str) {
        let config = &conn.shared.config;
        let mut sockets = self.namespaces.owners();
        let socket = sockets.find(|socket| socket.namespace() == namespace);
        if let (Some(name), Some(socket)) = (&config.error_event, socket) {
            let (rate, burst) = (config.limits.events_per_second, config.limits.events_burst);
            let message = format!("at most {rate} events a second and {burst} at once are taken");
            let error = json!({"code": "too_many_events", "message": message});
            if let Ok(frame) = Frame::event(namespace, name, &error) {
                socket.send_plain(&frame, Class::Reliable);
            }
        }
    }

    fn ask(&mut self, conn: &Arc<Conn>, packet: &Assembled) {
        let Some(hall) = conn.shared.hall(packet.namespace()) else {
            return refuse_unknown(conn, packet.namespace());
        };
        let Some(id) = Sid::random() else {
            return refuse(
                conn,
                packet.namespace(),
                &ConnectError::new("no id could be made"),
            );
        };
        let socket = Socket::new(id, hall.clone(), conn.clone());
        self.namespaces.ask(hall.name.clone(), socket.clone());
        // As text: what it says takes far more memory, and is needed when its turn comes.
        self.jobs.push(Job::Connect(socket, packet.data().into()));
    }

    fn deliver(&mut self, socket: Socket, packet: Assembled) {
        let (kind, id) = (packet.kind, packet.id);
        let mut packet = packet;
        let attachments = std::mem::take(&mut packet.attachments);
        if let (Kind::Ack | Kind::BinaryAck, Some(id)) = (kind, id) {
            let args = Args::new(packet, 0);
            return socket.acknowledged(id, AckReply { args, attachments });
        }
        let Some(name) =
            socketio_proto::socket::event_name(packet.data()).map(|name| name.as_ref().into())
        else {
            return;
        };
        let ack = id.map(|id| Ack {
            socket: socket.clone(),
            id,
        });
        let event = Event {
            name,
            args: Args::new(packet, 1),
            attachments,
            ack,
        };
        self.jobs.push(Job::Event(socket, event));
    }

    /// The server disconnected a socket of this connection.
    pub(crate) fn left(&mut self, socket: &Socket) {
        if self
            .namespaces
            .leave(socket.namespace(), |held| held.is_same(socket))
        {
            socket.went_away(DisconnectReason::ServerDisconnect);
            let job = Job::Disconnect(socket.clone(), DisconnectReason::ServerDisconnect);
            self.jobs.push(job);
        }
    }

    /// The connection is gone: its sockets leave their rooms now; their handlers still run to the end.
    pub(crate) fn end(&mut self, reason: DisconnectReason) {
        self.ended = Some(reason);
        for (socket, was_connected) in self.namespaces.drain() {
            // One that the server has disconnected a moment ago, and whose notice comes too late to be seen.
            let reason = match was_connected && socket.is_gone() {
                true => DisconnectReason::ServerDisconnect,
                false => reason,
            };
            socket.went_away(reason);
            socket.end();
            if was_connected {
                self.jobs.push(Job::Disconnect(socket, reason));
            }
        }
    }

    /// The driver breaks off: nothing of the connection stays in a table. Its handlers do not run any more.
    pub(crate) fn abandon(&mut self) {
        self.end(DisconnectReason::TransportError);
        self.jobs.abandon().for_each(|socket| {
            socket.end();
            socket.hall().holders.release(&socket);
        });
    }

    /// Lets handlers run. Answers whether a client has just been connected.
    pub(crate) fn poll(&mut self, conn: &Arc<Conn>, cx: &mut Context<'_>) -> bool {
        let mut has_connected = false;
        while let Some((socket, outcome)) = self.jobs.next(cx) {
            if let Outcome::Connected(result) = outcome {
                has_connected |= self.connected(conn, &socket, result);
            }
        }
        has_connected
    }

    /// The owner has answered a CONNECT.
    fn connected(
        &mut self,
        conn: &Arc<Conn>,
        socket: &Socket,
        result: Result<(), ConnectError>,
    ) -> bool {
        let name = socket.namespace();
        // A client that left meanwhile may ask again already: that is another's entry.
        let is_asking = self.namespaces.holds(name, |held| held.is_same(socket));
        let error = match result {
            Ok(()) if socket.accept() => {
                self.namespaces.accept(name);
                return true;
            }
            Ok(()) => {
                // It was ended while its handler ran; the handler's counterpart still follows.
                let reason = match self.ended {
                    Some(reason) => reason,
                    None if is_asking => DisconnectReason::ServerDisconnect,
                    None => DisconnectReason::ClientDisconnect,
                };
                if self.ended.is_none() {
                    socket.went_away(reason);
                }
                self.jobs
                    .push_first(Job::Disconnect(socket.clone(), reason));
                ConnectError::new("disconnected")
            }
            Err(error) => {
                socket.went_away(DisconnectReason::ServerDisconnect);
                socket.end();
                socket.hall().holders.release(socket);
                error
            }
        };
        if is_asking {
            self.namespaces.refuse(name);
            refuse(conn, name, &error);
        }
        false
    }
}

fn refuse(conn: &Conn, namespace: &str, error: &ConnectError) {
    let json = serde_json::to_string(error).unwrap_or_else(|_| "{}".to_owned());
    conn.push_protocol(Frame::packet(
        Kind::ConnectError,
        namespace,
        None,
        &[&json],
        Vec::new(),
    ));
}

fn refuse_unknown(conn: &Conn, namespace: &str) {
    let json = match conn.shared.config.dialect {
        Dialect::Python => "\"Unable to connect\"",
        Dialect::Node => "{\"message\":\"Invalid namespace\"}",
    };
    conn.push_protocol(Frame::packet(
        Kind::ConnectError,
        namespace,
        None,
        &[json],
        Vec::new(),
    ));
}

fn malformed(conn: &Conn, error: &dyn std::error::Error) -> DisconnectReason {
    tracing::debug!(sid = %conn.sid, %error, "a client sent a packet that cannot be taken");
    DisconnectReason::ParseError
}

#[cfg(test)]
mod tests;
