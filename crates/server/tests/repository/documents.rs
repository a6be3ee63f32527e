//! Documents that would quietly become untrue: settings nobody described, links to files that moved.

use std::path::Path;

use crate::metadata::root;
use crate::sources::sources;

#[test]
fn every_setting_is_in_the_operators_guide() {
    let guide = sources(&["docs"], &["OPERATIONS.md"]);
    let guide = &guide.first().expect("docs/OPERATIONS.md exists").text;
    let settings = sources(&["crates/server/src/config"], &["settings.rs"]);
    let text = &settings.first().expect("the settings' file exists").text;
    let named_by_clap = text.split("env = \"").skip(1);
    let named_in_table = text.split(" = \"").skip(1);
    let mut variables: Vec<&str> = named_by_clap
        .chain(named_in_table)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    variables
        .retain(|name| name.len() > 3 && name.chars().all(|c| c.is_ascii_uppercase() || c == '_'));
    assert!(
        variables.len() > 20,
        "the settings were not found: {variables:?}"
    );
    let missing: Vec<_> = variables
        .iter()
        .filter(|name| !guide.contains(&format!("`{name}`")))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/OPERATIONS.md does not mention {missing:?}"
    );
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut broken = Vec::new();
    for document in sources(&[""], &[".md"]) {
        let folder = root().join(&document.path);
        let folder = folder.parent().unwrap_or(Path::new("."));
        for link in document
            .text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', '#', ' ']).next())
        {
            let is_elsewhere =
                link.is_empty() || link.contains("://") || link.starts_with("mailto:");
            if !is_elsewhere && !folder.join(link).exists() {
                broken.push(format!("{}: {link}", document.path));
            }
        }
    }
    assert!(
        broken.is_empty(),
        "links that lead nowhere:\n  {}",
        broken.join("\n  ")
    );
}
