//! What a job usually takes: the median of its last successes, which one odd run does not move.

use jiff::SignedDuration;

/// So many of the last successes are looked at.
pub const SUCCESSES_MAX: usize = 20;

/// With fewer, nobody knows what is usual.
pub const SUCCESSES_MIN: usize = 5;

/// Less than this more than usual is no news, and neither is a job that usually takes less: short commands vary.
pub const MARGIN: SignedDuration = SignedDuration::from_secs(10);

/// What a job usually takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usual {
    /// The median.
    pub takes: SignedDuration,
    /// Of so many successes.
    pub successes: u32,
}

impl Usual {
    /// What these successes, newest first, say; nothing when they are too few.
    pub fn of(successes: &[SignedDuration]) -> Option<Self> {
        let mut sorted: Vec<SignedDuration> =
            successes.iter().take(SUCCESSES_MAX).copied().collect();
        if sorted.len() < SUCCESSES_MIN {
            return None;
        }
        sorted.sort();
        Some(Usual {
            takes: sorted[sorted.len() / 2],
            successes: u32::try_from(sorted.len()).unwrap_or(u32::MAX),
        })
    }

    /// What takes longer than this takes more than `times` the usual time.
    pub fn slow_limit(&self, times: u32) -> SignedDuration {
        let times = i32::try_from(times).unwrap_or(i32::MAX);
        let multiple = self.takes.checked_mul(times);
        let multiple = multiple.unwrap_or(SignedDuration::MAX);
        multiple.max(self.takes.saturating_add(MARGIN))
    }

    /// What takes less than this takes less than one part in `times` of the usual time; zero where that is no news.
    pub fn fast_limit(&self, times: u32) -> SignedDuration {
        match self.takes < MARGIN {
            true => SignedDuration::ZERO,
            false => self.takes / i32::try_from(times).unwrap_or(i32::MAX).max(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual(seconds: &[i64]) -> Option<Usual> {
        let successes: Vec<_> = seconds
            .iter()
            .map(|s| SignedDuration::from_secs(*s))
            .collect();
        Usual::of(&successes)
    }

    #[test]
    fn few_successes_say_nothing_and_one_odd_one_changes_nothing() {
        assert_eq!(usual(&[60, 60, 60, 60]), None);
        let odd = usual(&[60, 61, 9_000, 59, 60]).unwrap();

        assert_eq!((odd.takes.as_secs(), odd.successes), (60, 5));
    }

    #[test]
    fn only_the_last_successes_count() {
        let mut seconds = vec![60; SUCCESSES_MAX];
        seconds.extend([1; 100]);

        let usual = usual(&seconds).unwrap();
        assert_eq!((usual.takes.as_secs(), usual.successes), (60, 20));
    }

    #[test]
    fn slow_is_a_multiple_and_a_margin() {
        let minute = usual(&[60; 5]).unwrap();
        let short = usual(&[1; 5]).unwrap();

        assert_eq!(minute.slow_limit(3).as_secs(), 180);
        assert_eq!(short.slow_limit(3).as_secs(), 11);
    }

    #[test]
    fn fast_is_a_part_of_what_takes_long_enough() {
        let minute = usual(&[60; 5]).unwrap();
        let short = usual(&[9; 5]).unwrap();

        assert_eq!(minute.fast_limit(4).as_secs(), 15);
        assert_eq!(short.fast_limit(4), SignedDuration::ZERO);
    }
}
