//! Badges: what REST answers and what clients were told equals the COUNT in the database.

use std::net::SocketAddr;

use anyhow::{Result, bail};
use serde_json::Value;

use super::Finding;
use super::database::Database;
use crate::http::{self, Manners, Request};
use crate::tab::Tab;
use crate::world::{Person, World};

/// Everybody's unread messages and waiting proposals, by REST.
///
/// # Errors
/// If the server does not answer.
pub async fn by_rest(
    address: SocketAddr,
    world: &World,
    database: &Database,
) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (number, person) in world.people.iter().enumerate() {
        let rows = get(address, person, "/api/v1/channels/").await?;
        for row in rows.as_array().into_iter().flatten() {
            let id = row["id"].as_str().unwrap_or_default();
            let Some(counted) = unread(database, id, &person.id) else {
                continue;
            };
            let said = row["unread_count"].as_i64();
            if said != Some(counted) {
                let what = format!("person {number} has {counted} unread, REST says {said:?}");
                findings.push(Finding::new(what).in_room(&format!("channel:{id}").into()));
            }
        }
        let waiting = get(address, person, "/api/v1/memory/proposals").await?;
        let (counted, said) = (pending(database, &person.id), waiting["total"].as_i64());
        if said != Some(counted) {
            let what = format!("{counted} proposals wait for person {number}, REST says {said:?}");
            findings.push(Finding::new(what).in_room(&format!("user:{}", person.id).into()));
        }
    }
    Ok(findings)
}

/// What the tabs show.
#[must_use]
pub fn in_tabs<'a>(
    world: &World,
    database: &Database,
    tabs: impl Iterator<Item = &'a Tab>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for tab in tabs {
        let person = &world.people[tab.person];
        let counted = pending(database, &person.id);
        if let Some(shown) = tab.pending_total().filter(|shown| *shown != counted) {
            let what = format!(
                "{counted} proposals wait for person {}, the tab shows {shown}",
                tab.person
            );
            let room = format!("user:{}", person.id).into();
            findings.push(Finding::new(what).in_room(&room).seen_by(tab.number));
        }
    }
    findings
}

/// The COUNT of messages above the marker; none for somebody without one.
fn unread(database: &Database, channel: &str, person: &str) -> Option<i64> {
    let key = (channel.to_owned(), person.to_owned());
    let read_no = *database.members.get(&key)?;
    let above = database.messages.values().filter(|message| {
        message.channel_id == channel && message.no.is_some_and(|no| no > read_no)
    });
    i64::try_from(above.count()).ok()
}

fn pending(database: &Database, person: &str) -> i64 {
    let waiting = database
        .proposals
        .iter()
        .filter(|row| row.user_id == person && row.status == "pending");
    i64::try_from(waiting.count()).unwrap_or(i64::MAX)
}

async fn get(address: SocketAddr, person: &Person, path: &str) -> Result<Value> {
    let request = Request {
        method: "GET",
        path,
        token: &person.token,
        key: None,
        body: None,
    };
    let answer = http::send(address, &request, Manners::Patient).await?;
    if answer.status != 200 {
        bail!("{path}: {}: {}", answer.status, answer.body);
    }
    Ok(answer.body)
}
