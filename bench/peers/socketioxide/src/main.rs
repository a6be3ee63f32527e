//! The room server on socketioxide: `join` with a room's name enters it and acks, `pub` with an object `{room, ...}`
//! goes to that room as `msg`. Written as its documentation shows it, with nothing tuned.

use serde_json::Value;
use socketioxide::SocketIo;
use socketioxide::extract::{AckSender, Data, SocketRef};

#[tokio::main]
async fn main() {
    let port: u16 = std::env::args()
        .nth(2)
        .and_then(|port| port.parse().ok())
        .expect("usage: --port <number>");
    let (layer, io) = SocketIo::new_layer();
    io.ns("/", async |socket: SocketRef| {
        socket.on(
            "join",
            async |socket: SocketRef, Data(room): Data<String>, ack: AckSender| {
                socket.join(room);
                ack.send(&()).ok();
            },
        );
        socket.on("pub", async |io: SocketIo, Data(event): Data<Value>| {
            if let Some(room) = event["room"].as_str() {
                io.to(room.to_owned()).emit("msg", &event).await.ok();
            }
        });
    });
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .expect("the port is free");
    let app = axum::Router::new().layer(layer);
    axum::serve(listener, app).await.expect("the server runs");
}
