//! Sending to many sockets, and acting on all sockets of a room.

use std::{collections::HashSet, sync::Arc, time::Duration};

use futures_util::future::join_all;
use serde::Serialize;

use crate::{
    AckError, AckReply, Class, Frame, Namespace, Sid, Socket, Stamped,
    flush::{self, Later},
    recovery::Audience,
    rooms::Room,
};

/// An event on its way to many sockets: choose whom, then [`emit`](Broadcast::emit) or [`send`](Broadcast::send).
#[derive(Debug, Clone)]
#[must_use = "a broadcast does nothing until it is emitted"]
pub struct Broadcast {
    namespace: Namespace,
    class: Class,
    mask: u32,
    /// Whether any room or id was named; then only those get it.
    is_narrowed: bool,
    rooms: Vec<Arc<Room>>,
    sockets: Vec<Socket>,
    except: Vec<Sid>,
    except_rooms: Vec<Arc<Room>>,
    /// What was named, for those who are away; only if the namespace keeps events for them.
    audience: Option<Box<Audience>>,
}

impl Broadcast {
    pub(crate) fn new(namespace: Namespace) -> Broadcast {
        let audience = namespace.0.memory().map(|_| Box::default());
        Broadcast {
            namespace,
            class: Class::Reliable,
            mask: 0,
            is_narrowed: false,
            rooms: Vec::new(),
            sockets: Vec::new(),
            except: Vec::new(),
            except_rooms: Vec::new(),
            audience,
        }
    }

    /// To the sockets in this room, or to the one socket with this id; called again, also to those. A socket in several
    /// of the rooms gets the event once.
    pub fn to(mut self, room: &str) -> Broadcast {
        self.is_narrowed = true;
        if let Some(audience) = &mut self.audience {
            audience.to.push(room.into());
        }
        let hall = &self.namespace.0;
        self.rooms.extend(hall.rooms.get(room));
        // Whoever names a room like somebody's id takes nothing away from them.
        self.sockets.extend(hall.socket(room));
        self
    }

    /// Not to this socket: the one whose event caused the broadcast.
    pub fn except(mut self, sid: &Sid) -> Broadcast {
        self.except.push(*sid);
        self
    }

    /// Not to the sockets in this room.
    pub fn except_room(mut self, room: &str) -> Broadcast {
        self.except_rooms.extend(self.namespace.0.rooms.get(room));
        if let Some(audience) = &mut self.audience {
            audience.except_rooms.push(room.into());
        }
        self
    }

    /// Only to sockets of this process. Every broadcast is that; here for those who bring code of the reference.
    pub fn local(self) -> Broadcast {
        self
    }

    /// Only to sockets that have all of these flag bits.
    pub fn with_flags(mut self, mask: u32) -> Broadcast {
        self.mask = mask;
        self
    }

    /// What happens to it at a long queue; reliable if not said.
    pub fn class(mut self, class: Class) -> Broadcast {
        self.class = class;
        self
    }

    /// Sends an event with one argument. Answers the number of sockets it was queued for.
    pub fn emit(self, name: &str, arg: &(impl Serialize + ?Sized)) -> usize {
        match Frame::event(self.namespace.name(), name, arg) {
            Ok(frame) => self.send(&frame),
            Err(_) => 0,
        }
    }

    /// Sends a frame that is encoded already; it must belong to this namespace. Answers the number of sockets it was
    /// queued for.
    pub fn send(self, frame: &Frame) -> usize {
        let namespace = self.namespace.clone();
        match namespace.0.memory() {
            Some(memory) if self.class == Class::Reliable => memory.broadcast(self, frame),
            _ => self.deliver(frame.size_bytes(), |_| frame),
        }
    }

    /// Sends an event that has an offset of the owner's: sockets that were offered recovery get it with the offset, the
    /// others without. Answers the number of sockets it was queued for.
    pub fn send_stamped(self, event: &Stamped) -> usize {
        self.deliver(event.frame().size_bytes(), |socket| event.frame_for(socket))
    }

    /// Whom it is for, by name.
    pub(crate) fn audience(&self) -> Audience {
        let named = self.audience.as_deref();
        Audience {
            to: named.map(|named| named.to.clone()).unwrap_or_default(),
            except: self.except.clone(),
            except_rooms: named
                .map(|named| named.except_rooms.clone())
                .unwrap_or_default(),
            mask: self.mask,
        }
    }

