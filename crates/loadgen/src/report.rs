//! What was measured, as Markdown for people and JSON for comparing with the next time.

use std::fmt::Write as _;

use serde::Serialize;

use crate::fanout::{Outcome, Phase, Plan};

/// A whole run.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was asked for.
    pub plan: Plan,
    /// The machine: its processor and how many of them.
    pub machine: String,
    /// Ours first.
    pub outcomes: Vec<Outcome>,
    /// Ours divided by the peer's, where there was one.
    pub ratio: Option<Ratio>,
}

/// Ours divided by the peer's: below 1 is less, so for rates above 1 is better and for costs below 1.
#[derive(Debug, Serialize)]
pub struct Ratio {
    /// Processor time per delivery at the easy pace.
    pub cpu_us_per_delivery: f64,
    /// Deliveries a second, flat out.
    pub deliveries_per_s: f64,
    /// Memory per connection.
    pub bytes_per_connection: f64,
}

impl Report {
    /// Puts the outcomes together; of several the first is ours and the last the peer.
    #[must_use]
    pub fn new(plan: Plan, outcomes: Vec<Outcome>) -> Self {
        let ratio = match outcomes.as_slice() {
            [ours, .., peer] => Some(Ratio {
                cpu_us_per_delivery: ours.paced.cpu_us_per_delivery
                    / peer.paced.cpu_us_per_delivery,
                deliveries_per_s: ours.flat_out.deliveries_per_s / peer.flat_out.deliveries_per_s,
                bytes_per_connection: ours.bytes_per_connection as f64
                    / peer.bytes_per_connection.max(1) as f64,
            }),
            _ => None,
        };
        Self {
            plan,
            machine: machine(),
            outcomes,
            ratio,
        }
    }

    /// A table, one column a server.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = format!(
            "Fan-out to {} sockets in one room, {} s each part, {} events/s at the easy pace.\nMachine: {}.\n\n",
            self.plan.connections, self.plan.seconds, self.plan.events_per_s, self.machine
        );
        let mut row = |label: &str, cell: &dyn Fn(&Outcome) -> String| {
            let cells: Vec<String> = self.outcomes.iter().map(cell).collect();
            // Writing to a String cannot fail.
            let _written = writeln!(text, "| {label} | {} |", cells.join(" | "));
        };
        row("", &|outcome| outcome.name.clone());
        row("---", &|_| "---:".to_owned());
        row("event size, bytes", &|o| {
            o.paced.bytes_per_delivery.to_string()
        });
        row("memory at rest, MB", &|o| {
            format!("{:.1}", o.bytes_at_rest as f64 / 1e6)
        });
        row("memory per connection, KB", &|o| {
            format!("{:.1}", o.bytes_per_connection as f64 / 1e3)
        });
        phase_rows(&mut row, "easy pace", &|outcome| Some(&outcome.paced));
        phase_rows(&mut row, "flat out", &|outcome| Some(&outcome.flat_out));
        if self.outcomes.iter().any(|outcome| outcome.posted.is_some()) {
            phase_rows(&mut row, "posted and stored", &|outcome| {
                outcome.posted.as_ref()
            });
        }
        if let Some(ratio) = &self.ratio {
            let _written = writeln!(
                text,
                "\nRatio to the peer: {:.2} of its CPU per delivery, {:.2} times its deliveries per second, \
                 {:.2} of its memory per connection.",
                ratio.cpu_us_per_delivery, ratio.deliveries_per_s, ratio.bytes_per_connection
            );
        }
        text
    }
}

type Row<'a> = dyn FnMut(&str, &dyn Fn(&Outcome) -> String) + 'a;

fn phase_rows(row: &mut Row<'_>, name: &str, pick: &dyn Fn(&Outcome) -> Option<&Phase>) {
    let mut line = |label: &str, value: &dyn Fn(&Phase) -> String| {
        row(&format!("{name}: {label}"), &|outcome| {
            pick(outcome).map_or_else(|| "-".to_owned(), value)
        });
    };
    line("CPU per delivery, us", &|p| {
        format!("{:.2}", p.cpu_us_per_delivery)
    });
    line("deliveries per second", &|p| {
        format!("{:.0}", p.deliveries_per_s)
    });
    line("latency p50 / p99, ms", &|p| {
        format!("{:.1} / {:.1}", p.latency_p50_ms, p.latency_p99_ms)
    });
    line("missing deliveries", &|p| {
        format!("{} of {}", p.missing, p.deliveries + p.missing)
    });
}

fn machine() -> String {
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"))
        .unwrap_or("unknown processor");
    format!("{cpus} x {}", model.trim_start_matches([' ', '\t', ':']))
}
