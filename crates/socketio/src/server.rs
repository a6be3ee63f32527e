//! The server: its namespaces, its connections, and its place in an axum router.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
};

use socketio_proto::{engine::Times, socket};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::{
    Config, DisconnectReason, Namespace, Sid,
    admission::Counts,
    conn::{Close, Conn},
    engine::OnMessage,
    http::EngineService,
    namespace::Hall,
    queue::Marks,
};

/// What all connections of a server share.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) packet_limits: socket::Limits,
    pub(crate) marks: Marks,
    pub(crate) times: Times,
    start: Instant,
    halls: RwLock<HashMap<Box<str>, Arc<Hall>>>,
    conns: Mutex<HashMap<Sid, Arc<Conn>>>,
    pub(crate) counts: Counts,
    is_closing: AtomicBool,
    /// Takes the messages if nothing speaks Socket.IO here.
    pub(crate) on_message: Option<OnMessage>,
    /// The tasks that drive connections.
    pub(crate) tasks: TaskTracker,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("connections", &self.conns().len())
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn conns(&self) -> MutexGuard<'_, HashMap<Sid, Arc<Conn>>> {
        self.conns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds since the server was made: the clock of all deadlines.
    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The instant of a deadline.
    pub(crate) fn instant(&self, at_ms: u64) -> Instant {
        self.start + std::time::Duration::from_millis(at_ms)
    }

    pub(crate) fn hall(&self, namespace: &str) -> Option<Arc<Hall>> {
        self.halls
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(namespace)
            .cloned()
    }

    pub(crate) fn conn(&self, sid: &str) -> Option<Arc<Conn>> {
        self.conns().get(&Sid::parse(sid)?).cloned()
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Acquire)
    }
}

/// A Socket.IO server. A cheap handle: clone it freely.
#[derive(Debug, Clone)]
pub struct Server(pub(crate) Arc<Shared>);

impl Server {
    /// A server without namespaces. Nothing runs until requests come in; needs a tokio runtime then.
    pub fn new(config: Config) -> Server {
        Server::with_messages(config, None)
    }

    pub(crate) fn with_messages(config: Config, on_message: Option<OnMessage>) -> Server {
        let limits = &config.limits;
        let packet_limits = socket::Limits {
            attachments: limits.attachments,
            attachment_bytes: limits.attachment_bytes,
            json_depth: limits.json_depth,
            event_name_bytes: limits.event_name_bytes,
            namespace_bytes: limits.namespace_bytes,
        };
        let millis =
            |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let times = Times {
            ping_interval_ms: millis(config.ping_interval),
            ping_timeout_ms: millis(config.ping_timeout),
        };
        Server(Arc::new(Shared {
            packet_limits,
            marks: Marks {
                soft: limits.queue_soft_bytes,
                hard: limits.queue_bytes,
            },
            times,
            config,
            start: Instant::now(),
            halls: RwLock::default(),
            conns: Mutex::default(),
            counts: Counts::default(),
            is_closing: AtomicBool::new(false),
            on_message,
            tasks: TaskTracker::new(),
        }))
    }

    /// The settings it was made with.
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The namespace with this name, made at the first call. Clients asking for one that was never named here are
    /// refused.
    pub fn of(&self, namespace: &str) -> Namespace {
        let mut halls = self.0.halls.write().unwrap_or_else(PoisonError::into_inner);
        let hall = halls
            .entry(namespace.into())
            .or_insert_with(|| Arc::new(Hall::new(namespace, self.0.config.flush_window)));
        Namespace(hall.clone())
    }

    /// A router that answers at `path`, with and without a trailing slash.
    pub fn router<S: Clone + Send + Sync + 'static>(&self, path: &str) -> axum::Router<S> {
        let path = path.trim_end_matches('/');
        let service = EngineService::new(self.0.clone());
        let router = axum::Router::new().route_service(&format!("{path}/"), service.clone());
        if path.is_empty() {
            router
        } else {
            router.route_service(path, service)
        }
    }

    /// How many transports are open now: connections, and WebSockets that have not taken over the one they were offered
    /// to.
    pub fn connections(&self) -> usize {
        self.0.conns().len() + self.0.counts.probing()
    }

    /// Drains: refuses new connections, closes every transport so that the client comes back elsewhere or later
    /// (WebSocket 1001), and waits until all `on_disconnect` handlers have run.
    pub async fn close(&self) {
        self.0.is_closing.store(true, Ordering::Release);
        let all: Vec<Arc<Conn>> = self.0.conns().values().cloned().collect();
        for conn in all {
            conn.close(Close::after_flush(
                DisconnectReason::ServerShuttingDown,
                1001,
            ));
        }
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }
}
