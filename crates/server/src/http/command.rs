//! Commands that happen once: `Idempotency-Key`, one mechanism for every route that changes something.
//!
//! A layer reads the key and the body's hash ([`read`]); the [`Actor`] of the request carries them; the job that does the
//! command remembers it with its answer ([`once`], [`App::command`]), so either both exist or neither. The same key from
//! the same person for the same route gets the first answer again; with another body it is a 409. Kept for 7 days
//! ([`store::commands::REMEMBERED_MS`]); before a client sends an older one again it asks (`commands.rs`).

use super::body;
use crate::app::App;
use crate::auth::Actor;
use crate::error::Error;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use store::commands::{self, Done, Sent};
use store::{Conn, Tx};
use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
use utoipa::openapi::{ObjectBuilder, OpenApi, Required, Type};

/// The header that carries the key.
pub const HEADER: &str = "idempotency-key";

const MAX_KEY_CHARS: usize = 200;

/// The routes that change something, or look as if they did, and take no key: each with the reason. All others do.
pub const WITHOUT: [(&str, &str); 9] = [
    (
        "sign_up",
        "there is no caller yet; the second time the address is taken",
    ),
    (
        "sign_in",
        "there is no caller yet; a second session does no harm",
    ),
    (
        "sign_out_by_post",
        "it ends the session that a second try would need",
    ),
    (
        "sign_out_everywhere",
        "it ends the session that a second try would need",
    ),
    (
        "create_api_key",
        "the answer is a secret, which must not be kept; a second key takes the first one's place",
    ),
    ("stop_task", "what is stopped stays stopped"),
    ("stop_tasks_in_chat", "what is stopped stays stopped"),
    ("chat_completed", "it changes nothing"),
    (
        "ollama_chat",
        "it changes nothing: the answer belongs to the request",
    ),
];

/// A command's key and the hash of its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// `POST /api/v1/channels/create`.
    resource: String,
    key: String,
    /// SHA-256, hex, seeded with the server's secret: a body may hold a password.
    body_hash: String,
}

impl Key {
    /// What names the command of one person.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.resource, self.key)
    }

    /// The same command's step of this name, where one command takes several jobs. Sent again, it goes on behind the
    /// steps that were done.
    #[must_use]
    pub fn step(&self, name: impl std::fmt::Display) -> Key {
        Key {
            resource: format!("{}#{name}", self.resource),
            ..self.clone()
        }
    }
}

/// Adds the header to every operation that takes it.
pub fn describe(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        let operations = [
            &mut item.post,
            &mut item.put,
            &mut item.patch,
            &mut item.delete,
        ];
        for operation in operations.into_iter().flatten() {
            let name = operation.operation_id.as_deref().unwrap_or_default();
            if WITHOUT.iter().any(|(without, _)| *without == name) {
                continue;
            }
            let header = ParameterBuilder::new()
                .name("Idempotency-Key")
                .parameter_in(ParameterIn::Header)
                .required(Required::False)
                .description(Some(
                    "The command happens once under this key: again, it is answered with the first answer. \
                     With another body: 409 `idempotency_key_reused`.",
                ))
                .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
                .build();
            operation
                .parameters
                .get_or_insert_default()
                .push(header.into());
        }
    }
}

/// What is remembered of a large answer: shown again, it is read anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Named<I> {
    id: I,
}

