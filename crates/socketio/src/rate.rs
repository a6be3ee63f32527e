//! How many packets a client may send: a token bucket in whole milliseconds, without a clock of its own.

/// A bucket that fills at a steady rate. A token is worth 1000 units, so that a rate per second adds `rate` units each
/// millisecond.
#[derive(Debug)]
pub(crate) struct Bucket {
    rate: u32,
    capacity: u64,
    units: u64,
    filled_at_ms: u64,
}

const TOKEN: u64 = 1000;

impl Bucket {
    /// A full bucket. A rate of zero means no limit.
    pub(crate) fn new(rate: u32, burst: u32, now_ms: u64) -> Bucket {
        let capacity = u64::from(rate.saturating_add(burst)) * TOKEN;
        Bucket {
            rate,
            capacity,
            units: capacity,
            filled_at_ms: now_ms,
        }
    }

    /// Takes one token. Answers whether there was one.
    pub(crate) fn take(&mut self, now_ms: u64) -> bool {
        if self.rate == 0 {
            return true;
        }
        let gained = now_ms
            .saturating_sub(self.filled_at_ms)
            .saturating_mul(u64::from(self.rate));
        self.units = self.units.saturating_add(gained).min(self.capacity);
        self.filled_at_ms = now_ms;
        if self.units < TOKEN {
            return false;
        }
        self.units -= TOKEN;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lets_a_burst_through_and_then_the_rate() {
        let mut bucket = Bucket::new(10, 5, 0);
        assert_eq!((0..20).filter(|_| bucket.take(0)).count(), 15);
        assert!(!bucket.take(99));
        assert!(bucket.take(100));
        assert!(!bucket.take(100));
        assert!((0..1000).all(|_| Bucket::new(0, 0, 0).take(0)));
    }
}
