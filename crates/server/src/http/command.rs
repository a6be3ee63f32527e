//! Commands that happen once: a body with the `Idempotency-Key` it came under, and the rule for both.
//!
//! The same key from the same person for the same route gets the first answer again; with another body it is a 409.
//! The row is written in the job that does the command, so either both exist or neither.

use super::body;
use crate::app::App;
use crate::auth::Actor;
use crate::error::Error;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use store::Tx;
use store::commands::{self, Done, Sent};
use utoipa::ToSchema;

/// The header that carries the key.
pub const HEADER: &str = "idempotency-key";

const MAX_KEY_CHARS: usize = 200;

/// A decoded body, and the key it was sent under.
pub struct Command<T> {
    /// What is wanted.
    pub form: T,
    /// Under which key; none is a command that may happen twice.
    pub key: Option<Key>,
}

/// A command's key and the hash of its body.
#[derive(Debug, Clone)]
pub struct Key {
    resource: String,
    key: String,
    body_hash: String,
}

impl<T: DeserializeOwned + ToSchema> FromRequest<App> for Command<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let resource = format!("{} {}", request.method(), request.uri().path());
        let key = match request.headers().get(HEADER) {
            Some(value) => Some(checked(value.to_str().unwrap_or_default())?),
            None => None,
        };
        let bytes = Bytes::from_request(request, app)
            .await
            .map_err(body::unread)?;
        let body_hash = || {
            Sha256::digest(&bytes)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect()
        };
        Ok(Command {
            key: key.map(|key| Key {
                resource,
                key,
                body_hash: body_hash(),
            }),
            form: body::decode(&bytes)?,
        })
    }
}

fn checked(key: &str) -> Result<String, Error> {
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

/// Does the work once for a key: again, it gives the first answer and does nothing.
///
/// # Errors
/// [`Error::Conflict`] if the key was used with another body; those of the work, which is not remembered then.
pub fn once<T: Serialize + DeserializeOwned>(
    tx: &mut Tx<'_>,
    actor: &Actor,
    key: Option<&Key>,
    now_ms: i64,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    let Some(key) = key else { return work(tx) };
    let sent = Sent {
        user_id: actor.id(),
        resource: &key.resource,
        key: &key.key,
    };
    if let Some(done) = commands::recall(tx, sent)? {
        if done.body_hash != key.body_hash {
            return Err(Error::Conflict {
                code: "idempotency_key_reused",
                detail: "this Idempotency-Key was used for another body; take a new key for a new command".to_owned(),
            });
        }
        return serde_json::from_str(&done.answer).map_err(|_| Error::Internal);
    }
    let answer = work(tx)?;
    let text = serde_json::to_string(&answer).map_err(|_| Error::Internal)?;
    commands::remember(
        tx,
        sent,
        &Done {
            body_hash: key.body_hash.clone(),
            answer: text,
        },
        now_ms,
    )?;
    Ok(answer)
}
