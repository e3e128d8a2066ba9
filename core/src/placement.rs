//! Where a job may run, and which node goes first.
//!
//! The order is rendezvous hashing (Thaler and Ravishankar, 1996) with weights: every node computes the same order
//! from the same facts, without asking anybody. It only delays, so an error in it costs milliseconds and nothing else.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::identity::{JobId, NodeId};
use crate::token::mix;

/// On how many nodes a tick runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Placement {
    /// Any one node.
    #[default]
    One,
    /// That many different nodes, each in a slot of its own.
    Some(u16),
    /// Every node, each in the slot of its number.
    EveryNode,
}

/// The text is no placement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no placement; write one, n(2) to n({PLACEMENT_MAX}), or every_node")]
pub struct PlacementError(String);

/// The most nodes that `n(k)` may ask for.
pub const PLACEMENT_MAX: u16 = 1000;

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Placement::One => f.write_str("one"),
            Placement::Some(nodes) => write!(f, "n({nodes})"),
            Placement::EveryNode => f.write_str("every_node"),
        }
    }
}

impl FromStr for Placement {
    type Err = PlacementError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "one" => Ok(Placement::One),
            "every_node" => Ok(Placement::EveryNode),
            _ => counted(text, "n")
                .filter(|nodes| (1..=PLACEMENT_MAX).contains(nodes))
                .map(Placement::Some)
                .ok_or_else(|| PlacementError(text.to_owned())),
        }
    }
}

crate::text_serde!(Placement);

/// The number in `name(number)`.
pub(crate) fn counted(text: &str, name: &str) -> Option<u16> {
    let digits = text
        .strip_prefix(name)?
        .strip_prefix('(')?
        .strip_suffix(')')?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().ok())?
}

/// What a node says of itself: `role=web`, `zone=b`.
pub type Labels = BTreeMap<String, String>;

/// Which nodes are eligible. Empty allows every node.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Target {
    /// Labels a node must carry, all of them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: Labels,
    /// Names of the only nodes allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<String>,
    /// Names of nodes never allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
}

impl Target {
    /// Whether a node of that name and those labels may run the job.
    pub fn allows(&self, name: &str, labels: &Labels) -> bool {
        let named = |names: &[String]| names.iter().any(|other| other == name);
        (self.nodes.is_empty() || named(&self.nodes))
            && !named(&self.exclude)
            && self
                .labels
                .iter()
                .all(|(key, value)| labels.get(key) == Some(value))
    }

    /// Whether every node is allowed.
    pub fn is_open(&self) -> bool {
        *self == Target::default()
    }
}

/// The place of `me` in the order of `nodes` for the tick of `job` at `second`: 0 goes first. Each tick has an order of its
/// own, so that also a few busy jobs spread evenly. Weights are the nodes' capacities.
/// `me` itself counts even when it is not among `nodes`, since a node always believes in itself.
pub fn rank(
    (job, second): (JobId, i64),
    me: (NodeId, u32),
    nodes: impl Iterator<Item = (NodeId, u32)>,
) -> usize {
    let tick = mix(mix(job.0.cast_unsigned()) ^ second.cast_unsigned());
    let mine = (score(tick, me.0, me.1), me.0);
    nodes
        .filter(|&(node, weight)| node != me.0 && (score(tick, node, weight), node) > mine)
        .count()
}

/// The weighted rendezvous score, higher is earlier: −weight / ln(hash) with the hash in (0, 1).
fn score(tick: u64, node: NodeId, weight: u32) -> f64 {
    let hash = mix(tick ^ mix(!node.0.cast_unsigned()));
    let unit = ((hash >> 12) as f64 + 0.5) / (1_u64 << 52) as f64;
    -f64::from(weight.max(1)) / unit.ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(weights: &[u32]) -> Vec<(NodeId, u32)> {
        (1..).map(NodeId).zip(weights.iter().copied()).collect()
    }

    #[test]
    fn every_node_agrees_on_one_order() {
        let all = nodes(&[1, 1, 1, 1]);
        for job in (0..100).map(|job| (JobId(job), 7)) {
            let mut ranks: Vec<_> = all
                .iter()
                .map(|&me| rank(job, me, all.iter().copied()))
                .collect();
            ranks.sort_unstable();

            assert_eq!(ranks, [0, 1, 2, 3]);
        }
    }

    #[test]
    fn ticks_of_one_job_spread_by_capacity() {
        let all = nodes(&[1, 1, 2]);
        let first = |me| {
            (0..40_000)
                .filter(|&job| rank((JobId(1), job), me, all.iter().copied()) == 0)
                .count()
        };

        assert!((9_500..10_500).contains(&first(all[0])));
        assert!((19_000..21_000).contains(&first(all[2])));
    }

    #[test]
    fn a_target_allows_what_it_names() {
        let labels = Labels::from([("role".to_owned(), "web".to_owned())]);
        let target = Target {
            labels: labels.clone(),
            exclude: vec!["b".to_owned()],
            ..Target::default()
        };

        assert!(target.allows("a", &labels));
        assert!(!target.allows("b", &labels));
        assert!(!target.allows("a", &Labels::new()));
        assert!(Target::default().allows("anything", &Labels::new()));
    }

    #[test]
    fn a_placement_reads_back_from_its_text() {
        for text in ["one", "n(3)", "every_node"] {
            assert_eq!(text.parse::<Placement>().unwrap().to_string(), text);
        }
        for text in ["n(0)", "n(+1)", "n(1001)", "two", "n"] {
            assert!(text.parse::<Placement>().is_err(), "{text}");
        }
    }
}
