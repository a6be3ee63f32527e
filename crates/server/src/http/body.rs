//! Reads a JSON body as one of wire's types, and says of a wrong one what is wrong with which field.
//!
//! The type's own schema is the judge, so there is no second list of fields: when serde refuses a body, it is walked
//! beside the schema, and every missing field and every wrong type becomes an entry in the shape that the contract's
//! clients know (`{type, loc, msg, input}`). Whatever the schema cannot see is reported in serde's words.

use crate::error::Error;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use wire::errors::FieldError;

/// How deep a body is compared with its schema.
const MAX_DEPTH: usize = 16;

/// How many faults are reported at most.
const MAX_FAULTS: usize = 50;

/// A JSON body of this type.
#[derive(Debug, Clone)]
pub struct Body<T>(pub T);

impl<S, T> FromRequest<S> for Body<T>
where
    S: Send + Sync,
    T: DeserializeOwned + ToSchema,
{
    type Rejection = Error;

    async fn from_request(request: Request, state: &S) -> Result<Self, Error> {
        let bytes = Bytes::from_request(request, state).await.map_err(unread)?;
        decode(&bytes).map(Body)
    }
}

/// Why a body could not be read to its end.
pub(super) fn unread(rejection: BytesRejection) -> Error {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return Error::BodyTooLarge;
    }
    if super::slow_body::is_late(&rejection) {
        return Error::BodyTooSlow;
    }
    Error::refused(
        "body_unreadable",
        "the request's body could not be read to its end",
    )
}

/// Reads a body.
///
/// # Errors
/// [`Error::Invalid`] with every fault that was found.
pub fn decode<T: DeserializeOwned + ToSchema>(bytes: &[u8]) -> Result<T, Error> {
    let refusal = match serde_json::from_slice::<T>(bytes) {
        Ok(body) => return Ok(body),
        Err(refusal) => refusal,
    };
    let start = vec![json!("body")];
    if bytes.trim_ascii().is_empty() {
        return Err(Error::Invalid(vec![fault(
            "missing",
            start,
            "Field required",
            Value::Null,
        )]));
    }
    let body: Value = match serde_json::from_slice(bytes) {
        Ok(body) => body,
        Err(error) => {
            let loc = vec![json!("body"), json!(error.column())];
            let msg = format!("JSON decode error: {error}");
            return Err(Error::Invalid(vec![fault(
                "json_invalid",
                loc,
                &msg,
                json!({}),
            )]));
        }
    };
    let mut named = Vec::new();
    T::schemas(&mut named);
    let mut check = Check {
        named,
        faults: Vec::new(),
    };
    check.value(&json!(T::schema()), &body, &start, 0);
    if check.faults.is_empty() {
        check
            .faults
            .push(fault("value_error", start, &refusal.to_string(), body));
    }
    Err(Error::Invalid(check.faults))
}

struct Check {
    named: Vec<(String, RefOr<Schema>)>,
    faults: Vec<FieldError>,
}

impl Check {
    /// The schema as JSON: simpler to read than its Rust types, which differ by keyword.
    fn value(&mut self, schema: &Value, value: &Value, loc: &[Value], depth: usize) {
        if depth > MAX_DEPTH || self.faults.len() >= MAX_FAULTS {
            return;
        }
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap_or_default();
            let found = self
                .named
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, schema)| json!(schema));
            return found.map_or((), |schema| self.value(&schema, value, loc, depth + 1));
        }
        if let Some(all) = schema["allOf"].as_array() {
            return all
                .iter()
                .for_each(|part| self.value(part, value, loc, depth + 1));
        }
        if let Some(choices) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
            return self.choice(choices, value, loc, depth);
        }
        if let Some(allowed) = schema["enum"].as_array() {
            if !allowed.contains(value) {
                self.not_allowed(allowed, value, loc);
            }
            return;
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one.as_str()],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => return,
        };
        if !types.iter().any(|wanted| is_of(wanted, value)) {
            let wanted = types
                .iter()
                .find(|wanted| **wanted != "null")
                .copied()
                .unwrap_or("null");
            return self.wrong_type(wanted, value, loc);
        }
        match value {
            Value::Object(members) => {
                for name in schema["required"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                {
                    if !members.contains_key(name) {
                        self.faults.push(fault(
                            "missing",
                            at(loc, json!(name)),
                            "Field required",
                            value.clone(),
                        ));
                    }
                }
                for (name, member) in members {
                    if let Some(part) = schema["properties"].get(name) {
                        self.value(part, member, &at(loc, json!(name)), depth + 1);
                    } else if schema["additionalProperties"].is_object() {
                        self.value(
                            &schema["additionalProperties"],
                            member,
                            &at(loc, json!(name)),
                            depth + 1,
                        );
                    }
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.value(&schema["items"], item, &at(loc, json!(index)), depth + 1);
                }
            }
            _ => {}
        }
    }

    /// Nothing is wrong if any choice fits; else the faults of the last that is not null.
    fn choice(&mut self, choices: &[Value], value: &Value, loc: &[Value], depth: usize) {
        let before = self.faults.len();
        let mut last = Vec::new();
        for choice in choices {
            if choice["type"] == "null" && !value.is_null() {
                continue;
            }
            self.value(choice, value, loc, depth + 1);
            last = self.faults.split_off(before);
            if last.is_empty() {
                return;
            }
        }
        self.faults.extend(last);
    }

    fn wrong_type(&mut self, wanted: &str, value: &Value, loc: &[Value]) {
        let (kind, msg) = match wanted {
            "string" => ("string_type", "Input should be a valid string"),
            "integer" => ("int_type", "Input should be a valid integer"),
            "number" => ("float_type", "Input should be a valid number"),
            "boolean" => ("bool_type", "Input should be a valid boolean"),
            "array" => ("list_type", "Input should be a valid list"),
            "object" if loc.len() == 1 => (
                "model_attributes_type",
                "Input should be a valid dictionary or object to extract fields from",
            ),
            "object" => ("dict_type", "Input should be a valid dictionary"),
            _ => ("none_required", "Input should be None"),
        };
        self.faults
            .push(fault(kind, loc.to_vec(), msg, value.clone()));
    }

    fn not_allowed(&mut self, allowed: &[Value], value: &Value, loc: &[Value]) {
        let words: Vec<String> = allowed
            .iter()
            .filter_map(Value::as_str)
            .map(|word| format!("'{word}'"))
            .collect();
        let msg = format!("Input should be {}", words.join(" or "));
        self.faults
            .push(fault("enum", loc.to_vec(), &msg, value.clone()));
    }
}

