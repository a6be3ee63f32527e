//! What people do with their chats. Each: may they, in one job; store it; tell their tabs.

use super::document::{MAX_EVENT_BYTES, fitting, shown_message, shown_messages};
use super::merge::{Turn, checked_content};
use super::{NO_TITLES, owned, shown};
use crate::app::App;
use crate::auth::Actor;
use crate::error::Error;
use crate::http::as_of::{AsOf, Snapshot};
use crate::http::command::{once, once_shown};
use crate::runs::Runs;
use serde_json::{Map, Value, json};
use std::collections::{HashMap, HashSet};
use store::chats::{self, Stored, Which, messages};
use store::{Tx, new_id};
use wire::chats::{Chat, ChatRow};
use wire::events::{ChatEvent, ChatList, ChatMessages, ChatPush, ServerEvent};
use wire::{ChatId, MessageId, Room, UserId};

/// Rows of one page of the list.
pub const PAGE: u32 = 60;
/// The list without pages, as old clients ask for it.
pub const ALL: u32 = 10_000;
/// How many chats one person may have.
const MAX_CHATS: u32 = 10_000;

/// A page of the caller's chats, newest change first; `page` counts from 1, none is all.
///
/// # Errors
/// The store's.
pub async fn list(
    app: &App,
    actor: &Actor,
    which: Which,
    page: Option<u32>,
) -> Result<Snapshot<Vec<ChatRow>>, Error> {
    let owner = actor.id().clone();
    let (skip, limit) = match page {
        Some(page) => (page.saturating_sub(1).saturating_mul(PAGE), PAGE),
        None => (0, ALL),
    };
    app.store
        .read(move |conn| {
            Ok(Snapshot {
                body: chats::page(conn, &owner, which, skip, limit)?,
                as_of: AsOf::read(conn, [Room::User(owner)])?,
            })
        })
        .await
}

/// One chat with all its messages, those that are being written as far as they are.
///
/// # Errors
/// [`Error::ChatNotFound`].
pub async fn open(app: &App, actor: &Actor, id: ChatId) -> Result<Snapshot<Chat>, Error> {
    let owner = actor.id().clone();
    // Before the rows: a run that ends in between is in them then.
    let growing = app.runs.texts(&id);
    app.store
        .read(move |conn| {
            let chat = owned(conn, &owner, &id)?;
            let messages = messages::of_chat(conn, &id)?;
            Ok(Snapshot {
                body: shown(&chat, &messages, &growing),
                as_of: AsOf::read(conn, [Room::User(owner)])?,
            })
        })
        .await
}

