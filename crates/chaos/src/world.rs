//! Who and what there is: people with tokens and keys, channels, memory blocks. Made once for a run over HTTP, then each
//! round starts from a copy of that database.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::disk::{self, Disk};
use crate::http::{self, Manners, Request};
use crate::server::Server;

/// How many people there are; the first is the admin.
pub const PEOPLE: usize = 8;
/// How many blocks each person has.
const BLOCKS: usize = 2;

/// Somebody.
#[derive(Debug, Clone)]
pub struct Person {
    /// As the server knows them.
    pub id: String,
    /// Of a session.
    pub token: String,
    /// For their agent.
    pub api_key: String,
    /// Their memory blocks.
    pub blocks: Vec<String>,
}

/// A channel and who was in it at the start.
#[derive(Debug, Clone)]
pub struct Channel {
    /// As the server knows it.
    pub id: String,
    /// Its owner, by number; who adds and removes people.
    pub owner: usize,
    /// Its members at the start, by number.
    pub members: Vec<usize>,
    /// Whether people come and go while the round runs.
    pub is_revolving: bool,
}

/// Everything that a round starts from.
#[derive(Debug, Clone)]
pub struct World {
    /// By number.
    pub people: Vec<Person>,
    /// By number.
    pub channels: Vec<Channel>,
}

impl World {
    /// Fills a new database through a server of its own and leaves a copy of the files in `template`.
    ///
    /// # Errors
    /// If the server refuses anything.
    pub async fn make(binary: &Path, shim: &Path, root: &Path, template: &Path) -> Result<World> {
        let disk = Disk::new(&root.join("first"), shim, None, false)?;
        let server = Server::new(binary, disk, &root.join("first.log"), None)?;
        server.start(None).await?;
        let world = World::fill(server.address).await?;
        server.stop().await?;
        std::fs::create_dir_all(template)?;
        disk::copy_all(&server.disk.data(), template)?;
        Ok(world)
    }

    async fn fill(address: SocketAddr) -> Result<World> {
        let mut people = Vec::new();
        for number in 0..PEOPLE {
            people.push(new_person(address, number).await?);
        }
        let mut channels = Vec::new();
        let everybody: Vec<usize> = (0..PEOPLE).collect();
        for (owner, members, is_revolving) in [
            (0, everybody, false),
            (1, vec![1, 2, 3, 4, 5], false),
            (2, vec![2, 3, 4, 5, 6], true),
            (3, vec![3, 4, 6, 7], true),
        ] {
            let body = if owner == 0 {
                json!({"name": "all", "description": "", "access_control": null})
            } else {
                let ids: Vec<&str> = members
                    .iter()
                    .map(|who: &usize| people[*who].id.as_str())
                    .collect();
                json!({"type": "group", "name": format!("group {owner}"), "user_ids": ids})
            };
            let made = ask(
                address,
                "/api/v1/channels/create",
                &people[owner].token,
                &body,
            )
            .await?;
            channels.push(Channel {
                id: text(&made, "id")?,
                owner,
                members,
                is_revolving,
            });
        }
        Ok(World { people, channels })
    }

    /// The number of the person with this id.
    #[must_use]
    pub fn person(&self, id: &str) -> Option<usize> {
        self.people.iter().position(|person| person.id == id)
    }
}

async fn new_person(address: SocketAddr, number: usize) -> Result<Person> {
    let form = json!({
        "name": format!("Person {number}"),
        "email": format!("person{number}@example.com"),
        "password": "a long enough password",
    });
    let session = ask(address, "/api/v1/auths/signup", "", &form).await?;
    let token = text(&session, "token")?;
    let key = ask(address, "/api/v1/auths/api_key", &token, &Value::Null).await?;
    let mut blocks = Vec::new();
    for block in 0..BLOCKS {
        let form = json!({"name": format!("Block {block}"), "body": "at the start"});
        let made = ask(address, "/api/v1/memory/blocks", &token, &form).await?;
        blocks.push(text(&made, "id")?);
    }
    Ok(Person {
        id: text(&session, "id")?,
        token,
        api_key: text(&key, "api_key")?,
        blocks,
    })
}

async fn ask(address: SocketAddr, path: &str, token: &str, body: &Value) -> Result<Value> {
    let request = Request {
        method: "POST",
        path,
        token,
        key: None,
        body: Some(body),
    };
    let answer = http::send(address, &request, Manners::Patient).await?;
    if answer.status != 200 {
        bail!("{path}: {}: {}", answer.status, answer.body);
    }
    Ok(answer.body)
}

fn text(of: &Value, key: &str) -> Result<String> {
    let found = of[key].as_str().map(str::to_owned);
    found.with_context(|| format!("no `{key}` in {of}"))
}
