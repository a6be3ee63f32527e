//! The server that the official Engine.IO protocol test suite expects: it echoes.
//! `cargo run -p socketio --example engine_suite -- --port 3000`.

use std::time::Duration;

use socketio::{Config, Cors, Dialect, EngineServer};

mod port;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let config = Config {
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(200),
        max_payload: 1_000_000,
        cors: Cors::Any,
        dialect: Dialect::Node,
        ..Config::default()
    };
    let engine = EngineServer::new(config, |socket, message| {
        socket.send(&message);
    });
    port::serve(engine.router("/engine.io")).await
}
