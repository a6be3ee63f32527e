//! What load tools drive: `join` with a room's name enters it and acks; `pub` with an object `{room, ...}` goes to that
//! room as `msg` with the same object. `cargo run -p socketio --example room_server -- --port 3000`; with `--recovery`,
//! clients that come back within two minutes get what they missed.

use socketio::{Config, Cors, Dialect, Event, Frame, Limits, RecoveryWindow, Server, Socket};

mod port;

#[derive(serde::Deserialize)]
struct Target {
    room: String,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let limits = Limits {
        events_per_second: 0,
        unconnected: 100_000,
        ..Limits::default()
    };
    let io = Server::new(Config {
        cors: Cors::Any,
        dialect: Dialect::Node,
        limits,
        ..Config::default()
    });
    let root = io.of("/");
    if std::env::args().any(|arg| arg == "--recovery") {
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
    port::serve(io.router("/socket.io")).await
}
