//! Proof that the harness sees: bugs planted in the server, each of which a round must find.
//!
//! A checker that finds nothing says nothing. Each bug is one kind of broken promise, with the faults that bring it out.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::check::streams;
use crate::fault::Fault;
use crate::round::Run;

/// How many rounds a bug may stay hidden: some need a coincidence.
const TRIES: u64 = 3;

/// A bug: its name in `TIDINGS_FAULT`, the promise it breaks, the faults that bring it out, and words of the finding that
/// must come of it: another finding would not show that the checker sees this one.
type Bug = (&'static str, &'static str, &'static [Fault], &'static str);

const BUGS: [Bug; 10] = [
    ("lost_event:30", "an event is sent to nobody", &[], " came "),
    (
        "no_event:40",
        "a change is stored without its event",
        &[],
        "has 0 events",
    ),
    ("double_event:30", "an event is sent twice", &[], " came "),
    (
        "wrong_order:30",
        "an event is sent after the next one",
        &[],
        " came ",
    ),
    (
        "false_ack:30",
        "a batch is acknowledged and not committed",
        &[],
        "is there 0 times",
    ),
    (
        "twice:2",
        "a repeated command is carried out again",
        &[Fault::Storm],
        "is there 2 times",
    ),
    (
        "synchronous_off",
        "commits do not wait for the disk",
        &[Fault::PowerCut, Fault::PowerCut],
        "is there 0 times",
    ),
    (
        "send_to_removed",
        "events go to somebody who was removed",
        &[Fault::Churn],
        "without the right",
    ),
    (
        "send_to_removed",
        "events go to somebody who was removed, in a stock client's session that went on",
        &[Fault::Cut, Fault::Churn, Fault::Cut, Fault::Churn],
        streams::WENT_ON,
    ),
    (
        "hang_up",
        "a publish is skipped when the caller hangs up",
        &[Fault::HangUp],
        " came ",
    ),
];

/// Plants each bug in turn and demands that it is found.
///
/// # Errors
/// Which bugs stayed hidden.
pub async fn all(mut run: Run, only: Option<&str>) -> Result<()> {
    run.settles = Duration::from_secs(1);
    let mut hidden = Vec::new();
    for (bug, what, faults, words) in BUGS {
        let name = bug.split(':').next().unwrap_or(bug);
        if only.is_some_and(|only| only != name) {
            continue;
        }
        run.planted = Some(format!("plant:{bug}"));
        let started = Instant::now();
        let mut found = None;
        let mut tries = 0;
        while found.is_none() && tries < TRIES {
            let report = run.round(tries, faults).await?;
            let mut findings = report.findings.into_iter();
            found = findings.find(|finding| finding.what.contains(words));
            tries += 1;
        }
        let took = started.elapsed().as_secs_f64();
        match found {
            Some(finding) => println!("{name} ({what}): found in {took:.1} s: {}", finding.what),
            None => {
                println!("{name} ({what}): NOT FOUND in {tries} rounds");
                hidden.push(name);
            }
        }
    }
    if !hidden.is_empty() {
        bail!("planted bugs stayed hidden: {}", hidden.join(", "));
    }
    Ok(())
}
