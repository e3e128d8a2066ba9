//! What this node has done since its agent came up: counters, and the lateness of its latest starts.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use carillon_core::claim::ClaimAnswer;
use carillon_core::run::Outcome;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Lateness is kept of this many starts.
const STARTS_MAX: usize = 10_000;

/// Counts of one boot.
#[derive(Debug, Default)]
pub struct Counters {
    claims: ClaimCounts,
    outcomes: BTreeMap<&'static str, u64>,
    lateness_us: VecDeque<i64>,
    forgotten: u64,
}

/// How claims were answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimCounts {
    /// This node has the run.
    pub won: u64,
    /// This node decided that it is skipped.
    pub settled: u64,
    /// Another node was first.
    pub lost: u64,
    /// The job had changed, or it was too early.
    pub refused: u64,
    /// No answer came.
    pub unknown: u64,
}

/// Lateness of starts in microseconds: start minus fire time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lateness {
    /// Half of the starts were no later.
    pub p50_us: i64,
    /// All but one in a hundred were no later.
    pub p99_us: i64,
    /// The latest.
    pub max_us: i64,
}

impl Counters {
    /// Takes in the answers to one claim; none is unknown.
    pub fn count_claims(&mut self, asked: usize, answers: Option<&[ClaimAnswer]>) {
        let Some(answers) = answers else {
            self.claims.unknown += asked as u64;
            return;
        };
        for answer in answers {
            match answer {
                ClaimAnswer::Won => self.claims.won += 1,
                ClaimAnswer::Settled => self.claims.settled += 1,
                ClaimAnswer::Lost => self.claims.lost += 1,
                ClaimAnswer::Refused => self.claims.refused += 1,
            }
        }
    }

    /// Takes in a start on time or late.
    pub fn count_start(&mut self, planned: Timestamp, started_at: Timestamp) {
        if self.lateness_us.len() == STARTS_MAX {
            self.lateness_us.pop_front();
        }
        let late = started_at.duration_since(planned);
        self.lateness_us
            .push_back(i64::try_from(late.as_micros()).unwrap_or(i64::MAX));
    }

    /// Takes in old records that were dropped.
    pub fn count_forgotten(&mut self, rows: u64) {
        self.forgotten += rows;
    }

    /// Old records that this agent has dropped.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Takes in the end of an attempt.
    pub fn count_outcome(&mut self, outcome: Outcome) {
        *self.outcomes.entry(outcome.word()).or_default() += 1;
    }

    /// How claims were answered.
    pub fn claims(&self) -> ClaimCounts {
        self.claims
    }

    /// How attempts ended, by the outcome's word.
    pub fn outcomes(&self) -> BTreeMap<String, u64> {
        self.outcomes
            .iter()
            .map(|(word, count)| ((*word).to_owned(), *count))
            .collect()
    }

    /// Lateness of the latest starts; none before the first.
    pub fn lateness(&self) -> Option<Lateness> {
        let mut sorted: Vec<_> = self.lateness_us.iter().copied().collect();
        sorted.sort_unstable();
        let max_us = *sorted.last()?;
        let quantile = |percent: usize| sorted[(sorted.len() - 1) * percent / 100];
        Some(Lateness {
            p50_us: quantile(50),
            p99_us: quantile(99),
            max_us,
        })
    }
}

