//! Which models are in use: what sockets said within the last three seconds. Feeds `GET /api/usage`.

use socketio::Sid;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

/// For how long one report counts, in milliseconds.
const COUNTS_MS: i64 = 3_000;
/// Most reports kept; beyond it nothing is noted until some have expired.
const MAX_REPORTS: usize = 20_000;
/// Longest name of a model, in bytes.
pub const MAX_MODEL_BYTES: usize = 256;

/// The reports by socket and model.
#[derive(Debug, Default)]
pub struct Usage {
    reports: Mutex<HashMap<(Sid, String), i64>>,
}

impl Usage {
    /// A socket uses a model now.
    pub fn report(&self, sid: Sid, model: String, now_ms: i64) {
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        if reports.len() >= MAX_REPORTS {
            reports.retain(|_, at_ms| *at_ms > now_ms - COUNTS_MS);
        }
        if reports.len() < MAX_REPORTS {
            reports.insert((sid, model), now_ms);
        }
    }

    /// The models in use, each once, in the order of their names.
    #[must_use]
    pub fn models(&self, now_ms: i64) -> Vec<String> {
        let mut reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        reports.retain(|_, at_ms| *at_ms > now_ms - COUNTS_MS);
        let models: BTreeSet<String> = reports.keys().map(|(_, model)| model.clone()).collect();
        models.into_iter().collect()
    }
}
