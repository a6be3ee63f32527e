//! Planted bugs of the lane, for tests that must find them. Compiled with the feature `faults` alone.

use super::{AnyJob, Lane};
use crate::fault;
use crate::log::{Committed, Unnumbered};

/// Drops some events; their change stays.
pub(super) fn lose_events(emitted: &mut Vec<Unnumbered>) {
    emitted.retain(|one| match one {
        Unnumbered::Event { room, .. } => !(fault::counts(room) && fault::shows("no_event")),
        Unnumbered::Effect(_) => true,
    });
}

impl Lane {
    /// What stands between the commit and the hub: a point to stop at, and the bug of forgetting those whose caller left.
    pub(super) fn after_commit(
        &mut self,
        committed: Vec<Committed>,
        jobs: &[Box<dyn AnyJob>],
    ) -> Vec<Committed> {
        let Some(last) = committed.last().map(|row| row.pos) else {
            return committed;
        };
        fault::pass("before_hand_over");
        if fault::is_planted("hang_up") && jobs.iter().any(|job| job.is_abandoned()) {
            if let Some(subscriber) = &mut self.subscriber {
                subscriber.handed = subscriber.handed.max(last);
            }
            return Vec::new();
        }
        committed
    }
}
