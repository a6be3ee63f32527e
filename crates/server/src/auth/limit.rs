//! So many tries in such a time, by key: a leaky bucket that remembers one number a key.
//!
//! Time is an argument, so a test can move it. A failed try stays counted; one that succeeded can be given back, so that
//! many devices of one person do not lock it out.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How many keys are remembered; when as many are busy, new ones must wait.
const MAX_KEYS: usize = 100_000;

/// How often it is looked then whether some are not busy any more, in ms: all keys are walked for it.
const LOOK_EVERY_MS: i64 = 1_000;

/// The limit and what was used of it.
#[derive(Debug)]
pub(crate) struct Limit {
    /// How long one try stays counted, in ms.
    each_ms: i64,
    /// How much may be counted at once, in ms.
    full_ms: i64,
    max_keys: usize,
    busy: Mutex<Busy>,
}

#[derive(Debug, Default)]
struct Busy {
    /// Until when each key's tries are worked off, in ms since 1970.
    until: HashMap<String, i64>,
    /// When keys that are worked off were forgotten last.
    pruned_at_ms: i64,
}

impl Limit {
    /// `tries` at once, and as many again over `per_ms`.
    pub(crate) fn new(tries: i64, per_ms: i64) -> Limit {
        Limit {
            each_ms: per_ms / tries,
            full_ms: per_ms,
            max_keys: MAX_KEYS,
            busy: Mutex::default(),
        }
    }

    /// Counts a try.
    ///
    /// # Errors
    /// The seconds to wait, when there were too many.
    pub(crate) fn take(&self, key: &str, now_ms: i64) -> Result<(), u64> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = busy.until.len() >= self.max_keys;
        let look_every_ms = if is_full { LOOK_EVERY_MS } else { self.full_ms };
        if now_ms - busy.pruned_at_ms > look_every_ms {
            busy.until.retain(|_, until| *until > now_ms);
            busy.until.shrink_to_fit();
            busy.pruned_at_ms = now_ms;
        }
        let keys = &mut busy.until;
        if keys.len() >= self.max_keys && !keys.contains_key(key) {
            return Err(seconds(self.each_ms));
        }
        let until = keys.get(key).copied().unwrap_or(now_ms).max(now_ms) + self.each_ms;
        let over_ms = until - now_ms - self.full_ms;
        if over_ms > 0 {
            return Err(seconds(over_ms));
        }
        keys.insert(key.to_owned(), until);
        Ok(())
    }

    /// Takes back the last try of a key.
    pub(crate) fn give_back(&self, key: &str) {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = busy.until.get_mut(key) {
            *until -= self.each_ms;
        }
    }
}

/// The seconds to wait, rounded up.
fn seconds(ms: i64) -> u64 {
    u64::try_from(ms.div_euclid(1_000) + 1).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::Limit;

    #[test]
    fn tries_are_counted_by_key_and_worked_off() {
        let limit = Limit::new(3, 30_000);
        let now = 1_000_000;
        for _ in 0..3 {
            assert_eq!(limit.take("ada", now), Ok(()));
        }
        assert_eq!(limit.take("ada", now), Err(11));
        assert_eq!(limit.take("bob", now), Ok(()));
        assert_eq!(limit.take("ada", now + 9_999), Err(1));
        assert_eq!(limit.take("ada", now + 10_000), Ok(()));
        assert!(limit.take("ada", now + 10_000).is_err());
        limit.give_back("ada");
        assert_eq!(limit.take("ada", now + 10_000), Ok(()));
    }

    #[test]
    fn keys_that_are_worked_off_are_forgotten() {
        let limit = Limit::new(3, 30_000);
        for key in 0..50 {
            assert_eq!(limit.take(&key.to_string(), 0), Ok(()));
        }
        assert_eq!(limit.take("ada", 30_001), Ok(()));
        assert_eq!(limit.busy.lock().unwrap().until.len(), 1);
    }

    #[test]
    fn when_all_keys_are_busy_new_ones_wait_and_are_not_looked_for_at_every_try() {
        let limit = Limit {
            max_keys: 2,
            ..Limit::new(3, 30_000)
        };
        assert_eq!(limit.take("ada", 100_000), Ok(()));
        assert_eq!(limit.take("bob", 100_000), Ok(()));
        assert_eq!(limit.take("cem", 105_000), Err(11));
        assert_eq!(limit.take("ada", 105_000), Ok(()), "it is remembered");
        // Bob's try is worked off by then; it was looked half a second before.
        assert_eq!(limit.take("cem", 109_500), Err(11));
        assert_eq!(limit.take("cem", 110_000), Err(11));
        assert_eq!(limit.take("cem", 110_501), Ok(()));
        assert_eq!(limit.take("dan", 119_999), Err(11));
    }
}
