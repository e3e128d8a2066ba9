//! What a schedule came to, in numbers.

use std::collections::{BTreeMap, BTreeSet};

use super::excuses::{Excuse, excuse};
use super::fault::{Kind, Suffered};
use super::history::{History, Row};
use super::judge::{Case, Verdict, late_ns};

/// A start is counted to a fault that was there this long before its fire time, in microseconds, or later.
const FELT_US: i64 = 2_000_000;

/// The lines that tell of it: totals, endings, lateness by what went on.
pub(crate) fn tell(history: &History, verdict: &Verdict) -> Vec<String> {
    let case = Case::of(history);
    let count = |law: &str| {
        let of_law = verdict.iter().find(|(name, _)| *name == law);
        of_law.map_or(0, |(_, violations)| violations.len())
    };
    let mut outcomes = BTreeMap::<(&str, &str), i64>::new();
    for row in case.rows() {
        *outcomes.entry((&row.outcome, &row.reason)).or_default() += row.ticks;
    }
    let of = |outcome: &str| -> i64 {
        let own = outcomes.iter().filter(|((name, _), _)| *name == outcome);
        own.map(|(_, ticks)| ticks).sum()
    };
    let is_crowded = |row: &&Row| {
        let needs = row.outcome == "missed" || row.is_unknown();
        needs && excuse(history, row) == Some(Excuse::BusyMachine)
    };
    let crowded: i64 = case.rows().filter(is_crowded).map(|row| row.ticks).sum();
    let mut lines = vec![format!(
        "ticks={} starts={} doubles={} early={} undecided={} missed={} lost={} interrupted={} skipped={} \
         crowded={crowded} unexplained={} faults={}",
        case.expected.len(),
        case.starts.len(),
        count("no tick starts twice"),
        count("no tick starts early"),
        count("every tick is decided"),
        of("missed"),
        of("lost"),
        of("interrupted"),
        of("skipped"),
        count("what is missed or lost has its fault"),
        history
            .faults
            .iter()
            .filter(|fault| fault.kind != Kind::MachineBusy)
            .count(),
    )];
    for ((outcome, reason), ticks) in &outcomes {
        lines.push(format!("  {ticks:>6} {outcome} ({reason})"));
    }
    lines.extend(lateness(&case));
    lines
}

/// One line for each kind of fault, of the starts that fell due while it was felt.
fn lateness(case: &Case<'_>) -> Vec<String> {
    let mut late = BTreeMap::<&str, Vec<f64>>::new();
    for start in &case.starts {
        let fire_us = ((start.at_ns - late_ns(start)) / 1_000) as i64;
        let felt =
            |fault: &&Suffered| fault.from_us <= fire_us && fire_us <= fault.until_us + FELT_US;
        let faults = case.history.faults.iter().filter(felt);
        let mut kinds: BTreeSet<&str> = faults.map(|fault| fault.kind.word()).collect();
        if kinds.is_empty() {
            kinds.insert("nothing");
        }
        for kind in kinds {
            late.entry(kind)
                .or_default()
                .push(late_ns(start) as f64 / 1e6);
        }
    }
    let line = |(kind, mut late): (&str, Vec<f64>)| {
        late.sort_by(f64::total_cmp);
        let at = |share: f64| late[((late.len() - 1) as f64 * share) as usize];
        let (p50, p99, max) = (at(0.5), at(0.99), at(1.0));
        format!(
            "  late_ms {kind:<20} n={:<6} p50={p50:.1} p99={p99:.1} max={max:.1}",
            late.len()
        )
    };
    late.into_iter().map(line).collect()
}
