//! Every setting of a server, with the defaults of the Engine.IO and Socket.IO reference implementations.
//!
//! Nothing here reads the environment: the program that owns the server fills these structs.

use std::time::Duration;

/// How a [`Server`](crate::Server) behaves. `Config::default()` is a working server.
#[derive(Debug, Clone)]
pub struct Config {
    /// Time between two pings to a silent client.
    pub ping_interval: Duration,
    /// How long the answer to a ping may take before the connection counts as lost.
    pub ping_timeout: Duration,
    /// How long a transport may stay open without being connected to any namespace.
    pub connect_timeout: Duration,
    /// How long a client may take from its first probe to the finished upgrade.
    pub upgrade_timeout: Duration,
    /// How long a closing connection may take to write what is queued and to answer the close. Nothing for one that has
    /// taken no byte for the ping timeout.
    pub close_grace: Duration,
    /// Largest packet and largest HTTP body taken from a client, in bytes. Told to the client as `maxPayload`.
    pub max_payload: usize,
    /// Whether long polling is offered.
    pub polling: bool,
    /// Whether WebSocket is offered, as the first transport and as an upgrade from polling.
    pub websocket: bool,
    /// Which pages of other origins may connect.
    pub cors: Cors,
    /// Which reference implementation's bodies are sent where the two differ.
    pub dialect: Dialect,
    /// Names of request headers kept for the life of a connection, in lower case; see [`Handshake`](crate::Handshake).
    pub kept_headers: Vec<String>,
    /// How many proxies of ours stand before the server, one behind the other. Their `X-Forwarded-For` and
    /// `X-Forwarded-Host` are believed, and no entry beyond theirs (see [`Forwarded`](crate::Forwarded)); 0 believes none.
    pub trusted_proxies: usize,
    /// Bytes that the system may hold for a client beside what is on its way to it; the rest waits in the queue, where
    /// its class counts. For plain TCP on systems that know `TCP_NOTSENT_LOWAT`.
    pub unsent_bytes: u32,
    /// How long the events of a busy room may wait for each other, so that several leave in one write to each socket. A
    /// room with less than about 50 events a second never waits, nor does one where waiting gathers nothing; what is
    /// sent to one socket alone never waits and takes along what does. Zero: nothing waits.
    pub flush_window: Duration,
    /// Whether WebSocket messages are compressed for clients that offer permessage-deflate (RFC 7692), and which; `None`
    /// compresses nothing and declines their offers.
    pub compression: Option<Compression>,
    /// Name of the event `{code, message}` that tells a client why it is closed for sending too much; none tells it only
    /// by the close code.
    pub error_event: Option<String>,
    /// Bounds on what one client can cost.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            ping_interval: Duration::from_secs(25),
            ping_timeout: Duration::from_secs(20),
            connect_timeout: Duration::from_secs(45),
            upgrade_timeout: Duration::from_secs(10),
            close_grace: Duration::from_secs(2),
            max_payload: 1_000_000,
            polling: true,
            websocket: true,
            cors: Cors::SameOrigin,
            dialect: Dialect::Python,
            kept_headers: [
                "origin",
                "user-agent",
                "cookie",
                "authorization",
                "x-forwarded-for",
            ]
            .map(str::to_owned)
            .to_vec(),
            trusted_proxies: 0,
            unsent_bytes: 128 * 1024,
            flush_window: Duration::from_millis(15),
            compression: None,
            error_event: Some("error".to_owned()),
            limits: Limits::default(),
        }
    }
}

/// permessage-deflate, always without context takeover: a message depends on no other, so a frame is compressed once
/// for all the clients it goes to, and a connection keeps no state for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compression {
    /// Messages of fewer bytes are sent as they are.
    pub threshold_bytes: usize,
}

impl Default for Compression {
    fn default() -> Self {
        Compression {
            threshold_bytes: 1024,
        }
    }
}

