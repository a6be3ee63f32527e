//! What a reviewer should not have to say: sizes, headers, who reads the environment, who spells event names.

use std::collections::BTreeSet;

use crate::sources::{Source, sources};

const MAX_LINES: usize = 600;
const MAX_COMPONENT_LINES: usize = 300;

/// Settings of the product are read here alone.
const CONFIGURATION: [&str; 2] = ["crates/server/src/config.rs", "crates/server/src/config/"];
/// What browsers have on secure origins only, and the one file that may ask for it because it knows what to do without.
const SECURE_ORIGINS_ONLY: [(&str, &str); 8] = [
    ("randomUUID", "packages/client/src/uuid.ts"),
    ("navigator.locks", "packages/client/src/outbox/tabs.ts"),
    ("navigator.clipboard", "web/src/lib/ui/copy.ts"),
    ("crypto.subtle", "nowhere"),
    ("navigator.serviceWorker", "nowhere"),
    ("navigator.storage", "nowhere"),
    ("new Notification(", "nowhere"),
    ("caches.open(", "nowhere"),
];
/// Tools that are no part of the product.
const TOOLS: [&str; 3] = ["crates/testkit/", "crates/loadgen/", "crates/chaos/"];

fn product_sources() -> Vec<Source> {
    let mut found = sources(&["crates"], &[".rs"]);
    found.retain(|source| {
        !source.is_test() && !TOOLS.iter().any(|tool| source.path.starts_with(tool))
    });
    found
}

fn complain(rule: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}

#[test]
fn files_are_short_enough_to_read() {
    let mut faults = Vec::new();
    for source in sources(
        &["crates", "xtask", "packages", "web", "e2e"],
        &[".rs", ".ts", ".mjs", ".svelte"],
    ) {
        let limit = if source.path.ends_with(".svelte") {
            MAX_COMPONENT_LINES
        } else {
            MAX_LINES
        };
        let lines = source.without_tests().lines().count();
        if !source.is_test() && lines > limit {
            faults.push(format!("{}: {lines} lines, at most {limit}", source.path));
        }
    }
    complain("a file is divided before it is too long", &faults);
}

#[test]
fn every_rust_module_says_what_it_is() {
    let rust = sources(&["crates", "xtask"], &[".rs"]);
    let silent = rust.iter().filter(|source| !source.text.starts_with("//!"));
    complain(
        "a module begins with `//!`",
        &silent.map(|source| source.path.clone()).collect::<Vec<_>>(),
    );
}

#[test]
fn only_the_configuration_reads_the_environment() {
    let reads = ["env::var", "env::vars", "var_os(", "env = \"", "#[arg(env"];
    let mut faults = Vec::new();
    for source in product_sources() {
        // Cargo speaks to build scripts through the environment.
        let may_read = source.path.ends_with("build.rs")
            || CONFIGURATION
                .iter()
                .any(|place| source.path.starts_with(place));
        if may_read {
            continue;
        }
        for (number, line) in source.code_lines() {
            // The compiler's target is no setting.
            let line = line.replace("target_env = ", "");
            if reads.iter().any(|read| line.contains(read)) {
                faults.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    complain("settings are read in crates/server/src/config.rs", &faults);
}

#[test]
fn the_web_app_asks_for_nothing_that_plain_http_lacks() {
    let mut faults = Vec::new();
    let found = sources(&["packages/client/src", "web/src"], &[".ts", ".svelte"]);
    let seen = |name| found.iter().any(|source| source.text.contains(name));
    assert!(seen("navigator.clipboard"), "the web app was not found");
    for source in found.iter().filter(|source| !source.is_test()) {
        for (number, line) in source.code_lines() {
            for (name, place) in SECURE_ORIGINS_ONLY {
                if line.contains(name) && source.path != place {
                    faults.push(format!("{}:{number}: {name}", source.path));
                }
            }
        }
    }
    complain(
        "what browsers lack over plain HTTP is asked for in one file that can do without (`uuid`, `copyText`)",
        &faults,
    );
}

#[test]
fn only_the_vocabulary_spells_event_names() {
    let names = event_names();
    assert!(
        names.contains("events:channel"),
        "the vocabulary was not found: {names:?}"
    );
    let mut faults = Vec::new();
    for source in product_sources() {
        if source.path.starts_with("crates/wire/") {
            continue;
        }
        for (number, line) in source.code_lines() {
            if let Some(name) = literals(line).find(|literal| names.contains(*literal)) {
                faults.push(format!("{}:{number}: \"{name}\"", source.path));
            }
        }
    }
    complain(
        "an event's name is a variant in crates/wire/src/events",
        &faults,
    );
}

/// Names in `wire`'s events that cannot be mistaken for ordinary words: those with a colon or a hyphen.
fn event_names() -> BTreeSet<String> {
    let is_name = |text: &str| {
        let letters = text
            .chars()
            .all(|c| c.is_ascii_lowercase() || matches!(c, ':' | '-' | '_'));
        letters
            && text.contains([':', '-'])
            && !text.starts_with([':', '-'])
            && !text.ends_with([':', '-'])
    };
    let mut names = BTreeSet::new();
    for source in sources(&["crates/wire/src/events"], &[".rs"]) {
        for (_, line) in source.code_lines() {
            names.extend(
                literals(line)
                    .filter(|text| is_name(text))
                    .map(str::to_owned),
            );
        }
    }
    names
}

/// The string literals of a line; good enough for names, which hold no quotes.
fn literals(line: &str) -> impl Iterator<Item = &str> {
    line.split('"').skip(1).step_by(2)
}
