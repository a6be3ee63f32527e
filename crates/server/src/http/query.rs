//! Reads the query of an address as one of our types; a wrong one is a 422 like a wrong body.

use crate::error::Error;
use axum::extract::{FromRequestParts, Query};
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde_json::json;
use wire::errors::FieldError;

/// The query, read as this type.
#[derive(Debug, Clone)]
pub struct Params<T>(pub T);

impl<S, T> FromRequestParts<S> for Params<T>
where
    S: Send + Sync,
    T: DeserializeOwned + Send,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Error> {
        match Query::<T>::try_from_uri(&parts.uri) {
            Ok(Query(params)) => Ok(Params(params)),
            Err(rejection) => Err(Error::Invalid(vec![wrong(
                &rejection.body_text(),
                parts.uri.query(),
            )])),
        }
    }
}

/// The rejection reads `Failed to deserialize query string: page: invalid digit found in string`.
fn wrong(text: &str, query: Option<&str>) -> FieldError {
    let said = text
        .split_once("query string: ")
        .map_or(text, |(_, said)| said);
    let (mut loc, mut msg) = (vec![json!("query")], said);
    if let Some((field, rest)) = said
        .split_once(": ")
        .filter(|(field, _)| !field.contains(' '))
    {
        loc.push(json!(field));
        msg = rest;
    }
    FieldError {
        kind: "value_error".to_owned(),
        loc,
        msg: msg.to_owned(),
        input: json!(query.unwrap_or_default()),
    }
}
