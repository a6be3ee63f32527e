//! What the fan-out measured: medians as Markdown for people, every run as JSON for comparing with the next time.

use std::fmt::Write as _;

use serde::Serialize;

use crate::fanout::{BURST, Outcome, Phase, Plan};
use crate::machine::Machine;

/// A whole measurement.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was asked for.
    pub plan: Plan,
    /// Where and when.
    pub machine: Machine,
    /// In the order they were named; ratios are to the first.
    pub servers: Vec<Runs>,
}

/// All runs of one server.
#[derive(Debug, Clone, Serialize)]
pub struct Runs {
    /// The server and its version.
    pub name: String,
    /// One entry a run.
    pub outcomes: Vec<Outcome>,
    /// Why a run failed, where one did.
    pub failures: Vec<String>,
}

impl Runs {
    /// The median over the runs of what `pick` gives; `None` where no run gives it.
    #[must_use]
    pub fn median(&self, pick: impl Fn(&Outcome) -> Option<f64>) -> Option<f64> {
        let mut values: Vec<f64> = self.outcomes.iter().filter_map(pick).collect();
        values.sort_by(f64::total_cmp);
        match (values.len() / 2, values.len() % 2) {
            (_, _) if values.is_empty() => None,
            (middle, 1) => Some(values[middle]),
            (middle, _) => Some(f64::midpoint(values[middle - 1], values[middle])),
        }
    }
}

type Pick = fn(&Outcome) -> Option<&Phase>;
const PARTS: [(&str, Pick); 4] = [
    ("paced", |outcome| Some(&outcome.paced)),
    ("serial", |outcome| outcome.serial.as_ref()),
    ("burst", |outcome| outcome.burst.as_ref()),
    ("posted", |outcome| outcome.posted.as_ref()),
];

impl Report {
    /// Costs, then latencies and rates, then what one server costs as a multiple of the first.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "{}\n\n{} WebSocket clients in one room, events of {} bytes{}. Paced: {} events a second; serial: \
             the next when all have the last; burst: {BURST} at once, the next {BURST} when all have those. {} s each \
             part, medians of {} runs, servers in turn, a new process each time.\n\n",
            self.machine.describe(),
            self.plan.connections,
            self.plan.event_bytes,
            match self.plan.deflate {
                true => ", compression offered",
                false => "",
            },
            self.plan.events_per_s,
            self.plan.seconds,
            self.plan.runs
        );
        self.costs(&mut text);
        self.speeds(&mut text);
        self.ratios(&mut text);
        for server in &self.servers {
            for failure in &server.failures {
                line(&mut text, &format!("**{} failed**: {failure}", server.name));
            }
        }
        text
    }

    fn costs(&self, text: &mut String) {
        line(
            text,
            "| server CPU, µs per delivery | paced | serial | burst | KB per idle connection | MB at rest |",
        );
        line(text, "|---|---:|---:|---:|---:|---:|");
        for server in &self.servers {
            let cpu = PARTS.map(|(_, pick)| cpu(server, pick));
            let memory = server.median(|o| Some(o.bytes_per_connection as f64 / 1e3));
            let rest = server.median(|o| Some(o.bytes_at_rest as f64 / 1e6));
            let cells = [
                number(cpu[0]),
                number(cpu[1]),
                number(cpu[2]),
                number(memory),
                number(rest),
            ];
            line(
                text,
                &format!("| {} | {} |", server.name, cells.join(" | ")),
            );
        }
    }

    fn speeds(&self, text: &mut String) {
        line(
            text,
            "\n| | part | p50, ms | p99, ms | deliveries/s | bytes each | missing |",
        );
        line(text, "|---|---|---:|---:|---:|---:|---:|");
        for server in &self.servers {
            for (part, pick) in PARTS {
                let figure = |field: fn(&Phase) -> f64| {
                    server.median(|o| pick(o).map(field)).map_or(0.0, |x| x)
                };
                if server
                    .median(|o| pick(o).map(|p| p.latency_p50_ms))
                    .is_none()
                {
                    continue;
                }
                let missing: u64 = server
                    .outcomes
                    .iter()
                    .filter_map(pick)
                    .map(|p| p.missing)
                    .sum();
                line(
                    text,
                    &format!(
                        "| {} | {part} | {:.1} | {:.1} | {:.0} | {:.0} | {missing} |",
                        server.name,
                        figure(|p| p.latency_p50_ms),
                        figure(|p| p.latency_p99_ms),
                        figure(|p| p.deliveries_per_s),
                        figure(|p| p.bytes_per_delivery as f64),
                    ),
                );
            }
        }
    }

    fn ratios(&self, text: &mut String) {
        let [first, others @ ..] = self.servers.as_slice() else {
            return;
        };
        if others.is_empty() {
            return;
        }
        line(
            text,
            &format!(
                "\n| {} costs, of | paced | serial | burst | idle |",
                first.name
            ),
        );
        line(text, "|---|---:|---:|---:|---:|");
        for other in others {
            let cpu = PARTS.map(|(_, pick)| ratio(cpu(first, pick), cpu(other, pick)));
            let memory = |runs: &Runs| runs.median(|o| Some(o.bytes_per_connection as f64));
            let idle = ratio(memory(first), memory(other));
            let cells = [number(cpu[0]), number(cpu[1]), number(cpu[2]), number(idle)];
            line(text, &format!("| {} | {} |", other.name, cells.join(" | ")));
        }
        line(text, "");
    }
}

fn cpu(server: &Runs, pick: Pick) -> Option<f64> {
    server.median(|outcome| pick(outcome).map(|phase| phase.cpu_us_per_delivery))
}

fn ratio(ours: Option<f64>, theirs: Option<f64>) -> Option<f64> {
    ours.zip(theirs).map(|(ours, theirs)| ours / theirs)
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"))
}

fn line(text: &mut String, line: &str) {
    // Writing to a String cannot fail.
    let _written = writeln!(text, "{line}");
}
