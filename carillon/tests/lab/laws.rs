//! What must hold between what the witness saw and what the store recorded.
//!
//! Each law returns its violations as sentences, and is seen failing in the tests below.

use std::collections::{BTreeMap, BTreeSet};

use carillon_testbed::{Sighting, SightingKind};
use jiff::Timestamp;

/// Seconds since 1970, UTC.
pub(crate) type Second = i64;

/// The seconds that are judged: from the first up to, and without, the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) from: Second,
    pub(crate) until: Second,
}

/// One row of the runs: a tick, or several of a long outage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) job: String,
    pub(crate) first: Second,
    pub(crate) last: Second,
    pub(crate) state: String,
    pub(crate) outcome: String,
    pub(crate) reason: String,
}

impl Record {
    /// Reads `job first last state outcome reason`, separated by tabs.
    pub(crate) fn parse(row: &str) -> Self {
        let cells: Vec<&str> = row.split('\t').collect();
        let [job, first, last, state, outcome, reason] = cells[..] else {
            panic!("{row:?} is no record");
        };
        let second = |text: &str| text.parse().expect("a second is a number");
        let text = str::to_owned;
        Self {
            job: text(job),
            first: second(first),
            last: second(last),
            state: text(state),
            outcome: text(outcome),
            reason: text(reason),
        }
    }

    fn ran(&self) -> bool {
        matches!(
            self.outcome.as_str(),
            "succeeded" | "failed" | "timed_out" | "killed"
        )
    }
}

/// The second that a sighting's tick was due.
pub(crate) fn fire_second(sighting: &Sighting) -> Second {
    let time: Timestamp = sighting.fire_time.parse().expect("a fire time is RFC 3339");
    time.as_second()
}

/// Starts whose ticks lie in the window.
pub(crate) fn starts_within(starts: &[Sighting], window: Window) -> Vec<Sighting> {
    let inside = |start: &&Sighting| (window.from..window.until).contains(&fire_second(start));
    starts.iter().filter(inside).cloned().collect()
}

/// No tick starts twice.
pub(crate) fn doubles(starts: &[Sighting]) -> Vec<String> {
    let mut seen = BTreeMap::new();
    let mut violations = Vec::new();
    for start in starts {
        let tick = (&start.job, &start.fire_time, &start.slot);
        if let Some(node) = seen.insert(tick, &start.node) {
            let (job, time) = (&start.job, &start.fire_time);
            violations.push(format!(
                "job {job} of {time} started on {node} and {}",
                start.node
            ));
        }
    }
    violations
}

/// No command starts before its fire time.
pub(crate) fn early(starts: &[Sighting]) -> Vec<String> {
    let lead = |start: &Sighting| lateness_ns(start);
    let early = starts.iter().filter(|start| lead(start) < 0);
    early
        .map(|start| format!("job {} of {} started early", start.job, start.fire_time))
        .collect()
}

/// Every tick of the window has a record.
pub(crate) fn undecided(records: &[Record], jobs: &[String], window: Window) -> Vec<String> {
    let mut decided = BTreeSet::new();
    for record in records {
        for second in record.first.max(window.from)..=record.last.min(window.until - 1) {
            decided.insert((record.job.as_str(), second));
        }
    }
    let mut violations = Vec::new();
    for job in jobs {
        for second in window.from..window.until {
            if !decided.contains(&(job.as_str(), second)) {
                violations.push(format!("nobody decided job {job} of second {second}"));
            }
        }
    }
    violations
}

/// No tick has two records.
pub(crate) fn decided_twice(records: &[Record]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut violations = Vec::new();
    for record in records {
        for second in record.first..=record.last {
            if !seen.insert((record.job.as_str(), second)) {
                violations.push(format!(
                    "job {} of second {second} has two records",
                    record.job
                ));
            }
        }
    }
    violations
}

