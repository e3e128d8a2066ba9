//! How often the limits of a job would have been news, held against what its runs did.
//!
//! An incident opens with the first run that breaks a rule and ends with the first that does not, as when it is watched;
//! flapping and mutes are left aside.

use std::collections::{BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

use crate::calendar::Blackouts;
use crate::rule::Rule;
use crate::run::Outcome;
use crate::usual::{SUCCESSES_MAX, Usual};
use crate::watch::{FAILURES_OF_MAX, Watch};

/// A run that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRun {
    /// Its id.
    pub run: String,
    /// When it should have started.
    pub not_before: Timestamp,
    /// When its command started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How.
    pub outcome: Outcome,
}

impl PastRun {
    fn elapsed(&self) -> Option<SignedDuration> {
        Some(self.ended_at.duration_since(self.started_at?))
    }
}

/// An incident that there would have been.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firing {
    /// What was broken.
    pub rule: Rule,
    /// Since when.
    pub since_at: Timestamp,
    /// By which run; none where one was missing.
    pub run: Option<String>,
}

/// The rules that past runs can be held against.
pub const BACK_TESTED: [Rule; 11] = [
    Rule::JobFailed,
    Rule::JobTimedOut,
    Rule::JobLost,
    Rule::JobMissed,
    Rule::JobCouldNotStart,
    Rule::JobInterrupted,
    Rule::JobLate,
    Rule::JobSlow,
    Rule::JobSlower,
    Rule::JobFaster,
    Rule::JobNoSuccess,
];

/// What would have been told by one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleTest {
    /// The rule.
    pub rule: Rule,
    /// Whether the limits watch for it at all.
    pub is_watched: bool,
    /// The incidents, the oldest first.
    pub firings: Vec<Firing>,
}

/// The incidents that there would have been, rule by rule; rules without any are there, too.
pub fn by_rule(watch: &Watch, firings: &[Firing]) -> Vec<RuleTest> {
    let of_rule = |rule: Rule| {
        let firings = firings.iter().filter(|one| one.rule == rule);
        RuleTest {
            rule,
            is_watched: match rule {
                Rule::JobLate => watch.late_after_s.is_some(),
                Rule::JobSlow => watch.slow_after_s.is_some(),
                Rule::JobSlower => watch.slower_times.is_some(),
                Rule::JobFaster => watch.faster_times.is_some(),
                Rule::JobNoSuccess => watch.success_within_s.is_some(),
                _ => true,
            },
            firings: firings.cloned().collect(),
        }
    };
    BACK_TESTED.map(of_rule).to_vec()
}

/// The incidents that `watch` would have opened over `runs`, which are in the order they ended, and until `now`.
pub fn back_test(
    watch: &Watch,
    blackouts: Option<&Blackouts>,
    runs: &[PastRun],
    now: Timestamp,
) -> Vec<Firing> {
    let mut bench = Bench {
        watch,
        blackouts,
        outcomes: VecDeque::new(),
        successes: VecDeque::new(),
        success_since: runs.first().map(|run| run.ended_at),
        open: BTreeSet::new(),
        firings: Vec::new(),
    };
    for run in runs {
        bench.judge(run);
    }
    bench.judge_silence(now);
    bench.firings
}

struct Bench<'a> {
    watch: &'a Watch,
    blackouts: Option<&'a Blackouts>,
    /// Newest first.
    outcomes: VecDeque<Outcome>,
    /// How long the last successes took, newest first.
    successes: VecDeque<SignedDuration>,
    /// The last success, or where the runs begin.
    success_since: Option<Timestamp>,
    open: BTreeSet<&'static str>,
    firings: Vec<Firing>,
}

