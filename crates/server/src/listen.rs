//! Accepts connections and serves HTTP/1 on them until told to stop; then finishes what is under way.
//!
//! Our own loop instead of `axum::serve`, for limits: of connections, of the time that heads and answers may take, and of
//! the shutdown.

mod open;

use self::open::{Full, Open, Place};
use crate::app::App;
use anyhow::Context;
use axum::Router;
use axum::extract::ConnectInfo;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use socketio::TimedStream;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
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

/// How often it may be said that the system gives no more connections.
const FAILURE_EVERY: Duration = Duration::from_secs(60);

/// Connections without a place that are told so at the same time; more are closed without a word.
const TOLD: usize = 64;

/// How long a connection without a place may take to hear it.
const TELL_TIMEOUT: Duration = Duration::from_secs(1);

/// What a connection without a place is told.
const FULL: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 5\r\n\
    connection: close\r\ncontent-length: 94\r\n\r\n\
    {\"detail\":\"as many connections are open as may be; try again in a while\",\"code\":\"unavailable\"}";
const FULL_OF_ADDRESS: &str = "HTTP/1.1 429 Too Many Requests\r\ncontent-type: application/json\r\nretry-after: 5\r\n\
    connection: close\r\ncontent-length: 91\r\n\r\n\
    {\"detail\":\"your address has as many connections open as it may\",\"code\":\"too_many_requests\"}";

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
    let limits = &app.config.limits;
    let door = Door {
        router: crate::http::router(app),
        head_timeout: limits.request_timeout,
        send_timeout: limits.send_timeout,
        open: Arc::new(Open::new(limits, http.trusted_proxies > 0)),
        told: Arc::new(Semaphore::new(TOLD)),
        stop: stop.clone(),
    };
    tokio::spawn(accept(listener, door, connections.clone()));
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

/// What every connection needs.
#[derive(Clone)]
struct Door {
    router: Router,
    head_timeout: Duration,
    send_timeout: Duration,
    open: Arc<Open>,
    told: Arc<Semaphore>,
    stop: CancellationToken,
}

async fn accept(listener: TcpListener, door: Door, connections: TaskTracker) {
    let mut failed: Option<Instant> = None;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = door.stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, peer)) => match door.open.enter(peer.ip()) {
                Ok(place) => {
                    connections.spawn(door.clone().serve(stream, peer, place));
                }
                Err(full) => door.refuse(stream, full),
            },
            Err(error) => {
                // Out of file descriptors, most likely: a short rest lets connections end.
                if failed.is_none_or(|at| at.elapsed() > FAILURE_EVERY) {
                    failed = Some(Instant::now());
                    tracing::warn!(%error, "a connection could not be accepted");
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

impl Door {
    async fn serve(self, stream: TcpStream, peer: SocketAddr, place: Place) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        let stream = TimedStream::new(stream, self.send_timeout).with_guard(place);
        let router = self.router;
        let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            router.clone().oneshot(request.map(axum::body::Body::new))
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.head_timeout)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        let mut connection = pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, %peer, "a connection ended early");
        }
    }

    /// Tells a connection that there is no place for it, if not too many are being told.
    fn refuse(&self, stream: TcpStream, full: Full) {
        let Ok(permit) = self.told.clone().try_acquire_owned() else {
            return;
        };
        let answer = match full {
            Full::InAll => FULL,
            Full::OfAddress => FULL_OF_ADDRESS,
        };
        tokio::spawn(async move {
            // It may have gone already.
            let _ = tokio::time::timeout(TELL_TIMEOUT, tell(stream, answer)).await;
            drop(permit);
        });
    }
}

/// Answers, and takes what the peer says before it closes: a request that nobody reads would reset the connection before
/// the answer is heard.
async fn tell(mut stream: TcpStream, answer: &str) -> std::io::Result<()> {
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    let mut unread = [0; 4096];
    while stream.read(&mut unread).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_as_long_as_it_says() {
        for answer in [FULL, FULL_OF_ADDRESS] {
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.ends_with(&format!("content-length: {}", body.len())));
            assert!(serde_json::from_str::<wire::errors::ErrorBody>(body).is_ok());
        }
    }
}
