//! The servers under test: started on a free port with nothing in them, stopped when dropped.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::connection::Endpoint;
use crate::http;

const STARTS_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// People who share the connections between them; signing up is slow on purpose.
const PEOPLE: usize = 8;
const PATH: &str = "/ws/socket.io/";
const CHANNEL: &str = "bench";

/// A running server and how to make its room hear something.
pub struct Target {
    /// As the report calls it.
    pub name: String,
    /// Where to connect.
    pub endpoint: Endpoint,
    /// The channel whose room all connections are in.
    pub channel_id: String,
    tokens: Vec<String>,
    server: Server,
    _data: Option<TempDir>,
}

impl Target {
    /// Tidings on an empty database, with a few people and one channel, started anew after they signed up so that
    /// memory is counted from a server at rest.
    ///
    /// # Errors
    /// If it does not start or refuses the preparation.
    pub async fn tidings(binary: &Path) -> Result<Self> {
        let data = tempfile::tempdir().context("no temporary folder")?;
        let start = || {
            let mut command = Command::new(binary);
            command
                .arg("serve")
                .env("DATA_DIR", data.path())
                .env("HOST", "127.0.0.1")
                .env("TIDINGS_LOG", "warn");
            Server::start(command)
        };
        let mut server = start()?;
        let mut tokens = Vec::new();
        for number in 0..PEOPLE {
            let person = json!({
                "name": format!("Person {number}"),
                "email": format!("person{number}@example.com"),
                "password": "a long enough password",
            });
            let session = http::post(server.address, "/api/v1/auths/signup", None, &person).await?;
            tokens.push(
                session["token"]
                    .as_str()
                    .context("sign-up gave no token")?
                    .to_owned(),
            );
        }
        let channel = json!({ "name": CHANNEL, "description": "", "access_control": null });
        let channel = http::post(
            server.address,
            "/api/v1/channels/create",
            Some(&tokens[0]),
            &channel,
        )
        .await?;
        let channel_id = channel["id"]
            .as_str()
            .context("the channel has no id")?
            .to_owned();
        server.stop();
        let server = start()?;
        let version = version_of(Command::new(binary).arg("--version"));
        Ok(Self::new(version, channel_id, tokens, server, Some(data)))
    }

    /// The plain Node server of `bench/peers/node-socketio`.
    ///
    /// # Errors
    /// If it does not start.
    pub fn node_peer(folder: &Path) -> Result<Self> {
        let mut command = Command::new("node");
        command.arg(folder.join("server.mjs"));
        let server = Server::start(command)?;
        let manifest: PathBuf = folder.join("node_modules/socket.io/package.json");
        let manifest = std::fs::read_to_string(&manifest)
            .with_context(|| format!("{}", manifest.display()))?;
        let manifest: Value = serde_json::from_str(&manifest)?;
        let library = manifest["version"].as_str().unwrap_or("?");
        let node = version_of(Command::new("node").arg("--version"));
        let name = format!(
            "socket.io {library} on Node {}",
            node.trim_start_matches('v')
        );
        Ok(Self::new(
            name,
            CHANNEL.to_owned(),
            vec![String::new()],
            server,
            None,
        ))
    }

    fn new(
        name: String,
        channel_id: String,
        tokens: Vec<String>,
        server: Server,
        data: Option<TempDir>,
    ) -> Self {
        let endpoint = Endpoint {
            address: server.address,
            path: PATH.to_owned(),
        };
        Self {
            name,
            endpoint,
            channel_id,
            tokens,
            server,
            _data: data,
        }
    }

    /// The server's process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.server.child.id()
    }

    /// Auth objects for so many connections, shared out between the people.
    #[must_use]
    pub fn auths(&self, connections: usize) -> Vec<Value> {
        self.tokens
            .iter()
            .cycle()
            .take(connections)
            .map(|token| json!({ "token": token }))
            .collect()
    }

    /// A packet that makes the server send one event of about 200 bytes to everyone.
    #[must_use]
    pub fn signal(&self, stamp: &str) -> String {
        let data = json!({ "type": "typing", "data": { "typing": true, "stamp": stamp } });
        let event = json!({ "channel_id": self.channel_id, "message_id": null, "data": data });
        format!("42[\"events:channel\",{event}]")
    }

    /// Posts a message, which is stored before everyone hears of it. Only Tidings knows how.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn post(&self, text: &str) -> Result<()> {
        let path = format!("/api/v1/channels/{}/messages/post", self.channel_id);
        http::post(
            self.endpoint.address,
            &path,
            Some(&self.tokens[0]),
            &json!({ "content": text }),
        )
        .await?;
        Ok(())
    }
}

struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts on a free port, given by `PORT`, and waits until it listens.
    fn start(mut command: Command) -> Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        command
            .env("PORT", address.port().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command
            .spawn()
            .with_context(|| format!("{name} does not start"))?;
        let mut server = Self { child, address };
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("{name} ended before it listened ({status})");
            }
            if started.elapsed() > STARTS_WITHIN {
                bail!("{name} does not listen on {address}");
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(server)
    }

    /// Asks it to end and waits; what it cannot finish in time is killed by the next start's owner.
    fn stop(&mut self) {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _gone = self.child.kill();
        }
        let _status = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn version_of(command: &mut Command) -> String {
    let output = command
        .output()
        .map(|output| output.stdout)
        .unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}
