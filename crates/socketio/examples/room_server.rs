//! What load tools drive: `join` with a room's name enters it and acks; `pub` with an object `{room, ...}` goes to that
//! room as `msg` with the same object. `cargo run -p socketio --example room_server -- --port 3000`; with `--recovery`,
//! clients that come back within two minutes get what they missed, `--compress` compresses long messages for clients that
//! offer it, `--ping-interval` and `--ping-timeout` are in milliseconds.

use std::time::Duration;

use socketio::{
    Compression, Config, Cors, Dialect, Event, Frame, Limits, RecoveryWindow, Server, Socket,
};

mod port;

#[derive(serde::Deserialize)]
struct Target {
    room: String,
}

/// Lets the allocator return what a crowd took when most of it has gone and has not come back.
async fn give_memory_back(io: Server) {
    const EVERY: Duration = Duration::from_secs(4);
    const MANY: usize = 1_000;
    let (mut most, mut last) = (0, 0);
    loop {
        tokio::time::sleep(EVERY).await;
        let now = io.connections();
        most = most.max(now);
        if now >= last && most - now >= MANY {
            let _ended = tokio::task::spawn_blocking(trim).await;
            most = now;
        }
        last = now;
    }
}

/// glibc keeps freed memory between blocks that are in use until it is told not to.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code, reason = "there is no other way to ask the C library")]
fn trim() {
    // SAFETY: it may be called at any time from any thread, and touches no memory that is in use.
    unsafe { libc::malloc_trim(0) };
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn trim() {}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let limits = Limits {
        events_per_second: 0,
        unconnected: 100_000,
        ..Limits::default()
    };
    let usual = Config::default();
    let millis = |name| port::number(name).map(Duration::from_millis);
    let io = Server::new(Config {
        cors: Cors::Any,
        dialect: Dialect::Node,
        limits,
        compression: port::has("--compress").then(Compression::default),
        ping_interval: millis("--ping-interval").unwrap_or(usual.ping_interval),
        ping_timeout: millis("--ping-timeout").unwrap_or(usual.ping_timeout),
        ..usual
    });
    let root = io.of("/");
    if port::has("--recovery") {
        root.keep_for_recovery(RecoveryWindow::default());
    }
    root.on("join", |socket: Socket, event: Event| async move {
        let Ok(room) = event.arg::<String>(0) else {
            return;
        };
        socket.join(&room);
        if let Some(ack) = event.ack {
            ack.send_empty();
        }
    });
    let rooms = root.clone();
    root.on("pub", move |_socket: Socket, event: Event| {
        let rooms = rooms.clone();
        async move {
            let Ok(target) = event.arg::<Target>(0) else {
                return;
            };
            if let Some(object) = event.args.raw().first() {
                rooms
                    .to(&target.room)
                    .send(&Frame::event_json("/", "msg", object.get()));
            }
            if let Some(ack) = event.ack {
                ack.send_empty();
            }
        }
    });
    tokio::spawn(give_memory_back(io.clone()));
    port::serve(io.router("/socket.io")).await
}
