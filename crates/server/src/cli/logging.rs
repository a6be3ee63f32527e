//! Structured logs on standard error: text for people, or one JSON object a line.

use crate::config::LogConfig;
use std::io::IsTerminal;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging for this process.
pub fn start(log: &LogConfig) {
    let filter: Targets = log.filter.parse().unwrap_or_default();
    let base = tracing_subscriber::registry().with(filter);
    let ansi = std::io::stderr().is_terminal();
    let started = if log.json {
        base.with(
            tracing_subscriber::fmt::layer()
                .json()
                .with_writer(std::io::stderr),
        )
        .try_init()
    } else {
        base.with(
            tracing_subscriber::fmt::layer()
                .with_ansi(ansi)
                .with_writer(std::io::stderr),
        )
        .try_init()
    };
    // Fails only where a test in the same process has started logging already.
    drop(started);
}
