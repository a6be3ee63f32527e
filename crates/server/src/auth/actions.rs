//! Signing up, in and out; and one's own password and API key.

use super::password::Place;
use super::token::Issued;
use super::{Actor, api_key, rules};
use crate::app::App;
use crate::error::Error;
use crate::http::as_of::{AsOf, Snapshot};
use crate::people;
use crate::people::actions::apply_picture;
use std::net::IpAddr;
use store::users::{self, NewUser, User};
use store::{Tx, sessions, tokens};
use wire::people::{Role, SignIn, SignUp, UpdatePassword};
use wire::{Room, UserId};

/// The name of the one key that the contract's routes know.
const OWN_KEY: &str = "own";

/// A session that has just begun.
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// The token: a secret.
    pub token: String,
    /// When it ends, in seconds; none is never.
    pub expires_at_s: Option<i64>,
}

/// Makes an account and begins its first session. The very first becomes admin.
///
/// # Errors
/// When sign-up is closed, the address is taken, a field is not allowed, or too many accounts came from there.
pub async fn sign_up(app: &App, form: SignUp, from: IpAddr) -> Result<SignedIn, Error> {
    if !app.config.auth.enable_signup {
        return Err(Error::Forbidden(
            "sign-up is closed on this server; ask its admin for an account",
        ));
    }
    let (email, name) = (rules::email(&form.email)?, rules::name(&form.name)?);
    rules::password(&form.password)?;
    let picture = people::actions::chosen_picture(None, form.profile_image_url.as_deref())?;
    let now_ms = app.clock.now_ms();
    let address = from.to_string();
    let sign_ups = app.auth.sign_ups_per_address.as_ref();
    let too_many = |retry_after_s| Error::TooMany { retry_after_s };
    if let Some(sign_ups) = sign_ups {
        sign_ups.take(&address, now_ms).map_err(too_many)?;
    }
    let signed_up = make_account(app, (email, name, picture), form.password, now_ms).await;
    if let (Err(_), Some(sign_ups)) = (&signed_up, sign_ups) {
        sign_ups.give_back(&address); // no account was made
    }
    if let Err(Error::Refused { .. }) = signed_up {
        // Who asks for many addresses that are taken is told no more than who guesses passwords.
        let tries = &app.auth.tries_per_address;
        tries.take(&address, now_ms).map_err(too_many)?;
    }
    signed_up
}

/// Makes the account of a form that is right in itself.
async fn make_account(
    app: &App,
    (email, name, picture): (String, String, people::actions::ChosenPicture),
    password: String,
    now_ms: i64,
) -> Result<SignedIn, Error> {
    let passwords = app.auth.passwords.place()?; // refused before it has read anything
    let taken = {
        let email = email.clone();
        app.store
            .read(move |conn| users::by_email(conn, &email))
            .await?
            .is_some()
    };
    if taken {
        return Err(email_taken());
    }
    let password_hash = passwords.hash(password).await?;
    drop(passwords);
    let new = NewUser {
        email,
        name,
        role: app.config.auth.default_role,
        password_hash,
    };
    let sign = signer(app, now_ms);
    app.store
        .write(move |tx| {
            let mut user = add(tx, new, true, now_ms)?;
            apply_picture(tx, &mut user, &picture, now_ms)?;
            people::tell(tx, &user, false);
            let issued = sign(&user.id)?;
            begin(tx, &user.id, &issued, now_ms)?;
            Ok(signed_in(user, issued))
        })
        .await
}

/// Stores a person, the very first as admin if `first_is_admin`.
///
/// # Errors
/// When the address is taken.
pub fn add(
    tx: &Tx<'_>,
    mut new: NewUser,
    first_is_admin: bool,
    now_ms: i64,
) -> Result<User, Error> {
    if users::by_email(tx, &new.email)?.is_some() {
        return Err(email_taken());
    }
    if first_is_admin && users::count(tx)? == 0 {
        new.role = Role::Admin;
    }
    Ok(users::insert(tx, &new, now_ms)?)
}

