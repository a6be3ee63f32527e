//! Who may do what: one function per resource and right.
//!
//! Each is the first line of a job and answers with what it loaded, so that without the right there is nothing to work
//! with. What is asked is the database in the same transaction, never a list of rooms. The statuses are the contract's:
//! 404 for a channel that is not there, 403 for one that is not the caller's.

mod memory;

pub use memory::{may_decide, own_block};

use crate::auth::Actor;
use crate::error::Error;
use store::{Conn, channels, members, messages, users};
use wire::channels::{AccessControl, AccessList, Channel, ChannelKind};
use wire::people::Role;
use wire::{ChannelId, MessageId, UserId};

const NO_ACCOUNT: &str = "this account is disabled or deleted";
const NOT_YOURS: &str = "you have no access to this channel";
const NOT_WRITABLE: &str = "you may read this channel, but not post in it";
const NOT_MANAGER: &str = "only those who manage this channel may do this";
const NOT_AUTHOR: &str = "only its author may edit a message";
const NOT_AUTHOR_OR_MANAGER: &str =
    "only its author, or one who manages the channel, may delete a message";

/// A channel that the caller may read, with the row that holds their marker.
#[derive(Debug, Clone)]
pub struct Readable {
    /// The channel and its numbers.
    pub stored: channels::Stored,
    /// The caller's row; in a standard channel there is none before they first see it.
    pub membership: Option<members::Stored>,
    /// What the caller may do in it.
    pub rights: Rights,
}

/// What a caller may do in a standard channel, or in any, once their membership is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    /// Sees the channel and all that is posted.
    pub read: bool,
    /// May post.
    pub write: bool,
    /// May rename and delete it, change its members, delete any message.
    pub manage: bool,
}

/// The caller's rights in a channel.
///
/// Groups and direct conversations belong to their members. A standard channel is open to everybody, or to those it
/// names, its maker and the admins.
#[must_use]
pub fn rights(channel: &Channel, is_member: bool, person: &UserId, role: Role) -> Rights {
    let (is_admin, is_maker) = (role == Role::Admin, channel.user_id == *person);
    match channel.kind {
        _ if role == Role::Pending => Rights {
            read: false,
            write: false,
            manage: false,
        },
        Some(ChannelKind::Dm) => Rights {
            read: is_member,
            write: is_member,
            manage: false,
        },
        Some(ChannelKind::Group) => Rights {
            read: is_member,
            write: is_member,
            manage: is_member && (is_maker || is_admin),
        },
        None => in_standard(
            &channel.user_id,
            channel.access_control.as_ref(),
            person,
            role,
        ),
    }
}

/// The rights of one who uses the workspace in a standard channel, by its maker and its access.
#[must_use]
pub fn in_standard(
    maker: &UserId,
    access: Option<&AccessControl>,
    person: &UserId,
    role: Role,
) -> Rights {
    let manage = role == Role::Admin || maker == person;
    let (read, write) = match access {
        None => (true, true),
        Some(access) => (
            names(access.read.as_ref(), person),
            names(access.write.as_ref(), person),
        ),
    };
    Rights {
        read: manage || read,
        write: manage || (read && write),
        manage,
    }
}

fn names(list: Option<&AccessList>, person: &UserId) -> bool {
    list.is_some_and(|list| list.user_ids.contains(person))
}

/// The caller's role as it is now: it may have changed since the request came, or since the socket was opened.
///
/// # Errors
/// [`Error::NotAuthenticated`] for an account that is disabled or deleted.
pub fn role_now(conn: &Conn, actor: &Actor) -> Result<Role, Error> {
    users::by_id(conn, &actor.user.id)?
        .filter(|user| user.disabled_at_ms.is_none())
        .map(|user| user.role)
        .ok_or(Error::NotAuthenticated(NO_ACCOUNT))
}

/// The caller runs the workspace, still.
///
/// # Errors
/// [`Error::RoleForbids`]; [`Error::NotAuthenticated`].
pub fn may_administrate(conn: &Conn, actor: &Actor) -> Result<(), Error> {
    match role_now(conn, actor)? {
        Role::Admin => Ok(()),
        Role::User | Role::Pending => Err(Error::RoleForbids("only an admin may do this")),
    }
}

/// The caller uses channels at all; answers with their role.
///
/// # Errors
/// [`Error::RoleForbids`] for those who wait for approval; [`Error::NotAuthenticated`].
pub fn may_use_channels(conn: &Conn, actor: &Actor) -> Result<Role, Error> {
    match role_now(conn, actor)? {
        Role::Pending => Err(Error::RoleForbids(
            "your account waits for an admin's approval",
        )),
        role @ (Role::User | Role::Admin) => Ok(role),
    }
}

/// The caller may make standard channels.
///
/// # Errors
/// [`Error::RoleForbids`] for all but admins; [`Error::NotAuthenticated`].
pub fn may_make_standard_channels(conn: &Conn, actor: &Actor) -> Result<(), Error> {
    match role_now(conn, actor)? {
        Role::Admin => Ok(()),
        Role::User | Role::Pending => Err(Error::RoleForbids(
            "only admins may make channels for everybody",
        )),
    }
}

/// The caller may read the channel.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`].
pub fn may_read(conn: &Conn, actor: &Actor, id: &ChannelId) -> Result<Readable, Error> {
    with_right(conn, actor, id, |rights| {
        if rights.read { None } else { Some(NOT_YOURS) }
    })
}

/// The caller may post in the channel.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`].
pub fn may_post(conn: &Conn, actor: &Actor, id: &ChannelId) -> Result<Readable, Error> {
    with_right(conn, actor, id, |rights| match rights {
        Rights { read: false, .. } => Some(NOT_YOURS),
        Rights { write: false, .. } => Some(NOT_WRITABLE),
        Rights { .. } => None,
    })
}

