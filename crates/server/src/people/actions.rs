//! One's own name, picture and settings; other people as one may see them.

use super::picture::{self, Choice};
use super::{is_active, tell};
use crate::app::App;
use crate::auth::{Actor, rules};
use crate::error::Error;
use crate::http::as_of::{AsOf, Snapshot};
use crate::http::command::once_shown;
use serde_json::{Map, Value};
use store::users::{self, Picture, User};
use store::{Tx, settings};
use wire::people::{UpdateProfile, UserSummaries};
use wire::{Room, UserId};

/// The largest settings of a person, in bytes of their JSON.
const MAX_SETTINGS_BYTES: usize = 64 * 1024;

/// A picture that was chosen, checked.
#[derive(Debug, Clone)]
pub struct ChosenPicture(Choice);

/// Reads what was sent as `profile_image_url`, by a person or for a new one.
///
/// # Errors
/// When it is no picture, or too large.
pub fn chosen_picture(id: Option<&UserId>, sent: Option<&str>) -> Result<ChosenPicture, Error> {
    picture::parse(id, sent).map(ChosenPicture)
}

/// Stores a chosen picture and its address.
///
/// # Errors
/// The store's.
pub fn apply_picture(
    tx: &Tx<'_>,
    user: &mut User,
    chosen: &ChosenPicture,
    now_ms: i64,
) -> Result<(), Error> {
    let Some(url) = picture::url(&user.id, &chosen.0, now_ms) else {
        return Ok(());
    };
    let given: Option<&Picture> = if let Choice::Given(picture) = &chosen.0 {
        Some(picture)
    } else {
        None
    };
    users::set_picture(tx, &user.id, given)?;
    users::set_profile(tx, &user.id, &user.name, &url, now_ms)?;
    user.profile_image_url = url;
    Ok(())
}

/// Changes the caller's name and picture, and tells everyone.
///
/// # Errors
/// When the name or the picture is not allowed.
pub async fn update_profile(app: &App, actor: &Actor, form: UpdateProfile) -> Result<User, Error> {
    let (id, now_ms) = (actor.id().clone(), app.clock.now_ms());
    let name = rules::name(&form.name)?;
    let picture = chosen_picture(Some(&id), form.profile_image_url.as_deref())?;
    let actor = actor.clone();
    app.store
        .write(move |tx| {
            let existing = |tx: &mut Tx<'_>, id: UserId| {
                users::by_id(tx, &id)?.ok_or(Error::NotFound("person"))
            };
            let change = |tx: &mut Tx<'_>| {
                let mut user = existing(tx, id.clone())?;
                rename(tx, &mut user, name, now_ms)?;
                apply_picture(tx, &mut user, &picture, now_ms)?;
                tell(tx, &user, false);
                Ok((id, user))
            };
            once_shown(tx, &actor, change, existing)
        })
        .await
}

/// Sets a person's name.
///
/// # Errors
/// The store's.
pub fn rename(tx: &Tx<'_>, user: &mut User, name: String, now_ms: i64) -> Result<(), Error> {
    users::set_profile(tx, &user.id, &name, &user.profile_image_url, now_ms)?;
    user.name = name;
    Ok(())
}

/// The caller's settings; none if nothing was ever set.
///
/// # Errors
/// The store's.
pub async fn own_settings(
    app: &App,
    actor: &Actor,
) -> Result<Snapshot<Option<Map<String, Value>>>, Error> {
    let id = actor.id().clone();
    app.store
        .read(move |conn| {
            Ok(Snapshot {
                body: settings::of_user(conn, &id)?,
                as_of: AsOf::read(conn, [Room::User(id)])?,
            })
        })
        .await
}

/// Replaces the top-level keys given; all settings as they are now.
///
/// # Errors
/// When they would be larger than 64 KiB.
pub async fn update_settings(
    app: &App,
    actor: &Actor,
    change: Map<String, Value>,
) -> Result<Map<String, Value>, Error> {
    let (id, now_ms) = (actor.id().clone(), app.clock.now_ms());
    app.command(actor, move |tx| {
        let settings = settings::merge(tx, &id, change, now_ms)?;
        let len = serde_json::to_string(&settings).map_or(usize::MAX, |text| text.len());
        if len > MAX_SETTINGS_BYTES {
            return Err(Error::TooLarge {
                what: "the settings in bytes",
                len,
                max: MAX_SETTINGS_BYTES,
            });
        }
        Ok(settings)
    })
    .await
}

/// A page of those who use the workspace and whose name contains the text.
///
/// # Errors
/// The store's.
pub async fn search(app: &App, text: String, page: i64) -> Result<Snapshot<UserSummaries>, Error> {
    let found = app.store.read(move |conn| {
        Ok::<_, Error>(Snapshot {
            body: users::search(conn, &text, page)?,
            as_of: AsOf::read(conn, [Room::Everyone])?,
        })
    });
    let shown = |user: &User| user.summary(is_active(app, user));
    Ok(found.await?.map(|(found, total)| UserSummaries {
        users: found.iter().map(shown).collect(),
        total,
    }))
}

/// A person.
///
/// # Errors
/// When there is none of this id.
pub async fn find(app: &App, id: UserId) -> Result<Snapshot<User>, Error> {
    app.store
        .read(move |conn| {
            Ok(Snapshot {
                body: users::by_id(conn, &id)?.ok_or(Error::NotFound("person"))?,
                as_of: AsOf::read(conn, [Room::Everyone])?,
            })
        })
        .await
}

/// A person with the picture they gave, if they gave one.
///
/// # Errors
/// When there is none of this id.
pub async fn find_with_picture(app: &App, id: UserId) -> Result<(User, Option<Picture>), Error> {
    let found = app
        .store
        .read(move |conn| {
            let Some(user) = users::by_id(conn, &id)? else {
                return Ok::<_, store::Error>(None);
            };
            let picture = users::picture(conn, &id)?;
            Ok(Some((user, picture)))
        })
        .await?;
    found.ok_or(Error::NotFound("person"))
}
