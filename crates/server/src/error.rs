//! Everything that can go wrong in an action, and its one mapping to HTTP and to socket acks.
//!
//! A variant says what happened; [`Error::code`] and [`Error::status`] are the only places that know the stable word
//! and the status. Routes of the contract keep its statuses, also where 404 would be kinder than 401.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use wire::errors::{AckError, AckErrorBody, ErrorBody, FieldError, ValidationBody};

/// Why an action was refused or failed. Nothing of it was done, unless [`Error::sentence`] says that this is not known.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// No token, or one that is not valid.
    #[error("{0}")]
    NotAuthenticated(&'static str),
    /// Signed in, but not for this: the contract answers 401 for roles.
    #[error("{0}")]
    RoleForbids(&'static str),
    /// Signed in, but without the right to this resource.
    #[error("{0}")]
    Forbidden(&'static str),
    /// There is no such chat, or it is somebody else's: the contract answers 401 for both.
    #[error("this chat or message does not exist, or it is not yours")]
    ChatNotFound,
    /// There is none, or the caller may not know of it.
    #[error("this {0} does not exist, or you may not see it")]
    NotFound(&'static str),
    /// The request was understood and cannot be done; the word is stable.
    #[error("{detail}")]
    Refused {
        /// The stable word.
        code: &'static str,
        /// What was wrong and what is allowed.
        detail: String,
    },
    /// The resource changed meanwhile, or the name is taken.
    #[error("{detail}")]
    Conflict {
        /// The stable word.
        code: &'static str,
        /// What was there first.
        detail: String,
    },
    /// A text, a list or a body is too large.
    #[error("{what} is {len}, at most {max} is allowed")]
    TooLarge {
        /// What, with its unit.
        what: &'static str,
        /// How large it is.
        len: usize,
        /// How large it may be.
        max: usize,
    },
    /// A request's body is larger than its route allows.
    #[error("the request's body is larger than is allowed here")]
    BodyTooLarge,
    /// A request's body did not arrive in its time.
    #[error("the request's body did not arrive in time")]
    BodyTooSlow,
    /// Fields are missing or of the wrong type.
    #[error("the request is not valid")]
    Invalid(Vec<FieldError>),
    /// Too many tries.
    #[error("too many requests; try again in {retry_after_s} s")]
    TooMany {
        /// Seconds until the next try.
        retry_after_s: u64,
    },
    /// A model could not be asked.
    #[error("{0}")]
    Upstream(String),
    /// The database refused or did not answer.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// A defect of ours; the log has the details.
    #[error(
        "something went wrong on our side, and it is not known whether this was done; the error is in the server's log"
    )]
    Internal,
}

impl Error {
    /// A request that was understood and cannot be done.
    pub fn refused(code: &'static str, detail: impl Into<String>) -> Error {
        Error::Refused {
            code,
            detail: detail.into(),
        }
    }

    /// Refuses what is larger than allowed.
    ///
    /// # Errors
    /// [`Error::TooLarge`].
    pub fn at_most(what: &'static str, len: usize, max: usize) -> Result<(), Error> {
        if len <= max {
            Ok(())
        } else {
            Err(Error::TooLarge { what, len, max })
        }
    }

    /// The stable word, the same over HTTP and in acks.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Error::NotAuthenticated(_) => "not_authenticated",
            Error::RoleForbids(_) => "role_forbids",
            Error::Forbidden(_) => "forbidden",
            Error::ChatNotFound => "chat_not_found",
            Error::NotFound(_) => "not_found",
            Error::Refused { code, .. } | Error::Conflict { code, .. } => code,
            Error::TooLarge { .. }
            | Error::BodyTooLarge
            | Error::Store(store::Error::Payload { .. }) => "too_large",
            Error::BodyTooSlow => "too_slow",
            Error::Invalid(_) => "validation_error",
            Error::TooMany { .. } => "too_many_requests",
            Error::Upstream(_) => "upstream_failed",
            Error::Store(
                store::Error::Busy | store::Error::Unavailable(_) | store::Error::Closed,
            ) => "unavailable",
            Error::Store(store::Error::Full) => "storage_full",
            Error::Store(_) | Error::Internal => "internal",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Error::NotAuthenticated(_) | Error::RoleForbids(_) => StatusCode::UNAUTHORIZED,
            Error::Forbidden(_) => StatusCode::FORBIDDEN,
            Error::ChatNotFound => StatusCode::UNAUTHORIZED,
            Error::NotFound(_) => StatusCode::NOT_FOUND,
            Error::Refused { .. } => StatusCode::BAD_REQUEST,
            Error::Conflict { .. } => StatusCode::CONFLICT,
            Error::TooLarge { .. }
            | Error::BodyTooLarge
            | Error::Store(store::Error::Payload { .. }) => StatusCode::PAYLOAD_TOO_LARGE,
            Error::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
            Error::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Error::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Error::Upstream(_) => StatusCode::BAD_GATEWAY,
            Error::Store(
                store::Error::Busy | store::Error::Unavailable(_) | store::Error::Closed,
            ) => StatusCode::SERVICE_UNAVAILABLE,
            Error::Store(store::Error::Full) => StatusCode::INSUFFICIENT_STORAGE,
            Error::Store(_) | Error::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The sentence for people: never a driver's words.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Error::Store(store::Error::Busy) => {
                "the server is busy; this was not done, try again".to_owned()
            }
            Error::Store(error @ store::Error::Unavailable(_)) if error.is_surely_undone() => {
                "the database did not answer in time; this was not done, try again".to_owned()
            }
            Error::Store(store::Error::Unavailable(_)) => {
                "the database failed; it is not known whether this was done, try again".to_owned()
            }
            Error::Store(store::Error::Closed) => {
                "the server is stopping; it is not known whether this was done, try again".to_owned()
            }
            Error::Store(store::Error::Full) => {
                "the server's disk is full; this was not done, and its operator must make room"
                    .to_owned()
            }
            Error::Store(store::Error::Payload { .. }) => {
                "this is larger than one event may be, with all that goes with it; this was not done"
                    .to_owned()
            }
            Error::Store(_) => Error::Internal.to_string(),
            other => other.to_string(),
        }
    }

    /// What a socket's ack carries.
    #[must_use]
    pub fn ack(&self) -> AckError {
        AckError {
            error: AckErrorBody {
                code: self.code().to_owned(),
                message: self.sentence(),
            },
        }
    }

    /// Whether the log has it already, once for all who meet it.
    #[must_use]
    pub fn is_said(&self) -> bool {
        matches!(self, Error::Store(error) if error.is_said())
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Error::TooMany { retry_after_s } => Some(*retry_after_s),
            Error::Store(
                store::Error::Busy | store::Error::Unavailable(_) | store::Error::Closed,
            ) => Some(1),
            _ => None,
        }
    }
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or(panic.downcast_ref::<&str>().copied());
    text.unwrap_or("without a text").to_owned()
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() && !self.is_said() {
            tracing::error!(error = %self, code = self.code(), "a request failed");
        }
        let mut response = match &self {
            Error::Invalid(detail) => {
                let body = ValidationBody {
                    detail: detail.clone(),
                    code: self.code().to_owned(),
                };
                (status, Json(body)).into_response()
            }
            error => (
                status,
                Json(ErrorBody {
                    detail: error.sentence(),
                    code: error.code().to_owned(),
                }),
            )
                .into_response(),
        };
        if let Some(seconds) = self.retry_after_s() {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
