//! Streams that are not plain TCP, such as TLS: the WebSocket goes through whatever the server's listener yields.

#![allow(clippy::unwrap_used, reason = "test code outside a #[test] function")]

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures_util::{SinkExt, StreamExt};
use socketio::{Config, Event, Server, Socket};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
};
use tokio_tungstenite::tungstenite::Message;

/// A stream that the server cannot look through. What is written stays in a buffer until it is flushed.
struct Opaque(TcpStream, Vec<u8>);

impl AsyncRead for Opaque {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for Opaque {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        // A little at a time: every frame is cut.
        let some = &buf[..buf.len().min(7)];
        self.1.extend_from_slice(some);
        Poll::Ready(Ok(some.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Opaque(stream, held) = &mut *self;
        while !held.is_empty() {
            let written = ready!(Pin::new(&mut *stream).poll_write(cx, held))?;
            held.drain(..written);
        }
        Pin::new(stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

struct OpaqueListener(TcpListener);

impl axum::serve::Listener for OpaqueListener {
    type Io = Opaque;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Opaque, SocketAddr) {
        let (stream, addr) = self.0.accept().await.unwrap();
        (Opaque(stream, Vec::new()), addr)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

#[tokio::test]
async fn events_pass_through_a_stream_that_is_not_tcp() {
    let io = Server::new(Config::default());
    io.of("/")
        .on("echo", |socket: Socket, event: Event| async move {
            socket.emit("echoed", &event.arg::<String>(0).unwrap());
        });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!(
        "ws://{}/io/?EIO=4&transport=websocket",
        listener.local_addr().unwrap()
    );
    let app = io.router::<()>("/io");
    tokio::spawn(async move { axum::serve(OpaqueListener(listener), app).await });
    let (mut ws, _) = tokio_tungstenite::connect_async(url).await.unwrap();
    let long = "é".repeat(5_000);
    for text in ["40".to_owned(), format!("42[\"echo\",\"{long}\"]")] {
        ws.send(Message::text(text)).await.unwrap();
    }
    let expected = format!("42[\"echoed\",\"{long}\"]");
    let heard = async {
        loop {
            if ws
                .next()
                .await
                .unwrap()
                .unwrap()
                .into_text()
                .unwrap()
                .as_str()
                == expected
            {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(5), heard)
        .await
        .unwrap();
}