/// Reads the key of a request that may change something, and its body for the hash.
pub async fn read(State(app): State<App>, mut request: Request, next: Next) -> Response {
    if request.method().is_safe() || !request.headers().contains_key(HEADER) {
        return next.run(request).await;
    }
    match key_of(&app, &mut request).await {
        Ok(key) => {
            request.extensions_mut().insert(Arc::new(key));
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

async fn key_of(app: &App, request: &mut Request) -> Result<Key, Error> {
    let sent = request
        .headers()
        .get(HEADER)
        .and_then(|value| value.to_str().ok());
    let key = checked(sent.unwrap_or_default())?;
    let resource = format!("{} {}", request.method(), request.uri().path());
    // What bounds a body stands in the extensions of its request.
    let mut whole = Request::new(std::mem::take(request.body_mut()));
    *whole.extensions_mut() = request.extensions().clone();
    *whole.headers_mut() = request.headers().clone();
    let bytes = Bytes::from_request(whole, &())
        .await
        .map_err(body::unread)?;
    let hash = Sha256::new()
        .chain_update(&app.config.auth.secret_key)
        .chain_update(b"\0command\0")
        .chain_update(&bytes)
        .finalize();
    *request.body_mut() = Body::from(bytes);
    Ok(Key {
        resource,
        key,
        body_hash: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}

/// A key as it may be sent.
///
/// # Errors
/// `bad_idempotency_key`.
pub fn checked(key: &str) -> Result<String, Error> {
    let fits =
        (1..=MAX_KEY_CHARS).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        return Ok(key.to_owned());
    }
    let detail = format!(
        "Idempotency-Key: allowed are 1 to {MAX_KEY_CHARS} visible ASCII characters without spaces"
    );
    Err(Error::refused("bad_idempotency_key", detail))
}

impl App {
    /// Runs a command of the caller in one job of the store, once for its key.
    ///
    /// # Errors
    /// Those of [`once`] and of the store.
    pub async fn command<T, F>(&self, actor: &Actor, work: F) -> Result<T, Error>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T, Error> + Send + 'static,
    {
        let actor = actor.clone();
        self.store
            .write(move |tx| once(tx, &actor, |tx| work(tx)))
            .await
    }

    /// The answer of the caller's command, if it was done before: for what must not even be begun twice.
    ///
    /// # Errors
    /// The key was used with another body; the store's.
    pub async fn answer_before<T>(&self, actor: &Actor) -> Result<Option<T>, Error>
    where
        T: DeserializeOwned + Send + 'static,
    {
        if actor.command.is_none() {
            return Ok(None);
        }
        let actor = actor.clone();
        self.store.read(move |conn| recall(conn, &actor)).await
    }
}

/// Does the work once for the caller's key: again, it gives the first answer and does nothing. Without a key it is done.
///
/// # Errors
/// [`Error::Conflict`] if the key was used with another body; those of the work, which is not remembered then.
pub fn once<T: Serialize + DeserializeOwned>(
    tx: &mut Tx<'_>,
    actor: &Actor,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    if let Some(answer) = recall(tx, actor)? {
        return Ok(answer);
    }
    let answer = work(tx)?;
    remember(tx, actor, &answer)?;
    Ok(answer)
}

/// Like [`once`] for what is large or changes: remembered is its id, and again it is shown as it is now.
///
/// # Errors
/// Those of [`once`], and of showing it again.
pub fn once_shown<T, I: Serialize + DeserializeOwned>(
    tx: &mut Tx<'_>,
    actor: &Actor,
    work: impl FnOnce(&mut Tx<'_>) -> Result<(I, T), Error>,
    again: impl FnOnce(&mut Tx<'_>, I) -> Result<T, Error>,
) -> Result<T, Error> {
    if let Some(Named { id }) = recall(tx, actor)? {
        return again(tx, id);
    }
    let (id, shown) = work(tx)?;
    remember(tx, actor, &Named { id })?;
    Ok(shown)
}

fn sent<'a>(actor: &'a Actor, key: &'a Key) -> Sent<'a> {
    Sent {
        user_id: actor.id(),
        resource: &key.resource,
        key: &key.key,
    }
}

fn recall<T: DeserializeOwned>(conn: &Conn, actor: &Actor) -> Result<Option<T>, Error> {
    let Some(key) = actor.command.as_deref() else {
        return Ok(None);
    };
    let Some(done) = commands::recall(conn, sent(actor, key))? else {
        return Ok(None);
    };
    #[cfg(feature = "faults")]
    if store::fault::shows("twice") {
        return Ok(None);
    }
    if done.body_hash != key.body_hash {
        return Err(Error::Conflict {
            code: "idempotency_key_reused",
            detail:
                "this Idempotency-Key was used for another body; take a new key for a new command"
                    .to_owned(),
        });
    }
    let answer = serde_json::from_str(&done.answer).map_err(|error| {
        tracing::error!(%error, resource = key.resource, "what a command answered cannot be read");
        Error::Internal
    })?;
    Ok(Some(answer))
}

fn remember<T: Serialize>(tx: &mut Tx<'_>, actor: &Actor, answer: &T) -> Result<(), Error> {
    let Some(key) = actor.command.as_deref() else {
        return Ok(());
    };
    let answer = serde_json::to_string(answer).map_err(|_| Error::Internal)?;
    let done = Done {
        body_hash: key.body_hash.clone(),
        answer,
    };
    let now_ms = tx.at_ms();
    #[cfg(feature = "faults")]
    if store::fault::is_planted("twice") {
        // Done again, it stands there already.
        let _ = commands::remember(tx, sent(actor, key), &done, now_ms);
        return Ok(());
    }
    Ok(commands::remember(tx, sent(actor, key), &done, now_ms)?)
}
