//! What all examples share: `--port N` (3000 if not given), and serving until interrupted.

use std::net::{Ipv4Addr, SocketAddr};

/// Connections that may wait to be accepted: a crowd that comes at once would wait a second for its second attempt.
const BACKLOG: u32 = 4096;

/// Serves on the port that the command line names.
pub async fn serve(app: axum::Router) -> std::io::Result<()> {
    let mut args = std::env::args().skip_while(|arg| arg != "--port").skip(1);
    let port = args
        .next()
        .and_then(|port| port.parse().ok())
        .unwrap_or(3000);
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
