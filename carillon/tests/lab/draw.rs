//! Small numbers that look drawn, the same for the same seed.

/// A row of numbers that its seed decides.
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn of(seed: u64) -> Self {
        Draw(seed)
    }

    fn next(&mut self) -> u64 {
        // Steele, Lea and Flood's splitmix64: neighbouring seeds have nothing in common.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// A number of the range, small ones as often as large ones: as many below the geometric middle as above it.
    pub(crate) fn spread(&mut self, range: (u64, u64)) -> u64 {
        let (low, high) = (range.0.max(1) as f64, range.1.max(1) as f64);
        let share = self.below(1_000_000) as f64 / 1e6;
        (low * (high / low).powf(share)) as u64
    }

    pub(crate) fn one_of<T: Copy>(&mut self, things: &[T]) -> T {
        things[self.below(things.len() as u64) as usize]
    }
}