/// Begins a session with address and password.
///
/// # Errors
/// `credentials_wrong` for an unknown address and for a wrong password alike; too many tries; a disabled account.
pub async fn sign_in(app: &App, form: SignIn, from: IpAddr) -> Result<SignedIn, Error> {
    let now_ms = app.clock.now_ms();
    let (email, address) = (form.email.trim().to_lowercase(), from.to_string());
    let account = email[..email.floor_char_boundary(254)].to_owned();
    let wait = |retry_after_s| Error::TooMany { retry_after_s };
    app.auth
        .tries_per_address
        .take(&address, now_ms)
        .map_err(wait)?;
    app.auth
        .tries_per_account
        .take(&account, now_ms)
        .map_err(wait)?;

    let found = find(app, email, form.password).await;
    if !matches!(found, Ok(None)) {
        // The guess was right, or the server could not look and told nothing.
        app.auth.tries_per_address.give_back(&address);
        app.auth.tries_per_account.give_back(&account);
    }
    let Some((user, hash)) = found? else {
        return Err(Error::refused(
            "credentials_wrong",
            "the e-mail address or the password is not right",
        ));
    };
    let sign = signer(app, now_ms);
    app.store
        .write(move |tx| {
            let changed = users::password_hash(tx, &user.id)?.as_ref() != Some(&hash);
            let user = users::by_id(tx, &user.id)?.filter(|_| !changed);
            let user = user.ok_or(Error::NotAuthenticated(
                "the account has just changed; sign in again",
            ))?;
            if user.disabled_at_ms.is_some() {
                return Err(Error::Forbidden(
                    "this account is disabled; an admin can enable it again",
                ));
            }
            let issued = sign(&user.id)?;
            begin(tx, &user.id, &issued, now_ms)?;
            Ok(signed_in(user, issued))
        })
        .await
}

/// Whom address and password fit together, with the hash that this was seen by.
async fn find(app: &App, email: String, password: String) -> Result<Option<(User, String)>, Error> {
    let passwords = app.auth.passwords.place()?; // who is refused counts for nobody, so they are to cost no read
    let known = app
        .store
        .read(move |conn| {
            let Some(user) = users::by_email(conn, &email)? else {
                return Ok::<_, store::Error>(None);
            };
            Ok(users::password_hash(conn, &user.id)?.map(|hash| (user, hash)))
        })
        .await?;
    // What is too long is nobody's password: known without looking, and without hashing it.
    if !rules::may_be_password(&password) {
        return Ok(None);
    }
    let hash = known.as_ref().map(|(_, hash)| hash.clone());
    let fits = passwords.fits(password, hash).await?;
    Ok(known.filter(|_| fits))
}

/// Ends the caller's session. An API key has none: it is not revoked by this.
///
/// # Errors
/// The store's.
pub async fn sign_out(app: &App, actor: &Actor) -> Result<(), Error> {
    if actor.credential == super::Credential::ApiKey {
        return Ok(());
    }
    let session_id = actor.session_id.clone();
    Ok(app
        .store
        .write(move |tx| sessions::end(tx, &session_id))
        .await?)
}

/// The caller as of now, with the positions up to which this holds.
///
/// # Errors
/// The store's.
pub async fn me(app: &App, actor: &Actor) -> Result<Snapshot<User>, Error> {
    let known = actor.user.clone();
    app.store
        .read(move |conn| {
            let as_of = AsOf::read(conn, [Room::User(known.id.clone()), Room::Everyone])?;
            let body = users::by_id(conn, &known.id)?.unwrap_or(known);
            Ok(Snapshot { body, as_of })
        })
        .await
}

/// Ends all sessions of the caller, this one too.
///
/// # Errors
/// The store's.
pub async fn sign_out_everywhere(app: &App, actor: &Actor) -> Result<(), Error> {
    let user_id = actor.id().clone();
    Ok(app
        .store
        .write(move |tx| sessions::end_all(tx, &user_id))
        .await?)
}

