//! `differences.json`: what differs from the recordings, and why.

use serde::Deserialize;

/// One thing that differs between a recording and a replay.
#[derive(Debug, Clone)]
pub struct Difference {
    /// In which step.
    pub step: String,
    /// Which packet: `GET /api/...`, `event B message`, `ack A usage`.
    pub packet: String,
    /// Where in the packet; `$` for the packet itself.
    pub path: String,
    /// What differs.
    pub what: String,
}

/// The whole file.
#[derive(Debug, Deserialize)]
pub struct Differences {
    /// Differences that no recording shows.
    pub general: Vec<General>,
    /// Differences that a replay finds.
    pub rows: Vec<Row>,
}

/// A difference that no recording shows.
#[derive(Debug, Deserialize)]
pub struct General {
    /// About what.
    pub topic: String,
    /// What the reference does.
    pub reference: String,
    /// What we do.
    pub here: String,
    /// Why.
    pub reason: String,
}

/// Explains the differences that fit. `*` in a pattern stands for any text.
#[derive(Debug, Deserialize)]
pub struct Row {
    /// Name of the recording.
    pub scenario: String,
    /// Pattern of the step.
    pub step: String,
    /// Pattern of the packet.
    pub packet: String,
    /// Pattern of the path.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Why; of a `later` row, what brings it.
    pub reason: String,
}

/// What a row says of its differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// We do it another way on purpose.
    Deliberate,
    /// It is not there yet.
    Later,
    /// The recording has something that the replay has not: other people, earlier rows, a longer run.
    Recording,
}

impl Differences {
    /// Reads the file.
    pub fn load() -> Differences {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/differences.json");
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// What no row explains, and rows that explain nothing.
    pub fn explain(&self, scenario: &str, found: &[Difference]) -> Vec<String> {
        let rows: Vec<&Row> = self
            .rows
            .iter()
            .filter(|row| row.scenario == scenario)
            .collect();
        let mut used = vec![false; rows.len()];
        let mut complaints = Vec::new();
        for difference in found {
            let fitting: Vec<usize> = (0..rows.len())
                .filter(|index| rows[*index].fits(difference))
                .collect();
            for index in &fitting {
                used[*index] = true;
            }
            if fitting.is_empty() {
                let Difference {
                    step,
                    packet,
                    path,
                    what,
                } = difference;
                complaints.push(format!("  [{step}] {packet}: {path} {what}"));
            }
        }
        for (row, _) in rows.iter().zip(used).filter(|(_, used)| !used) {
            complaints.push(format!("  unused: {row:?}"));
        }
        complaints
    }
}

impl Row {
    fn fits(&self, found: &Difference) -> bool {
        fits(&self.step, &found.step)
            && fits(&self.packet, &found.packet)
            && fits(&self.path, &found.path)
    }
}

fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            (0..=text.len())
                .filter(|at| text.is_char_boundary(*at))
                .any(|at| fits(rest, &text[at..]))
        }),
    }
}

#[test]
fn a_star_stands_for_any_text() {
    for (pattern, text, expected) in [
        ("ack * usage", "ack A usage", true),
        ("*", "", true),
        ("$.body*", "$.status", false),
        ("*.users[*].email", "$.body.users[0].email", true),
    ] {
        assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
    }
}
