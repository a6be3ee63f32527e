//! The documents of the interface are what the types say. `UPDATE=1` writes them; else a difference fails.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn check(file: &str, made: &str) {
    let path = root().join(file);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, made).unwrap();
        return;
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "{file} is not what the types say. Run `cargo xtask update` and commit what it makes."
    );
}

fn pretty(value: &impl serde::Serialize) -> String {
    let mut out = Vec::new();
    let indent = serde_json::ser::PrettyFormatter::with_indent(b"\t");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, indent);
    value.serialize(&mut serializer).unwrap();
    String::from_utf8(out).unwrap() + "\n"
}

#[test]
fn openapi_is_what_the_routes_say() {
    check("docs/openapi.json", &pretty(&server::contract::openapi()));
}

#[test]
fn asyncapi_is_what_the_events_say() {
    check(
        "docs/asyncapi.json",
        &pretty(&server::contract::asyncapi().unwrap()),
    );
}

#[test]
fn typescript_is_what_the_events_say() {
    check(
        "packages/client/src/events.generated.ts",
        &server::contract::typescript_events(),
    );
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let document = serde_json::to_value(server::contract::openapi()).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for path in document["paths"].as_object().unwrap().values() {
        for operation in path.as_object().unwrap().values() {
            let Some(name) = operation["operationId"].as_str() else {
                continue;
            };
            assert!(seen.insert(name.to_owned()), "two operations are {name}");
        }
    }
}
