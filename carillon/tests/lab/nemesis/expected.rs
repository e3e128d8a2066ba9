//! What was due, counted second by second from the versions of the jobs: a reader of schedules that knows nothing but
//! the seconds field of those the laboratory writes.

use std::collections::{BTreeMap, BTreeSet};

use super::history::{History, Role, Row, Version};
use crate::laws::Second;

/// How long before its fire time a tick may be claimed, by the store's clock, in microseconds.
const CLAIM_AHEAD_US: i64 = 250_000;

/// Job, second and seat.
pub(crate) type Tick = (String, Second, i64);

/// Every tick of the window that somebody has to decide.
pub(crate) fn expected(history: &History) -> BTreeSet<Tick> {
    let mut ticks = BTreeSet::new();
    for version in history.versions.iter().filter(|version| version.is_enabled) {
        for second in history.window.from..history.window.until {
            if owns(version, second) && is_due(&version.expression, second) {
                let seats = seats(history, &version.job, second);
                ticks.extend(seats.map(|seat| (version.job.clone(), second, seat)));
            }
        }
    }
    ticks
}

fn owns(version: &Version, second: Second) -> bool {
    let us = second * 1_000_000;
    version.from_us < us && us <= version.until_us
}

fn seats(history: &History, job: &str, second: Second) -> impl Iterator<Item = i64> {
    let seats: Vec<i64> = match history.role(job) {
        Role::Everywhere => {
            let nodes = history.nodes.iter();
            let there = nodes.filter(|node| node.since_us <= second * 1_000_000);
            there.map(|node| node.id).collect()
        }
        _ => vec![0],
    };
    seats.into_iter()
}

/// Whether `expression` asks for this second. Its first field is `*`, `a-b`, or one of them with `/n`; all others are `*`.
fn is_due(expression: &str, second: Second) -> bool {
    let (field, others) = expression.split_once(' ').expect("six fields");
    assert_eq!(
        others, "* * * * *",
        "the laboratory writes no such schedule"
    );
    let (range, step) = field.split_once('/').unwrap_or((field, "1"));
    let (first, last) = range.split_once('-').unwrap_or(("0", "59"));
    let number = |text: &str| text.parse::<Second>().expect("a number of seconds");
    let of_minute = second.rem_euclid(60);
    (number(first)..=number(last)).contains(&of_minute)
        && (of_minute - number(first)) % number(step) == 0
}

/// The records of each expected tick, by their place among the rows; those of ticks that were not expected apart.
pub(crate) fn records(
    history: &History,
    expected: &BTreeSet<Tick>,
) -> (BTreeMap<Tick, Vec<usize>>, Vec<usize>) {
    let mut found: BTreeMap<Tick, Vec<usize>> = BTreeMap::new();
    let mut unexpected = Vec::new();
    for (place, row) in history.rows.iter().enumerate() {
        for second in row.fire_us.div_euclid(1_000_000)..=row.last_us.div_euclid(1_000_000) {
            let tick = (row.job.clone(), second, row.slot);
            let is_whole = row.fire_us % 1_000_000 == 0;
            if is_whole && (expected.contains(&tick) || was_claimed_ahead(history, row)) {
                found.entry(tick).or_default().push(place);
            } else if !row.is_range()
                && (history.window.from..history.window.until).contains(&second)
            {
                unexpected.push(place);
            }
        }
    }
    (found, unexpected)
}

/// A tick is claimed up to 250 ms ahead. One that is due within that time after an edit may have been claimed by the version
/// before, which was in force then and asked for it: it runs, as ARCHITECTURE says, and is nobody else's.
fn was_claimed_ahead(history: &History, row: &Row) -> bool {
    let mut versions = history.versions.iter();
    let own = versions.find(|version| (&version.job, version.number) == (&row.job, row.version));
    own.is_some_and(|version| {
        let ahead = row.fire_us - version.until_us;
        (1..=CLAIM_AHEAD_US).contains(&ahead)
            && row.claimed_us.is_some_and(|at| at <= version.until_us)
            && version.is_enabled
            && is_due(&version.expression, row.fire_us / 1_000_000)
    })
}

#[test]
fn schedules_of_the_laboratory_are_read() {
    let of_minute = |expression: &str| -> Vec<Second> {
        (120..180)
            .filter(|second| is_due(expression, *second))
            .map(|second| second - 120)
            .collect()
    };

    assert_eq!(of_minute("* * * * * *").len(), 60);
    assert_eq!(of_minute("*/20 * * * * *"), [0, 20, 40]);
    assert_eq!(of_minute("7-9 * * * * *"), [7, 8, 9]);
    assert_eq!(of_minute("1-59/29 * * * * *"), [1, 30, 59]);
}
