//! Numbers that look random and come again with the same seed: SplitMix64, and nothing that asks the system.

/// A stream of numbers.
#[derive(Debug, Clone)]
pub struct Rng(u64);

impl Rng {
    /// The stream of a seed and a name, so that one part's draws do not shift another's.
    #[must_use]
    pub fn new(seed: u64, of: &str) -> Rng {
        let mut rng = Rng(seed);
        for byte in of.bytes() {
            rng.0 = rng.0.rotate_left(7) ^ u64::from(byte);
            rng.next();
        }
        rng
    }

    /// The next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 if `end` is.
    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.next() % end).unwrap_or(0)
    }

    /// A number from `from` up to and including `to`.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from + 1)
    }

    /// True `percent` times of a hundred.
    pub fn chance(&mut self, percent: u64) -> bool {
        self.next() % 100 < percent
    }

    /// One of them, if there is any.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }

    /// Brings them into another order.
    pub fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            all.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    #[test]
    fn a_seed_and_a_name_give_the_same_numbers_again() {
        let draw = |seed, of| {
            let mut rng = Rng::new(seed, of);
            [rng.next(), rng.next(), rng.next()]
        };
        assert_eq!(draw(7, "writer"), draw(7, "writer"));
        assert_ne!(draw(7, "writer"), draw(7, "proxy"));
        assert_ne!(draw(7, "writer"), draw(8, "writer"));
    }
}
