//! One copy of each library: two major versions of the same thing need a reason that is written down.

use std::collections::{BTreeMap, BTreeSet};

use crate::metadata::metadata;

/// Library and who keeps the older copy alive. A row that is no longer true fails too.
const ACCEPTED: [(&str, &str); 6] = [
    ("base64", "jsonwebtoken is still on 0.22"),
    ("getrandom", "ring is still on 0.2"),
    ("rand_core", "half of the ciphers' crates is still on 0.6"),
    (
        "syn",
        "some macros moved to 3, others did not; build time only",
    ),
    ("tower-http", "reqwest brings 0.6 for its redirects"),
    (
        "untrusted",
        "aws-lc-rs and rustls-webpki differ; a few hundred lines",
    ),
];

/// What semantic versioning calls incompatible: the major number, or the minor one below 1.0.
fn major(version: &str) -> String {
    let parts: Vec<&str> = version.split('.').collect();
    match parts.as_slice() {
        ["0", minor, ..] => format!("0.{minor}"),
        [major, ..] => (*major).to_owned(),
        [] => String::new(),
    }
}

#[test]
fn no_library_is_there_twice_without_a_reason() {
    let mut reached = BTreeSet::new();
    let mut versions: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for member in metadata().members() {
        for package in metadata().shipped_with(&member.name) {
            if reached.insert(&package.id) {
                versions
                    .entry(&package.name)
                    .or_default()
                    .insert(major(&package.version));
            }
        }
    }
    versions.retain(|_, majors| majors.len() > 1);
    for (name, majors) in &versions {
        let reason = ACCEPTED.iter().find(|(accepted, _)| accepted == name);
        assert!(
            reason.is_some(),
            "{name} is there as {majors:?}: drop one, or write down who needs it"
        );
    }
    for (name, _) in ACCEPTED {
        assert!(
            versions.contains_key(name),
            "{name} is no longer there twice: remove its row"
        );
    }
}

#[test]
fn versions_below_one_break_with_their_minor_number() {
    assert_eq!(major("0.18.9"), "0.18");
    assert_eq!(major("1.54.1"), "1");
}