/// Which origins a browser page may have to connect. Requests without an `Origin` header always pass: they come from
/// programs, which could write any header they like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cors {
    /// Only pages that this host served (the `Origin`'s host and port equal the `Host` header).
    SameOrigin,
    /// Any page, without credentials: browsers then send no cookies.
    Any,
    /// These origins (such as `https://app.example.org`) and the same origin, with credentials.
    Origins(Vec<String>),
}

/// The two reference implementations send different bodies with the same meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// As python-engineio and python-socketio: `OK` to a POST, errors as a JSON string, an unknown namespace is
    /// answered with `"Unable to connect"`.
    Python,
    /// As engine.io and socket.io for Node: `ok` to a POST, errors as `{code, message}`, an unknown namespace is
    /// answered with `{"message":"Invalid namespace"}`.
    Node,
}

/// Bounds on what one client can cost. Each has a defined answer when it is reached.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Attachments in one packet; checked before any is taken. More: parse error, the connection closes.
    pub attachments: usize,
    /// Bytes of all attachments of one packet together.
    pub attachment_bytes: usize,
    /// Nesting of arrays and objects in one packet.
    pub json_depth: usize,
    /// Length of an event's name in bytes.
    pub event_name_bytes: usize,
    /// Length of a namespace's name in bytes, in every packet that names one. More: parse error, the connection closes.
    pub namespace_bytes: usize,
    /// Events and acks a connection may send per second in the long run. More: the event
    /// [`Config::error_event`], then the connection closes (1008). 0 = no limit.
    pub events_per_second: u32,
    /// Events and acks a connection may send at once on top of the rate.
    pub events_burst: u32,
    /// Events of one connection that may wait for their handler. When full, no more is read from the connection, but
    /// while an acknowledgement of the client's is awaited, which may stand behind them.
    pub waiting_events: usize,
    /// Memory of the events of one connection that may wait for their handler, in bytes; the last one may be longer. When
    /// it is used up, no more is read from the connection.
    pub waiting_bytes: usize,
    /// Bytes kept of the request that opens a connection: its query and [`Config::kept_headers`]. More: 431.
    pub handshake_bytes: usize,
    /// Transports open at the same time that are not connected to a namespace yet. More: 503.
    pub unconnected: usize,
    /// Connections at the same time. More: 503.
    pub connections: usize,
    /// Requests of polling clients under way at the same time, waiting GETs and POSTs together. More: 503.
    pub polling_requests: usize,
    /// Connections at the same time from one IPv4 address or IPv6 network of 64 bits, which is what one customer has.
    /// More: 429. 0 = no limit.
    pub connections_per_address: usize,
    /// Sockets at the same time of one [identity](crate::Socket::set_identity), such as a user. More: `set_identity`
    /// answers false. 0 = no limit.
    pub sockets_per_identity: usize,
    /// Namespaces of one connection. More: CONNECT_ERROR.
    pub namespaces: usize,
    /// Rooms of one socket. More: `join` answers false.
    pub rooms: usize,
    /// Queue length in bytes from which a reliable frame is offered to [`on_full`](crate::Namespace::on_full) first.
    pub queue_soft_bytes: usize,
    /// Queue length in bytes below which [`on_drain`](crate::Namespace::on_drain) is called for those who wait for it.
    pub queue_low_bytes: usize,
    /// Queue length in bytes that no connection passes: droppable frames are dropped, a reliable one closes it (1013).
    pub queue_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            attachments: 16,
            attachment_bytes: 1_000_000,
            json_depth: 64,
            event_name_bytes: 256,
            namespace_bytes: 256,
            events_per_second: 200,
            events_burst: 1_000,
            waiting_events: 64,
            waiting_bytes: 256 * 1024,
            handshake_bytes: 16 * 1024,
            unconnected: 10_000,
            connections: 200_000,
            polling_requests: 20_000,
            connections_per_address: 0,
            sockets_per_identity: 1_000,
            namespaces: 8,
            rooms: 5_000,
            queue_soft_bytes: 256 * 1024,
            queue_low_bytes: 64 * 1024,
            queue_bytes: 1024 * 1024,
        }
    }
}
