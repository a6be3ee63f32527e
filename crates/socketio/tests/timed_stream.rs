//! Answers must be taken: [`TimedStream`] under hyper, with long polling and a WebSocket on it.

#![allow(clippy::unwrap_used, reason = "test code outside a #[test] function")]

mod common;

use std::{net::SocketAddr, time::Duration};

use axum::body::Body;
use common::{DEADLINE, World, config};
use hyper::{Request, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use socketio::{Class, Frame, Server, TimedStream};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpSocket},
    sync::mpsc,
    time::timeout,
};
use tower::ServiceExt;

/// Says so when it is dropped.
struct Place(mpsc::UnboundedSender<SocketAddr>);

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.0.send(([0, 0, 0, 0], 0).into());
    }
}

/// A server whose peers have so much time; where a word comes for each connection that is over.
async fn start(time: Duration) -> (World, mpsc::UnboundedReceiver<SocketAddr>) {
    let io = Server::new(config());
    let router = io.router::<()>("/socket.io");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (over, ended) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let stream = TimedStream::new(tcp, time).with_guard(Place(over.clone()));
            let router = router.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                router.clone().oneshot(request.map(Body::new))
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            tokio::spawn(connection);
        }
    });
    (World { io, addr }, ended)
}

#[tokio::test]
async fn a_polling_client_that_does_not_take_its_answer_is_cut_off() {
    let (world, mut ended) = start(Duration::from_millis(300)).await;
    let root = world.io.of("/");
    let session = world.polling().await;
    session.post("40").await;
    session.get().await;
    for _ in 0..3 {
        ended.recv().await.unwrap();
    }
    let frame = Frame::event_json("/", "big", &format!("\"{}\"", "x".repeat(900_000)));
    assert!(root.sockets()[0].send(&frame, Class::Reliable));
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stuck = socket.connect(world.addr).await.unwrap();
    // One answer fits into the system's buffers, perhaps; many do not.
    let target = format!("/socket.io/?EIO=4&transport=polling&sid={}", session.sid);
    let request = format!("GET {target} HTTP/1.1\r\nhost: x\r\n\r\n");
    stuck.write_all(request.as_bytes()).await.unwrap();
    let preflight = format!(
        "GET /socket.io/?{} HTTP/1.1\r\nhost: x\r\n\r\n",
        "a".repeat(60_000)
    );
    let _ = timeout(DEADLINE, async {
        while stuck.write_all(preflight.as_bytes()).await.is_ok() {}
    })
    .await;
    let over = timeout(DEADLINE, ended.recv()).await;
    over.expect("the connection to be given up");
}

#[tokio::test]
async fn a_websocket_on_it_keeps_its_place_until_it_is_closed() {
    let (world, mut ended) = start(Duration::from_millis(300)).await;
    let root = world.io.of("/");
    let (mut ws, sid) = world.client().await;
    root.emit("n", &1);
    assert_eq!(ws.text().await, r#"42["n",1]"#);
    assert!(ended.try_recv().is_err());
    root.socket(&sid).unwrap().disconnect(true);
    let over = timeout(DEADLINE, ended.recv()).await;
    over.expect("its place to be given back");
}
