//! `--demo`: a small believable workspace in an empty database, for looking around and for screenshots.
//!
//! Written in one job with times in the past. It refuses on a database that is not empty. The texts are in `content.rs`.

mod content;

use crate::app::App;
use crate::error::Error;
use anyhow::bail;
use content::{ADA, CONVERSATIONS, Conversation, GRACE, Kind, PEOPLE, TALKS, Talk, Who};
use serde_json::{Map, json};
use store::{Tx, channels, chats, members, messages, users};
use wire::channels::ChannelKind;
use wire::messages::PostMessage;
use wire::people::Role;
use wire::{ChatId, MessageId, UserId};

/// A letter and digit of the passwords; without those that look alike.
const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";

/// Fills an empty database and prints how to sign in.
///
/// # Errors
/// When the database is not empty: nothing is changed then.
pub async fn fill(app: &App) -> anyhow::Result<()> {
    let passwords: Vec<String> = PEOPLE
        .iter()
        .map(|_| password())
        .collect::<Result<_, _>>()?;
    let mut hashes = Vec::new();
    for password in &passwords {
        hashes.push(app.auth.passwords.hash(password.clone()).await?);
    }
    let now_ms = app.clock.now_ms();
    let filled = app.store.write(move |tx| write(tx, hashes, now_ms)).await?;
    if !filled {
        bail!(
            "--demo fills only an empty database, and this one has people in it; set DATA_DIR to an empty folder"
        );
    }
    println!("A demo workspace was made. Sign in as one of:");
    for who in [ADA, GRACE] {
        println!("  {}  {}", PEOPLE[who].email, passwords[who]);
    }
    Ok(())
}

/// Twelve random letters and digits: 60 bits.
fn password() -> anyhow::Result<String> {
    let mut bytes = [0_u8; 12];
    getrandom::fill(&mut bytes)?;
    Ok(bytes
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(byte % 32)]))
        .collect())
}

/// False, and nothing done, if there is anybody already.
fn write(tx: &mut Tx<'_>, hashes: Vec<String>, now_ms: i64) -> Result<bool, Error> {
    if users::count(tx)? > 0 {
        return Ok(false);
    }
    let made_ms = now_ms - 7 * 24 * 3_600_000;
    let mut people = Vec::new();
    for (who, (person, password_hash)) in PEOPLE.iter().zip(hashes).enumerate() {
        let new = users::NewUser {
            email: person.email.to_owned(),
            name: person.name.to_owned(),
            role: if who == ADA { Role::Admin } else { Role::User },
            password_hash,
        };
        people.push(users::insert(tx, &new, made_ms)?.id);
    }
    for conversation in CONVERSATIONS {
        talk(tx, &people, conversation, made_ms, now_ms)?;
    }
    for chat in TALKS {
        chat_with_model(tx, &people[chat.owner], chat, now_ms)?;
    }
    Ok(true)
}

fn talk(
    tx: &mut Tx<'_>,
    people: &[UserId],
    conversation: &Conversation,
    made_ms: i64,
    now_ms: i64,
) -> Result<(), Error> {
    let everybody: Vec<Who> = (0..people.len()).collect();
    let (kind, present): (_, &[Who]) = match &conversation.kind {
        Kind::Standard => (None, &everybody),
        Kind::Group(present) => (Some(ChannelKind::Group), present),
        Kind::Direct(present) => (Some(ChannelKind::Dm), present),
    };
    let ids: Vec<UserId> = present.iter().map(|who| people[*who].clone()).collect();
    let new = channels::NewChannel {
        direct_key: (kind == Some(ChannelKind::Dm)).then(|| channels::direct_key(&ids)),
        kind,
        name: conversation.name.to_owned(),
        description: Some(conversation.about.to_owned()).filter(|about| !about.is_empty()),
        ..channels::NewChannel::default()
    };
    let mut channel = channels::insert(tx, &people[present[0]], &new, made_ms)?;
    for id in &ids {
        match kind {
            None => members::saw(tx, &channel.channel.id, id, true, made_ms)?,
            Some(_) => members::add(tx, &channel.channel.id, id, &people[present[0]], made_ms)?,
        };
    }
    for (minutes_ago, who, text) in conversation.messages {
        let draft = PostMessage {
            content: (*text).to_owned(),
            ..PostMessage::default()
        };
        messages::insert(
            tx,
            &mut channel,
            &people[*who],
            &draft,
            now_ms - minutes_ago * 60_000,
        )?;
    }
    let last_no = i64::try_from(conversation.messages.len()).unwrap_or_default();
    for (who, id) in present.iter().zip(&ids) {
        let unread = if *who == ADA {
            conversation.unread_by_ada
        } else {
            0
        };
        members::move_marker(tx, &channel.channel.id, id, last_no - unread, now_ms)?;
    }
    Ok(())
}

fn chat_with_model(tx: &mut Tx<'_>, owner: &UserId, talk: &Talk, now_ms: i64) -> Result<(), Error> {
    let model = llm::DEMO_ID;
    let mut at_ms = now_ms - talk.minutes_ago * 60_000;
    let extra = Map::from_iter([("models".to_owned(), json!([model]))]);
    let id = ChatId(store::new_id());
    let mut chat = chats::insert(tx, &id, owner, talk.title, &extra, at_ms)?;
    let mut parent_id = None;
    for (turn, text) in talk.turns.iter().enumerate() {
        let is_answer = turn % 2 == 1;
        let mut message = chats::messages::Stored {
            id: MessageId(store::new_id()),
            no: 0,
            parent_id: parent_id.take(),
            role: if is_answer { "assistant" } else { "user" }.to_owned(),
            content: (*text).to_owned(),
            model: is_answer.then(|| model.to_owned()),
            is_done: true,
            error: None,
            extra: Map::new(),
            created_at_ms: at_ms,
            updated_at_ms: at_ms,
        };
        chats::messages::put(tx, &mut chat, &mut message)?;
        parent_id = Some(message.id);
        at_ms += 20_000;
    }
    chat.current_id = parent_id;
    chat.updated_at_ms = at_ms;
    chats::update(tx, &chat)?;
    Ok(())
}
