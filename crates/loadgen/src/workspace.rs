//! A Tidings of our own: people who signed up and channels they are in, in a data folder that outlives a restart.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::connection::Endpoint;
use crate::http;
use crate::server::Server;

/// Signing up is slow on purpose, and a server lets only so many wait.
const SIGNING_UP_AT_ONCE: usize = 4;
const MEMBERS_AT_ONCE: usize = 90;

/// A preloaded library that slows down what waits for the disk.
#[derive(Debug, Clone)]
pub struct SlowSync {
    /// The library.
    pub library: PathBuf,
    /// Milliseconds added to each `fsync` and `fdatasync`.
    pub delay_ms: u32,
}

/// The server and who is in it.
pub struct Workspace {
    /// The process.
    pub server: Server,
    /// Its data folder, removed at the end.
    pub data: TempDir,
    /// A session of each person; the first is the admin.
    pub tokens: Vec<String>,
    /// Ids of the people, in the same order.
    pub people: Vec<String>,
    /// Ids of the channels, in the order they were added.
    pub channels: Vec<String>,
    binary: PathBuf,
}

impl Workspace {
    /// Starts Tidings on an empty database and lets so many people sign up.
    ///
    /// # Errors
    /// If it does not start or refuses somebody.
    pub async fn open(binary: &Path, people: usize) -> Result<Self> {
        let data = tempfile::tempdir().context("no temporary folder")?;
        let server = start(binary, data.path(), None)?;
        let address = server.address;
        let mut workspace = Self {
            server,
            data,
            tokens: Vec::new(),
            people: Vec::new(),
            channels: Vec::new(),
            binary: binary.to_owned(),
        };
        let sign_up = |number: usize| async move {
            let person = json!({
                "name": format!("Person {number}"),
                "email": format!("person{number}@example.com"),
                "password": "a long enough password",
            });
            http::post(address, "/api/v1/auths/signup", None, &person).await
        };
        // The first becomes the admin.
        let mut sessions = vec![sign_up(0).await?];
        let others: Vec<Value> = stream::iter((1..people).map(sign_up))
            .buffered(SIGNING_UP_AT_ONCE)
            .try_collect()
            .await?;
        sessions.extend(others);
        for session in sessions {
            workspace.tokens.push(text(&session, "token")?);
            workspace.people.push(text(&session, "id")?);
        }
        Ok(workspace)
    }

    /// A channel that everybody is in.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn add_open_channel(&mut self, name: &str) -> Result<()> {
        let form = json!({ "name": name, "description": "", "access_control": null });
        self.add_channel(&form).await
    }

    /// A group of the admin and the people with these numbers.
    ///
    /// # Errors
    /// If it is refused.
    pub async fn add_group(&mut self, name: &str, numbers: &[usize]) -> Result<()> {
        let ids: Vec<&String> = numbers.iter().filter_map(|n| self.people.get(*n)).collect();
        let (first, later) = ids.split_at(ids.len().min(MEMBERS_AT_ONCE));
        let form = json!({ "type": "group", "name": name, "user_ids": first });
        let more: Vec<Value> = later
            .chunks(MEMBERS_AT_ONCE)
            .map(|ids| json!({ "user_ids": ids }))
            .collect();
        self.add_channel(&form).await?;
        let id = self.channels.last().context("the channel has no id")?;
        let path = format!("/api/v1/channels/{id}/update/members/add");
        for members in more {
            http::post(self.server.address, &path, self.admin(), &members).await?;
        }
        Ok(())
    }

    async fn add_channel(&mut self, form: &Value) -> Result<()> {
        let path = "/api/v1/channels/create";
        let channel = http::post(self.server.address, path, self.admin(), form).await?;
        self.channels.push(text(&channel, "id")?);
        Ok(())
    }

    /// The session of the first person.
    #[must_use]
    pub fn admin(&self) -> Option<&str> {
        self.tokens.first().map(String::as_str)
    }

    /// Stops the server and starts it again on the same data, on a slower disk if asked for.
    ///
    /// # Errors
    /// If it does not start.
    pub fn restart(&mut self, slow: Option<&SlowSync>) -> Result<()> {
        self.server.stop();
        self.server = start(&self.binary, self.data.path(), slow)?;
        Ok(())
    }

    /// Where sockets connect to.
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        Endpoint {
            deflates: false,
            address: self.server.address,
            path: "/ws/socket.io/".to_owned(),
            spread: Some(0),
        }
    }

    /// Where a channel's messages are posted to.
    #[must_use]
    pub fn post_path(&self, channel: usize) -> String {
        let id = self.channels.get(channel).map_or("", String::as_str);
        format!("/api/v1/channels/{id}/messages/post")
    }
}

fn start(binary: &Path, data: &Path, slow: Option<&SlowSync>) -> Result<Server> {
    Server::start(binary, |command, port| {
        command
            .arg("serve")
            .env("TIDINGS_SOCKETS_PER_USER", "0")
            .env("TIDINGS_SIGNUPS_PER_ADDRESS", "0")
            .env("DATA_DIR", data)
            .env("HOST", "127.0.0.1")
            .env("PORT", port)
            .env("TIDINGS_LOG", "warn");
        if let Some(slow) = slow {
            command
                .env("LD_PRELOAD", &slow.library)
                .env("TIDINGS_SHIM_SYNC_DELAY_MS", slow.delay_ms.to_string());
        }
    })
}

fn text(value: &Value, field: &str) -> Result<String> {
    let text = value[field].as_str();
    Ok(text
        .with_context(|| format!("no `{field}` in the answer"))?
        .to_owned())
}