/// Changes the caller's password and ends all their other sessions.
///
/// # Errors
/// When the present password is not right, or the new one is not allowed.
pub async fn change_password(app: &App, actor: &Actor, form: UpdatePassword) -> Result<(), Error> {
    let _turn = app.turn(actor).await;
    if let Some(()) = app.answer_before(actor).await? {
        return Ok(());
    }
    rules::password(&form.new_password)?;
    let (user_id, session_id, now_ms) = (
        actor.id().clone(),
        actor.session_id.clone(),
        app.clock.now_ms(),
    );
    let account = actor.user.email.clone();
    let passwords = app.auth.passwords.place()?; // for both, and before anything is counted or read
    app.auth
        .tries_per_account
        .take(&account, now_ms)
        .map_err(|retry_after_s| Error::TooMany { retry_after_s })?;
    let fits = is_password_of(app, &passwords, user_id.clone(), form.password).await;
    if !matches!(fits, Ok(false)) {
        app.auth.tries_per_account.give_back(&account);
    }
    if !fits? {
        return Err(Error::refused(
            "credentials_wrong",
            "the present password is not right",
        ));
    }
    let hash = passwords.hash(form.new_password).await?;
    drop(passwords);
    app.command(actor, move |tx| {
        users::set_password(tx, &user_id, &hash, now_ms)?;
        Ok(sessions::end_others(tx, &user_id, &session_id)?)
    })
    .await
}

async fn is_password_of(
    app: &App,
    passwords: &Place,
    user_id: UserId,
    password: String,
) -> Result<bool, Error> {
    let hash = app
        .store
        .read(move |conn| users::password_hash(conn, &user_id))
        .await?;
    passwords.fits(password, hash).await
}

/// Makes the caller's API key, in place of the one before; it is shown this once.
///
/// # Errors
/// When the server accepts no API keys.
pub async fn create_own_key(app: &App, actor: &Actor) -> Result<String, Error> {
    if !app.config.auth.enable_api_keys {
        return Err(Error::Forbidden(
            "this server accepts no API keys (ENABLE_API_KEYS)",
        ));
    }
    let (user_id, now_ms) = (actor.id().clone(), app.clock.now_ms());
    app.store
        .write(move |tx| {
            tokens::revoke_named(tx, &user_id, OWN_KEY)?;
            create_key(tx, &user_id, OWN_KEY, now_ms).map(|(key, _)| key)
        })
        .await
}

/// Makes an API key: the key, which is shown this once, and its id.
///
/// # Errors
/// The store's.
pub fn create_key(
    tx: &Tx<'_>,
    user_id: &UserId,
    name: &str,
    now_ms: i64,
) -> Result<(String, String), Error> {
    let key = api_key::generate()?;
    let id = tokens::insert(
        tx,
        user_id,
        name,
        &api_key::hash(&key),
        &api_key::hint(&key),
        now_ms,
    )?;
    Ok((key, id))
}

/// The caller's API key with all but its last four characters hidden; none if there is none.
///
/// # Errors
/// The store's.
pub async fn own_key(app: &App, actor: &Actor) -> Result<Option<String>, Error> {
    let user_id = actor.id().clone();
    let keys = app
        .store
        .read(move |conn| tokens::of_user(conn, &user_id))
        .await?;
    Ok(keys
        .into_iter()
        .find(|key| key.name == OWN_KEY)
        .map(|key| format!("{}{}{}", api_key::PREFIX, "*".repeat(28), key.hint)))
}

/// Revokes the caller's API key; whether there was one.
///
/// # Errors
/// The store's.
pub async fn delete_own_key(app: &App, actor: &Actor) -> Result<bool, Error> {
    let user_id = actor.id().clone();
    app.command(actor, move |tx| {
        Ok(tokens::revoke_named(tx, &user_id, OWN_KEY)? > 0)
    })
    .await
}

fn begin(tx: &Tx<'_>, user_id: &UserId, issued: &Issued, now_ms: i64) -> Result<(), Error> {
    let expires_at_ms = issued.claims.exp.map(|exp| exp.saturating_mul(1_000));
    sessions::start(tx, &issued.claims.jti, user_id, now_ms, expires_at_ms)?;
    Ok(users::set_active(tx, user_id, now_ms)?)
}

