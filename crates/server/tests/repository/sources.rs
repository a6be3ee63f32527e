//! The source files we wrote, with what of them counts.

use std::fs;
use std::path::{Path, PathBuf};

use crate::metadata::root;

/// A source file: its path from the root, and its text.
pub struct Source {
    pub path: String,
    pub text: String,
}

const NOT_OURS: [&str; 6] = [
    "node_modules",
    "target",
    "build",
    ".svelte-kit",
    "fixtures",
    ".venv",
];
const GENERATED: [&str; 2] = [
    "packages/client/src/schema.ts",
    "packages/client/src/events.generated.ts",
];

impl Source {
    /// Whether it is a test as a whole.
    pub fn is_test(&self) -> bool {
        self.path.contains("/tests/")
            || self.path.ends_with("/tests.rs")
            || self.path.contains(".test.")
            || self.path.starts_with("crates/testkit/")
    }

    /// The text without a test module at its end.
    pub fn without_tests(&self) -> &str {
        match self.text.find("\n#[cfg(test)]\nmod ") {
            Some(end) if self.path.ends_with(".rs") => &self.text[..end],
            _ => &self.text,
        }
    }

    /// Lines of `without_tests`, numbered from 1, comments left out.
    pub fn code_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.without_tests().lines().enumerate();
        lines
            .map(|(index, line)| (index + 1, line))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

/// Every source with one of these endings below one of these folders.
pub fn sources(folders: &[&str], endings: &[&str]) -> Vec<Source> {
    let mut found = Vec::new();
    for folder in folders {
        collect(&root().join(folder), endings, &mut found);
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(folder: &Path, endings: &[&str], found: &mut Vec<Source>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path: PathBuf = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if !NOT_OURS.contains(&name.as_str()) {
                collect(&path, endings, found);
            }
        } else if endings.iter().any(|ending| name.ends_with(ending)) {
            let path_from_root = path
                .strip_prefix(root())
                .expect("it can be read")
                .to_string_lossy()
                .into_owned();
            if !GENERATED.contains(&path_from_root.as_str()) {
                let text = fs::read_to_string(&path).expect("it can be read");
                found.push(Source {
                    path: path_from_root,
                    text,
                });
            }
        }
    }
}