/// What `agent stats` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    /// `starting`, `running`, `draining`.
    pub state: String,
    /// The agent's process.
    pub pid: u32,
    /// This life of it; another one after a restart, although the process id stays.
    pub boot: String,
    /// Its release.
    pub version: String,
    /// The node's name.
    pub node: String,
    /// Seconds since the agent came up.
    pub uptime_s: f64,
    /// Jobs loaded.
    pub jobs: usize,
    /// Jobs in the store that this agent does not understand, with the reason.
    pub corrupt_jobs: Vec<String>,
    /// The next fire time of any of them on this node.
    pub next_fire_time: Option<Timestamp>,
    /// Commands that live.
    pub running: usize,
    /// The most commands at once.
    pub running_max: u32,
    /// How claims were answered.
    pub claims: ClaimCounts,
    /// How attempts ended.
    pub outcomes: BTreeMap<String, u64>,
    /// Lateness of the latest starts.
    pub lateness: Option<Lateness>,
    /// Store clock minus host clock, in microseconds.
    pub clock_offset_us: Option<i64>,
    /// The truth lies within this much of it, in microseconds.
    pub clock_uncertainty_us: Option<i64>,
    /// Whether this node claims; if not, why.
    pub claiming: String,
    /// `ok`, or since when and why not.
    pub store: String,
    /// `ok`, `not configured`, or `down`.
    pub redis: String,
    /// `ok`, or why it starts nothing.
    pub runner: String,
    /// Which limits of jobs hold for whole process trees on this node, and why not all.
    #[serde(default)]
    pub limits: String,
    /// Results that wait for the store.
    pub unreported: usize,
    /// Old records that this agent has dropped since it came up; it is another agent's turn now and then.
    pub forgotten: u64,
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self.lines();
        let (last, others) = lines.split_last().expect("the node is always told");
        for (name, value) in others {
            writeln!(f, "{name:<12} {value}")?;
        }
        write!(f, "{:<12} {}", last.0, last.1)
    }
}

impl Stats {
    fn lines(&self) -> Vec<(&'static str, String)> {
        let ClaimCounts {
            won,
            settled,
            lost,
            refused,
            unknown,
        } = self.claims;
        let next = self
            .next_fire_time
            .map_or_else(|| "never".to_owned(), |next| next.to_string());
        let up = SignedDuration::from_secs(self.uptime_s as i64);
        let mut lines = vec![
            (
                "node",
                format!(
                    "{} ({}, pid {}, {})",
                    self.node, self.state, self.pid, self.version
                ),
            ),
            ("up", format!("{up:#}")),
            ("claims", self.claiming.clone()),
            ("jobs", self.jobs.to_string()),
        ];
        lines.extend(
            self.corrupt_jobs
                .iter()
                .map(|job| ("", format!("not understood: {job}"))),
        );
        lines.extend([
            ("next", next),
            ("running", format!("{} of {}", self.running, self.running_max)),
            (
                "claimed",
                format!("{won} won, {settled} skipped, {lost} lost, {refused} refused, {unknown} unknown"),
            ),
            ("ended", self.outcomes_line()),
        ]);
        lines.extend(self.lateness.map(|late| ("late", late.to_string())));
        lines.extend(self.clock_line().map(|line| ("clock", line)));
        lines.extend([
            ("store", self.store.clone()),
            ("redis", self.redis.clone()),
            ("runner", self.runner.clone()),
            ("limits", self.limits.clone()),
            (
                "unreported",
                format!("{} results wait for the store", self.unreported),
            ),
            (
                "forgotten",
                format!("{} old records dropped", self.forgotten),
            ),
        ]);
        lines
    }

    fn outcomes_line(&self) -> String {
        let words = self
            .outcomes
            .iter()
            .map(|(word, count)| format!("{count} {word}"));
        match words.collect::<Vec<_>>() {
            none if none.is_empty() => "none yet".to_owned(),
            words => words.join(", "),
        }
    }

    fn clock_line(&self) -> Option<String> {
        let ms = |us: i64| us as f64 / 1000.0;
        let (offset, vague) = (self.clock_offset_us?, self.clock_uncertainty_us?);
        Some(format!("{:+.1} ms ± {:.1} ms", ms(offset), ms(vague)))
    }
}

impl fmt::Display for Lateness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |us: i64| us as f64 / 1000.0;
        let Lateness {
            p50_us,
            p99_us,
            max_us,
        } = *self;
        write!(
            f,
            "p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms",
            ms(p50_us),
            ms(p99_us),
            ms(max_us)
        )
    }
}

/// Whole microseconds of a duration.
pub fn whole_microseconds(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_is_told_by_quantiles() {
        let mut counters = Counters::default();
        assert_eq!(counters.lateness(), None);
        for late_us in 0..=100 {
            let planned = Timestamp::UNIX_EPOCH;
            counters.count_start(planned, planned + SignedDuration::from_micros(late_us));
        }

        assert_eq!(
            counters.lateness(),
            Some(Lateness {
                p50_us: 50,
                p99_us: 99,
                max_us: 100
            })
        );
    }
}
