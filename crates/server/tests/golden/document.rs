//! `docs/compatibility.md`, made from `differences.json`.

use crate::differences::{Differences, Kind, Row};
use std::collections::BTreeMap;
use std::fmt::Write as _;

const START: &str = "# Compatibility

Made from `crates/server/tests/golden/differences.json` by `UPDATE=1 cargo test -p server --test golden`. Do not edit.

Tidings speaks the real-time protocol of Open WebUI 0.7.2: the same paths, event names, rooms, field names, units of numbers and
acks. Recorded traffic of that version is replayed against this server in every test run; shapes, statuses and order must be the
same but for what stands here. Fields and events are added, never renamed. Tidings is not affiliated with or endorsed by Open WebUI.

Clients that speak only the protocol work, and still miss what happens while they are away: there is no way in it to ask. Clients
that put `resume` into CONNECT's auth object are told what they missed, and get event names that the protocol lacks. Between the two:
a stock Socket.IO client that adds `recovery=1` to its query (`io(url, {query: {recovery: 1}, auth: {token}})`) gets the protocol's events
with one more argument, their offset, and after a broken connection `socket.recovered` and what it missed, also over a restart of the
server; up to 1,000 events or 512 KiB. Rights are those of now. In doubt, or if its person lost a room meanwhile, it begins anew.
";

/// Compares the document with the file, or writes it when `UPDATE` is set.
pub fn check(differences: &Differences) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/compatibility.md");
    let document = document(differences);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, document).unwrap_or_else(|error| panic!("{path}: {error}"));
        return;
    }
    let file = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        file == document,
        "{path} is not what the differences say: UPDATE=1 cargo test -p server --test golden"
    );
}

fn document(differences: &Differences) -> String {
    let mut text = START.to_owned();
    text.push_str(
        "\n## Done another way on purpose\n\n| about | 0.7.2 | here | why |\n|---|---|---|---|\n",
    );
    for row in &differences.general {
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            row.topic, row.reference, row.here, row.reason
        );
    }
    section(
        &mut text,
        "What the replay of the recordings shows",
        "why",
        differences,
        Kind::Deliberate,
    );
    section(
        &mut text,
        "Not there yet",
        "comes with the work on",
        differences,
        Kind::Later,
    );
    text
}

/// One line a reason, with all that it explains.
fn section(text: &mut String, title: &str, why: &str, differences: &Differences, kind: Kind) {
    let mut by_reason: BTreeMap<(&str, &str), Vec<&Row>> = BTreeMap::new();
    for row in differences.rows.iter().filter(|row| row.kind == kind) {
        by_reason
            .entry((&row.scenario, &row.reason))
            .or_default()
            .push(row);
    }
    let _ = write!(
        text,
        "\n## {title}\n\n| recording | step: packet | {why} |\n|---|---|---|\n"
    );
    for ((scenario, reason), rows) in by_reason {
        let places: Vec<String> = rows.iter().map(|row| place(row)).collect();
        let _ = writeln!(text, "| {scenario} | {} | {reason} |", places.join("; "));
    }
}

fn place(row: &Row) -> String {
    let step = if row.step == "*" {
        "every step"
    } else {
        &row.step
    };
    match (row.packet.as_str(), row.path.as_str()) {
        ("*", "*") => step.to_owned(),
        (packet, "$" | "*") => format!("{step}: `{packet}`"),
        (packet, path) => format!("{step}: `{packet}` `{path}`"),
    }
}
