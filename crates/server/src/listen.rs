//! Accepts connections and serves HTTP/1 on them until told to stop; then finishes what is under way.
//!
//! Our own loop instead of `axum::serve`, for a time limit on request heads and a bounded shutdown.

use crate::app::App;
use anyhow::Context;
use axum::Router;
use axum::extract::ConnectInfo;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// How long sockets have to say goodbye when the stop was asked for, their handlers included.
const SOCKETS_TIMEOUT: Duration = Duration::from_millis(2_500);

/// How long requests may go on after that. With what runs and the store take, all ends within ten seconds.
const STOP_TIMEOUT: Duration = Duration::from_secs(4);

/// Connections that may wait to be accepted; the system may allow fewer. When more come, as after a restart, theirs is
/// the second attempt, which the system makes a second later.
const BACKLOG: u32 = 4096;

/// A server that listens.
pub struct Listening {
    /// Where.
    pub addr: SocketAddr,
    app: App,
    connections: TaskTracker,
    stop: CancellationToken,
}

/// Binds the address of the settings and serves on it in the background.
///
/// # Errors
/// When the address cannot be bound; names the variables.
pub async fn listen(app: &App) -> anyhow::Result<Listening> {
    let http = &app.config.http;
    let wanted = SocketAddr::new(http.host, http.port);
    let listener = bind(wanted).with_context(|| {
        format!("HOST, PORT: cannot listen on {wanted}; another program may use it")
    })?;
    let addr = listener
        .local_addr()
        .context("the listening address is unknown")?;
    let (connections, stop) = (TaskTracker::new(), CancellationToken::new());
    tokio::spawn(accept(
        listener,
        crate::http::router(app),
        app.config.limits.request_timeout,
        connections.clone(),
        stop.clone(),
    ));
    Ok(Listening {
        addr,
        app: app.clone(),
        connections,
        stop,
    })
}

impl Listening {
    /// Closes sockets so that their clients come back elsewhere or later, lets requests finish, writes everything down.
    pub async fn stop(self) {
        self.stop.cancel();
        if tokio::time::timeout(SOCKETS_TIMEOUT, self.app.sockets.close())
            .await
            .is_err()
        {
            tracing::warn!("some sockets were cut off");
        }
        self.connections.close();
        if tokio::time::timeout(STOP_TIMEOUT, self.connections.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                connections = self.connections.len(),
                "some requests were cut off"
            );
        }
        self.app.stop().await;
    }
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A server that is started again gets its port although connections of before still rest; elsewhere than on Unix
    // this would mean something else.
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

async fn accept(
    listener: TcpListener,
    router: Router,
    head_timeout: Duration,
    connections: TaskTracker,
    stop: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                connections.spawn(serve(
                    stream,
                    peer,
                    router.clone(),
                    head_timeout,
                    stop.clone(),
                ));
            }
            Err(error) => {
                // Out of file descriptors, most likely: a short rest lets connections end.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    head_timeout: Duration,
    stop: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request.map(axum::body::Body::new))
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, %peer, "a connection ended early");
    }
}
