//! The Socket.IO layer of one connection: packets become jobs, and jobs run one after the other.
//!
//! An event, a CONNECT and a disconnect are jobs: they call the owner's handlers. Acknowledgements are not: they are
//! handed on at once, so that a handler can wait for one.

use std::{
    collections::VecDeque,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use serde_json::{Value, json};
use socketio_proto::socket::{Assembled, Assembler, Kind, Namespaces, Step};

use crate::{
    Ack, AckReply, Args, Class, ConnectError, DisconnectReason, Event, Frame, Sid, Socket,
    config::Dialect, conn::Conn, rate::Bucket, recovery,
};

enum Job {
    Connect(Socket, Option<Value>),
    Event(Socket, Event),
    Disconnect(Socket, DisconnectReason),
}

/// What a handler answered.
enum Outcome {
    Connected(Result<(), ConnectError>),
    Done,
}

struct Running {
    socket: Socket,
    is_connect: bool,
    /// Whether it is the socket's last handler.
    is_last: bool,
    handler: Pin<Box<dyn Future<Output = Outcome> + Send>>,
}

/// The packets and handlers of one connection. Takes no memory of its own while idle, but a word for each namespace.
pub(crate) struct Dispatch {
    assembler: Assembler,
    namespaces: Namespaces<Socket>,
    waiting: VecDeque<Job>,
    /// Bytes of the events that wait.
    waiting_bytes: usize,
    running: Option<Running>,
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
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            running: None,
            bucket: Bucket::new(limits.events_per_second, limits.events_burst, now_ms),
            ended: None,
        }
    }

    /// Whether more may be read from the client.
    pub(crate) fn has_room(&self, conn: &Conn) -> bool {
        let limits = &conn.shared.config.limits;
        self.waiting.len() < limits.waiting_events && self.waiting_bytes < limits.waiting_bytes
    }

    /// Whether no handler runs or waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.running.is_none() && self.waiting.is_empty()
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
        for socket in self.namespaces.owners().filter(|socket| socket.is_behind()) {
            socket.set_behind(false);
            if let Some(drain) = socket.hall().handlers().drain.clone() {
                drain(socket);
            }
        }
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
                socket.went_away(DisconnectReason::ClientDisconnect);
                socket.end();
                self.waiting
                    .push_back(Job::Disconnect(socket, DisconnectReason::ClientDisconnect));
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
        // The decoder has checked that the text is an object, but not its strings' escapes.
        let auth = serde_json::from_str(packet.data()).ok();
        self.waiting.push_back(Job::Connect(socket, auth));
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
        self.waiting_bytes += event.size_bytes();
        self.waiting.push_back(Job::Event(socket, event));
    }

    /// The server disconnected a socket of this connection.
    pub(crate) fn left(&mut self, socket: &Socket) {
        if self
            .namespaces
            .leave(socket.namespace(), |held| held.is_same(socket))
        {
            socket.went_away(DisconnectReason::ServerDisconnect);
            self.waiting.push_back(Job::Disconnect(
                socket.clone(),
                DisconnectReason::ServerDisconnect,
            ));
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
                self.waiting.push_back(Job::Disconnect(socket, reason));
            }
        }
    }

    /// The driver breaks off: nothing of the connection stays in a table. Its handlers do not run any more.
    pub(crate) fn abandon(&mut self) {
        self.end(DisconnectReason::TransportError);
        let waiting = std::mem::take(&mut self.waiting);
        let sockets = waiting.into_iter().map(|job| match job {
            Job::Connect(socket, _) | Job::Event(socket, _) | Job::Disconnect(socket, _) => socket,
        });
        let running = self.running.take().map(|running| running.socket);
        sockets.chain(running).for_each(|socket| {
            socket.end();
            socket.hall().holders.release(&socket);
        });
    }

    /// Lets handlers run. Answers whether a client has just been connected.
    pub(crate) fn poll(&mut self, conn: &Arc<Conn>, cx: &mut Context<'_>) -> bool {
        let mut has_connected = false;
        loop {
            if self.running.is_none() {
                let Some(job) = self.waiting.pop_front() else {
                    self.waiting = VecDeque::new();
                    return has_connected;
                };
                if let Job::Event(_, event) = &job {
                    self.waiting_bytes -= event.size_bytes();
                }
                self.running = start(job);
            }
            let Some(running) = self.running.as_mut() else {
                continue;
            };
            let polled = catch_unwind(AssertUnwindSafe(|| running.handler.as_mut().poll(cx)));
            let outcome = match polled {
                Ok(Poll::Pending) => return has_connected,
                Ok(Poll::Ready(outcome)) => outcome,
                Err(_) if running.is_connect => {
                    Outcome::Connected(Err(ConnectError::new("internal error")))
                }
                Err(_) => Outcome::Done,
            };
            let socket = running.socket.clone();
            if running.is_last {
                socket.hall().holders.release(&socket);
            }
            self.running = None;
            if let Outcome::Connected(result) = outcome {
                has_connected |= self.connected(conn, socket, result);
            }
        }
    }

    /// The owner has answered a CONNECT.
    fn connected(
        &mut self,
        conn: &Arc<Conn>,
        socket: Socket,
        result: Result<(), ConnectError>,
    ) -> bool {
        let name = socket.namespace();
        match result {
            Ok(()) if socket.accept() => {
                self.namespaces.accept(name);
                return true;
            }
            Ok(()) => {
                // It was ended while its handler ran; the handler's counterpart still follows.
                let reason = self.ended.unwrap_or(DisconnectReason::ServerDisconnect);
                if self.ended.is_none() {
                    socket.went_away(reason);
                }
                self.namespaces.refuse(name);
                refuse(conn, name, &ConnectError::new("disconnected"));
                self.waiting
                    .push_back(Job::Disconnect(socket.clone(), reason));
            }
            Err(error) => {
                socket.went_away(DisconnectReason::ServerDisconnect);
                socket.end();
                socket.hall().holders.release(&socket);
                self.namespaces.refuse(name);
                refuse(conn, name, &error);
            }
        }
        false
    }
}