/// What is recorded as run has started, and what has started is recorded as run or as lost.
pub(crate) fn lies(records: &[Record], starts: &[Sighting]) -> Vec<String> {
    let started: BTreeSet<(&str, Second)> = starts
        .iter()
        .map(|start| (start.job.as_str(), fire_second(start)))
        .collect();
    let mut told = BTreeSet::new();
    let mut violations = Vec::new();
    for record in records {
        let tick = (record.job.as_str(), record.first);
        if record.ran() && !started.contains(&tick) {
            violations.push(format!(
                "job {} of second {} never ran",
                record.job, record.first
            ));
        }
        if record.ran() || matches!(record.outcome.as_str(), "lost" | "interrupted") {
            told.insert(tick);
        }
    }
    for (job, second) in started.difference(&told) {
        violations.push(format!(
            "job {job} of second {second} ran, and the store says otherwise"
        ));
    }
    violations
}

/// No more than `live_max` commands of a job are alive at once. A start whose end was not seen counts as alive.
pub(crate) fn crowds(sightings: &[Sighting], live_max: usize) -> Vec<String> {
    let mut order: Vec<&Sighting> = sightings.iter().collect();
    // What ends in the moment in which another begins makes room for it.
    order.sort_by_key(|sighting| (sighting.at_ns, sighting.kind == SightingKind::Start));
    let mut alive = BTreeMap::<&str, BTreeSet<&str>>::new();
    let mut violations = Vec::new();
    for sighting in order {
        let job = alive.entry(&sighting.job).or_default();
        match sighting.kind {
            SightingKind::End { .. } => drop(job.remove(sighting.token.as_str())),
            SightingKind::Start => drop(job.insert(&sighting.token)),
        }
        if sighting.kind == SightingKind::Start && job.len() > live_max {
            let (name, time) = (&sighting.job, &sighting.fire_time);
            violations.push(format!("job {name} of {time} makes {} alive", job.len()));
        }
    }
    violations
}

/// Ticks that did not start and are not recorded as skipped for one of `reasons`.
pub(crate) fn unexcused(records: &[Record], starts: &[Sighting], reasons: &[&str]) -> Vec<String> {
    let started: BTreeSet<(&str, Second)> = starts
        .iter()
        .map(|start| (start.job.as_str(), fire_second(start)))
        .collect();
    let is_excused = |record: &&Record| {
        started.contains(&(record.job.as_str(), record.first))
            || (record.outcome == "skipped" && reasons.contains(&record.reason.as_str()))
    };
    let unexcused = records.iter().filter(|record| !is_excused(record));
    unexcused.map(tell).collect()
}

/// Ticks that did not succeed, with outcome and reason.
pub(crate) fn unsuccessful(records: &[Record]) -> Vec<String> {
    let failed = records
        .iter()
        .filter(|record| record.outcome != "succeeded");
    failed.map(tell).collect()
}

fn tell(record: &Record) -> String {
    let (job, outcome, reason) = (&record.job, &record.outcome, &record.reason);
    format!("job {job} of second {}: {outcome} ({reason})", record.first)
}

/// The share of starts of each node, in percent.
pub(crate) fn shares(starts: &[Sighting]) -> BTreeMap<String, f64> {
    let mut counts = BTreeMap::<String, usize>::new();
    for start in starts {
        *counts.entry(start.node.clone()).or_default() += 1;
    }
    let percent = |count: usize| 100.0 * count as f64 / starts.len() as f64;
    counts
        .into_iter()
        .map(|(node, count)| (node, percent(count)))
        .collect()
}

/// Start lateness in milliseconds: median, 99th percentile and largest.
pub(crate) fn lateness_ms(starts: &[Sighting]) -> (f64, f64, f64) {
    let mut late: Vec<f64> = starts
        .iter()
        .map(|start| lateness_ns(start) as f64 / 1e6)
        .collect();
    late.sort_by(f64::total_cmp);
    let at = |share: f64| late[((late.len() - 1) as f64 * share) as usize];
    (at(0.5), at(0.99), at(1.0))
}

