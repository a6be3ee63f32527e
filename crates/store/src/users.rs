//! People as rows: who there is, what they sign in with, their pictures.
//!
//! E-mail addresses are lower case everywhere. A deleted account keeps its row, because messages name it, but its
//! address is free again and no function but those that show history finds it. Sessions, keys and settings have
//! modules of their own.

use rusqlite::{Row, params};
use wire::UserId;
use wire::people::{AdminUser, Role, UserRef, UserSummary};

use crate::conn::sql;
use crate::{Conn, Error, Tx};

/// The address of the generated picture.
pub const GENERATED_PICTURE: &str = "/user.png";

/// How many people a page of a list has.
pub const PAGE: i64 = 30;

/// A person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Who.
    pub id: UserId,
    /// What they sign in with, in lower case.
    pub email: String,
    /// The name shown.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Address of the picture.
    pub profile_image_url: String,
    /// When they last did anything, milliseconds.
    pub last_active_at_ms: i64,
    /// When they signed up, milliseconds.
    pub created_at_ms: i64,
    /// When the account changed last, milliseconds.
    pub updated_at_ms: i64,
    /// Since when they may not sign in, milliseconds.
    pub disabled_at_ms: Option<i64>,
}

impl User {
    /// The person as the author of something.
    pub fn as_author(&self) -> UserRef {
        UserRef {
            id: self.id.clone(),
            name: self.name.clone(),
            role: self.role.as_str().into(),
        }
    }

    /// The person as others may see them; whether a socket is open is not known here.
    pub fn summary(&self, is_active: bool) -> UserSummary {
        UserSummary {
            id: self.id.clone(),
            name: self.name.clone(),
            role: self.role,
            profile_image_url: self.profile_image_url.clone(),
            is_active,
            last_active_at: self.last_active_at_ms / 1_000,
        }
    }

    /// The person as an admin sees them.
    pub fn for_admin(&self, is_active: bool) -> AdminUser {
        AdminUser {
            id: self.id.clone(),
            name: self.name.clone(),
            email: self.email.clone(),
            role: self.role,
            profile_image_url: self.profile_image_url.clone(),
            disabled: self.disabled_at_ms.is_some(),
            is_active,
            last_active_at: self.last_active_at_ms / 1_000,
            updated_at: self.updated_at_ms / 1_000,
            created_at: self.created_at_ms / 1_000,
        }
    }
}

/// A person to be stored.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// What they sign in with, in lower case.
    pub email: String,
    /// The name shown.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// A PHC string.
    pub password_hash: String,
}

/// A picture that was given to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// As in `image/png`.
    pub media_type: String,
    /// The file.
    pub bytes: Vec<u8>,
}

/// Reads the columns that every statement for people begins with.
pub(crate) fn from_row(row: &Row<'_>) -> rusqlite::Result<User> {
    let role: String = row.get(3)?;
    Ok(User {
        id: UserId(row.get(0)?),
        email: row.get(1)?,
        name: row.get(2)?,
        role: Role::parse(&role).unwrap_or(Role::Pending), // the table's check allows the three only
        profile_image_url: row.get(4)?,
        last_active_at_ms: row.get(5)?,
        created_at_ms: row.get(6)?,
        updated_at_ms: row.get(7)?,
        disabled_at_ms: row.get(8)?,
    })
}

/// Stores a person. [`Error::Conflict`] if the address is taken.
pub fn insert(tx: &Tx<'_>, new: &NewUser, now_ms: i64) -> Result<User, Error> {
    let id = UserId(crate::new_id());
    let (key, role) = (new.name.to_lowercase(), new.role.as_str());
    tx.run(
        sql!("users/insert"),
        params![
            id.as_str(),
            new.email,
            new.name,
            key,
            role,
            new.password_hash,
            GENERATED_PICTURE,
            now_ms
        ],
    )?;
    Ok(User {
        id,
        email: new.email.clone(),
        name: new.name.clone(),
        role: new.role,
        profile_image_url: GENERATED_PICTURE.into(),
        last_active_at_ms: now_ms,
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
        disabled_at_ms: None,
    })
}

/// The person, unless the account is deleted; also while disabled.
pub fn by_id(conn: &Conn, id: &UserId) -> Result<Option<User>, Error> {
    conn.first(sql!("users/by_id"), [id.as_str()], from_row)
}

/// The person with this address, in lower case.
pub fn by_email(conn: &Conn, email: &str) -> Result<Option<User>, Error> {
    conn.first(sql!("users/by_email"), [email], from_row)
}

/// The password's PHC string; empty if there is no password.
pub fn password_hash(conn: &Conn, id: &UserId) -> Result<Option<String>, Error> {
    conn.first(sql!("users/password_hash"), [id.as_str()], |row| row.get(0))
}

/// How many people there are, disabled ones included.
pub fn count(conn: &Conn) -> Result<i64, Error> {
    conn.one(sql!("users/count"), [], |row| row.get(0))
}