fn start(job: Job) -> Option<Running> {
    // The handler's own code before its first await runs here, and may panic like the rest.
    catch_unwind(AssertUnwindSafe(|| match job {
        Job::Connect(socket, auth) => {
            let handler = Box::pin(connect(socket.clone(), auth));
            Some(Running {
                socket,
                is_connect: true,
                is_last: false,
                handler,
            })
        }
        Job::Event(socket, event) => {
            let handlers = socket.hall().handlers();
            let call = handlers.events.get(&event.name).or(handlers.any.as_ref())?;
            let handler = call(socket.clone(), event);
            let handler = Box::pin(async move {
                handler.await;
                Outcome::Done
            });
            Some(Running {
                socket,
                is_connect: false,
                is_last: false,
                handler,
            })
        }
        Job::Disconnect(socket, reason) => {
            let told = socket.clone();
            let handler = Box::pin(async move {
                let disconnect = told.hall().handlers().disconnect.clone();
                if let Some(disconnect) = disconnect {
                    disconnect(told, reason).await;
                }
                Outcome::Done
            });
            Some(Running {
                socket,
                is_connect: false,
                is_last: true,
                handler,
            })
        }
    }))
    .unwrap_or(None)
}

async fn connect(socket: Socket, auth: Option<Value>) -> Outcome {
    recovery::prepare(&socket, auth.as_ref()).await;
    let handlers = socket.hall().handlers();
    for middleware in &handlers.middleware {
        if let Err(error) = middleware(socket.clone(), auth.clone()).await {
            return Outcome::Connected(Err(error));
        }
    }
    Outcome::Connected(match handlers.connect.clone() {
        Some(connect) => connect(socket, auth).await,
        None => Ok(()),
    })
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
mod tests {
    use std::{sync::Mutex, task::Waker};

    use tokio::sync::Semaphore;

    use super::*;
    use crate::{Config, Handshake, RecoveryWindow, Server, conn::Close};

    /// A connection without transport or driver: the test is the driver.
    struct World {
        server: Server,
        conn: Arc<Conn>,
        dispatch: Dispatch,
    }

    impl World {
        fn new(config: Config) -> World {
            let server = Server::new(config);
            server.of("/");
            let sid = Sid::random().unwrap();
            let conn = Conn::new(sid, server.0.clone(), Handshake::default(), None);
            let dispatch = Dispatch::new(&conn, 0);
            World {
                server,
                conn: Arc::new(conn),
                dispatch,
            }
        }

        fn text(&mut self, text: &str) {
            self.dispatch.text(&self.conn, text.to_owned(), 0).unwrap();
        }

        fn poll(&mut self) {
            let mut cx = Context::from_waker(Waker::noop());
            self.dispatch.poll(&self.conn, &mut cx);
        }
    }

    #[test]
    fn events_that_wait_are_bounded_in_bytes() {
        let mut config = Config::default();
        config.limits.waiting_bytes = 1_000;
        let mut world = World::new(config);
        let gate = Arc::new(Semaphore::new(0));
        let handlers_gate = gate.clone();
        world.server.of("/").on("big", move |_, _| {
            let gate = handlers_gate.clone();
            async move { gate.acquire().await.unwrap().forget() }
        });
        world.text("0");
        world.poll();
        let big = format!(r#"2["big","{}"]"#, "x".repeat(900));
        let mut room = Vec::new();
        for _ in 0..3 {
            world.text(&big);
            world.poll();
            room.push(world.dispatch.has_room(&world.conn));
        }
        assert_eq!(room, [true, true, false], "one runs, two wait");
        for _ in 0..3 {
            gate.add_permits(1);
            world.poll();
            assert!(world.dispatch.has_room(&world.conn));
        }
        assert!(world.dispatch.is_idle() && world.dispatch.waiting_bytes == 0);
    }

    #[test]
    fn a_socket_that_is_disconnected_while_its_connection_ends_is_told_so_and_freed() {
        let mut world = World::new(Config::default());
        let log = Arc::new(Mutex::new(Vec::new()));
        let seen = log.clone();
        world.server.of("/").on_disconnect(move |_, reason| {
            seen.lock().unwrap().push(reason);
            async {}
        });
        world.text("0");
        world.poll();
        let socket = world.server.of("/").sockets().pop().unwrap();
        // As in `Driver::begin_closing`, with another thread between its steps.
        let close = Close::now(DisconnectReason::TransportClose, 1006);
        world.conn.close(close);
        let left = std::mem::take(&mut world.conn.out().left);
        left.iter().for_each(|socket| world.dispatch.left(socket));
        socket.disconnect(false);
        world.dispatch.end(close.reason);
        world.poll();
        assert_eq!(*log.lock().unwrap(), [DisconnectReason::ServerDisconnect]);
        let conn = Arc::downgrade(&world.conn);
        drop((socket, world));
        assert!(conn.upgrade().is_none());
    }

    #[test]
    fn a_connection_that_ends_before_its_connect_is_heard_leaves_no_session() {
        let mut world = World::new(Config::default());
        let root = world.server.of("/");
        root.keep_for_recovery(RecoveryWindow::default());
        world.text("0");
        world.dispatch.end(DisconnectReason::TransportClose);
        world.poll();
        assert!(world.dispatch.is_idle());
        assert_eq!(root.0.memory().unwrap().sessions(), 0);
    }
}
