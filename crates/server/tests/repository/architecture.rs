//! The direction of dependencies, as ARCHITECTURE.md draws it. A new edge is a decision: it is added there and here.

use std::collections::BTreeSet;

use crate::metadata::{Metadata, metadata};

/// Crate, the crates of ours that it may use, and those that only its tests may use.
const MAY_USE: [(&str, &[&str], &[&str]); 10] = [
    ("socketio-proto", &[], &[]),
    ("socketio", &["socketio-proto"], &[]),
    ("wire", &[], &[]),
    ("store", &["wire"], &[]),
    ("llm", &[], &["testkit"]),
    (
        "server",
        &["llm", "socketio", "store", "wire"],
        &["testkit"],
    ),
    (
        "testkit",
        &["server", "socketio-proto", "store", "wire"],
        &[],
    ),
    ("loadgen", &[], &[]),
    ("chaos", &["loadgen"], &[]),
    ("xtask", &[], &[]),
];

/// What must never be linked into a crate, however indirectly, and why.
const MUST_NOT_REACH: [(&str, &[&str], &str); 4] = [
    (
        "socketio-proto",
        &["tokio", "mio", "axum", "hyper"],
        "the protocol has no input, output or clock",
    ),
    (
        "socketio",
        &["rusqlite", "wire", "reqwest"],
        "the transport knows nothing of our product",
    ),
    (
        "wire",
        &["tokio", "axum", "rusqlite"],
        "the vocabulary is only types",
    ),
    (
        "llm",
        &["axum", "rusqlite", "wire"],
        "asking a model needs neither server nor database",
    ),
];

/// Who alone may name a library in its manifest.
const ONLY_IN: [(&str, &[&str]); 3] = [
    ("rusqlite", &["store", "chaos"]),
    ("reqwest", &["llm", "testkit", "server"]),
    ("anyhow", &["server", "loadgen", "chaos", "xtask"]),
];

fn edges(metadata: &Metadata, member: &str, is_dev: bool) -> BTreeSet<String> {
    let ours: BTreeSet<&str> = metadata
        .members()
        .map(|package| package.name.as_str())
        .collect();
    let package = metadata
        .members()
        .find(|package| package.name == member)
        .expect("a member of this name");
    let of_kind = package
        .dependencies
        .iter()
        .filter(|edge| (edge.kind.as_deref() == Some("dev")) == is_dev);
    of_kind
        .map(|edge| edge.name.clone())
        .filter(|name| ours.contains(name.as_str()))
        .collect()
}

#[test]
fn crates_use_only_what_the_drawing_allows() {
    let metadata = metadata();
    let drawn: BTreeSet<&str> = MAY_USE.iter().map(|(name, ..)| *name).collect();
    let there: BTreeSet<&str> = metadata
        .members()
        .map(|package| package.name.as_str())
        .collect();
    assert_eq!(
        there, drawn,
        "a crate came or went: draw it in ARCHITECTURE.md and list it here"
    );
    for (name, allowed, allowed_in_tests) in MAY_USE {
        for edge in edges(metadata, name, false) {
            assert!(
                allowed.contains(&edge.as_str()),
                "{name} uses {edge}, which the drawing does not allow"
            );
        }
        for edge in edges(metadata, name, true) {
            let fine =
                allowed.contains(&edge.as_str()) || allowed_in_tests.contains(&edge.as_str());
            assert!(
                fine,
                "the tests of {name} use {edge}, which the drawing does not allow"
            );
        }
    }
}

#[test]
fn what_crates_must_not_know_does_not_reach_them() {
    for (member, forbidden, reason) in MUST_NOT_REACH {
        for package in metadata().shipped_with(member) {
            assert!(
                !forbidden.contains(&package.name.as_str()),
                "{member} reaches {}: {reason}",
                package.name
            );
        }
    }
}

#[test]
fn libraries_stay_with_their_owners() {
    for (library, owners) in ONLY_IN {
        for package in metadata().members() {
            let uses = package.dependencies.iter().any(|edge| edge.name == library);
            let allowed = owners.contains(&package.name.as_str());
            assert!(
                !uses || allowed,
                "{} names {library}, which belongs to {owners:?}",
                package.name
            );
        }
    }
}

#[test]
fn test_tools_are_not_shipped() {
    let shipped = metadata().shipped_with("server");
    for tool in [
        "testkit", "loadgen", "chaos", "xtask", "proptest", "insta", "tempfile",
    ] {
        assert!(
            !shipped.iter().any(|package| package.name == tool),
            "the server ships {tool}"
        );
    }
}

#[test]
fn faults_are_armed_in_no_build_that_nobody_asked_for() {
    let metadata = metadata();
    let members: BTreeSet<&str> = metadata
        .workspace_members
        .iter()
        .map(String::as_str)
        .collect();
    let nodes = metadata.resolve.nodes.iter();
    let mut ours = 0;
    for node in nodes.filter(|node| members.contains(node.id.as_str())) {
        ours += 1;
        let is_on = node.features.iter().any(|feature| feature == "faults");
        assert!(!is_on, "{} has the feature `faults` by default", node.id);
    }
    assert_eq!(ours, members.len());
}
