//! The shape of every error: HTTP bodies and socket acks. Codes are stable, sentences are not.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Body of every HTTP error but validation errors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// A sentence for people: what was wrong and what is allowed.
    pub detail: String,
    /// A stable word for programs.
    pub code: String,
}

/// Body of a 422: what was wrong with which field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ValidationBody {
    /// One entry a fault.
    pub detail: Vec<FieldError>,
    /// Always `validation_error`.
    pub code: String,
}

/// One fault of a request, in the shape the contract's clients expect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct FieldError {
    /// `missing`, `string_type`, `json_invalid`, ...
    #[serde(rename = "type")]
    pub kind: String,
    /// Path to the field: `["body", "name"]`.
    #[schema(value_type = Vec<Object>)]
    pub loc: Vec<Value>,
    /// A sentence for people.
    pub msg: String,
    /// What was sent there.
    #[schema(value_type = Object)]
    pub input: Value,
}

/// What a socket's ack carries when the command failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AckError {
    /// What went wrong.
    pub error: AckErrorBody,
}

/// The inside of [`AckError`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AckErrorBody {
    /// A stable word for programs, the same as over HTTP.
    pub code: String,
    /// A sentence for people.
    pub message: String,
}
