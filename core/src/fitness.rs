//! Whether nodes that beat are fit: their clocks, their releases, their willingness to claim.

use std::collections::BTreeMap;

use crate::evidence::Evidence;
use crate::node::{CLOCK_OFFSET_WARNING, CLOCK_UNCERTAINTY_MAX};
use crate::rule::Rule;

/// What a node that beats says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vitals {
    /// Store clock minus node clock, in microseconds.
    pub clock_offset_us: i64,
    /// The truth lies within this much of it, in microseconds.
    pub clock_uncertainty_us: i64,
    /// The program's version.
    pub version: String,
    /// The version of its time zone tables.
    pub tzdb_version: String,
    /// Whether it claims.
    pub is_claiming: bool,
    /// Why not.
    pub not_claiming_reason: String,
    /// Bytes of the disk that its data directory is on; 0 where it does not say.
    pub disk_total: i64,
    /// What of them is free.
    pub disk_available: i64,
}

/// What most nodes have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Majority {
    version: String,
    tzdb_version: String,
}

impl Majority {
    /// What most of `nodes` have; among equals the greatest, which is the newest release.
    pub fn of<'a>(nodes: impl Iterator<Item = &'a Vitals> + Clone) -> Self {
        Majority {
            version: most(nodes.clone().map(|node| node.version.as_str())),
            tzdb_version: most(nodes.map(|node| node.tzdb_version.as_str())),
        }
    }
}

fn most<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for word in words {
        *counts.entry(word).or_default() += 1;
    }
    counts
        .into_iter()
        .max_by_key(|(word, count)| (*count, *word))
        .map_or_else(String::new, |(word, _)| word.to_owned())
}

/// The rules about fitness.
pub const FITNESS_RULES: [Rule; 5] = [
    Rule::NodeClock,
    Rule::NodeTzdb,
    Rule::NodeVersion,
    Rule::NodeNotClaiming,
    Rule::NodeDisk,
];

/// What of `node` is broken, among [`FITNESS_RULES`]. `disk_percent_min` of its disk should be free.
pub fn find_faults(
    node: &Vitals,
    majority: &Majority,
    disk_percent_min: u32,
) -> Vec<(Rule, Evidence)> {
    let mut faults = Vec::new();
    let offset_max = i64::try_from(CLOCK_OFFSET_WARNING.as_micros()).unwrap_or(i64::MAX);
    let uncertainty_max = i64::try_from(CLOCK_UNCERTAINTY_MAX.as_micros()).unwrap_or(i64::MAX);
    let is_vague = node.clock_uncertainty_us > uncertainty_max;
    if node.clock_offset_us.saturating_abs() > offset_max || is_vague {
        let evidence = Evidence::Clock {
            // An offset that is not known well is not told as one.
            offset_us: if is_vague { 0 } else { node.clock_offset_us },
            uncertainty_us: node.clock_uncertainty_us,
        };
        faults.push((Rule::NodeClock, evidence));
    }
    for (rule, own, most) in [
        (Rule::NodeTzdb, &node.tzdb_version, &majority.tzdb_version),
        (Rule::NodeVersion, &node.version, &majority.version),
    ] {
        if own != most {
            let (own, most) = (own.clone(), most.clone());
            faults.push((rule, Evidence::Release { own, most }));
        }
    }
    if !node.is_claiming {
        let reason = node.not_claiming_reason.clone();
        faults.push((Rule::NodeNotClaiming, Evidence::NotClaiming { reason }));
    }
    if is_nearly_full(node, disk_percent_min) {
        let evidence = Evidence::Disk {
            available: node.disk_available,
            total: node.disk_total,
            percent_min: disk_percent_min,
        };
        faults.push((Rule::NodeDisk, evidence));
    }
    faults
}

fn is_nearly_full(node: &Vitals, disk_percent_min: u32) -> bool {
    let percent = |bytes: i64| i128::from(bytes) * 100;
    let needed = i128::from(node.disk_total) * i128::from(disk_percent_min);
    percent(node.disk_available) < needed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vitals() -> Vitals {
        Vitals {
            clock_offset_us: 1_000,
            clock_uncertainty_us: 500,
            version: "0.2.0".to_owned(),
            tzdb_version: "2026a".to_owned(),
            is_claiming: true,
            not_claiming_reason: String::new(),
            disk_total: 1000,
            disk_available: 500,
        }
    }

    fn rules(node: &Vitals, others: &[Vitals]) -> Vec<Rule> {
        let majority = Majority::of(others.iter().chain([node]));
        let faults = find_faults(node, &majority, 10);
        faults.into_iter().map(|(rule, _)| rule).collect()
    }

    #[test]
    fn a_fit_node_has_no_faults() {
        assert!(rules(&vitals(), &[vitals(), vitals()]).is_empty());
        assert!(rules(&vitals(), &[]).is_empty());
    }

    #[test]
    fn a_clock_is_off_beyond_the_warning_or_when_nobody_knows() {
        let off = |offset: i64, uncertainty: i64| Vitals {
            clock_offset_us: offset,
            clock_uncertainty_us: uncertainty,
            ..vitals()
        };

        assert!(rules(&off(-500_000, 0), &[]).is_empty());
        assert_eq!(rules(&off(-500_001, 0), &[]), [Rule::NodeClock]);
        assert_eq!(rules(&off(500_001, 0), &[]), [Rule::NodeClock]);
        assert_eq!(rules(&off(0, 1_000_001), &[]), [Rule::NodeClock]);
    }

    #[test]
    fn the_odd_one_out_is_named_and_the_others_are_not() {
        let old = Vitals {
            tzdb_version: "2025b".to_owned(),
            ..vitals()
        };

        assert_eq!(rules(&old, &[vitals(), vitals()]), [Rule::NodeTzdb]);
        assert!(rules(&vitals(), &[vitals(), old.clone()]).is_empty());
        assert_eq!(rules(&old, &[vitals()]), [Rule::NodeTzdb]);
        assert!(rules(&vitals(), &[old]).is_empty());
    }

    #[test]
    fn a_disk_is_nearly_full_below_its_limit_and_not_where_nobody_says() {
        let disk = |total: i64, available: i64| Vitals {
            disk_total: total,
            disk_available: available,
            ..vitals()
        };

        assert_eq!(rules(&disk(1000, 99), &[]), [Rule::NodeDisk]);
        assert!(rules(&disk(1000, 100), &[]).is_empty());
        assert!(rules(&disk(0, 0), &[]).is_empty());
    }

    #[test]
    fn a_node_that_claims_nothing_is_told_with_its_reason() {
        let cordoned = Vitals {
            is_claiming: false,
            not_claiming_reason: "three starts failed".to_owned(),
            ..vitals()
        };

        assert_eq!(rules(&cordoned, &[vitals()]), [Rule::NodeNotClaiming]);
    }
}
