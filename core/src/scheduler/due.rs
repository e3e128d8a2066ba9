//! The next fire time of every job, soonest first.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use jiff::Timestamp;

use super::Plan;
use crate::identity::JobId;

/// Entries of versions that are gone are left in the heap and recognised when they come up: an edit is cheap.
#[derive(Debug, Default)]
pub(super) struct DueQueue {
    heap: BinaryHeap<Reverse<(i64, JobId, i64)>>,
}

/// So many stale entries more than jobs are kept before the heap is built anew.
const STALE_MAX: usize = 1024;

impl DueQueue {
    pub(super) fn push(&mut self, fire_time: Timestamp, job: JobId, version: i64) {
        self.heap
            .push(Reverse((fire_time.as_second(), job, version)));
    }

    /// Takes the soonest entry that is due at or before `until`.
    pub(super) fn pop_until(&mut self, until: Timestamp) -> Option<(Timestamp, JobId, i64)> {
        let &Reverse((second, job, version)) = self.heap.peek()?;
        let fire_time = Timestamp::from_second(second).expect("it was pushed as a timestamp");
        (fire_time <= until).then(|| {
            self.heap.pop();
            (fire_time, job, version)
        })
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        let &Reverse((second, ..)) = self.heap.peek()?;
        Timestamp::from_second(second).ok()
    }

    /// Builds the heap anew when most of it is stale.
    pub(super) fn shed_stale(&mut self, plans: &HashMap<JobId, Plan>) {
        if self.heap.len() <= 2 * plans.len() + STALE_MAX {
            return;
        }
        self.heap.retain(|Reverse((_, job, version))| {
            plans.get(job).is_some_and(|plan| plan.version == *version)
        });
    }

    /// How many alarms a version of a job has.
    pub(super) fn alarm_count(&self, job: JobId, version: i64) -> usize {
        let is_its = |entry: &&Reverse<(i64, JobId, i64)>| (entry.0.1, entry.0.2) == (job, version);
        self.heap.iter().filter(is_its).count()
    }

    /// The jobs that have an alarm, one entry for each alarm.
    #[cfg(test)]
    pub(super) fn jobs(&self) -> impl Iterator<Item = (JobId, i64)> {
        self.heap
            .iter()
            .map(|&Reverse((_, job, version))| (job, version))
    }
}
