//! The real server in this process, on a free port, over a database of its own.

use crate::fake_ollama::FakeOllama;
use crate::fake_openai::FakeOpenAi;
use crate::person::Person;
use serde_json::{Value, json};
use server::app::App;
use server::clock::Clock;
use server::config::{Config, Settings};
use server::listen::{Listening, listen};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// When a world's clock starts: milliseconds since the Unix epoch.
pub const START_MS: i64 = 1_763_900_000_000;

/// The password of everybody.
pub const PASSWORD: &str = "correct horse battery";

/// A server with its surroundings. Ends when it is dropped; [`World::stop`] ends it in order.
pub struct World {
    /// The server's parts, for what cannot be seen from outside.
    pub app: App,
    /// Where it listens.
    pub addr: SocketAddr,
    /// The OpenAI-compatible upstream it asks.
    pub openai: FakeOpenAi,
    /// The Ollama it asks.
    pub ollama: FakeOllama,
    clock: Arc<AtomicI64>,
    folder: TempDir,
    settings: Settings,
    listening: Option<Listening>,
}

impl World {
    /// A world with default settings and both fake upstreams.
    pub async fn new() -> World {
        World::with(|_| {}).await
    }

    /// A world whose settings are changed before it starts.
    pub async fn with(change: impl FnOnce(&mut Settings)) -> World {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let (openai, ollama) = (FakeOpenAi::start().await, FakeOllama::start().await);
        let mut settings = Settings {
            host: Some("127.0.0.1".into()),
            port: Some("0".into()),
            data_dir: Some(folder.path().to_string_lossy().into_owned()),
            webui_secret_key: Some("a key that only tests know".into()),
            openai_api_base_urls: Some(openai.base_url()),
            openai_api_keys: Some("sk-test".into()),
            ollama_base_urls: Some(ollama.base_url()),
            tidings_synchronous: Some("normal".into()),
            // All come from one address.
            tidings_signups_per_address: Some("0".into()),
            ..Settings::default()
        };
        change(&mut settings);
        let clock = Arc::new(AtomicI64::new(START_MS));
        let (app, listening) = start(&settings, &clock).await;
        World {
            app,
            addr: listening.addr,
            openai,
            ollama,
            clock,
            folder,
            settings,
            listening: Some(listening),
        }
    }

    /// The address without a path.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The folder with the database.
    #[must_use]
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Moves the server's clock.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).expect("a test moves the clock by less than ages");
        self.clock.fetch_add(by, Ordering::SeqCst);
    }

    /// The time of the server's clock.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.clock.load(Ordering::SeqCst)
    }

    /// Signs somebody up: the first is the admin. Their address is `<name>@example.org`.
    pub async fn sign_up(&self, name: &str) -> Person {
        let body =
            json!({"name": name, "email": format!("{name}@example.org"), "password": PASSWORD});
        let nobody = Person::nobody(self.url());
        let session = nobody.post("/api/v1/auths/signup", &body).await.ok();
        nobody.signed_in(&session)
    }

    /// Signs several people up, one after the other.
    pub async fn people<const N: usize>(&self, names: [&str; N]) -> [Person; N] {
        let mut people = Vec::new();
        for name in names {
            people.push(self.sign_up(name).await);
        }
        people
            .try_into()
            .unwrap_or_else(|_| unreachable!("as many people as names"))
    }

    /// Signs several people up; the first, an admin, makes a standard channel that is open to all.
    pub async fn members_of<const N: usize>(
        &self,
        channel: &str,
        names: [&str; N],
    ) -> (Value, [Person; N]) {
        let people = self.people(names).await;
        let made = people[0]
            .post("/api/v1/channels/create", &json!({"name": channel}))
            .await
            .ok();
        (made, people)
    }

    /// Somebody who has not signed in.
    #[must_use]
    pub fn nobody(&self) -> Person {
        Person::nobody(self.url())
    }

    /// Stops the server in order and starts it again over the same database, on the same port.
    pub async fn restart(&mut self) {
        self.restart_with(|_| {}).await;
    }

    /// The same with other settings, which stay.
    pub async fn restart_with(&mut self, change: impl FnOnce(&mut Settings)) {
        self.halt().await;
        change(&mut self.settings);
        let mut settings = self.settings.clone();
        settings.port = Some(self.addr.port().to_string());
        let (app, listening) = start(&settings, &self.clock).await;
        self.app = app;
        self.listening = Some(listening);
    }

    /// Stops the server in order.
    pub async fn stop(mut self) {
        self.halt().await;
    }

    async fn halt(&mut self) {
        if let Some(listening) = self.listening.take() {
            listening.stop().await;
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.app.stopping.cancel();
    }
}

async fn start(settings: &Settings, clock: &Arc<AtomicI64>) -> (App, Listening) {
    let config = Config::from_settings(settings)
        .unwrap_or_else(|faults| panic!("the settings are wrong: {faults}"));
    let app = App::start(config, Clock::Settable(clock.clone()))
        .await
        .expect("the server starts");
    let listening = listen(&app).await.expect("the server listens");
    (app, listening)
}
