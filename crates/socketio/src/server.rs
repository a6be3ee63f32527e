//! The server: its namespaces, its connections, and its place in an axum router.

use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use socketio_proto::{engine::Times, socket};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::{
    Config, DisconnectReason, Namespace, Sid,
    conn::{Close, Conn},
    engine::OnMessage,
    http::EngineService,
    namespace::Hall,
    queue::Marks,
    tables,
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
    unconnected: AtomicUsize,
    addresses: Mutex<HashMap<IpAddr, usize>>,
    /// How many sockets each identity has.
    identities: Mutex<HashMap<Arc<str>, usize>>,
    polling_requests: AtomicUsize,
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
    fn conns(&self) -> MutexGuard<'_, HashMap<Sid, Arc<Conn>>> {
        self.conns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn addresses(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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

    /// Lets one more request of a polling client begin, if that may be.
    pub(crate) fn begin_request(self: &Arc<Self>) -> Option<Request> {
        let before = self.polling_requests.fetch_add(1, Ordering::AcqRel);
        // Made in any case: it takes back what was counted.
        let request = Request(self.clone());
        (before < self.config.limits.polling_requests).then_some(request)
    }

    fn identities(&self) -> MutexGuard<'_, HashMap<Arc<str>, usize>> {
        self.identities
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one more socket of an identity, if it may have one more.
    pub(crate) fn identify(&self, identity: &str) -> Option<Arc<str>> {
        let most = self.config.limits.sockets_per_identity;
        let mut identities = self.identities();
        let known = identities.get_key_value(identity);
        let (identity, count) = match known {
            Some((identity, count)) => (identity.clone(), *count),
            None => (identity.into(), 0),
        };
        if most > 0 && count >= most {
            return None;
        }
        identities.insert(identity.clone(), count + 1);
        Some(identity)
    }

    /// A socket of an identity is gone.
    pub(crate) fn forget_identity(&self, identity: &str) {
        let mut identities = self.identities();
        if let Some(count) = identities.get_mut(identity) {
            *count -= 1;
            if *count == 0 {
                identities.remove(identity);
                tables::shrink(&mut identities);
            }
        }
    }

    /// Identities that memory is held for.
    #[cfg(test)]
    pub(crate) fn identities_capacity(&self) -> usize {
        self.identities().capacity()
    }

    /// Lets a new connection in, or says why not.
    pub(crate) fn admit(self: &Arc<Self>, conn: &Arc<Conn>) -> Result<Admission, Refusal> {
        if self.is_closing() {
            return Err(Refusal::Closing);
        }
        let limits = &self.config.limits;
        // Made first: whatever is counted below is given back when it is dropped.
        let mut admission = Admission {
            shared: self.clone(),
            sid: conn.sid,
            address: None,
            is_unconnected: true,
        };
        if self.unconnected.fetch_add(1, Ordering::AcqRel) >= limits.unconnected {
            return Err(Refusal::TooManyUnconnected);
        }
        if let (Some(address), 1..) = (conn.handshake.remote_addr(), limits.connections_per_address)
        {
            let address = network(address);
            let mut addresses = self.addresses();
            let count = addresses.entry(address).or_insert(0);
            *count += 1;
            admission.address = Some(address);
            if *count > limits.connections_per_address {
                drop(addresses);
                return Err(Refusal::TooManyFromAddress);
            }
        }
        let mut conns = self.conns();
        if conns.len() >= limits.connections {
            drop(conns);
            return Err(Refusal::TooMany);
        }
        conns.insert(conn.sid, conn.clone());
        drop(conns);
        // `close` may have walked the table just before.
        if self.is_closing() {
            return Err(Refusal::Closing);
        }
        Ok(admission)
    }
}

/// What counts as one address: who has one of IPv6 has its whole network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = address.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(network))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// One request of a polling client under way.
#[derive(Debug)]
pub(crate) struct Request(Arc<Shared>);

impl Drop for Request {
    fn drop(&mut self) {
        self.0.polling_requests.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Why a connection was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Closing,
    TooMany,
    TooManyUnconnected,
    TooManyFromAddress,
}

/// A connection's place in the server's counts and tables, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Admission {
    shared: Arc<Shared>,
    sid: Sid,
    address: Option<IpAddr>,
    is_unconnected: bool,
}

impl Admission {
    /// The connection is in a namespace now.
    pub(crate) fn connected(&mut self) {
        if std::mem::take(&mut self.is_unconnected) {
            self.shared.unconnected.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.connected();
        let mut conns = self.shared.conns();
        conns.remove(&self.sid);
        tables::shrink(&mut conns);
        drop(conns);
        if let Some(address) = self.address {
            let mut addresses = self.shared.addresses();
            if let Some(count) = addresses.get_mut(&address) {
                *count -= 1;
                if *count == 0 {
                    addresses.remove(&address);
                    tables::shrink(&mut addresses);
                }
            }
        }
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
            unconnected: AtomicUsize::new(0),
            addresses: Mutex::default(),
            identities: Mutex::default(),
            polling_requests: AtomicUsize::new(0),
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

    /// How many transports are open now.
    pub fn connections(&self) -> usize {
        self.0.conns().len()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_ipv6_network_count_as_one_and_those_of_ipv4_do_not() {
        let is_one =
            |one: &str, two: &str| network(one.parse().unwrap()) == network(two.parse().unwrap());
        assert!(is_one("2001:db8:1:2::1", "2001:db8:1:2:ffff::9"));
        assert!(!is_one("2001:db8:1:2::1", "2001:db8:1:3::1"));
        assert!(!is_one("192.0.2.1", "192.0.2.2"));
        assert!(is_one("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!is_one("::ffff:192.0.2.1", "::ffff:192.0.2.2"));
    }
}
