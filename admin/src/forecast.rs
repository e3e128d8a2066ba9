//! When enabled jobs fire: the next time of each, in order, and how many fire in every five minutes of the coming day.
//! Kept up with every change of a job, so that no page computes the fire times of all.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use carillon_core::access::Groups;
use carillon_core::identity::{GroupId, JobId};
use carillon_core::schedule::Schedule;
use jiff::{SignedDuration, Timestamp};

use crate::roster::Entry;

/// Seconds of a cell.
pub(crate) const CELL_S: i64 = 300;
/// A day, and what is left of it an hour after it was counted.
const CELLS: usize = 26 * 12;
/// Fire times counted one by one; a denser schedule goes on as it began.
const FIRES_MAX: usize = 1440;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Forecast {
    next: BTreeMap<(Timestamp, JobId), Arc<Entry>>,
    times: HashMap<JobId, Timestamp>,
    load: Load,
}

impl Forecast {
    /// Takes a job in.
    pub(crate) fn insert(&mut self, entry: &Arc<Entry>, now: Timestamp) {
        self.await_next(entry, now);
        self.load.count(entry, u32::saturating_add);
    }

    /// Takes a job out, as it was when it came in.
    pub(crate) fn remove(&mut self, entry: &Entry) {
        if let Some(time) = self.times.remove(&entry.id) {
            self.next.remove(&(time, entry.id));
        }
        self.load.count(entry, u32::saturating_sub);
    }

    fn await_next(&mut self, entry: &Arc<Entry>, now: Timestamp) {
        if let Some(time) = entry.next_after(now) {
            self.times.insert(entry.id, time);
            self.next.insert((time, entry.id), Arc::clone(entry));
        }
    }

    /// Whether a job has fired since, or the day that was counted is too short by now.
    pub(crate) fn is_behind(&self, now: Timestamp) -> bool {
        let first = self.next.first_key_value();
        self.load.is_old(now) || first.is_some_and(|((time, _), _)| *time <= now)
    }

    /// Goes on to `now`; `entries` are all jobs.
    pub(crate) fn advance<'e>(
        &mut self,
        entries: impl Iterator<Item = &'e Arc<Entry>>,
        now: Timestamp,
    ) {
        while let Some(first) = self.next.first_entry().filter(|first| first.key().0 <= now) {
            let entry = first.remove();
            self.times.remove(&entry.id);
            self.await_next(&entry, now);
        }
        if self.load.is_old(now) {
            self.load = Load::from(now);
            entries.for_each(|entry| self.load.count(entry, u32::saturating_add));
        }
    }

    /// Jobs of these groups by their next fire time.
    pub(crate) fn coming<'f>(
        &'f self,
        groups: &'f Groups,
    ) -> impl Iterator<Item = (Timestamp, &'f Arc<Entry>)> {
        let seen = self
            .next
            .iter()
            .filter(move |(_, job)| groups.contains(job.group));
        seen.map(|((time, _), entry)| (*time, entry))
    }

    /// How many times jobs of these groups fire in each cell of the 24 hours from `first` on.
    pub(crate) fn load(&self, groups: &Groups, first: Timestamp) -> Vec<usize> {
        let skipped = cell_of(self.load.from, first);
        let mut counts = vec![0; 24 * 12];
        let seen = self.load.by_group.iter();
        for (_, cells) in seen.filter(|(group, _)| groups.contains(**group)) {
            for (count, cell) in counts.iter_mut().zip(cells.iter().skip(skipped)) {
                *count += *cell as usize;
            }
        }
        counts
    }
}

/// How many times the jobs of each group fire in each cell from a time on.
#[derive(Debug, Default)]
struct Load {
    from: Timestamp,
    by_group: HashMap<GroupId, Vec<u32>>,
}

impl Load {
    /// Nothing counted yet, from the full hour before the last one: zones differ from each other by less than an hour
    /// beyond whole ones.
    fn from(now: Timestamp) -> Self {
        let hour = now.as_second().div_euclid(3600) * 3600;
        Load {
            from: Timestamp::from_second(hour - 3600).unwrap_or(now),
            by_group: HashMap::new(),
        }
    }

    fn is_old(&self, now: Timestamp) -> bool {
        now.duration_since(self.from) >= SignedDuration::from_hours(2)
    }

    /// Counts the fire times of a job in or out. The same job gives the same counts until it begins from another hour.
    fn count(&mut self, entry: &Entry, change: fn(u32, u32) -> u32) {
        let Some(schedule) = entry.schedule.as_ref().filter(|_| entry.enabled) else {
            return;
        };
        let cells = self.by_group.entry(entry.group);
        let cells = cells.or_insert_with(|| vec![0; CELLS]);
        for (cell, fires) in cells.iter_mut().zip(fires_by_cell(schedule, self.from)) {
            *cell = change(*cell, fires);
        }
    }
}

/// How often a schedule fires in each cell from a time on.
fn fires_by_cell(schedule: &Schedule, from: Timestamp) -> Vec<u32> {
    let until = from + SignedDuration::from_secs(CELL_S * CELLS as i64);
    let times = schedule.fire_times(from, until).take(FIRES_MAX);
    let fires: Vec<usize> = times.map(|time| cell_of(from, time)).collect();
    // The cell in which the counting ended is not counted to its end, so it is guessed like those after it.
    let cut = fires.last().copied().filter(|_| fires.len() == FIRES_MAX);
    let cut = cut.unwrap_or(CELLS);
    let mut cells = vec![0; CELLS];
    for cell in fires.into_iter().filter(|cell| *cell < cut) {
        cells[cell] += 1;
    }
    let counted: u32 = cells.iter().sum();
    let whole = u32::try_from(cut).unwrap_or(u32::MAX).max(1);
    let each = ((counted + whole / 2) / whole).max(1);
    cells[cut..].fill(each);
    cells
}

fn cell_of(from: Timestamp, time: Timestamp) -> usize {
    usize::try_from(time.duration_since(from).as_secs() / CELL_S).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use carillon_core::schedule::DstRule;

    use super::*;

    fn fires(expression: &str) -> Vec<u32> {
        let schedule = Schedule::parse(expression, "UTC", DstRule::default(), 0).unwrap();
        fires_by_cell(&schedule, "2026-11-21T19:00:00Z".parse().unwrap())
    }

    #[test]
    fn what_fires_always_fires_as_often_in_each_cell() {
        for (expression, each) in [
            ("* * * * * *", 300),
            ("*/5 * * * * *", 60),
            ("* * * * *", 5),
        ] {
            let cells = fires(expression);
            // A schedule fires after a time, not at it.
            assert_eq!(cells[0], each - 1, "{expression}");
            assert_eq!(cells[1..], vec![each; CELLS - 1], "{expression}");
        }
    }

    #[test]
    fn rare_fires_are_where_they_are() {
        let cells = fires("30 21 * * *");
        let at: Vec<_> = (0..CELLS).filter(|cell| cells[*cell] > 0).collect();

        assert_eq!(at, [30]);
    }
}
