//! Which jobs were due lately: what the audit of ticks has to look at while this node was up.

use std::collections::{HashSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

use crate::identity::JobId;

/// So many ticks are remembered; older ones are asked of the schedules again.
const TICKS_MAX: usize = 200_000;

/// The latest ticks of every loaded job, whoever runs them.
#[derive(Debug)]
pub(super) struct RecentTicks {
    /// In order of fire time, but for jobs that were loaded late.
    ticks: VecDeque<(Timestamp, JobId)>,
    /// Every tick after this is remembered,
    complete_from: Timestamp,
    /// up to and including this: a node that slept has not seen what was due meanwhile before it looks.
    complete_until: Timestamp,
}

impl RecentTicks {
    pub(super) fn new() -> Self {
        RecentTicks {
            ticks: VecDeque::new(),
            complete_from: Timestamp::MIN,
            complete_until: Timestamp::MIN,
        }
    }

    pub(super) fn push(&mut self, fire_time: Timestamp, job: JobId) {
        if self.ticks.len() == TICKS_MAX
            && let Some((oldest, _)) = self.ticks.pop_front()
        {
            self.complete_from = self.complete_from.max(oldest);
        }
        self.ticks.push_back((fire_time, job));
    }

    /// Ticks of some job up to then were never seen.
    pub(super) fn skip_until(&mut self, time: Timestamp) {
        self.complete_from = self.complete_from.max(time);
    }

    /// Every tick up to then has been seen.
    pub(super) fn see_until(&mut self, time: Timestamp) {
        self.complete_until = self.complete_until.max(time);
    }

    /// A tick has come up that is still to be seen.
    pub(super) fn expect(&mut self, fire_time: Timestamp) {
        let before = fire_time - SignedDuration::from_micros(1);
        self.complete_until = self.complete_until.min(before);
    }

    /// The jobs that were due after `from` up to and including `to`; none when that is not known.
    pub(super) fn jobs_between(&self, from: Timestamp, to: Timestamp) -> Option<HashSet<JobId>> {
        let is_due = |&&(fire_time, _): &&(Timestamp, JobId)| from < fire_time && fire_time <= to;
        let jobs = || {
            self.ticks
                .iter()
                .filter(is_due)
                .map(|&(_, job)| job)
                .collect()
        };
        (from >= self.complete_from && to <= self.complete_until).then(jobs)
    }
}
