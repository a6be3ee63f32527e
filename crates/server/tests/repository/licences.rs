//! Every library, Rust or npm, has a licence we may ship under.

use serde_json::Value;

use crate::metadata::{metadata, root};

/// Permissive licences: keep the notice, and that is all.
const ALLOWED: [&str; 15] = [
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "0BSD",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "Unlicense",
    "CC0-1.0",
    "BSL-1.0",
    "BlueOak-1.0.0",
    "Python-2.0",
];

/// npm packages beyond that list, by the beginning of their name.
const NPM_ACCEPTED: [(&str, &str, &str); 3] = [
    (
        "@fontsource-variable/",
        "OFL-1.1",
        "fonts, shipped unchanged and named in THIRD_PARTY.md",
    ),
    ("axe-core", "MPL-2.0", "a test tool, not shipped"),
    ("lightningcss", "MPL-2.0", "a build tool, not shipped"),
];

/// npm packages whose lock entry names no licence, with the one their repository states.
const NPM_UNNAMED: [(&str, &str); 2] = [("svelte-toolbelt", "MIT"), ("xmlhttprequest-ssl", "MIT")];

/// Whether an SPDX expression can be satisfied with `ALLOWED`.
fn is_allowed(expression: &str) -> bool {
    let spaced = expression
        .replace('/', " OR ")
        .replace('(', " ( ")
        .replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let verdict = any_of(&words, &mut at);
    verdict && at == words.len()
}

fn any_of(words: &[&str], at: &mut usize) -> bool {
    let mut verdict = all_of(words, at);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        verdict |= all_of(words, at);
    }
    verdict
}

fn all_of(words: &[&str], at: &mut usize) -> bool {
    let mut verdict = one(words, at);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        verdict &= one(words, at);
    }
    verdict
}

fn one(words: &[&str], at: &mut usize) -> bool {
    let Some(word) = words.get(*at) else {
        return false;
    };
    *at += 1;
    if *word == "(" {
        let verdict = any_of(words, at);
        *at += 1;
        return verdict;
    }
    let mut name = (*word).to_owned();
    if words.get(*at) == Some(&"WITH") {
        name = format!("{word} WITH {}", words.get(*at + 1).unwrap_or(&""));
        *at += 2;
    }
    ALLOWED.contains(&name.as_str())
}

#[test]
fn expressions_are_read_as_spdx_means_them() {
    assert!(is_allowed("MIT OR GPL-3.0-only"));
    assert!(is_allowed("Apache-2.0 / MIT"));
    assert!(is_allowed("(MIT OR Apache-2.0) AND Unicode-3.0"));
    assert!(is_allowed("Apache-2.0 WITH LLVM-exception OR GPL-2.0-only"));
    assert!(!is_allowed("MIT AND GPL-3.0-only"));
    assert!(!is_allowed("GPL-2.0-only WITH Classpath-exception-2.0"));
    assert!(!is_allowed(""));
}

#[test]
fn every_crate_has_a_licence_we_may_ship_under() {
    for package in &metadata().packages {
        let expression = package.license.as_deref().unwrap_or_default();
        let fault = format!(
            "{} {}: {expression:?} {:?}",
            package.name, package.version, package.license_file
        );
        assert!(is_allowed(expression), "{fault}");
    }
}

#[test]
fn every_npm_package_has_a_licence_we_may_ship_under() {
    let Ok(text) = std::fs::read_to_string(root().join("package-lock.json")) else {
        return;
    };
    let lock: Value = serde_json::from_str(&text).expect("the lock file is JSON");
    let packages = lock["packages"]
        .as_object()
        .expect("the lock file lists packages");
    let mut unnamed = Vec::new();
    for (path, entry) in packages {
        let Some((_, name)) = path.rsplit_once("node_modules/") else {
            continue;
        };
        if entry["link"] == true {
            continue;
        }
        let expression = entry["license"].as_str().unwrap_or_default();
        if expression.is_empty() {
            unnamed.push(name);
            continue;
        }
        let accepted = NPM_ACCEPTED
            .iter()
            .any(|(start, licence, _)| name.starts_with(start) && expression == *licence);
        assert!(
            accepted || is_allowed(expression),
            "npm package {name}: {expression}"
        );
    }
    unnamed.sort_unstable();
    unnamed.dedup();
    for name in unnamed {
        let known = NPM_UNNAMED
            .iter()
            .any(|(known, licence)| *known == name && is_allowed(licence));
        assert!(
            known,
            "npm package {name} names no licence: look it up and list it"
        );
    }
}
