//! What handlers can reach: settings, database, sockets, time. Made once, shared by all.

use crate::auth::Auth;
use crate::clock::Clock;
use crate::config::Config;
use crate::hub::{self, Hub};
use crate::live;
use crate::publish::Publish;
use anyhow::Context;
use std::ops::Deref;
use std::sync::Arc;
use store::Store;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Everything an action needs. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Parts>);

/// The parts of an [`App`].
pub struct Parts {
    /// The settings in force.
    pub config: Config,
    /// The time.
    pub clock: Clock,
    /// Passwords and tokens.
    pub auth: Auth,
    /// The database and its log.
    pub store: Store,
    /// The real-time server.
    pub sockets: socketio::Server,
    /// Its one namespace, `/`.
    pub io: socketio::Namespace,
    /// Delivers the log; lets sockets into their rooms.
    pub hub: Hub,
    /// The door for states, signals and pieces.
    pub publish: Publish,
    /// Background tasks; each ends when `stopping` is cancelled.
    pub tasks: TaskTracker,
    /// Cancelled when the server stops.
    pub stopping: CancellationToken,
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// Opens the database and starts the hub; nothing listens yet.
    ///
    /// # Errors
    /// When the data folder or the database cannot be used; the text says why and what to do.
    pub async fn start(mut config: Config, clock: Clock) -> anyhow::Result<App> {
        std::fs::create_dir_all(&config.data_dir).with_context(|| {
            format!(
                "DATA_DIR: the folder {} cannot be made",
                config.data_dir.display()
            )
        })?;
        crate::secret::ensure(&mut config)?;
        let (events, batches) = mpsc::channel(hub::WAITING_BATCHES);
        let options = store::Options {
            synchronous: config.synchronous,
            ..store::Options::default()
        };
        let store = Store::open(&config.database, &options, clock.for_store(), events)?;
        let sockets = socketio::Server::new(live::transport(&config));
        let io = sockets.of("/");
        let (hub, inbox) = Hub::new(io.clone(), store.clone(), batches).await?;
        let app = App(Arc::new(Parts {
            auth: Auth::new(&config.auth),
            hub: hub.clone(),
            publish: Publish::new(io.clone()),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            config,
            clock,
            store,
            sockets,
            io,
        }));
        app.tasks.spawn(hub.run(inbox));
        app.tasks.spawn(crate::retention::run(app.clone()));
        live::serve(&app);
        Ok(app)
    }

    /// Ends background tasks, closes the database and waits for both.
    pub async fn stop(&self) {
        self.stopping.cancel();
        self.store.close().await;
        self.tasks.close();
        self.tasks.wait().await;
    }
}