/// A chat that a command made or changed, as it is now.
fn again<'a>(
    owner: &'a UserId,
    runs: &'a Runs,
) -> impl FnOnce(&mut Tx<'_>, ChatId) -> Result<Chat, Error> + 'a {
    move |tx, id| {
        let chat = owned(tx, owner, &id)?;
        let messages = messages::of_chat(tx, &id)?;
        Ok(shown(&chat, &messages, &runs.texts(&id)))
    }
}

/// Runs a command about one chat once for its key, and answers with the chat.
async fn of_chat<F>(app: &App, actor: &Actor, work: F) -> Result<Chat, Error>
where
    F: FnOnce(&mut Tx<'_>, &UserId, &Runs) -> Result<(ChatId, Chat), Error> + Send + 'static,
{
    let (actor, runs) = (actor.clone(), app.runs.clone());
    app.store
        .write(move |tx| {
            let owner = actor.id();
            once_shown(tx, &actor, |tx| work(tx, owner, &runs), again(owner, &runs))
        })
        .await
}

/// Makes a chat from the contract's document.
///
/// # Errors
/// What is too large, or too much.
pub async fn create(app: &App, actor: &Actor, document: Map<String, Value>) -> Result<Chat, Error> {
    let now_ms = app.clock.now_ms();
    of_chat(app, actor, move |tx, owner, _| {
        if chats::page(tx, owner, Which::All, MAX_CHATS - 1, 1)?.len() == 1 {
            return Err(Error::refused(
                "too_many_chats",
                format!("one may have at most {MAX_CHATS} chats"),
            ));
        }
        let id = ChatId(new_id());
        let chat = chats::insert(tx, &id, owner, NO_TITLES[1], &Map::new(), now_ms)?;
        let mut turn = Turn::of(tx, chat)?;
        turn.merge(tx, document, &HashSet::new(), now_ms)?;
        if turn.chat.title.is_empty() {
            turn.chat.title = NO_TITLES[1].to_owned();
        }
        chats::update(tx, &turn.chat)?;
        tell_list(tx, &turn.chat);
        Ok((id, shown(&turn.chat, &turn.messages, &HashMap::new())))
    })
    .await
}

/// Merges the contract's document into a chat.
///
/// # Errors
/// [`Error::ChatNotFound`]; what is too large.
pub async fn update(
    app: &App,
    actor: &Actor,
    id: ChatId,
    document: Map<String, Value>,
) -> Result<Chat, Error> {
    let now_ms = app.clock.now_ms();
    of_chat(app, actor, move |tx, owner, runs| {
        let chat = owned(tx, owner, &id)?;
        let before = chat.clone();
        // What grows is asked for here: a run begins and ends in a job of its own, never beside this one.
        let mut turn = Turn::of(tx, chat)?;
        turn.merge(tx, document, &runs.growing(&id), now_ms)?;
        if turn.chat != before || !turn.changed.is_empty() {
            turn.chat.updated_at_ms = now_ms;
            chats::update(tx, &turn.chat)?;
            tell_messages(tx, &turn);
            tell_list(tx, &turn.chat);
        }
        let texts = runs.texts(&id);
        Ok((id, shown(&turn.chat, &turn.messages, &texts)))
    })
    .await
}

/// A switch of a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// First in the list.
    Pin,
    /// Hidden from the list.
    Archive,
}

/// Turns a switch of a chat: on if it was off, off if it was on.
///
/// # Errors
/// [`Error::ChatNotFound`].
pub async fn toggle(app: &App, actor: &Actor, id: ChatId, switch: Switch) -> Result<Chat, Error> {
    let now_ms = app.clock.now_ms();
    of_chat(app, actor, move |tx, owner, _| {
        let mut chat = owned(tx, owner, &id)?;
        let at_ms = match switch {
            Switch::Pin => &mut chat.pinned_at_ms,
            Switch::Archive => &mut chat.archived_at_ms,
        };
        *at_ms = if at_ms.is_some() { None } else { Some(now_ms) };
        chats::update(tx, &chat)?;
        tell_list(tx, &chat);
        let messages = messages::of_chat(tx, &id)?;
        Ok((id, shown(&chat, &messages, &HashMap::new())))
    })
    .await
}

/// Removes a chat; what is being written in it stops.
///
/// # Errors
/// [`Error::ChatNotFound`].
pub async fn delete(app: &App, actor: &Actor, id: ChatId) -> Result<(), Error> {
    let (caller, gone, stopping) = (actor.clone(), id.clone(), app.clone());
    let owner = actor.id().clone();
    let job = move |tx: &mut Tx<'_>| {
        let chat = owned(tx, &owner, &id)?;
        chats::delete(tx, &id)?;
        tell_deleted(tx, &chat.user_id, id);
        Ok(())
    };
    app.to_the_end(async move {
        stopping.command(&caller, job).await?;
        stopping.runs.stop_all(|run| run.chat_id == gone);
        Ok(())
    })
    .await
}

/// Removes all chats of the caller.
///
/// # Errors
/// The store's.
pub async fn delete_all(app: &App, actor: &Actor) -> Result<(), Error> {
    let (caller, stopping) = (actor.clone(), app.clone());
    let job = move |tx: &mut Tx<'_>| {
        let mut gone = HashSet::new();
        once(tx, &caller, |tx| {
            for id in chats::delete_of_user(tx, caller.id())? {
                tell_deleted(tx, caller.id(), id.clone());
                gone.insert(id);
            }
            Ok(())
        })?;
        Ok::<_, Error>(gone)
    };
    app.to_the_end(async move {
        let gone = stopping.store.write(job).await?;
        stopping.runs.stop_all(|run| gone.contains(&run.chat_id));
        Ok(())
    })
    .await
}

