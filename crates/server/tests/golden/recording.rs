//! A recording, step by step. Lines are JSON; `dir` says who spoke.

use serde_json::Value;

/// A recorded scenario.
pub struct Scenario {
    /// Its file's name.
    pub name: String,
    /// In the order of the recording.
    pub steps: Vec<Step>,
}

/// A named part of it: packets are compared within a step.
pub struct Step {
    /// Its name.
    pub name: String,
    /// All packets, sent and received.
    pub packets: Vec<Packet>,
}

/// One line.
pub struct Packet {
    /// Whose: `A` is the admin; `X` and the like are further sockets.
    pub who: String,
    /// The kind, as in the recordings' README.
    pub kind: String,
    /// Everything else.
    pub line: Value,
}

impl Scenario {
    /// Reads a fixture.
    pub fn load(name: &str) -> Scenario {
        let path = format!(
            "{}/tests/fixtures/golden/{name}.jsonl",
            env!("CARGO_MANIFEST_DIR")
        );
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut steps: Vec<Step> = Vec::new();
        for line in text.lines() {
            let line: Value = serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("{path}: {error}: {line}"));
            let field = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            match field("kind").as_str() {
                "step" => steps.push(Step {
                    name: field("step"),
                    packets: Vec::new(),
                }),
                // Notes, and the closing of raw sockets whose frames were not recorded.
                "note" | "saved" | "ws.close" => {}
                kind => {
                    let packet = Packet {
                        who: field("who"),
                        kind: kind.to_owned(),
                        line: line.clone(),
                    };
                    steps
                        .last_mut()
                        .expect("a recording begins with a step")
                        .packets
                        .push(packet);
                }
            }
        }
        Scenario {
            name: name.to_owned(),
            steps,
        }
    }
}
