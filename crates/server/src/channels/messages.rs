//! A message is posted, edited, deleted.

use super::{checks, markers, open};
use crate::access::{self, Readable};
use crate::app::App;
use crate::auth::Actor;
use crate::error::Error;
use crate::http::command::once_shown;
use serde_json::Value;
use store::{Tx, channels, messages};
use wire::events::{ChannelEvent, ChannelPush, Posted, ReadMarker, ServerEvent};
use wire::messages::{EditMessage, Message, PostMessage};
use wire::{ChannelId, MessageId, Room, UserId};

/// Posts a message, or an answer in a thread. The author has read what they post. Sent again under the same `temp_id`,
/// it is the message that is there already.
///
/// # Errors
/// [`Error::NotFound`] for the channel, the thread or the quoted message; [`Error::Forbidden`]; bounds.
pub async fn post_message(
    app: &App,
    actor: &Actor,
    to: &ChannelId,
    draft: PostMessage,
) -> Result<Posted, Error> {
    let draft = checks::post(draft)?;
    let (actor, to, now_ms) = (actor.clone(), to.clone(), app.clock.now_ms());
    let job = move |tx: &mut Tx<'_>| {
        let again = |tx: &mut Tx<'_>, id: MessageId| {
            let posted = Posted {
                temp_id: draft.temp_id.clone(),
                message: as_it_is(tx, &actor, &to, &id)?,
            };
            Ok((posted, None))
        };
        once_shown(
            tx,
            &actor,
            |tx| {
                let (posted, marker) = post_in(tx, &actor, &to, &draft, now_ms)?;
                Ok((posted.message.row.id.clone(), (posted, marker)))
            },
            again,
        )
    };
    let reader = app.clone();
    app.to_the_end(async move {
        let (posted, marker) = reader.store.write(job).await?;
        if let Some(marker) = marker {
            markers::publish(&reader, &posted.message.row.user_id, marker);
        }
        Ok(posted)
    })
    .await
}

fn post_in(
    tx: &mut Tx<'_>,
    actor: &Actor,
    to: &ChannelId,
    draft: &PostMessage,
    now_ms: i64,
) -> Result<(Posted, Option<ReadMarker>), Error> {
    let channel = access::may_post(tx, actor, to)?;
    if let Some(first) = posted_before(tx, to, &actor.user.id, draft.temp_id.as_deref())? {
        #[cfg(feature = "faults")]
        if store::fault::shows("twice") {
            let nameless = PostMessage {
                temp_id: None,
                ..draft.clone()
            };
            return post_in(tx, actor, to, &nameless, now_ms);
        }
        return Ok((first, None));
    }
    check_places(tx, to, draft)?;
    let Readable {
        mut stored,
        membership,
        ..
    } = channel;
    if stored.channel.kind.is_some() {
        let back = store::members::show_to_all(tx, to, now_ms)?;
        open::appear_to_many(tx, to, &back);
    } else if membership.is_none() {
        store::members::saw(tx, to, &actor.user.id, true, now_ms)?;
    }
    let message = messages::insert(tx, &mut stored, &actor.user.id, draft, now_ms)?;
    let marker = match message.row.no {
        Some(no) => store::members::move_marker(tx, to, &actor.user.id, no, now_ms)?,
        None => None,
    };
    let posted = Posted {
        temp_id: draft.temp_id.clone(),
        message: messages::whole(tx, message)?,
    };
    let row = &posted.message.row;
    let event = ChannelEvent::Posted(Box::new(posted.clone()));
    tell(tx, &stored, actor, &row.id, event);
    tell_root(tx, &stored, actor, row.parent_id.as_ref())?;
    Ok((posted, marker))
}

/// The message that the author posted under this name before, if any. A deleted one is not posted again.
fn posted_before(
    tx: &Tx<'_>,
    to: &ChannelId,
    author: &UserId,
    temp_id: Option<&str>,
) -> Result<Option<Posted>, Error> {
    let Some(temp_id) = temp_id else {
        return Ok(None);
    };
    let Some(first) = messages::by_temp_id(tx, to, author, temp_id)? else {
        return Ok(None);
    };
    Ok(Some(Posted {
        temp_id: Some(temp_id.to_owned()),
        message: unless_deleted(tx, first)?,
    }))
}

/// A message that the caller wrote or changed before, as it is now, if they may still read it.
fn as_it_is(
    tx: &Tx<'_>,
    actor: &Actor,
    channel: &ChannelId,
    id: &MessageId,
) -> Result<Message, Error> {
    access::may_read(tx, actor, channel)?;
    let stored = messages::by_id(tx, id)?.ok_or(Error::NotFound("message"))?;
    unless_deleted(tx, stored)
}

fn unless_deleted(tx: &Tx<'_>, message: messages::Stored) -> Result<Message, Error> {
    if message.is_deleted {
        return Err(Error::Conflict {
            code: "message_deleted",
            detail: "this was done, and the message was deleted since".into(),
        });
    }
    Ok(messages::whole(tx, message)?)
}

/// What a message names must stand in the same channel: a quote must not carry words out of another.
fn check_places(tx: &Tx<'_>, to: &ChannelId, draft: &PostMessage) -> Result<(), Error> {
    if let Some(root) = &draft.parent_id {
        let root = access::message_of(tx, to, root)?;
        if root.row.parent_id.is_some() {
            return Err(Error::refused(
                "not_a_thread_root",
                "an answer hangs on the first message of its thread, not on another answer",
            ));
        }
    }
    if let Some(quoted) = &draft.reply_to_id {
        access::message_of(tx, to, quoted)?;
    }
    Ok(())
}

