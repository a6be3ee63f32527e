//! The little of JSON that the protocol itself must look at: is it valid, how deep, what is the event's name. Values are
//! never built here.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer as _,
    de::{Error as _, IgnoredAny, SeqAccess, Visitor},
};
use serde_json::{Deserializer, value::RawValue};

/// Whether text nests arrays and objects deeper than `max`. Looks at brackets outside strings only, so it may be asked
/// before the text is known to be JSON.
pub(super) fn is_deeper_than(json: &str, max: usize) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in json.bytes() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => {
                depth += 1;
                if depth > max {
                    return true;
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// Whether text is exactly one JSON object.
pub fn is_object(json: &str) -> bool {
    json.trim_start().starts_with('{') && serde_json::from_str::<IgnoredAny>(json).is_ok()
}

/// Whether text is exactly one JSON array.
pub(super) fn is_array(json: &str) -> bool {
    json.trim_start().starts_with('[') && serde_json::from_str::<IgnoredAny>(json).is_ok()
}

/// The first element of a JSON array whose first element is a string (or, as the reference allows, a number), if the
/// whole text is such an array.
pub fn event_name(json: &str) -> Option<Cow<'_, str>> {
    let mut deserializer = Deserializer::from_str(json);
    let name = deserializer.deserialize_seq(NameVisitor).ok()?;
    deserializer.end().ok()?;
    Some(name)
}

struct NameVisitor;

impl<'de> Visitor<'de> for NameVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array that begins with a name")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let first: &RawValue = seq
            .next_element()?
            .ok_or_else(|| A::Error::custom("no name"))?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        let text = first.get();
        match text.bytes().next() {
            Some(b'"') => match text.get(1..text.len() - 1) {
                Some(plain) if !plain.contains('\\') => Ok(Cow::Borrowed(plain)),
                _ => serde_json::from_str::<String>(text)
                    .map(Cow::Owned)
                    .map_err(A::Error::custom),
            },
            Some(b'-' | b'0'..=b'9') => Ok(Cow::Borrowed(text)),
            _ => Err(A::Error::custom("the name is neither text nor a number")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_name_and_checks_the_rest() {
        assert_eq!(
            event_name(r#"["chat",1,{"a":[]}]"#).as_deref(),
            Some("chat")
        );
        assert_eq!(event_name(r#"["a\nb"]"#).as_deref(), Some("a\nb"));
        assert_eq!(event_name("[7,1]").as_deref(), Some("7"));
        for bad in [
            "",
            "[]",
            "{}",
            "[null]",
            r#"["a""#,
            r#"["a"]x"#,
            r#"["a",]"#,
            r#"[["a"]]"#,
            r#"["\ud800"]"#,
        ] {
            assert_eq!(event_name(bad), None, "{bad}");
        }
    }

    #[test]
    fn depth_ignores_strings() {
        assert!(!is_deeper_than(r#"["[[[[\"[["]"#, 1));
        assert!(is_deeper_than("[[1]]", 1));
        assert!(!is_deeper_than("[[1],[1],[1]]", 2));
    }
}
