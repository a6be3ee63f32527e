//! The servers under test: started on a free port with nothing in them, stopped when dropped.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::connection::Endpoint;
use crate::http;
use crate::peer::Peer;

const STARTS_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// People who share the connections between them; signing up is slow on purpose.
const PEOPLE: usize = 8;
const CHANNEL: &str = "bench";
/// Size of the packet that each connection in a room server's room gets.
pub const EVENT_BYTES: usize = 200;

/// A running server and how to make its room hear something.
pub struct Target {
    /// As the report calls it.
    pub name: String,
    /// Where to connect.
    pub endpoint: Endpoint,
    /// The event that everyone hears.
    pub event: &'static str,
    /// A packet each connection sends first, if the server puts nobody into the room by itself.
    pub greeting: Option<String>,
    /// The channel whose room all connections are in.
    channel_id: String,
    tokens: Vec<String>,
    server: Server,
    /// Its data folder, removed together with it.
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
            Server::start(binary, |command, port| {
                command.arg("serve").env("DATA_DIR", data.path());
                command
                    .env("HOST", "127.0.0.1")
                    .env("PORT", port)
                    .env("TIDINGS_LOG", "warn");
            })
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
        let admin = tokens.first().map(String::as_str);
        let path = "/api/v1/channels/create";
        let channel = http::post(server.address, path, admin, &channel).await?;
        let channel_id = channel["id"]
            .as_str()
            .context("the channel has no id")?
            .to_owned();
        server.stop();
        let server = start()?;
        let version = version_of(Command::new(binary).arg("--version"));
        let mut target = Self::of(version, server);
        target.channel_id = channel_id;
        target.tokens = tokens;
        target._data = Some(data);
        Ok(target)
    }

    /// One of the room servers: ours, a limit or another library's.
    ///
    /// # Errors
    /// If it does not start.
    pub fn room_server(peer: &Peer) -> Result<Self> {
        let server = Server::start(&peer.program, |command, port| {
            command.args(&peer.arguments).args(["--port", port]);
        })?;
        let mut target = Self::of(peer.name.clone(), server);
        target.endpoint.path = "/socket.io/".to_owned();
        target.event = "msg";
        target.greeting = Some(format!("420[\"join\",\"{CHANNEL}\"]"));
        Ok(target)
    }

    fn of(name: String, server: Server) -> Self {
        Self {
            name,
            endpoint: Endpoint {
                address: server.address,
                path: "/ws/socket.io/".to_owned(),
                spread: false,
            },
            event: "events:channel",
            greeting: None,
            channel_id: CHANNEL.to_owned(),
            tokens: vec![String::new()],
            server,
            _data: None,
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
        let tokens = self.tokens.iter().cycle().take(connections);
        tokens.map(|token| json!({ "token": token })).collect()
    }

    /// A packet that makes the server send one event of about 200 bytes to everyone; from a room server exactly
    /// [`EVENT_BYTES`].
    #[must_use]
    pub fn signal(&self, stamp: &str) -> String {
        if self.greeting.is_some() {
            let frame = r#"42["msg",{"room":"","stamp":"","text":""}]"#.len();
            let text = "x".repeat(EVENT_BYTES - frame - CHANNEL.len() - stamp.len());
            return format!(
                r#"42["pub",{{"room":"{CHANNEL}","stamp":"{stamp}","text":"{text}"}}]"#
            );
        }
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
        let author = self.tokens.first().map(String::as_str);
        http::post(
            self.endpoint.address,
            &path,
            author,
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
    /// Starts on a free port, which `configure` tells it, and waits until it listens.
    fn start(program: &Path, configure: impl FnOnce(&mut Command, &str)) -> Result<Self> {
        // Some servers bind to every address, and clients have used ports of many: it must be free on all.
        let port = TcpListener::bind("0.0.0.0:0")?.local_addr()?.port();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut command = Command::new(program);
        configure(&mut command, &address.port().to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let name = program.display();
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

    /// Asks it to end, and waits. Its number may be somebody else's once it has ended, so that is looked at first.
    fn stop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
            return;
        }
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
