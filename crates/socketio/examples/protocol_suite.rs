//! The server that the official Socket.IO protocol test suite expects:
//! `cargo run -p socketio --example protocol_suite -- --port 3000`; `--recovery` turns connection state recovery on,
//! which the suite does not expect.

use std::time::Duration;

use socketio::{Config, Dialect, Event, Frame, Namespace, RecoveryWindow, Server, Socket};

mod port;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let io = Server::new(Config {
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(200),
        connect_timeout: Duration::from_millis(1000),
        max_payload: 1_000_000,
        cors: socketio::Cors::Any,
        dialect: Dialect::Node,
        ..Config::default()
    });
    for name in ["/", "/custom"] {
        let namespace = io.of(name);
        if std::env::args().any(|arg| arg == "--recovery") {
            namespace.keep_for_recovery(RecoveryWindow::default());
        }
        serve(&namespace);
    }
    port::serve(io.router("/socket.io")).await
}

fn serve(namespace: &Namespace) {
    namespace.on_connect(|socket, auth| async move {
        socket.emit("auth", &auth.unwrap_or_else(|| serde_json::json!({})));
        Ok(())
    });
    namespace.on("message", |socket: Socket, event: Event| async move {
        let args = arguments(&event);
        let frame =
            Frame::binary_event(socket.namespace(), "message-back", &args, event.attachments);
        socket.send(&frame, socketio::Class::Reliable);
    });
    namespace.on(
        "message-with-ack",
        |_socket: Socket, event: Event| async move {
            let args = arguments(&event);
            if let Some(ack) = event.ack {
                ack.send_json(&args, event.attachments);
            }
        },
    );
}

/// The arguments as they came, without the brackets.
fn arguments(event: &Event) -> String {
    event
        .args
        .raw()
        .iter()
        .map(|raw| raw.get())
        .collect::<Vec<_>>()
        .join(",")
}
