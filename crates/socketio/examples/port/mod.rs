//! What all examples share: `--port N` (3000 if not given), and serving until interrupted.

use std::net::{Ipv4Addr, SocketAddr};

/// Serves on the port that the command line names.
pub async fn serve(app: axum::Router) -> std::io::Result<()> {
    let mut args = std::env::args().skip_while(|arg| arg != "--port").skip(1);
    let port = args
        .next()
        .and_then(|port| port.parse().ok())
        .unwrap_or(3000);
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await?;
    println!("listening on {}", listener.local_addr()?);
    axum::serve(
        listener,
        app.into_make_service_with_connect_info::<SocketAddr>(),
    )
    .await
}
