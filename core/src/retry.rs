//! Attempts after the first: whether, when and where.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::run::Outcome;

crate::words! {
    /// How the delay grows from attempt to attempt.
    Backoff, "backoff" {
        /// Always the same delay.
        Fixed = "fixed",
        /// Twice the last delay, up to the longest.
        Exponential = "exponential",
    }
}

crate::words! {
    /// Which node makes the next attempt.
    RetryNode, "retry node" {
        /// The one that made the last.
        Same = "same",
        /// Another where there is one.
        PreferOther = "prefer_other",
        /// Only another.
        MustOther = "must_other",
    }
}

/// The retry policy of a job. One attempt unless it says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Attempts in all, the first included.
    pub max_attempts: u32,
    /// How the delay grows.
    pub backoff: Backoff,
    /// Seconds before the second attempt.
    pub delay_s: f64,
    /// The longest delay in seconds.
    pub max_delay_s: f64,
    /// The share of the delay that is drawn by chance, 0 to 1.
    pub jitter: f64,
    /// Outcomes that earn another attempt.
    pub on: Vec<Outcome>,
    /// Which node makes the next attempt.
    pub node: RetryNode,
    /// Seconds after the first start beyond which no attempt begins.
    pub budget_s: Option<f64>,
}

/// The most attempts a job may have.
pub const ATTEMPTS_MAX: u32 = 100;

impl Default for Retry {
    fn default() -> Self {
        Retry {
            max_attempts: 1,
            backoff: Backoff::Fixed,
            delay_s: 10.0,
            max_delay_s: 3600.0,
            jitter: 0.1,
            on: vec![Outcome::Failed, Outcome::TimedOut, Outcome::CouldNotStart],
            node: RetryNode::PreferOther,
            budget_s: None,
        }
    }
}

impl Retry {
    /// The delay before the attempt after `attempt`, or none when that was the last. `chance` is drawn from [0, 1).
    pub fn delay_after(&self, attempt: u32, outcome: Outcome, chance: f64) -> Option<Duration> {
        if attempt >= self.max_attempts || !self.on.contains(&outcome) {
            return None;
        }
        let doublings = match self.backoff {
            Backoff::Fixed => 0,
            Backoff::Exponential => attempt.saturating_sub(1).min(60),
        };
        let delay_s = (self.delay_s * 2_f64.powi(doublings.cast_signed())).min(self.max_delay_s);
        let jitter = 1.0 + self.jitter * (2.0 * chance - 1.0);
        Some(Duration::try_from_secs_f64(delay_s * jitter).unwrap_or(Duration::ZERO))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest() {
        let retry = Retry {
            max_attempts: 5,
            backoff: Backoff::Exponential,
            delay_s: 10.0,
            max_delay_s: 35.0,
            jitter: 0.0,
            ..Retry::default()
        };
        let delays: Vec<_> = (1..=5)
            .map(|attempt| retry.delay_after(attempt, Outcome::Failed, 0.5))
            .collect();

        let seconds = |s| Some(Duration::from_secs(s));
        assert_eq!(
            delays,
            [seconds(10), seconds(20), seconds(35), seconds(35), None]
        );
    }

    #[test]
    fn only_chosen_outcomes_are_retried() {
        let retry = Retry {
            max_attempts: 3,
            ..Retry::default()
        };

        assert!(retry.delay_after(1, Outcome::Failed, 0.5).is_some());
        assert_eq!(retry.delay_after(1, Outcome::Killed, 0.5), None);
        assert_eq!(retry.delay_after(1, Outcome::Succeeded, 0.5), None);
    }

    #[test]
    fn jitter_stays_within_its_share() {
        let retry = Retry {
            max_attempts: 2,
            jitter: 0.5,
            ..Retry::default()
        };

        assert_eq!(
            retry.delay_after(1, Outcome::Failed, 0.0),
            Some(Duration::from_secs(5))
        );
        assert!(retry.delay_after(1, Outcome::Failed, 0.999).unwrap() < Duration::from_secs(15));
    }
}