/// Replaces the text of a message.
///
/// # Errors
/// [`Error::ChatNotFound`]; a conflict while the message is being written.
pub async fn edit(
    app: &App,
    actor: &Actor,
    id: ChatId,
    message_id: MessageId,
    content: String,
) -> Result<Chat, Error> {
    let now_ms = app.clock.now_ms();
    let content = checked_content(content)?;
    of_chat(app, actor, move |tx, owner, runs| {
        let mut turn = Turn::of(tx, owned(tx, owner, &id)?)?;
        if runs.growing(&id).contains(&message_id) {
            return Err(is_growing());
        }
        let texts = runs.texts(&id);
        let mut message = turn.get(&message_id).cloned().ok_or(Error::ChatNotFound)?;
        message.content.clone_from(&content);
        message.updated_at_ms = now_ms;
        turn.put(tx, message)?;
        turn.chat.updated_at_ms = now_ms;
        chats::update(tx, &turn.chat)?;
        let replaced = json!({"chat_id": id, "message_id": message_id, "content": content});
        if replaced.to_string().len() <= MAX_EVENT_BYTES {
            let replaced = ChatEvent::MessageReplaced(replaced);
            tell(tx, &turn.chat, Some(message_id), replaced);
        } else {
            tell_message(tx, &turn, &message_id);
        }
        Ok((id, shown(&turn.chat, &turn.messages, &texts)))
    })
    .await
}

fn is_growing() -> Error {
    Error::Conflict {
        code: "message_is_growing",
        detail: "this answer is still being written; stop it first".to_owned(),
    }
}

/// Removes a message; what answered it answers its parent from now on.
///
/// # Errors
/// [`Error::ChatNotFound`]; a conflict while the message is being written.
pub async fn delete_message(
    app: &App,
    actor: &Actor,
    id: ChatId,
    message_id: MessageId,
) -> Result<Chat, Error> {
    let now_ms = app.clock.now_ms();
    of_chat(app, actor, move |tx, owner, runs| {
        let mut chat = owned(tx, owner, &id)?;
        if runs.growing(&id).contains(&message_id) {
            return Err(is_growing());
        }
        let message = messages::by_id(tx, &id, &message_id)?.ok_or(Error::ChatNotFound)?;
        messages::delete(tx, &id, &message)?;
        if chat.current_id.as_ref() == Some(&message_id) {
            chat.current_id = message.parent_id.clone();
        }
        chat.updated_at_ms = now_ms;
        chats::update(tx, &chat)?;
        let mut turn = Turn::of(tx, chat)?;
        let moved = turn
            .messages
            .iter()
            .filter(|one| one.parent_id == message.parent_id);
        turn.changed = moved
            .map(|one| one.id.clone())
            .chain(message.parent_id.clone())
            .collect();
        tell_messages(tx, &turn);
        let growing = runs.texts(&id);
        Ok((id, shown(&turn.chat, &turn.messages, &growing)))
    })
    .await
}

/// Emits one event of a chat to all tabs of its owner.
pub(crate) fn tell(tx: &mut Tx<'_>, chat: &Stored, message_id: Option<MessageId>, data: ChatEvent) {
    let push = ChatPush {
        chat_id: Some(chat.id.clone()),
        message_id,
        data,
        run: None,
    };
    tx.emit(Room::User(chat.user_id.clone()), ServerEvent::Chat(push));
}

/// Emits the messages that a turn changed, if any.
pub(crate) fn tell_messages(tx: &mut Tx<'_>, turn: &Turn) {
    if turn.changed.is_empty() {
        return;
    }
    let changed = ChatMessages {
        current_id: turn.chat.current_id.clone(),
        messages: fitting(shown_messages(&turn.messages, &turn.changed)),
    };
    tell(tx, &turn.chat, None, ChatEvent::Messages(changed));
}

/// Emits one message as it is now.
pub(crate) fn tell_message(tx: &mut Tx<'_>, turn: &Turn, id: &MessageId) {
    let told = ChatMessages {
        current_id: turn.chat.current_id.clone(),
        messages: fitting(shown_message(&turn.messages, id)),
    };
    tell(tx, &turn.chat, Some(id.clone()), ChatEvent::Messages(told));
}

/// Emits the chat's row of the list.
pub(crate) fn tell_list(tx: &mut Tx<'_>, chat: &Stored) {
    let row = ChatList {
        chat_id: chat.id.clone(),
        title: Some(chat.title.clone()),
        updated_at: Some(chat.updated_at_ms / 1000),
        deleted: false,
        folder_id: None,
    };
    tell(tx, chat, None, ChatEvent::List(row));
}

fn tell_deleted(tx: &mut Tx<'_>, owner: &UserId, chat_id: ChatId) {
    let row = ChatList {
        chat_id: chat_id.clone(),
        title: None,
        updated_at: None,
        deleted: true,
        folder_id: None,
    };
    let push = ChatPush {
        chat_id: Some(chat_id),
        message_id: None,
        data: ChatEvent::List(row),
        run: None,
    };
    tx.emit(Room::User(owner.clone()), ServerEvent::Chat(push));
}