/// Replaces a message's text; `data` and `meta` are merged key by key.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`] for all but the author; bounds.
pub async fn edit_message(
    app: &App,
    actor: &Actor,
    id: &ChannelId,
    message: &MessageId,
    change: EditMessage,
) -> Result<Message, Error> {
    let change = checks::edit(change)?;
    let (actor, channel, message, now_ms) = (
        actor.clone(),
        id.clone(),
        message.clone(),
        app.clock.now_ms(),
    );
    app.store
        .write(move |tx| {
            let again = |tx: &mut Tx<'_>, id: MessageId| as_it_is(tx, &actor, &channel, &id);
            once_shown(
                tx,
                &actor,
                |tx| {
                    let edited = edit_in(tx, &actor, &channel, &message, change, now_ms)?;
                    Ok((message.clone(), edited))
                },
                again,
            )
        })
        .await
}

fn edit_in(
    tx: &mut Tx<'_>,
    actor: &Actor,
    id: &ChannelId,
    message: &MessageId,
    change: EditMessage,
    now_ms: i64,
) -> Result<Message, Error> {
    let (channel, before) = access::may_edit_message(tx, actor, id, message)?;
    let (data, meta) = (
        merged(before.row.data, change.data),
        merged(before.row.meta, change.meta),
    );
    let edit = checks::edit(EditMessage {
        content: change.content,
        data,
        meta,
    })?;
    let at = (now_ms * 1_000_000).max(before.row.updated_at + 1);
    let after = messages::edit(
        tx,
        message,
        &edit.content,
        edit.data.as_ref(),
        edit.meta.as_ref(),
        at,
    )?;
    let whole = messages::whole(tx, after)?;
    let event = ChannelEvent::Updated(Box::new(whole.clone()));
    tell(tx, &channel.stored, actor, message, event);
    Ok(whole)
}

/// The keys of `change` over those of `before`; what is no object is replaced.
fn merged(before: Option<Value>, change: Option<Value>) -> Option<Value> {
    match (before, change) {
        (before, None) => before,
        (Some(Value::Object(mut keys)), Some(Value::Object(new))) => {
            keys.extend(new);
            Some(Value::Object(keys))
        }
        (_, change) => change,
    }
}

/// Deletes a message: its text is gone, its number stays.
///
/// # Errors
/// [`Error::NotFound`]; [`Error::Forbidden`] for all but the author and those who manage the channel.
pub async fn delete_message(
    app: &App,
    actor: &Actor,
    id: &ChannelId,
    message: &MessageId,
) -> Result<(), Error> {
    let (caller, id, message, now_ms) = (
        actor.clone(),
        id.clone(),
        message.clone(),
        app.clock.now_ms(),
    );
    app.command(actor, move |tx| {
        let (channel, stored) = access::may_delete_message(tx, &caller, &id, &message)?;
        let root = stored.row.parent_id.clone();
        let as_it_was = Message {
            user: Some(caller.user.as_author()),
            ..messages::whole(tx, stored.clone())?
        };
        messages::delete(tx, &stored, &caller.user.id, now_ms)?;
        tell(
            tx,
            &channel.stored,
            &caller,
            &message,
            ChannelEvent::Deleted(Box::new(as_it_was)),
        );
        tell_root(tx, &channel.stored, &caller, root.as_ref())
    })
    .await
}

/// Tells the channel what happened to one of its messages, and who did it.
fn tell(
    tx: &mut Tx<'_>,
    channel: &channels::Stored,
    actor: &Actor,
    message: &MessageId,
    data: ChannelEvent,
) {
    let user = actor.user.as_author();
    let channel_id = channel.channel.id.clone();
    let push = ChannelPush::Message {
        channel_id: channel_id.clone(),
        message_id: message.clone(),
        data,
        user,
        channel: Box::new(channel.channel.clone()),
    };
    tx.emit(Room::Channel(channel_id), ServerEvent::Channel(push));
}

/// Tells the channel how a thread stands after one of its answers came or went. A deleted root is not told of.
fn tell_root(
    tx: &mut Tx<'_>,
    channel: &channels::Stored,
    actor: &Actor,
    root: Option<&MessageId>,
) -> Result<(), Error> {
    let Some(root) = root else { return Ok(()) };
    if let Some(stored) = messages::by_id(tx, root)?.filter(|root| !root.is_deleted) {
        let whole = messages::whole(tx, stored)?;
        tell(
            tx,
            channel,
            actor,
            root,
            ChannelEvent::Replied(Box::new(whole)),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_edit_adds_keys_and_keeps_the_others() {
        let check = |before: Value, change: Value, expected: Value| {
            let option = |value: Value| (!value.is_null()).then_some(value);
            assert_eq!(merged(option(before), option(change)), option(expected));
        };
        check(
            json!({"a": 1, "b": 2}),
            json!({"b": 3}),
            json!({"a": 1, "b": 3}),
        );
        check(json!({"a": 1}), Value::Null, json!({"a": 1}));
        check(Value::Null, json!({}), json!({}));
        check(json!([1]), json!({"a": 1}), json!({"a": 1}));
    }
}
