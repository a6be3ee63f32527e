//! Golden transcripts: who says what on which transport. `>` client, `<` server, `@` time passes, `#` comment.
//!
//! `ws >> 0102` and `ws << 0102` are binary frames in hexadecimal; `␞` stands for the separator of a polling payload;
//! `close` after `ws <` is the end of the WebSocket. An id is written `<sid>`.

#![allow(
    clippy::unwrap_used,
    dead_code,
    reason = "test code outside a #[test] function"
)]

use std::path::Path;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    Poll,
    Ws,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    Text(String),
    Binary(Vec<u8>),
    Close,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    Client(On, Said),
    Server(On, Said),
    Wait(u64),
}

/// Every transcript in a folder: name, and lines with their numbers.
pub fn read_all(folder: &Path) -> Vec<(String, Vec<(usize, Line)>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() > 10, "the transcripts are in {folder:?}");
    files
        .iter()
        .map(|file| {
            (
                file.file_name().unwrap().to_string_lossy().into_owned(),
                read(file),
            )
        })
        .collect()
}

fn read(file: &Path) -> Vec<(usize, Line)> {
    let text = std::fs::read_to_string(file).unwrap();
    let lines = text
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line.trim_end()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|(at, line)| {
            (
                at,
                parse(line).unwrap_or_else(|| panic!("{file:?}:{at}: {line}")),
            )
        })
        .collect()
}

fn parse(line: &str) -> Option<Line> {
    if let Some(time) = line.strip_prefix('@') {
        return Some(Line::Wait(time.trim().strip_suffix(" ms")?.parse().ok()?));
    }
    let mut parts = line.split_whitespace();
    let (on, sign) = (parts.next()?, parts.next()?);
    let rest = line.split_once(sign)?.1.trim_start().replace('␞', "\u{1e}");
    let on = match on {
        "poll" => On::Poll,
        "ws" => On::Ws,
        _ => return None,
    };
    let hex = || {
        (0..rest.len() / 2)
            .map(|at| u8::from_str_radix(&rest[2 * at..2 * at + 2], 16).ok())
            .collect::<Option<Vec<u8>>>()
    };
    let text = || {
        if rest == "close" {
            Said::Close
        } else {
            Said::Text(rest.clone())
        }
    };
    Some(match sign {
        ">" => Line::Client(on, text()),
        "<" => Line::Server(on, text()),
        ">>" => Line::Client(on, Said::Binary(hex()?)),
        "<<" => Line::Server(on, Said::Binary(hex()?)),
        _ => return None,
    })
}

/// Replaces the values of all `"sid"` members, which differ from run to run.
pub fn without_sids(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\"sid\":\"") {
        let (_, after) = after.split_once('"').unwrap();
        out.push_str(before);
        out.push_str("\"sid\":\"<sid>\"");
        rest = after;
    }
    out.push_str(rest);
    out
}
