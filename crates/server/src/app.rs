//! What handlers can reach: settings, database, sockets, time. Made once, shared by all.

use crate::auth::Auth;
use crate::channels::{self, Markers};
use crate::clock::Clock;
use crate::config::Config;
use crate::error::Error;
use crate::http::turns::Turns;
use crate::hub::{self, Hub};
use crate::live::arrivals::Arrivals;
use crate::live::{self, Live};
use crate::presence::Presence;
use crate::publish::Publish;
use crate::runs::{self, Runs};
use anyhow::Context;
use futures_util::FutureExt;
use std::future::Future;
use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use store::{Store, Tx};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long an answer waits for a write that it can do without.
const A_MOMENT: Duration = Duration::from_millis(250);

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
    /// Whom to ask for answers.
    pub models: llm::Upstreams,
    /// The answers that are being written.
    pub runs: Runs,
    /// The door for states, signals and pieces.
    pub publish: Publish,
    /// What is shared by all sockets.
    pub live: Live,
    /// Looks up those who arrive.
    pub arrivals: Arrivals,
    /// Who is here.
    pub presence: Presence,
    /// How far people have read channels, before it is stored.
    pub markers: Markers,
    /// Commands under way that must not begin twice.
    pub turns: Turns,
    /// Background tasks; each ends when `stopping` is cancelled.
    pub tasks: TaskTracker,
    /// Cancelled when the server stops.
    pub stopping: CancellationToken,
    /// Cancelled when a part of the server ended by a defect: it must stop, so that it can be started again.
    pub broken: CancellationToken,
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
        let (arrivals, arriving) = Arrivals::new();
        let (hub, inbox) = Hub::new(io.clone(), store.clone(), arrivals.clone(), batches).await?;
        let app = App(Arc::new(Parts {
            auth: Auth::new(&config),
            models: models(&config)?,
            runs: Runs::default(),
            hub: hub.clone(),
            publish: Publish::new(io.clone()),
            live: Live::default(),
            arrivals,
            presence: Presence::default(),
            markers: Markers::default(),
            turns: Turns::default(),
            tasks: TaskTracker::new(),
            stopping: CancellationToken::new(),
            broken: CancellationToken::new(),
            config,
            clock,
            store,
            sockets,
            io,
        }));
        app.keep("delivery", hub.run(inbox));
        app.keep("arrivals", live::arrivals::run(app.clone(), arriving));
        app.keep("retention", crate::retention::run(app.clone()));
        app.keep("read markers", channels::flush_markers(app.clone()));
        live::serve(&app);
        runs::recover(&app).await?;
        app.keep("saving of answers", runs::save_all(app.clone()));
        Ok(app)
    }

    /// Runs a part that lives as long as the server. One that ends before is a defect, and is not passed over in silence:
    /// the server says so and stops.
    pub fn keep(&self, part: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let (stopping, broken) = (self.stopping.clone(), self.broken.clone());
        self.tasks.spawn(async move {
            let ended = AssertUnwindSafe(work).catch_unwind().await;
            if stopping.is_cancelled() {
                return;
            }
            let panic = ended
                .err()
                .map(|panic| crate::error::panic_text(panic.as_ref()));
            tracing::error!(
                part,
                panic,
                "a part of the server ended by a defect; the server stops"
            );
            broken.cancel();
        });
    }

    /// Runs a command and what must follow its commit to the end, also when its caller hangs up.
    ///
    /// # Errors
    /// The command's.
    pub async fn to_the_end<T: Send + 'static>(
        &self,
        command: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        self.tasks
            .spawn(command)
            .await
            .unwrap_or(Err(Error::Internal))
    }

    /// Writes what an answer can do without. It waits a moment only: one can read also while nothing can be written, be the
    /// disk full or the database locked.
    pub async fn note<F>(&self, what: &'static str, job: F)
    where
        F: FnOnce(&mut Tx<'_>) -> Result<(), store::Error> + Send + 'static,
    {
        match tokio::time::timeout(A_MOMENT, self.store.write_soft(job)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) if error.is_said() => {}
            Ok(Err(error)) => tracing::warn!(%error, what, "it could not be noted"),
            Err(_) => tracing::debug!(what, "it is noted later"),
        }
    }

    /// Ends background tasks, closes the database and waits for both.
    pub async fn stop(&self) {
        self.stopping.cancel();
        self.runs.ended().await;
        channels::flush_all_markers(self).await;
        self.store.close().await;
        self.hub.ended().await;
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// The upstreams of the settings; the built-in demo if there are none.
pub(crate) fn models(config: &Config) -> anyhow::Result<llm::Upstreams> {
    let settings = llm::Settings::new(&config.models.openai, &config.models.ollama)
        .context("OPENAI_API_BASE_URLS, OLLAMA_BASE_URLS")?;
    Ok(llm::Upstreams::new(settings)?)
}
