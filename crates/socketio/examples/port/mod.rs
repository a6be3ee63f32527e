//! What all examples share: `--port N` (3000 if not given) and other arguments, and serving until interrupted.

#![allow(dead_code, reason = "each example uses a part of it")]

use std::net::{Ipv4Addr, SocketAddr};

/// Connections that may wait to be accepted: a crowd that comes at once would wait a second for its second attempt.
const BACKLOG: u32 = 4096;

/// Serves on the port that the command line names.
pub async fn serve(app: axum::Router) -> std::io::Result<()> {
    let port = number("--port").unwrap_or(3000);
    let socket = tokio::net::TcpSocket::new_v4()?;
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))?;
    let listener = socket.listen(BACKLOG)?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(
        listener,
        app.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .await
}

/// Whether the command line has this argument.
pub fn has(name: &str) -> bool {
    std::env::args().any(|arg| arg == name)
}

/// The number after this argument.
pub fn number<T: std::str::FromStr>(name: &str) -> Option<T> {
    let mut after = std::env::args().skip_while(|arg| arg != name).skip(1);
    after.next()?.parse().ok()
}
