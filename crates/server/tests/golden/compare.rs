//! Compares what came with what was recorded: shapes, not values. A name in angle brackets stands for one value
//! throughout a scenario, so ids must be the same wherever the recording has the same.

use serde_json::Value;
use std::collections::HashMap;

/// Keys whose texts are words of the protocol, so that they are compared.
const WORDS: [&str; 8] = [
    "type",
    "role",
    "object",
    "token_type",
    "finish_reason",
    "status",
    "owned_by",
    "loc",
];

/// What the placeholders of a scenario stand for.
#[derive(Default)]
pub struct Bindings {
    values: HashMap<String, String>,
}

impl Bindings {
    /// Says what a placeholder stands for.
    pub fn bind(&mut self, placeholder: &str, value: &str) {
        self.values.insert(placeholder.to_owned(), value.to_owned());
    }

    /// A recorded text with every placeholder replaced; one that was not met yet gets a fresh id.
    pub fn fill(&mut self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, placeholder, after)) = next_placeholder(rest) {
            filled.push_str(before);
            let value = self
                .values
                .entry(placeholder.to_owned())
                .or_insert_with(store::new_id);
            filled.push_str(value);
            rest = after;
        }
        filled + rest
    }

    /// A recorded value with every placeholder replaced.
    pub fn fill_all(&mut self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.fill(text)),
            Value::Array(items) => items.iter().map(|item| self.fill_all(item)).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(key, field)| (key.clone(), self.fill_all(field)))
                .collect(),
            other => other.clone(),
        }
    }

    /// What differs between a recorded value and ours, each with its path; what we add is no difference.
    pub fn differences(&mut self, recorded: &Value, ours: &Value) -> Vec<(String, String)> {
        let mut found = Vec::new();
        self.compare("$", "", recorded, ours, &mut found);
        found
    }

    fn compare(
        &mut self,
        path: &str,
        key: &str,
        recorded: &Value,
        ours: &Value,
        found: &mut Vec<(String, String)>,
    ) {
        let differ = |what: String| (path.to_owned(), what);
        match (recorded, ours) {
            (Value::Object(recorded), Value::Object(ours)) => {
                for (key, recorded) in recorded {
                    let path = format!("{path}.{key}");
                    match ours.get(key) {
                        Some(ours) => self.compare(&path, key, recorded, ours, found),
                        None => found.push((path, "is missing".into())),
                    }
                }
            }
            (Value::Array(recorded), Value::Array(ours)) => {
                if recorded.len() != ours.len() {
                    found.push(differ(format!(
                        "has {} entries, recorded were {}",
                        ours.len(),
                        recorded.len()
                    )));
                }
                for (index, (recorded, ours)) in recorded.iter().zip(ours).enumerate() {
                    self.compare(&format!("{path}[{index}]"), key, recorded, ours, found);
                }
            }
            (Value::String(recorded), ours) if is_number_placeholder(recorded) => {
                if !ours.is_number() {
                    found.push(differ(format!(
                        "is {}, recorded was {recorded}",
                        short(ours)
                    )));
                }
            }
            (Value::String(recorded), Value::String(ours)) => {
                if !self.is_same_text(key, recorded, ours) {
                    found.push(differ(format!("is {ours:?}, recorded was {recorded:?}")));
                }
            }
            (recorded, ours) => {
                if kind(recorded) != kind(ours) {
                    found.push(differ(format!(
                        "is {}, recorded was {}",
                        short(ours),
                        short(recorded)
                    )));
                }
            }
        }
    }

    fn is_same_text(&mut self, key: &str, recorded: &str, ours: &str) -> bool {
        match next_placeholder(recorded) {
            Some(("", placeholder, "")) => {
                let known = self
                    .values
                    .entry(placeholder.to_owned())
                    .or_insert_with(|| ours.to_owned());
                known == ours
            }
            _ => !WORDS.contains(&key) || recorded == ours || recorded == "<text>",
        }
    }
}

/// `<user:A>` and the like, with what stands before and after it. `<text>` and `<date>` stand for nothing in particular.
fn next_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let start = from + text[from..].find('<')?;
        let end = start + text[start..].find('>')? + 1;
        let inside = &text[start + 1..end - 1];
        let kind = inside.split(':').next().unwrap_or_default();
        let is_one = matches!(
            kind,
            "user" | "jwt" | "email" | "sid" | "chan" | "msg" | "chat" | "uuid"
        ) && inside.len() > kind.len() + 1
            || matches!(inside, "webhook" | "hooktoken");
        if is_one {
            return Some((&text[..start], &text[start..end], &text[end..]));
        }
        from = start + 1;
    }
}

fn is_number_placeholder(text: &str) -> bool {
    text.starts_with("<num:") || text == "<ts>"
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.len() > 80 {
        kind(value).to_owned()
    } else {
        text
    }
}

#[test]
fn shapes_are_compared_and_names_stand_for_one_value() {
    use serde_json::json;
    let mut bindings = Bindings::default();
    let mut check = |recorded: Value, ours: Value, expected: &[&str]| {
        let paths: Vec<String> = bindings
            .differences(&recorded, &ours)
            .into_iter()
            .map(|(path, _)| path)
            .collect();
        assert_eq!(paths, expected, "{recorded} and {ours}");
    };
    check(
        json!({"id": "<msg:1>", "at": "<num:ts>"}),
        json!({"id": "x", "at": 7, "more": 1}),
        &[],
    );
    check(json!(["<msg:1>", "<msg:2>"]), json!(["y", "z"]), &["$[0]"]);
    check(
        json!({"a": null, "b": 1, "c": [1]}),
        json!({"a": 1, "c": [1, 2]}),
        &["$.a", "$.b", "$.c"],
    );
    check(
        json!({"type": "message", "name": "x"}),
        json!({"type": "update", "name": "y"}),
        &["$.type"],
    );
    assert_eq!(bindings.fill("/a/<msg:1>/<b>"), "/a/x/<b>");
}