impl Bench<'_> {
    fn judge(&mut self, run: &PastRun) {
        self.judge_end(run);
        let watch = self.watch;
        let elapsed = run.elapsed();
        let exceeds = |limit: Option<u32>, span: Option<SignedDuration>| {
            let limit = SignedDuration::from_secs(i64::from(limit?));
            Some(span? > limit)
        };
        let late = run.started_at.map(|at| at.duration_since(run.not_before));
        self.enter(Rule::JobLate, exceeds(watch.late_after_s, late), run);
        self.enter(Rule::JobSlow, exceeds(watch.slow_after_s, elapsed), run);
        let usual = Usual::of(self.successes.make_contiguous());
        let is_slower = usual
            .zip(watch.slower_times)
            .zip(elapsed)
            .map(|((usual, times), elapsed)| elapsed > usual.slow_limit(times));
        self.enter(Rule::JobSlower, is_slower, run);
        if run.outcome != Outcome::Succeeded {
            return;
        }
        let is_faster = usual
            .zip(watch.faster_times)
            .zip(elapsed)
            .map(|((usual, times), elapsed)| elapsed < usual.fast_limit(times));
        self.enter(Rule::JobFaster, is_faster, run);
        self.judge_silence(run.ended_at);
        self.success_since = Some(run.ended_at);
        if let Some(elapsed) = elapsed {
            self.successes.push_front(elapsed);
            self.successes.truncate(SUCCESSES_MAX);
        }
    }

    /// A bad end; or a good one, with which those before it are over.
    fn judge_end(&mut self, run: &PastRun) {
        self.outcomes.push_front(run.outcome);
        self.outcomes.truncate(FAILURES_OF_MAX as usize);
        if run.outcome == Outcome::Succeeded {
            for rule in Rule::ALL.iter().filter(|rule| rule.is_by_run()) {
                self.open.remove(rule.word());
            }
        }
        let is_enough = self.watch.is_enough(self.outcomes.make_contiguous());
        if let (Some(rule), true) = (Rule::broken_by(run.outcome), is_enough) {
            self.enter(rule, Some(true), run);
        }
    }

    fn enter(&mut self, rule: Rule, is_broken: Option<bool>, run: &PastRun) {
        match is_broken {
            Some(true) if self.open.insert(rule.word()) => {
                self.firings.push(Firing {
                    rule,
                    since_at: match rule {
                        Rule::JobLate => run.not_before,
                        Rule::JobSlow | Rule::JobSlower => run.started_at.unwrap_or(run.ended_at),
                        _ => run.ended_at,
                    },
                    run: Some(run.run.clone()),
                });
            }
            Some(false) => {
                self.open.remove(rule.word());
            }
            Some(true) | None => {}
        }
    }

    /// Whether there was a success too late, or none, by `until`.
    fn judge_silence(&mut self, until: Timestamp) {
        let (Some(limit_s), Some(since_at)) = (self.watch.success_within_s, self.success_since)
        else {
            return;
        };
        let limit = SignedDuration::from_secs(i64::from(limit_s));
        let allowed_since = match self.blackouts {
            Some(blackouts) => blackouts.open_since(until, limit),
            None => until.saturating_sub(limit).unwrap_or(Timestamp::MIN),
        };
        if since_at < allowed_since {
            self.firings.push(Firing {
                rule: Rule::JobNoSuccess,
                since_at,
                run: None,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Outcome::{Failed, Missed, Succeeded};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// One run every 100 s, of these outcomes and lengths.
    fn runs(ends: &[(Outcome, i64)]) -> Vec<PastRun> {
        let run = |(place, (outcome, seconds)): (usize, &(Outcome, i64))| {
            let start = i64::try_from(place).unwrap() * 100;
            PastRun {
                run: format!("run {place}"),
                not_before: at(start),
                started_at: (*outcome != Missed).then(|| at(start)),
                ended_at: at(start + seconds),
                outcome: *outcome,
            }
        };
        ends.iter().enumerate().map(run).collect()
    }

    fn fired(watch: Watch, ends: &[(Outcome, i64)]) -> Vec<(Rule, i64)> {
        let now = at(i64::try_from(ends.len()).unwrap() * 100);
        let firings = back_test(&watch, None, &runs(ends), now);
        let told = firings.iter();
        told.map(|one| (one.rule, one.since_at.as_second()))
            .collect()
    }

    #[test]
    fn failures_in_a_row_are_one_incident_until_a_success() {
        let ends = [
            (Failed, 1),
            (Failed, 1),
            (Succeeded, 1),
            (Failed, 1),
            (Missed, 0),
        ];

        assert_eq!(
            fired(Watch::default(), &ends),
            [
                (Rule::JobFailed, 1),
                (Rule::JobFailed, 301),
                (Rule::JobMissed, 400)
            ]
        );
        let patient = Watch {
            failures: Some(2),
            ..Watch::default()
        };
        assert_eq!(
            fired(patient, &ends),
            [(Rule::JobFailed, 101), (Rule::JobMissed, 400)]
        );
    }

    #[test]
    fn runs_are_held_against_what_was_usual_before_them() {
        let mut ends = vec![(Succeeded, 20); 5];
        ends.extend([(Succeeded, 41), (Succeeded, 20), (Succeeded, 6)]);
        let watch = Watch {
            slower_times: Some(2),
            faster_times: Some(3),
            ..Watch::default()
        };

        assert_eq!(
            fired(watch, &ends),
            [(Rule::JobSlower, 500), (Rule::JobFaster, 706)]
        );
        assert!(fired(watch, &ends[1..6]).is_empty());
    }

    #[test]
    fn limits_and_missing_successes_are_found() {
        let ends = [(Succeeded, 10), (Succeeded, 31), (Failed, 1), (Failed, 1)];
        let watch = Watch {
            slow_after_s: Some(30),
            success_within_s: Some(150),
            failures: Some(5),
            ..Watch::default()
        };

        assert_eq!(
            fired(watch, &ends),
            [(Rule::JobSlow, 100), (Rule::JobNoSuccess, 131)]
        );
    }

    #[test]
    fn time_in_a_blackout_is_not_waited_for() {
        let watch = Watch {
            success_within_s: Some(150),
            ..Watch::default()
        };
        let always = Blackouts::parse("UTC", "Mon .. Sun").unwrap();
        let runs = runs(&[(Succeeded, 10)]);

        assert_eq!(back_test(&watch, None, &runs, at(1000)).len(), 1);
        assert!(back_test(&watch, Some(&always), &runs, at(1000)).is_empty());
    }
}
