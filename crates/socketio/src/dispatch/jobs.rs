//! What a connection's packets ask of its owner's handlers, one after the other.

use std::{
    collections::VecDeque,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use crate::{ConnectError, DisconnectReason, Event, Socket, recovery};

/// One call of a handler.
pub(super) enum Job {
    /// With the client's `auth`, as JSON; empty if it sent none.
    Connect(Socket, Box<str>),
    Event(Socket, Event),
    Disconnect(Socket, DisconnectReason),
}

impl Job {
    fn into_socket(self) -> Socket {
        match self {
            Job::Connect(socket, _) | Job::Event(socket, _) | Job::Disconnect(socket, _) => socket,
        }
    }

    /// Memory that it takes while it waits.
    fn size_bytes(&self) -> usize {
        let more = match self {
            Job::Connect(_, auth) => auth.len(),
            Job::Event(_, event) => event.size_bytes(),
            Job::Disconnect(..) => 0,
        };
        size_of::<Job>() + more
    }
}

/// What a handler answered.
pub(super) enum Outcome {
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

/// The jobs of one connection. Takes no memory of its own while idle.
#[derive(Default)]
pub(super) struct Jobs {
    waiting: VecDeque<Job>,
    /// What those that wait take.
    bytes: usize,
    running: Option<Running>,
}

impl Jobs {
    pub(super) fn push(&mut self, job: Job) {
        self.bytes += job.size_bytes();
        self.waiting.push_back(job);
    }

    /// Puts a job before all that wait.
    pub(super) fn push_first(&mut self, job: Job) {
        self.bytes += job.size_bytes();
        self.waiting.push_front(job);
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The memory of those that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_idle(&self) -> bool {
        self.running.is_none() && self.waiting.is_empty()
    }

    /// Gives up what runs and waits; answers whose it was.
    pub(super) fn abandon(&mut self) -> impl Iterator<Item = Socket> + use<> {
        self.bytes = 0;
        let waiting = std::mem::take(&mut self.waiting);
        let running = self.running.take().map(|running| running.socket);
        waiting.into_iter().map(Job::into_socket).chain(running)
    }

    /// Goes on until a handler has answered; `None` when none runs, or the one that does is not ready.
    pub(super) fn next(&mut self, cx: &mut Context<'_>) -> Option<(Socket, Outcome)> {
        loop {
            if self.running.is_none() {
                let Some(job) = self.waiting.pop_front() else {
                    self.waiting = VecDeque::new();
                    return None;
                };
                self.bytes -= job.size_bytes();
                self.running = start(job);
            }
            let Some(running) = self.running.as_mut() else {
                continue;
            };
            let polled = catch_unwind(AssertUnwindSafe(|| running.handler.as_mut().poll(cx)));
            let outcome = match polled {
                Ok(Poll::Pending) => return None,
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
            return Some((socket, outcome));
        }
    }
}

fn start(job: Job) -> Option<Running> {
    // The handler's own code before its first await runs here, and may panic like the rest.
    catch_unwind(AssertUnwindSafe(|| match job {
        // It left before its turn came: it was never here.
        Job::Connect(socket, _) if socket.is_gone() => None,
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

async fn connect(socket: Socket, auth: Box<str>) -> Outcome {
    // The decoder has checked that the text is an object, but not its strings' escapes.
    let auth: Option<serde_json::Value> = serde_json::from_str(&auth).ok();
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
