//! Changes of accounts, each a function on a transaction with its effect on open sockets.
//!
//! A change of role closes the person's transports, so that their clients come back with the rights of now; losing the
//! account disconnects them for good. Both are in the log, at the place of the change.

use crate::auth::actions::email_taken;
use crate::error::Error;
use crate::people::actions::{ChosenPicture, apply_picture, rename};
use crate::people::tell;
use store::users::{self, User};
use store::{Effect, Tx, chats, commands, memory, sessions, settings, tokens};
use wire::UserId;
use wire::people::Role;

/// What is to change of an account, checked; what is none stays.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// What they may do.
    pub role: Option<Role>,
    /// The name shown.
    pub name: Option<String>,
    /// What they sign in with, in lower case.
    pub email: Option<String>,
    /// The new password's PHC string.
    pub password_hash: Option<String>,
    /// The picture.
    pub picture: Option<ChosenPicture>,
}

/// Changes an account.
///
/// # Errors
/// When there is none, the address is taken, or no admin would remain.
pub fn update(tx: &mut Tx<'_>, id: &UserId, change: Change, now_ms: i64) -> Result<User, Error> {
    let mut user = existing(tx, id)?;
    if let Some(name) = change.name {
        rename(tx, &mut user, name, now_ms)?;
    }
    if let Some(picture) = change.picture {
        apply_picture(tx, &mut user, &picture, now_ms)?;
    }
    if let Some(email) = change.email.filter(|email| *email != user.email) {
        if users::by_email(tx, &email)?.is_some() {
            return Err(email_taken());
        }
        users::set_email(tx, id, &email, now_ms)?;
        user.email = email;
    }
    if let Some(hash) = change.password_hash {
        users::set_password(tx, id, &hash, now_ms)?;
        sessions::end_all(tx, id)?;
    }
    if let Some(role) = change.role.filter(|role| *role != user.role) {
        users::set_role(tx, id, role, now_ms)?;
        user.role = role;
        an_admin_remains(tx)?;
        tx.effect(Effect::RenewUser {
            user_id: id.clone(),
        });
    }
    user.updated_at_ms = now_ms;
    tell(tx, &user, false);
    Ok(user)
}

/// Forbids a person to sign in and ends all their sessions, or allows it again.
///
/// # Errors
/// When there is no such person, or no admin would remain.
pub fn set_disabled(
    tx: &mut Tx<'_>,
    id: &UserId,
    disabled: bool,
    now_ms: i64,
) -> Result<User, Error> {
    let user = existing(tx, id)?;
    if user.disabled_at_ms.is_some() == disabled {
        return Ok(user);
    }
    users::set_disabled(tx, id, disabled, now_ms)?;
    if disabled {
        an_admin_remains(tx)?;
        sessions::end_all(tx, id)?;
    }
    let user = existing(tx, id)?;
    tell(tx, &user, false);
    Ok(user)
}

/// Deletes an account with all that was the person's alone: chats, memory, settings, keys, places in groups. What they
/// wrote in channels stays, under their name.
///
/// # Errors
/// When there is no such person, or no admin would remain.
pub fn delete(tx: &mut Tx<'_>, id: &UserId, now_ms: i64) -> Result<(), Error> {
    let user = existing(tx, id)?;
    tokens::revoke_all(tx, id)?;
    settings::delete(tx, id)?;
    chats::delete_of_user(tx, id)?;
    memory::delete_of_user(tx, id)?;
    commands::delete_of_user(tx, id)?;
    sessions::end_all(tx, id)?;
    users::delete(tx, id, now_ms)?;
    crate::channels::forget_person(tx, id)?;
    an_admin_remains(tx)?;
    tell(tx, &user, true);
    Ok(())
}

fn existing(tx: &Tx<'_>, id: &UserId) -> Result<User, Error> {
    users::by_id(tx, id)?.ok_or(Error::NotFound("person"))
}

/// To be called after a change that may have taken the last one; the error rolls the change back.
fn an_admin_remains(tx: &Tx<'_>) -> Result<(), Error> {
    if users::count_admins(tx)? > 0 || users::count(tx)? == 0 {
        return Ok(());
    }
    Err(Error::refused(
        "last_admin",
        "this is the last admin who can sign in; make another person admin first",
    ))
}