    /// Queues for each socket the frame that it is to get, of about this size.
    pub(crate) fn deliver<'f>(
        self,
        size_bytes: usize,
        frame_for: impl Fn(&Socket) -> &'f Frame,
    ) -> usize {
        if let ([room], []) = (self.rooms.as_slice(), self.sockets.as_slice()) {
            let longest = self.namespace.0.flush_window;
            return flush::through(room, size_bytes, longest, |later| {
                self.queue(frame_for, later)
            });
        }
        let mut later = Later::soon();
        let reached = self.queue(frame_for, &mut later);
        later.flush();
        reached
    }

    fn queue<'f>(&self, frame_for: impl Fn(&Socket) -> &'f Frame, later: &mut Later) -> usize {
        let mut reached = 0;
        self.each(|socket| {
            let frame = frame_for(socket);
            reached += usize::from(socket.send_later(frame, self.class, later));
        });
        reached
    }

    /// Sends an event with one argument and waits until each of the sockets has acknowledged it, is gone, or is late.
    pub async fn emit_with_ack(
        self,
        name: &str,
        arg: &(impl Serialize + ?Sized),
        timeout: Duration,
    ) -> Vec<(Socket, Result<AckReply, AckError>)> {
        let json = serde_json::to_string(arg).map_err(|_| AckError::Encode);
        let mut sockets = Vec::new();
        self.each(|socket| sockets.push(socket.clone()));
        join_all(sockets.into_iter().map(|socket| {
            let json = json.clone();
            async move {
                let reply = match json {
                    Ok(json) => {
                        socket
                            .emit_json_with_ack(name, &json, Vec::new(), timeout)
                            .await
                    }
                    Err(error) => Err(error),
                };
                (socket, reply)
            }
        }))
        .await
    }

    /// Visits everyone it is for, once. No lock is held meanwhile.
    fn each(&self, mut see: impl FnMut(&Socket)) {
        let excluded: HashSet<Sid> = self.excluded();
        let mut pass = |socket: &Socket| {
            if socket.flags() & self.mask == self.mask && !(excluded.contains(socket.id())) {
                see(socket);
            }
        };
        if !self.is_narrowed {
            return self.namespace.0.everyone().walk().each(pass);
        }
        if let ([room], []) = (self.rooms.as_slice(), self.sockets.as_slice()) {
            return room.walk().each(pass);
        }
        let mut seen = HashSet::new();
        let mut once = |socket: &Socket| {
            if seen.insert(*socket.id()) {
                pass(socket);
            }
        };
        self.sockets.iter().for_each(&mut once);
        self.rooms
            .iter()
            .for_each(|room| room.walk().each(&mut once));
    }

    fn excluded(&self) -> HashSet<Sid> {
        let mut excluded: HashSet<Sid> = self.except.iter().copied().collect();
        for room in &self.except_rooms {
            room.walk().each(|socket| {
                excluded.insert(*socket.id());
            });
        }
        excluded
    }
}

/// All sockets of one room, to act on.
#[derive(Debug, Clone)]
#[must_use = "an operator does nothing until one of its methods is called"]
pub struct Operator {
    namespace: Namespace,
    room: Box<str>,
}

impl Operator {
    pub(crate) fn new(namespace: Namespace, room: &str) -> Operator {
        Operator {
            namespace,
            room: room.into(),
        }
    }

    /// The sockets in the room now.
    pub fn sockets(&self) -> Vec<Socket> {
        let mut sockets = Vec::new();
        if let Some(room) = self.namespace.0.rooms.get(&self.room) {
            room.walk().each(|socket| sockets.push(socket.clone()));
        }
        sockets
    }

    /// How many sockets are in the room now.
    pub fn count(&self) -> usize {
        self.namespace
            .0
            .rooms
            .get(&self.room)
            .map_or(0, |room| room.count())
    }

    /// Lets all of them enter another room.
    pub fn join(&self, room: &str) {
        self.sockets().iter().for_each(|socket| {
            socket.join(room);
        });
    }

    /// Lets all of them leave a room.
    pub fn leave(&self, room: &str) {
        self.sockets().iter().for_each(|socket| {
            socket.leave(room);
        });
    }

    /// Disconnects all of them; see [`Socket::disconnect`].
    pub fn disconnect(&self, close: bool) {
        self.sockets()
            .iter()
            .for_each(|socket| socket.disconnect(close));
    }
}
