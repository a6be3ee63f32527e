//! The time, as an argument: rules never ask for it themselves.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time in milliseconds since the Unix epoch.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's.
    System,
    /// One that stands still until a test moves it.
    Settable(Arc<AtomicI64>),
}

impl Clock {
    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        match self {
            Clock::System => SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| {
                    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
                }),
            Clock::Settable(now_ms) => now_ms.load(Ordering::SeqCst),
        }
    }

    /// Seconds since the Unix epoch.
    #[must_use]
    pub fn now_s(&self) -> i64 {
        self.now_ms() / 1000
    }

    /// The same clock as the store wants it.
    #[must_use]
    pub fn for_store(&self) -> store::Clock {
        let clock = self.clone();
        Arc::new(move || clock.now_ms())
    }
}
