//! What people want to be told about one job, beyond what goes for all.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::rule::Rule;
use crate::run::Outcome;

/// The limits of one job. What is absent is not watched, except that every bad end counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Watch {
    /// Tell after so many bad ends among the last [`Watch::failures_of`] runs; none is the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures: Option<u32>,
    /// The runs that are looked at; none is [`Watch::failures`], which means in a row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failures_of: Option<u32>,
    /// Tell when a run has not started so many seconds after it was due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_after_s: Option<u32>,
    /// Tell when a command takes longer than so many seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_after_s: Option<u32>,
    /// Tell when a command takes more than so many times its usual time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slower_times: Option<u32>,
    /// Tell when a command succeeds in less than one part in so many of its usual time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faster_times: Option<u32>,
    /// Tell when the job has not succeeded for so many seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success_within_s: Option<u32>,
}

/// The most runs that are looked back at.
pub const FAILURES_OF_MAX: u32 = 100;

/// The most times the usual time.
pub const TIMES_MAX: u32 = 1000;

impl Watch {
    /// Judges what somebody asks for.
    ///
    /// # Errors
    /// With what is wrong and what to write instead.
    pub fn judge(&self) -> Result<(), String> {
        let judged = [
            ("failures", self.failures, 1, FAILURES_OF_MAX),
            ("failures_of", self.failures_of, 1, FAILURES_OF_MAX),
            ("late_after_s", self.late_after_s, 1, u32::MAX),
            ("slow_after_s", self.slow_after_s, 1, u32::MAX),
            ("slower_times", self.slower_times, 2, TIMES_MAX),
            ("faster_times", self.faster_times, 2, TIMES_MAX),
            ("success_within_s", self.success_within_s, 1, u32::MAX),
        ];
        for (name, said, min, max) in judged {
            if let Some(number) = said
                && !(min..=max).contains(&number)
            {
                return Err(format!(
                    "{name} is {number}, the limits are {min} and {max}; leave it out not to be told"
                ));
            }
        }
        Ok(())
    }

    /// Whether the job's history must be known for this.
    pub fn needs_history(&self) -> bool {
        self.slower_times.is_some() || self.faster_times.is_some()
    }

    /// How many of the last runs must be read to judge a bad end; one is the bad end itself.
    pub fn look_back(&self) -> u32 {
        let failures = self.failures.unwrap_or(1);
        self.failures_of
            .unwrap_or(failures)
            .max(failures)
            .clamp(1, FAILURES_OF_MAX)
    }

    /// Whether the last runs of the job, newest first, are bad enough to tell.
    pub fn is_enough(&self, outcomes: &[Outcome]) -> bool {
        let bad = outcomes
            .iter()
            .take(self.look_back() as usize)
            .filter(|outcome| Rule::broken_by(**outcome).is_some())
            .count();
        bad >= self.failures.unwrap_or(1).clamp(1, FAILURES_OF_MAX) as usize
    }

    /// Whether a run that was due at `due_at` and has not started is late.
    pub fn is_late(&self, due_at: Timestamp, now: Timestamp) -> bool {
        exceeds(self.late_after_s, due_at, now)
    }

    /// Whether a command that started at `started_at` and still runs is slow.
    pub fn is_slow(&self, started_at: Timestamp, now: Timestamp) -> bool {
        exceeds(self.slow_after_s, started_at, now)
    }

    /// Whether a clock must be watched for this job.
    pub fn needs_clock(&self) -> bool {
        self.late_after_s.is_some()
            || self.slow_after_s.is_some()
            || self.success_within_s.is_some()
            || self.needs_history()
    }
}

fn exceeds(limit_s: Option<u32>, since: Timestamp, now: Timestamp) -> bool {
    limit_s.is_some_and(|limit| {
        now.duration_since(since) > SignedDuration::from_secs(i64::from(limit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use Outcome::{Failed, Killed, Missed, Skipped, Succeeded};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_first_bad_end_is_told_by_default() {
        let watch = Watch::default();

        assert_eq!(watch.look_back(), 1);
        assert!(watch.is_enough(&[Failed]));
        assert!(!watch.is_enough(&[Succeeded, Failed]));
        assert!(!watch.is_enough(&[Killed]));
    }

    #[test]
    fn in_a_row_means_without_a_success_between() {
        let watch = Watch {
            failures: Some(3),
            ..Watch::default()
        };

        assert!(watch.is_enough(&[Failed, Missed, Failed, Succeeded]));
        assert!(!watch.is_enough(&[Failed, Succeeded, Failed, Failed]));
        assert!(!watch.is_enough(&[Failed, Failed]));
    }

    #[test]
    fn some_of_many_may_have_successes_between() {
        let watch = Watch {
            failures: Some(2),
            failures_of: Some(4),
            ..Watch::default()
        };

        assert!(watch.is_enough(&[Failed, Succeeded, Skipped, Failed]));
        assert!(!watch.is_enough(&[Failed, Succeeded, Succeeded, Succeeded, Failed]));
    }

    #[test]
    fn a_limit_out_of_its_range_is_refused_by_name() {
        let wrong = Watch {
            slower_times: Some(1),
            ..Watch::default()
        };

        assert!(wrong.judge().unwrap_err().contains("slower_times is 1"));
        assert_eq!(Watch::default().judge(), Ok(()));
    }

    #[test]
    fn limits_break_after_their_time_and_not_without_one() {
        let watch = Watch {
            late_after_s: Some(10),
            slow_after_s: Some(20),
            ..Watch::default()
        };

        assert!(!watch.is_late(at(0), at(10)) && watch.is_late(at(0), at(11)));
        assert!(!watch.is_slow(at(0), at(20)) && watch.is_slow(at(0), at(21)));
        assert!(!Watch::default().is_slow(at(0), at(1_000_000)));
    }
}