/// The caller manages the channel.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`].
pub fn may_manage(conn: &Conn, actor: &Actor, id: &ChannelId) -> Result<Readable, Error> {
    with_right(conn, actor, id, |rights| match rights {
        Rights { read: false, .. } => Some(NOT_YOURS),
        Rights { manage: false, .. } => Some(NOT_MANAGER),
        Rights { .. } => None,
    })
}

/// The caller may read the channel, and the message stands in it.
///
/// # Errors
/// [`Error::NotFound`] also for a deleted message and for one of another channel; [`Error::Forbidden`].
pub fn may_read_message(
    conn: &Conn,
    actor: &Actor,
    id: &ChannelId,
    message: &MessageId,
) -> Result<(Readable, messages::Stored), Error> {
    let channel = may_read(conn, actor, id)?;
    let message = message_of(conn, id, message)?;
    Ok((channel, message))
}

/// The caller wrote the message and may still post where it stands.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`].
pub fn may_edit_message(
    conn: &Conn,
    actor: &Actor,
    id: &ChannelId,
    message: &MessageId,
) -> Result<(Readable, messages::Stored), Error> {
    let channel = may_post(conn, actor, id)?;
    let message = message_of(conn, id, message)?;
    if message.row.user_id != actor.user.id {
        return Err(Error::Forbidden(NOT_AUTHOR));
    }
    Ok((channel, message))
}

/// The caller wrote the message or manages the channel.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Forbidden`].
pub fn may_delete_message(
    conn: &Conn,
    actor: &Actor,
    id: &ChannelId,
    message: &MessageId,
) -> Result<(Readable, messages::Stored), Error> {
    let channel = may_read(conn, actor, id)?;
    let message = message_of(conn, id, message)?;
    let rights = channel.rights;
    if !rights.manage && (message.row.user_id != actor.user.id || !rights.write) {
        return Err(Error::Forbidden(NOT_AUTHOR_OR_MANAGER));
    }
    Ok((channel, message))
}

/// A message of this channel that is not deleted. The right to the channel is not looked at.
///
/// # Errors
/// [`Error::NotFound`].
pub fn message_of(
    conn: &Conn,
    channel: &ChannelId,
    id: &MessageId,
) -> Result<messages::Stored, Error> {
    messages::by_id(conn, id)?
        .filter(|message| message.row.channel_id == *channel && !message.is_deleted)
        .ok_or(Error::NotFound("message"))
}

fn with_right(
    conn: &Conn,
    actor: &Actor,
    id: &ChannelId,
    objection: impl FnOnce(Rights) -> Option<&'static str>,
) -> Result<Readable, Error> {
    let role = may_use_channels(conn, actor)?;
    let stored = channels::by_id(conn, id)?.ok_or(Error::NotFound("channel"))?;
    let membership = members::of(conn, id, &actor.user.id)?;
    let rights = rights(&stored.channel, membership.is_some(), &actor.user.id, role);
    match objection(rights) {
        Some(why) => Err(Error::Forbidden(why)),
        None => Ok(Readable {
            stored,
            membership,
            rights,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::channels::AccessControl;

    fn channel(kind: Option<ChannelKind>, readers: Option<&[&str]>, writers: &[&str]) -> Channel {
        let list = |ids: &[&str]| {
            Some(AccessList {
                group_ids: Vec::new(),
                user_ids: ids.iter().map(|id| (*id).into()).collect(),
            })
        };
        Channel {
            id: "c".into(),
            user_id: "maker".into(),
            kind,
            name: "c".into(),
            description: None,
            is_private: None,
            data: None,
            meta: None,
            access_control: readers.map(|readers| AccessControl {
                read: list(readers),
                write: list(writers),
            }),
            created_at: 0,
            updated_at: 0,
            updated_by: None,
            archived_at: None,
            archived_by: None,
            deleted_at: None,
            deleted_by: None,
        }
    }

    fn check(channel: &Channel, is_member: bool, person: &str, role: Role, expected: [bool; 3]) {
        let rights = rights(channel, is_member, &person.into(), role);
        assert_eq!(
            [rights.read, rights.write, rights.manage],
            expected,
            "{person} as {role:?} in {channel:?}"
        );
    }

    #[test]
    fn a_standard_channel_is_open_or_belongs_to_those_it_names() {
        let open = channel(None, None, &[]);
        check(&open, false, "ada", Role::User, [true, true, false]);
        check(&open, false, "ada", Role::Pending, [false, false, false]);
        check(&open, false, "root", Role::Admin, [true, true, true]);

        let closed = channel(None, Some(&["ada", "bob"]), &["bob", "eve"]);
        check(&closed, false, "ada", Role::User, [true, false, false]);
        check(&closed, false, "bob", Role::User, [true, true, false]);
        check(&closed, false, "eve", Role::User, [false, false, false]);
        check(&closed, true, "eve", Role::User, [false, false, false]);
        check(&closed, false, "maker", Role::User, [true, true, true]);
        check(&closed, false, "root", Role::Admin, [true, true, true]);
    }

    #[test]
    fn groups_and_direct_conversations_belong_to_their_members() {
        let group = channel(Some(ChannelKind::Group), None, &[]);
        check(&group, true, "ada", Role::User, [true, true, false]);
        check(&group, true, "maker", Role::User, [true, true, true]);
        check(&group, false, "maker", Role::User, [false, false, false]);
        check(&group, true, "root", Role::Admin, [true, true, true]);
        check(&group, false, "root", Role::Admin, [false, false, false]);

        let direct = channel(Some(ChannelKind::Dm), None, &[]);
        check(&direct, true, "maker", Role::Admin, [true, true, false]);
        check(&direct, false, "root", Role::Admin, [false, false, false]);
    }
}
