//! A WebSocket echo server for outside conformance tools, at every path:
//! `cargo run -p socketio --example ws_echo -- --port 3000`.

use axum::{
    body::Body,
    http::{Request, Response, StatusCode},
};
use socketio::{Compression, RawWebSocket};

mod port;

const MAX_MESSAGE_BYTES: usize = 64 * 1024 * 1024;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    port::serve(axum::Router::new().fallback(echo)).await
}

async fn echo(request: Request<Body>) -> Response<Body> {
    let Ok((answer, opened)) = RawWebSocket::accept(
        request,
        MAX_MESSAGE_BYTES,
        Some(Compression { threshold_bytes: 1 }),
    ) else {
        let mut answer = Response::new(Body::from("this server speaks WebSocket"));
        *answer.status_mut() = StatusCode::BAD_REQUEST;
        return answer;
    };
    tokio::spawn(async move {
        let Some(mut websocket) = opened.await else {
            return;
        };
        while let Some(message) = websocket.next().await {
            if !websocket.send(&message).await {
                return;
            }
        }
    });
    answer
}
