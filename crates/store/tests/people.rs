//! People as rows: one story of accounts, sessions, keys and settings.

#![allow(clippy::unwrap_used)] // in the helpers too, not only in the tests

use serde_json::json;
use store::users::{self, NewUser, Picture, User};
use store::{Error, Options, Store, Tx, sessions, settings, system_clock, tokens};
use wire::people::Role;

struct Opened {
    store: Store,
    _folder: tempfile::TempDir,
}

impl Opened {
    fn new() -> Opened {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_beside(
            &folder.path().join("t.db"),
            &Options::default(),
            system_clock(),
        )
        .unwrap();
        Opened {
            store,
            _folder: folder,
        }
    }

    async fn write<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.store.write(job).await
    }
}

fn add(tx: &Tx<'_>, name: &str, role: Role) -> Result<User, Error> {
    let email = format!("{}@example.com", name.to_lowercase());
    let new = NewUser {
        email,
        name: name.into(),
        role,
        password_hash: "hash".into(),
    };
    users::insert(tx, &new, 5_000)
}

#[tokio::test]
async fn people_are_found_by_what_they_are_called() {
    let t = Opened::new();
    t.write(|tx| {
        add(tx, "Ada Lovelace", Role::Admin)?;
        add(tx, "Björn", Role::User)?;
        let waiting = add(tx, "Waiting", Role::Pending)?;
        assert_eq!(users::by_id(tx, &waiting.id)?.unwrap(), waiting);
        assert_eq!(
            users::by_email(tx, "björn@example.com")?.unwrap().name,
            "Björn"
        );
        let names = |found: (Vec<User>, i64)| {
            (
                found
                    .0
                    .into_iter()
                    .map(|user| user.name)
                    .collect::<Vec<_>>()
                    .join(","),
                found.1,
            )
        };
        assert_eq!(names(users::search(tx, "BJÖ", 1)?), ("Björn".into(), 1));
        assert_eq!(
            names(users::search(tx, "", 1)?),
            ("Ada Lovelace,Björn".into(), 2)
        );
        assert_eq!(
            names(users::search(tx, "example.com", 1)?),
            (String::new(), 0)
        ); // addresses are not public
        assert_eq!(names(users::list(tx, "example.com", 1)?).1, 3);
        assert_eq!(names(users::list(tx, "", 2)?), (String::new(), 3));
        users::set_disabled(
            tx,
            &users::by_email(tx, "björn@example.com")?.unwrap().id,
            true,
            6_000,
        )?;
        assert_eq!(users::search(tx, "", 1)?.1, 1);
        assert_eq!((users::count(tx)?, users::count_admins(tx)?), (3, 1));
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn an_address_belongs_to_one_account_until_it_is_deleted() {
    let t = Opened::new();
    let ada = t.write(|tx| add(tx, "ada", Role::User)).await.unwrap();
    let again = t.write(|tx| add(tx, "ada", Role::User)).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "{again:?}");
    t.write(move |tx| {
        let picture = Picture {
            media_type: "image/png".into(),
            bytes: vec![1, 2],
        };
        users::set_picture(tx, &ada.id, Some(&picture))?;
        assert_eq!(users::picture(tx, &ada.id)?, Some(picture));
        users::delete(tx, &ada.id, 9_000)?;
        assert_eq!(
            (users::by_id(tx, &ada.id)?, users::picture(tx, &ada.id)?),
            (None, None)
        );
        add(tx, "ada", Role::User)
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_session_is_valid_until_it_ends_or_its_person_may_not_sign_in() {
    let t = Opened::new();
    t.write(|tx| {
        let ada = add(tx, "ada", Role::User)?;
        sessions::start(tx, "one", &ada.id, 10, Some(100))?;
        sessions::start(tx, "two", &ada.id, 11, None)?;
        sessions::start(tx, "three", &ada.id, 12, None)?;
        let valid = |tx: &Tx<'_>, at_ms: i64| -> Result<Vec<&str>, Error> {
            let mut valid = Vec::new();
            for id in ["one", "two", "three"] {
                if sessions::user_of(tx, id, at_ms)?.is_some() {
                    valid.push(id);
                }
            }
            Ok(valid)
        };
        assert_eq!(valid(tx, 99)?, ["one", "two", "three"]);
        assert_eq!(valid(tx, 100)?, ["two", "three"]);
        sessions::end(tx, "two")?;
        assert_eq!(valid(tx, 20)?, ["one", "three"]);
        sessions::end_others(tx, &ada.id, "one")?;
        assert_eq!(valid(tx, 20)?, ["one"]);
        users::set_disabled(tx, &ada.id, true, 20)?;
        assert_eq!(valid(tx, 20)?, [""; 0]);
        users::set_disabled(tx, &ada.id, false, 21)?;
        sessions::end_all(tx, &ada.id)?;
        assert_eq!(valid(tx, 20)?, [""; 0]);
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_key_is_known_by_its_hash_until_it_is_revoked() {
    let t = Opened::new();
    t.write(|tx| {
        let ada = add(tx, "ada", Role::User)?;
        let id = tokens::insert(tx, &ada.id, "agent", "h1", "cafe", 10)?;
        tokens::set_used(tx, &id, 11)?;
        let holder = tokens::holder(tx, "h1")?.unwrap();
        assert_eq!(
            (holder.user, holder.key_id, holder.last_used_at_ms),
            (ada.clone(), id.clone(), Some(11))
        );
        assert_eq!(
            (
                tokens::list(tx)?.len(),
                tokens::of_user(tx, &ada.id)?[0].hint.as_str()
            ),
            (1, "cafe")
        );
        assert!(tokens::revoke(tx, &id)?);
        assert!(!tokens::revoke(tx, &id)?);
        assert!(tokens::holder(tx, "h1")?.is_none());
        Ok(())
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn settings_are_merged_by_their_top_level_keys() {
    let t = Opened::new();
    t.write(|tx| {
        let ada = add(tx, "ada", Role::User)?;
        assert_eq!(settings::of_user(tx, &ada.id)?, None);
        let object = |value: serde_json::Value| value.as_object().cloned().unwrap();
        settings::merge(tx, &ada.id, object(json!({ "ui": { "a": 1 }, "x": 1 })), 10)?;
        let now = settings::merge(tx, &ada.id, object(json!({ "ui": { "b": 2 } })), 11)?;
        assert_eq!(now, object(json!({ "ui": { "b": 2 }, "x": 1 })));
        assert_eq!(settings::of_user(tx, &ada.id)?, Some(now));
        Ok(())
    })
    .await
    .unwrap();
}