fn lateness_ns(start: &Sighting) -> i128 {
    start.at_ns - i128::from(fire_second(start)) * 1_000_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window {
        from: 100,
        until: 102,
    };

    fn start(job: &str, second: Second, node: &str, late_ns: i128) -> Sighting {
        Sighting {
            kind: SightingKind::Start,
            job: job.to_owned(),
            fire_time: Timestamp::from_second(second).unwrap().to_string(),
            token: "-".to_owned(),
            run: "-".to_owned(),
            attempt: "1".to_owned(),
            node: node.to_owned(),
            slot: "0".to_owned(),
            pid: 1,
            at_ns: i128::from(second) * 1_000_000_000 + late_ns,
        }
    }

    fn record(job: &str, first: Second, last: Second, outcome: &str) -> Record {
        Record::parse(&format!("{job}\t{first}\t{last}\tdone\t{outcome}\t-"))
    }

    #[test]
    fn second_start_of_a_tick_is_seen() {
        let starts = [
            start("1", 100, "a", 0),
            start("1", 101, "a", 0),
            start("1", 100, "b", 0),
        ];

        assert_eq!(doubles(&starts[..2]).len(), 0);
        assert_eq!(doubles(&starts).len(), 1);
    }

    #[test]
    fn early_start_is_seen() {
        assert_eq!(
            early(&[start("1", 100, "a", -1), start("1", 101, "a", 0)]).len(),
            1
        );
    }

    #[test]
    fn undecided_tick_is_seen_and_an_outage_covers_its_ticks() {
        let jobs = ["1".to_owned(), "2".to_owned()];
        let records = [
            record("1", 90, 101, "missed"),
            record("2", 100, 100, "succeeded"),
        ];

        assert_eq!(
            undecided(&records, &jobs, WINDOW),
            ["nobody decided job 2 of second 101"]
        );
    }

    #[test]
    fn tick_with_two_records_is_seen() {
        let records = [
            record("1", 99, 101, "missed"),
            record("1", 101, 101, "succeeded"),
        ];

        assert_eq!(decided_twice(&records).len(), 1);
    }

    #[test]
    fn lies_are_seen_in_both_directions() {
        let records = [
            record("1", 100, 100, "succeeded"),
            record("1", 101, 101, "missed"),
        ];
        let starts = [start("1", 101, "a", 0)];

        assert_eq!(lies(&records, &starts).len(), 2);
        assert!(lies(&[record("1", 101, 101, "lost")], &starts).is_empty());
    }

    #[test]
    fn second_command_alive_at_once_is_seen() {
        let mut sightings = Vec::new();
        for (second, lasts) in [(100, 1), (101, 3), (103, 1)] {
            let mut start = start("1", second, "a", 0);
            start.token = second.to_string();
            let mut end = start.clone();
            end.kind = SightingKind::End { exit_code: 0 };
            end.at_ns += lasts * 1_000_000_000;
            sightings.extend([start, end]);
        }

        assert!(crowds(&sightings[..4], 1).is_empty());
        assert_eq!(crowds(&sightings, 1).len(), 1);
        assert!(crowds(&sightings, 2).is_empty());
    }

    #[test]
    fn tick_without_start_needs_its_excuse() {
        let mut skipped = record("1", 101, 101, "skipped");
        skipped.reason = "overlap".to_owned();
        let records = [
            record("1", 100, 100, "succeeded"),
            skipped,
            record("1", 102, 102, "missed"),
        ];
        let starts = [start("1", 100, "a", 0)];

        assert_eq!(unexcused(&records, &starts, &["overlap"]).len(), 1);
        assert_eq!(unexcused(&records, &starts, &["queue_full"]).len(), 2);
    }

    #[test]
    fn shares_and_lateness_are_counted() {
        let starts = [
            start("1", 100, "a", 1_000_000),
            start("2", 100, "b", 3_000_000),
        ];

        assert_eq!(shares(&starts)["a"], 50.0);
        assert_eq!(lateness_ms(&starts), (1.0, 1.0, 3.0));
    }
}