fn is_of(wanted: &str, value: &Value) -> bool {
    match wanted {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        _ => true,
    }
}

fn at(loc: &[Value], step: Value) -> Vec<Value> {
    let mut longer = loc.to_vec();
    longer.push(step);
    longer
}

fn fault(kind: &str, loc: Vec<Value>, msg: &str, input: Value) -> FieldError {
    FieldError {
        kind: kind.to_owned(),
        loc,
        msg: msg.to_owned(),
        input,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use wire::people::{AdminUpdate, SignUp};

    /// A body with a list of parts and one that may be null.
    #[derive(Debug, Deserialize, ToSchema)]
    #[allow(dead_code)]
    struct Outer {
        parts: Vec<Part>,
        #[serde(default)]
        one: Option<Part>,
        #[serde(default)]
        many: Option<Vec<String>>,
    }

    /// A part.
    #[derive(Debug, Deserialize, ToSchema)]
    #[allow(dead_code)]
    struct Part {
        size: i64,
        on: bool,
    }

    fn faults<T: DeserializeOwned + ToSchema>(body: &str) -> Vec<String> {
        let Err(Error::Invalid(faults)) = decode::<T>(body.as_bytes()) else {
            panic!("{body} is valid")
        };
        let line = |fault: &FieldError| {
            let loc: Vec<String> = fault
                .loc
                .iter()
                .map(|step| step.to_string().replace('"', ""))
                .collect();
            format!("{} {}", fault.kind, loc.join("."))
        };
        faults.iter().map(line).collect()
    }

    #[test]
    fn every_missing_field_and_every_wrong_type_is_named() {
        assert_eq!(
            faults::<SignUp>(r#"{"email":"a"}"#),
            ["missing body.name", "missing body.password"]
        );
        assert_eq!(
            faults::<SignUp>(r#"{"email":1,"name":null,"password":"x"}"#),
            ["string_type body.email", "string_type body.name"]
        );
        assert_eq!(
            faults::<SignUp>(r#"{"email":"a","name":"b","password":"c","profile_image_url":5}"#),
            ["string_type body.profile_image_url"]
        );
        assert_eq!(
            faults::<AdminUpdate>(r#"{"role":"king"}"#),
            ["enum body.role"]
        );
        assert_eq!(
            faults::<Outer>(r#"{"parts":[{"size":"x","on":true},3],"one":{"size":1}}"#),
            [
                "missing body.one.on",
                "int_type body.parts.0.size",
                "dict_type body.parts.1"
            ]
        );
        assert_eq!(
            faults::<Outer>(r#"{"parts":7,"many":[1]}"#),
            ["string_type body.many.0", "list_type body.parts"]
        );
    }

    #[test]
    fn what_is_no_object_or_no_json_is_said_to_be() {
        assert_eq!(faults::<SignUp>("[1]"), ["model_attributes_type body"]);
        assert_eq!(faults::<SignUp>(""), ["missing body"]);
        assert_eq!(faults::<SignUp>("{\"a\":"), ["json_invalid body.5"]);
        assert_eq!(faults::<SignUp>("\u{0}"), ["json_invalid body.1"]);
    }

    #[test]
    fn the_input_of_a_missing_field_is_what_was_sent_around_it() {
        let Err(Error::Invalid(faults)) = decode::<SignUp>(br#"{"email":"a","name":"b"}"#) else {
            panic!()
        };
        assert_eq!(
            json!(faults),
            json!([
                {"type": "missing", "loc": ["body", "password"], "msg": "Field required", "input": {"email": "a", "name": "b"}}
            ])
        );
    }
}
