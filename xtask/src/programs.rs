//! The programs this repository needs, how to see that one is there, and how to get it.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::process::output_of;

/// A program (or a set of files) that must be on the machine.
pub struct Program {
    /// As people call it.
    pub name: &'static str,
    /// What needs it.
    pub purpose: &'static str,
    /// Debian 12's packages, where they are new enough.
    pub debian: &'static [&'static str],
    /// For everyone else, and where Debian's is too old.
    pub advice: &'static str,
    /// What is wrong, or `Ok`.
    check: fn() -> Result<(), String>,
}

impl Program {
    /// What is wrong with it on this machine; `None` means it is there.
    pub fn fault(&self) -> Option<String> {
        (self.check)().err()
    }

    /// Fails with the way to get it.
    pub fn require(&self) -> Result<()> {
        let Some(fault) = self.fault() else {
            return Ok(());
        };
        bail!(
            "{}: {fault}. It is needed for {}. {}",
            self.name,
            self.purpose,
            self.how_to_get()
        )
    }

    /// One sentence.
    pub fn how_to_get(&self) -> String {
        if self.debian.is_empty() {
            self.advice.to_owned()
        } else {
            format!(
                "On Debian: `apt-get install {}`. {}",
                self.debian.join(" "),
                self.advice
            )
            .trim()
            .to_owned()
        }
    }
}

pub const RUST: Program = Program {
    name: "Rust 1.95 or newer",
    purpose: "the server",
    debian: &[],
    advice: "Get it with rustup (https://rustup.rs), or bring it up to date with `rustup update stable`; Debian's own is too old.",
    check: || at_least("rustc", &["--version"], (1, 95)),
};

pub const C_COMPILER: Program = Program {
    name: "a C compiler",
    purpose: "SQLite, the allocator and the cryptography inside the server",
    debian: &["gcc", "libc6-dev"],
    advice: "",
    check: || found(&["cc", "gcc", "clang"], &["--version"]).map(drop),
};

pub const NODE: Program = Program {
    name: "Node.js 20.19 or newer with npm",
    purpose: "building the web app",
    debian: &[],
    advice: "Get it from https://nodejs.org/en/download or your version manager; Debian 12's own is 18, which is too old.",
    check: || {
        at_least("node", &["--version"], (20, 19))?;
        found(&["npm"], &["--version"]).map(drop)
    },
};

pub const PYTHON: Program = Program {
    name: "Python 3.11 or newer with venv",
    purpose: "the tests with Python's own Socket.IO and OpenAI clients",
    debian: &["python3", "python3-venv"],
    advice: "",
    check: || {
        at_least("python3", &["--version"], (3, 11))?;
        let has_venv =
            output_of(Command::new("python3").args(["-c", "import venv, ensurepip"])).is_some();
        if has_venv {
            Ok(())
        } else {
            Err("its venv module is missing".to_owned())
        }
    },
};

pub const CHROMIUM: Program = Program {
    name: "Chromium",
    purpose: "the browser journeys and the screenshots",
    debian: &["chromium"],
    advice: "Elsewhere: any Chromium or Chrome in PATH, or its path in CHROMIUM.",
    check: || chromium().map(drop).ok_or_else(|| "not found".to_owned()),
};

pub const EMOJI_FONT: Program = Program {
    name: "a font with emoji",
    purpose: "screenshots as people see them",
    debian: &["fonts-noto-color-emoji"],
    advice: "",
    check: || {
        let fonts = output_of(Command::new("fc-list").arg(":lang=und-zsye"));
        let debian_file = PathBuf::from("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf");
        if fonts.is_some_and(|list| !list.is_empty())
            || debian_file.exists()
            || cfg!(not(target_os = "linux"))
        {
            Ok(())
        } else {
            Err("not found".to_owned())
        }
    },
};

/// Everything, in the order in which it is first needed.
pub const ALL: [&Program; 6] = [&RUST, &C_COMPILER, &NODE, &PYTHON, &CHROMIUM, &EMOJI_FONT];

/// The browser for journeys: `CHROMIUM` if set, else the first known name in PATH.
pub fn chromium() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("CHROMIUM") {
        return Some(PathBuf::from(path)).filter(|path| path.exists());
    }
    ["chromium", "chromium-browser", "google-chrome"]
        .iter()
        .find_map(|name| in_path(name))
}

/// Whether cargo-nextest is there; without it `cargo test` serves.
pub fn has_nextest() -> bool {
    output_of(Command::new("cargo").args(["nextest", "--version"])).is_some()
}

/// Whether missing programs are an error instead of a skipped test.
pub fn in_ci() -> bool {
    std::env::var_os("CI")
        .is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}

fn in_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

fn found(names: &[&str], arguments: &[&str]) -> Result<String, String> {
    names
        .iter()
        .find_map(|name| output_of(Command::new(name).args(arguments)))
        .ok_or_else(|| format!("`{}` was not found", names[0]))
}

fn at_least(name: &str, arguments: &[&str], wanted: (u32, u32)) -> Result<(), String> {
    let text = found(&[name], arguments)?;
    let version =
        version_in(&text).ok_or_else(|| format!("`{name}` printed no version: {text}"))?;
    if version < wanted {
        return Err(format!("{}.{} is installed", version.0, version.1));
    }
    Ok(())
}

/// The first `major.minor` in what a program says about itself.
fn version_in(text: &str) -> Option<(u32, u32)> {
    let word = text
        .split(|c: char| !(c.is_ascii_digit() || c == '.'))
        .find(|word| word.contains('.'))?;
    let mut numbers = word.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::version_in;

    #[test]
    fn versions_are_found_in_what_programs_print() {
        assert_eq!(
            version_in("rustc 1.95.0 (59807616e 2026-04-14)"),
            Some((1, 95))
        );
        assert_eq!(version_in("v20.20.2"), Some((20, 20)));
        assert_eq!(version_in("Python 3.11.7"), Some((3, 11)));
        assert_eq!(version_in("none"), None);
    }
}
