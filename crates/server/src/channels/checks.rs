//! The bounds of what people write into channels: checked before the job, so that nothing wrong waits for the lane.

use crate::error::Error;
use serde_json::Value;
use wire::channels::{CreateChannel, UpdateChannel};
use wire::messages::{EditMessage, PostMessage};

/// Longest text of a message, in bytes.
pub const MAX_CONTENT_BYTES: usize = 64 * 1024;
/// Largest `data` or `meta` of a message or channel as JSON, in bytes.
pub const MAX_DATA_BYTES: usize = 64 * 1024;
/// Longest name of a channel, in characters.
pub const MAX_NAME_CHARS: usize = 80;
/// Longest description of a channel, in characters.
pub const MAX_DESCRIPTION_CHARS: usize = 500;
/// Most people named in one request.
pub const MAX_PEOPLE: usize = 500;
/// Longest name that an author gives a message, in bytes.
pub const MAX_TEMP_ID_BYTES: usize = 100;

/// Keys of `meta` with which the server itself speaks: only it may say that a model or a webhook wrote something.
const RESERVED_META: [&str; 4] = ["model_id", "model_name", "webhook", "done"];

/// A message as it may be posted.
pub fn post(mut draft: PostMessage) -> Result<PostMessage, Error> {
    Error::at_most(
        "the message, in bytes",
        draft.content.len(),
        MAX_CONTENT_BYTES,
    )?;
    if let Some(temp_id) = &draft.temp_id {
        Error::at_most("temp_id, in bytes", temp_id.len(), MAX_TEMP_ID_BYTES)?;
    }
    draft.temp_id = draft.temp_id.filter(|temp_id| !temp_id.is_empty());
    draft.data = attached("data, in bytes", draft.data)?;
    draft.meta = without_reserved(attached("meta, in bytes", draft.meta)?);
    Ok(draft)
}

/// A message as it may be edited.
pub fn edit(mut change: EditMessage) -> Result<EditMessage, Error> {
    Error::at_most(
        "the message, in bytes",
        change.content.len(),
        MAX_CONTENT_BYTES,
    )?;
    change.data = attached("data, in bytes", change.data)?;
    change.meta = without_reserved(attached("meta, in bytes", change.meta)?);
    Ok(change)
}

/// A channel as it may be made; the name of a direct conversation is not looked at.
pub fn create(mut form: CreateChannel) -> Result<CreateChannel, Error> {
    if form.kind.as_deref() != Some("dm") {
        form.name = name(&form.name)?;
    }
    form.description = description(form.description)?;
    form.data = attached("data, in bytes", form.data)?;
    form.meta = attached("meta, in bytes", form.meta)?;
    Error::at_most(
        "user_ids, in people",
        form.user_ids.as_ref().map_or(0, Vec::len),
        MAX_PEOPLE,
    )?;
    access(form.access_control.as_ref())?;
    Ok(form)
}

/// A channel as it may be changed.
pub fn update(mut form: UpdateChannel) -> Result<UpdateChannel, Error> {
    form.name = name(&form.name)?;
    form.description = description(form.description)?;
    form.data = attached("data, in bytes", form.data)?;
    form.meta = attached("meta, in bytes", form.meta)?;
    access(form.access_control.as_ref().and_then(Option::as_ref))?;
    Ok(form)
}

/// A list of people as it may be sent.
pub fn people(user_ids: &[wire::UserId]) -> Result<(), Error> {
    Error::at_most("user_ids, in people", user_ids.len(), MAX_PEOPLE)
}

fn access(access: Option<&wire::channels::AccessControl>) -> Result<(), Error> {
    let lists = access
        .into_iter()
        .flat_map(|access| [&access.read, &access.write]);
    for list in lists.flatten() {
        people(&list.user_ids)?;
    }
    // Every event of the channel carries it.
    let json = serde_json::to_string(&access).map_or(usize::MAX, |json| json.len());
    Error::at_most("access_control, in bytes", json, MAX_DATA_BYTES)
}

/// Lower case, as the contract stores it, without surrounding space.
fn name(given: &str) -> Result<String, Error> {
    let name = given.trim().to_lowercase();
    if name.is_empty() {
        return Err(Error::refused(
            "name_empty",
            "a channel needs a name of 1 to 80 characters",
        ));
    }
    if name.chars().any(char::is_control) {
        return Err(Error::refused(
            "name_invalid",
            "a channel's name is one line without control characters",
        ));
    }
    Error::at_most(
        "the name, in characters",
        name.chars().count(),
        MAX_NAME_CHARS,
    )?;
    Ok(name)
}

fn description(given: Option<String>) -> Result<Option<String>, Error> {
    let length = given.as_ref().map_or(0, |text| text.chars().count());
    Error::at_most(
        "the description, in characters",
        length,
        MAX_DESCRIPTION_CHARS,
    )?;
    Ok(given)
}

/// Null counts as not sent.
fn attached(what: &'static str, given: Option<Value>) -> Result<Option<Value>, Error> {
    let Some(value) = given.filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    Error::at_most(what, value.to_string().len(), MAX_DATA_BYTES)?;
    Ok(Some(value))
}

fn without_reserved(meta: Option<Value>) -> Option<Value> {
    meta.map(|mut meta| {
        if let Value::Object(keys) = &mut meta {
            for key in RESERVED_META {
                keys.remove(key);
            }
        }
        meta
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_name_is_one_line_in_lower_case() {
        assert_eq!(name("  General Talk ").unwrap(), "general talk");
        assert_eq!(name(&"ä".repeat(80)).unwrap().chars().count(), 80);
        let code = |given: &str| name(given).unwrap_err().code();
        assert_eq!(code("   "), "name_empty");
        assert_eq!(code("a\nb"), "name_invalid");
        assert_eq!(code(&"ä".repeat(81)), "too_large");
    }

    #[test]
    fn a_message_cannot_claim_to_be_a_models() {
        let draft = PostMessage {
            content: "hi".into(),
            temp_id: Some(String::new()),
            data: Some(Value::Null),
            meta: Some(json!({"model_id": "gpt", "webhook": {"id": "w"}, "color": "red"})),
            ..PostMessage::default()
        };
        let checked = post(draft).unwrap();
        assert_eq!(
            (checked.temp_id, checked.data, checked.meta),
            (None, None, Some(json!({"color": "red"})))
        );
    }

    #[test]
    fn what_is_too_large_is_refused_with_the_bound() {
        let draft = PostMessage {
            content: "x".repeat(MAX_CONTENT_BYTES + 1),
            ..PostMessage::default()
        };
        let Error::TooLarge { len, max, .. } = post(draft).unwrap_err() else {
            panic!("accepted")
        };
        assert_eq!((len, max), (65_537, 65_536));
    }
}