/// How many admins may sign in.
pub fn count_admins(conn: &Conn) -> Result<i64, Error> {
    conn.one(sql!("users/count_admins"), [], |row| row.get(0))
}

/// The admins who may sign in.
pub fn admins(conn: &Conn) -> Result<Vec<UserId>, Error> {
    conn.all(sql!("users/admins"), [], |row| Ok(UserId(row.get(0)?)))
}

/// How many people did something since then.
pub fn count_active(conn: &Conn, since_ms: i64) -> Result<i64, Error> {
    conn.one(sql!("users/count_active"), [since_ms], |row| row.get(0))
}

/// A page (from 1) of everybody whose name or address contains the text, and how many there are: for admins only.
pub fn list(conn: &Conn, text: &str, page: i64) -> Result<(Vec<User>, i64), Error> {
    let like = contains(text);
    let users = conn.all(
        sql!("users/list"),
        params![like, PAGE, offset(page)],
        from_row,
    )?;
    Ok((
        users,
        conn.one(sql!("users/count_list"), [like], |row| row.get(0))?,
    ))
}

/// A page (from 1) of those who use the workspace and whose name contains the text, and how many there are.
pub fn search(conn: &Conn, text: &str, page: i64) -> Result<(Vec<User>, i64), Error> {
    let like = contains(text);
    let users = conn.all(
        sql!("users/search"),
        params![like, PAGE, offset(page)],
        from_row,
    )?;
    Ok((
        users,
        conn.one(sql!("users/count_search"), [like], |row| row.get(0))?,
    ))
}

/// Sets name and address of the picture.
pub fn set_profile(
    tx: &Tx<'_>,
    id: &UserId,
    name: &str,
    picture_url: &str,
    now_ms: i64,
) -> Result<(), Error> {
    let key = name.to_lowercase();
    tx.run(
        sql!("users/set_profile"),
        params![id.as_str(), name, key, picture_url, now_ms],
    )
    .map(drop)
}

/// Sets what the person may do.
pub fn set_role(tx: &Tx<'_>, id: &UserId, role: Role, now_ms: i64) -> Result<(), Error> {
    tx.run(
        sql!("users/set_role"),
        params![id.as_str(), role.as_str(), now_ms],
    )
    .map(drop)
}

/// Sets the address (lower case). [`Error::Conflict`] if it is taken.
pub fn set_email(tx: &Tx<'_>, id: &UserId, email: &str, now_ms: i64) -> Result<(), Error> {
    tx.run(sql!("users/set_email"), params![id.as_str(), email, now_ms])
        .map(drop)
}

/// Sets the password's PHC string.
pub fn set_password(tx: &Tx<'_>, id: &UserId, hash: &str, now_ms: i64) -> Result<(), Error> {
    tx.run(
        sql!("users/set_password"),
        params![id.as_str(), hash, now_ms],
    )
    .map(drop)
}

/// Forbids signing in, or allows it again.
pub fn set_disabled(tx: &Tx<'_>, id: &UserId, disabled: bool, now_ms: i64) -> Result<(), Error> {
    let since = disabled.then_some(now_ms);
    tx.run(
        sql!("users/set_disabled"),
        params![id.as_str(), since, now_ms],
    )
    .map(drop)
}

/// Notes that the person did something.
pub fn set_active(tx: &Tx<'_>, id: &UserId, now_ms: i64) -> Result<(), Error> {
    tx.run(sql!("users/set_active"), params![id.as_str(), now_ms])
        .map(drop)
}

/// Deletes the account: its address, password and picture. The row and the name stay for what they wrote.
pub fn delete(tx: &Tx<'_>, id: &UserId, now_ms: i64) -> Result<(), Error> {
    tx.run(sql!("users/delete_picture"), [id.as_str()])?;
    tx.run(sql!("users/delete"), params![id.as_str(), now_ms])
        .map(drop)
}

/// The picture that was given, if it is not the generated one.
pub fn picture(conn: &Conn, id: &UserId) -> Result<Option<Picture>, Error> {
    conn.first(sql!("users/picture"), [id.as_str()], |row| {
        Ok(Picture {
            media_type: row.get(0)?,
            bytes: row.get(1)?,
        })
    })
}

/// Stores a picture in place of the present one, or removes it.
pub fn set_picture(tx: &Tx<'_>, id: &UserId, picture: Option<&Picture>) -> Result<(), Error> {
    let changed = match picture {
        Some(Picture { media_type, bytes }) => tx.run(
            sql!("users/set_picture"),
            params![id.as_str(), media_type, bytes],
        ),
        None => tx.run(sql!("users/delete_picture"), [id.as_str()]),
    };
    changed.map(drop)
}

fn offset(page: i64) -> i64 {
    (page.clamp(1, 1_000_000) - 1) * PAGE
}

/// A pattern for `LIKE` with `\` as the escape, without case.
fn contains(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in text.trim().to_lowercase().chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn what_is_searched_for_is_taken_literally() {
        assert_eq!(contains(" Ada_50% "), "%ada\\_50\\%%");
        assert_eq!(contains(""), "%%");
    }
}
