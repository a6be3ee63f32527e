//! `tidings serve`: prints the settings and the address, runs until it is told to stop.

use super::logging;
use crate::app::App;
use crate::clock::Clock;
use crate::config::{Config, OpenFiles, room_for_connections};
use crate::listen;
use std::process::ExitCode;

/// Runs the server until SIGTERM or Ctrl-C.
///
/// # Errors
/// When the database or the address cannot be used.
pub async fn run(config: Config, files: Option<OpenFiles>, demo: bool) -> anyhow::Result<ExitCode> {
    logging::start(&config.log);
    #[cfg(feature = "faults")]
    crate::config::faults::arm()?;
    let settings = config.summary();
    for (name, value) in &settings {
        tracing::info!(setting = name, value, "effective");
    }
    if let Some(files) = files {
        tell(&files, config.limits.open_connections);
    }
    if !config.http.host.is_loopback() && config.auth.enable_signup {
        tracing::warn!(
            host = %config.http.host,
            "anybody who reaches this address can sign up; set ENABLE_SIGNUP=false or DEFAULT_USER_ROLE=pending to change that"
        );
    }
    let app = App::start(config, Clock::System).await?;
    if demo {
        crate::demo::fill(&app).await?;
    }
    let listening = listen::listen(&app).await?;
    println!(
        "Tidings {} is at http://{}",
        env!("CARGO_PKG_VERSION"),
        shown(listening.addr)
    );
    let is_broken = tokio::select! {
        asked = stop_signal() => asked.map(|()| false)?,
        () = app.broken.cancelled() => true,
    };
    tracing::info!("stopping: sockets are closed, requests finish, writes are flushed");
    listening.stop().await;
    anyhow::ensure!(
        !is_broken,
        "a part of the server ended by a defect; the log says which. Start it again"
    );
    Ok(ExitCode::SUCCESS)
}

/// Says how many files may be open, and what is wrong with it.
fn tell(files: &OpenFiles, connections: usize) {
    let OpenFiles { before, now, .. } = *files;
    tracing::info!(
        before,
        now,
        "this process may have {now} files open; at its start it was {before}"
    );
    if let Some(error) = &files.refused {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    let room = room_for_connections(now);
    if connections > room {
        tracing::warn!(
            connections,
            room,
            files = now,
            "more connections are allowed than the limit of open files leaves room for; raise it (LimitNOFILE, ulimit -n) \
            or lower TIDINGS_OPEN_CONNECTIONS"
        );
    }
}

/// The address as a browser on this machine opens it.
fn shown(addr: std::net::SocketAddr) -> String {
    if addr.ip().is_loopback() || addr.ip().is_unspecified() {
        return format!("localhost:{}", addr.port());
    }
    addr.to_string()
}

#[cfg(unix)]
async fn stop_signal() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        done = tokio::signal::ctrl_c() => done?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

#[cfg(not(unix))]
async fn stop_signal() -> anyhow::Result<()> {
    Ok(tokio::signal::ctrl_c().await?)
}
