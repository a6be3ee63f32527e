//! The servers under test: started on a free port with nothing in them, stopped when dropped.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::connection::Endpoint;
use crate::http;
use crate::peer::Peer;
use crate::server::Server;
use crate::workspace::Workspace;

/// People who share the connections between them, where nobody asks for more.
pub const PEOPLE: usize = 8;
/// Channels that all of them are in, beside their own room and everyone's.
const CHANNELS: usize = 5;
const CHANNEL: &str = "bench";
/// Size of the packet that each connection in a room server's room gets, where nobody asked for another.
pub const EVENT_BYTES: usize = 200;
/// What longer texts are made of.
const WORDS: [&str; 40] = [
    "about", "after", "again", "all", "and", "answer", "before", "channel", "come", "could", "day",
    "document", "every", "for", "from", "have", "here", "if", "in", "it", "later", "meeting",
    "message", "need", "not", "of", "on", "people", "please", "question", "right", "see", "that",
    "the", "then", "think", "to", "we", "with", "you",
];

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
    /// How long an event of a room server is, in bytes of its packet.
    pub event_bytes: usize,
    /// The channel whose room all connections are in.
    channel_id: String,
    tokens: Vec<String>,
    server: Server,
    /// Its data folder, removed together with it.
    _data: Option<TempDir>,
}

impl Target {
    /// Tidings with a few people who are all in the same channels, started anew after they signed up so that memory is
    /// counted from a server at rest.
    ///
    /// # Errors
    /// If it does not start or refuses the preparation.
    pub async fn tidings(binary: &Path, people: usize) -> Result<Self> {
        let mut workspace = Workspace::open(binary, people).await?;
        for number in 1..=CHANNELS {
            workspace
                .add_open_channel(&format!("{CHANNEL}-{number}"))
                .await?;
        }
        workspace.restart(None)?;
        let Workspace {
            server,
            data,
            tokens,
            channels,
            ..
        } = workspace;
        let mut target = Self::of(version_of(Command::new(binary).arg("--version")), server);
        target.channel_id = channels.into_iter().next().context("there is no channel")?;
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
                deflates: false,
                address: server.address,
                path: "/ws/socket.io/".to_owned(),
                spread: None,
            },
            event: "events:channel",
            greeting: None,
            event_bytes: EVENT_BYTES,
            channel_id: CHANNEL.to_owned(),
            tokens: vec![String::new()],
            server,
            _data: None,
        }
    }

    /// The server's process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Auth objects for so many connections, shared out between the people.
    #[must_use]
    pub fn auths(&self, connections: usize) -> Vec<Value> {
        let tokens = self.tokens.iter().cycle().take(connections);
        tokens.map(|token| json!({ "token": token })).collect()
    }

    /// A packet that makes the server send one event of about 200 bytes to everyone; from a room server exactly
    /// `event_bytes`.
    #[must_use]
    pub fn signal(&self, stamp: &str) -> String {
        if self.greeting.is_some() {
            let frame = r#"42["msg",{"room":"","stamp":"","text":""}]"#.len();
            let rest = frame + CHANNEL.len() + stamp.len();
            let text = words(self.event_bytes.saturating_sub(rest), stamp);
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

/// So many bytes of words, others for each stamp: as compressible as what people write.
fn words(bytes: usize, stamp: &str) -> String {
    let mut random = stamp
        .bytes()
        .fold(1_u32, |sum, byte| sum.wrapping_mul(31) + u32::from(byte));
    let mut text = String::with_capacity(bytes + 16);
    while text.len() < bytes {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        text.push_str(WORDS[(random >> 16) as usize % WORDS.len()]);
        text.push(' ');
    }
    text.truncate(bytes);
    text
}

fn version_of(command: &mut Command) -> String {
    let output = command
        .output()
        .map(|output| output.stdout)
        .unwrap_or_default();
    String::from_utf8_lossy(&output).trim().to_owned()
}