/// Signs a token for whoever the job finds or makes.
fn signer(app: &App, now_ms: i64) -> impl FnOnce(&UserId) -> Result<Issued, Error> + Send + use<> {
    let app = app.clone();
    move |user_id| {
        app.auth
            .tokens
            .issue(user_id, now_ms / 1_000)
            .map_err(|error| {
                tracing::error!(%error, "a token could not be signed");
                Error::Internal
            })
    }
}

fn signed_in(user: User, issued: Issued) -> SignedIn {
    SignedIn {
        user,
        token: issued.text,
        expires_at_s: issued.claims.exp,
    }
}

pub(crate) fn email_taken() -> Error {
    Error::refused(
        "email_taken",
        "this e-mail address has an account already; sign in, or use another",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Credential;
    use crate::clock::Clock;
    use crate::config::{Config, Settings};
    use serde_json::json;
    use std::sync::Arc;

    const PASSWORD: &str = "correct horse battery";

    async fn start() -> (App, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings {
            data_dir: Some(folder.path().to_string_lossy().into_owned()),
            webui_secret_key: Some("a key that only tests know".into()),
            ..Settings::default()
        };
        let config = Config::from_settings(&settings).unwrap();
        let clock = Clock::Settable(Arc::new(1_763_900_000_000.into()));
        (App::start(config, clock).await.unwrap(), folder)
    }

    #[tokio::test]
    async fn who_finds_no_place_among_the_passwords_has_cost_no_read() {
        let (app, _folder) = start().await;
        app.stop().await; // a read would fail in another way
        let from: IpAddr = [192, 0, 2, 1].into();
        let email = "ada@example.org";
        let try_both = || async {
            let form = json!({"name": "ada", "email": email, "password": PASSWORD});
            let up = sign_up(&app, serde_json::from_value(form).unwrap(), from).await;
            let form = json!({"email": email, "password": PASSWORD});
            let back = sign_in(&app, serde_json::from_value(form).unwrap(), from).await;
            [up.map(|_| ()).unwrap_err(), back.map(|_| ()).unwrap_err()]
        };
        let of_the_queue = |error: &Error| matches!(error, Error::TooMany { retry_after_s: 2 });
        let busy = app.auth.passwords.occupied();
        assert!(try_both().await.iter().all(of_the_queue));
        drop(busy);
        assert!(!try_both().await.iter().any(of_the_queue));
    }

    #[tokio::test]
    async fn what_the_server_could_not_do_counts_among_nobodys_tries() {
        let (app, _folder) = start().await;
        let from: IpAddr = [192, 0, 2, 1].into();
        let enter = |name: &str| {
            let email = format!("{name}@example.org");
            let form = json!({"name": name, "email": email, "password": PASSWORD});
            sign_up(&app, serde_json::from_value(form).unwrap(), from)
        };
        let come_back = || {
            let form = json!({"email": "ada@example.org", "password": PASSWORD});
            sign_in(&app, serde_json::from_value(form).unwrap(), from)
        };
        let ada = Actor {
            user: enter("ada").await.unwrap().user,
            session_id: String::new(),
            credential: Credential::ApiKey,
            command: None,
        };
        let change = || {
            let form = json!({"password": PASSWORD, "new_password": PASSWORD});
            change_password(&app, &ada, serde_json::from_value(form).unwrap())
        };

        let busy = app.auth.passwords.occupied();
        let of_the_server = |error| matches!(error, Error::TooMany { retry_after_s: 2 });
        for number in 0..61 {
            let refused = enter(&format!("bob{number}")).await.map(|_| ());
            assert!(of_the_server(refused.unwrap_err()), "sign-up {number}");
            let refused = come_back().await.map(|_| ());
            assert!(of_the_server(refused.unwrap_err()), "sign-in {number}");
            assert!(of_the_server(change().await.unwrap_err()), "{number}");
        }
        drop(busy);
        assert!(enter("bob").await.is_ok());
        assert!(come_back().await.is_ok());
        assert!(change().await.is_ok());

        for _ in 0..60 {
            let taken = enter("ada").await.map(|_| ()).unwrap_err();
            assert_eq!(taken.code(), "email_taken");
        }
        let taken = enter("ada").await.map(|_| ()).unwrap_err();
        assert_eq!(taken.code(), "too_many_requests");
        app.stop().await;
    }
}
