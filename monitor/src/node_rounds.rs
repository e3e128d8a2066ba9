//! What a round sees of the nodes: who is silent, who is not fit.

use std::collections::{HashMap, HashSet};

use carillon_core::evidence::Evidence;
use carillon_core::fitness::{FITNESS_RULES, Majority, Vitals, find_faults};
use carillon_core::identity::NodeId;
use carillon_core::incident::Sighting;
use carillon_core::rule::{Rule, Subject, SubjectKind};
use carillon_core::silence::{Hearing, LastWords, View, diagnose, hear};
use carillon_store::Node;
use jiff::{SignedDuration, Timestamp};

use crate::ledger::Ledger;
use crate::options::Thresholds;

/// Since when faults hold that do not count yet.
#[derive(Debug, Default)]
pub(crate) struct NodeRounds {
    held_since: HashMap<(Rule, NodeId), Timestamp>,
    /// Since when Redis has not answered one of the nodes.
    redis_since: Option<Timestamp>,
}

impl NodeRounds {
    /// Judges every node and enters what is seen into the ledger.
    pub(crate) fn look(
        &mut self,
        nodes: &[Node],
        view: View,
        silent_after: SignedDuration,
        thresholds: &Thresholds,
        ledger: &mut Ledger,
    ) {
        let hearings: Vec<Hearing> = nodes
            .iter()
            .map(|node| hear(&last_words(node), view, silent_after, ledger.now))
            .collect();
        for (node, hearing) in nodes.iter().zip(&hearings) {
            enter_silence(node, *hearing, ledger);
        }
        let heard: Vec<(&Node, Vitals)> = nodes
            .iter()
            .zip(&hearings)
            .filter(|(_, hearing)| **hearing == Hearing::Heard)
            .map(|(node, _)| (node, vitals(node)))
            .collect();
        self.look_at_fitness(&heard, thresholds, ledger);
        self.look_at_redis(&heard, thresholds, ledger);
        hush_missing(nodes, ledger);
    }

    fn look_at_fitness(
        &mut self,
        heard: &[(&Node, Vitals)],
        thresholds: &Thresholds,
        ledger: &mut Ledger,
    ) {
        let majority = Majority::of(heard.iter().map(|(_, vitals)| vitals));
        let mut held_since = HashMap::new();
        for (node, vitals) in heard {
            let faults = find_faults(vitals, &majority, thresholds.disk_percent_min);
            let subject = Subject::node(node.peer.id, &node.peer.name);
            for rule in FITNESS_RULES {
                if !faults.iter().any(|(broken, _)| *broken == rule) {
                    ledger.see_well(rule, &subject);
                }
            }
            for (rule, evidence) in faults {
                let key = (rule, node.peer.id);
                let since_at = *self.held_since.get(&key).unwrap_or(&ledger.now);
                held_since.insert(key, since_at);
                if ledger.now.duration_since(since_at) >= (thresholds.holds_for)(rule) {
                    ledger.see_trouble(Sighting {
                        rule,
                        subject: subject.clone(),
                        since_at,
                        count: 1,
                        evidence,
                    });
                }
            }
        }
        self.held_since = held_since;
    }

    /// One incident, however many nodes are cut off: it is Redis, or the way to it.
    fn look_at_redis(
        &mut self,
        heard: &[(&Node, Vitals)],
        thresholds: &Thresholds,
        ledger: &mut Ledger,
    ) {
        let nodes = heard.iter().map(|(node, _)| *node);
        let cut_off: Vec<&Node> = nodes
            .filter(|node| !node.redis_problem.is_empty())
            .collect();
        let subject = Subject::cluster();
        let Some(first) = cut_off.first() else {
            self.redis_since = None;
            if !heard.is_empty() {
                ledger.see_well(Rule::RedisUnreachable, &subject);
            }
            return;
        };
        let since_at = *self.redis_since.get_or_insert(ledger.now);
        if ledger.now.duration_since(since_at) < (thresholds.holds_for)(Rule::RedisUnreachable) {
            return;
        }
        ledger.see_trouble(Sighting {
            rule: Rule::RedisUnreachable,
            subject,
            since_at,
            count: 1,
            evidence: Evidence::Redis {
                nodes: cut_off.iter().map(|node| node.peer.name.clone()).collect(),
                watched: u32::try_from(heard.len()).unwrap_or(u32::MAX),
                problem: first.redis_problem.clone(),
            },
        });
    }
}

fn enter_silence(node: &Node, hearing: Hearing, ledger: &mut Ledger) {
    let subject = Subject::node(node.peer.id, &node.peer.name);
    match hearing {
        Hearing::Silent { since_at } => ledger.see_trouble(Sighting {
            rule: Rule::NodeSilent,
            subject,
            since_at,
            count: 1,
            evidence: Evidence::Silence {
                last_beat_at: node.last_beat_at,
                // Whether others went with it is known when it is told.
                cause: diagnose(&last_words(node), 1, 1),
                running: node.running,
            },
        }),
        Hearing::Heard => ledger.see_well(Rule::NodeSilent, &subject),
        Hearing::Excused => {
            let about_it = ledger.open_about(SubjectKind::Node);
            for incident in about_it.iter().filter(|i| i.subject.id == node.peer.id.0) {
                ledger.hush(incident);
            }
        }
        Hearing::Unsure => {}
    }
}

/// Incidents about nodes that are no more.
fn hush_missing(nodes: &[Node], ledger: &mut Ledger) {
    let known: HashSet<i64> = nodes.iter().map(|node| node.peer.id.0).collect();
    for incident in ledger.open_about(SubjectKind::Node) {
        if !known.contains(&incident.subject.id) {
            ledger.hush(&incident);
        }
    }
}

/// A node's last words, as the rules read them.
pub(crate) fn last_words(node: &Node) -> LastWords {
    LastWords {
        duty: node.peer.duty,
        last_beat_at: node.last_beat_at,
        left_at: node.left_at,
        is_claiming: node.peer.is_claiming,
        not_claiming_reason: node.not_claiming_reason.clone(),
        clock_uncertainty_us: node.clock_uncertainty_us,
        memory_total: node.memory_total,
        memory_available: node.memory_available,
    }
}

fn vitals(node: &Node) -> Vitals {
    Vitals {
        clock_offset_us: node.clock_offset_us,
        clock_uncertainty_us: node.clock_uncertainty_us,
        version: node.version.clone(),
        tzdb_version: node.tzdb_version.clone(),
        is_claiming: node.peer.is_claiming,
        not_claiming_reason: node.not_claiming_reason.clone(),
        disk_total: node.disk_total,
        disk_available: node.disk_available,
    }
}

#[cfg(test)]
mod tests {
    use carillon_core::claim::BootId;
    use carillon_core::incident::Patience;
    use carillon_core::node::{Duty, Liveness, Peer};
    use carillon_core::placement::Labels;
    use carillon_core::token::Token;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn node(id: i64) -> Node {
        Node {
            peer: Peer {
                id: NodeId(id),
                name: format!("web-{id}"),
                labels: Labels::new(),
                running_max: 8,
                duty: Duty::Active,
                is_claiming: true,
                liveness: Liveness::Fresh,
            },
            duty_reason: String::new(),
            boot: BootId(Token::from_bytes([0; 16])),
            booted_at: at(0),
            host_booted_at: at(0),
            last_beat_at: at(0),
            left_at: None,
            not_claiming_reason: String::new(),
            running: 0,
            version: "0.1.0".to_owned(),
            tzdb_version: "2026a".to_owned(),
            clock_offset_us: 0,
            clock_uncertainty_us: 0,
            load_milli: 0,
            memory_total: 100,
            memory_available: 50,
            disk_total: 100,
            disk_available: 50,
            redis_problem: String::new(),
            created_at: at(0),
        }
    }

    /// What opens when the nodes are as `nodes` says from `from` to `until`, looked at every second.
    fn opened(nodes: impl Fn() -> Vec<Node>, from: i64, until: i64) -> Vec<(Rule, i64)> {
        let mut rounds = NodeRounds::default();
        let mut opened = Vec::new();
        for second in from..=until {
            let mut nodes = nodes();
            for node in &mut nodes {
                node.last_beat_at = at(second);
            }
            let mut ledger = Ledger::new(Vec::new(), Patience::default(), at(second));
            let view = View::begin(at(from));
            let silent_after = SignedDuration::from_secs(30);
            rounds.look(
                &nodes,
                view,
                silent_after,
                &Thresholds::default(),
                &mut ledger,
            );
            opened = ledger.seen();
            if !opened.is_empty() {
                break;
            }
        }
        opened
    }

    #[test]
    fn fit_nodes_are_no_news() {
        assert!(opened(|| vec![node(1), node(2)], 0, 700).is_empty());
    }

    #[test]
    fn a_fault_counts_once_it_has_held() {
        let off = || {
            vec![
                Node {
                    clock_offset_us: 2_000_000,
                    ..node(1)
                },
                node(2),
            ]
        };

        assert!(opened(off, 0, 19).is_empty());
        assert_eq!(opened(off, 0, 20), [(Rule::NodeClock, 1)]);
    }

    #[test]
    fn other_releases_are_told_of_the_node_that_has_them() {
        let old_tables = || {
            vec![
                Node {
                    tzdb_version: "2025b".to_owned(),
                    ..node(1)
                },
                node(2),
                node(3),
            ]
        };
        let old_program = || {
            vec![
                node(1),
                Node {
                    version: "0.0.9".to_owned(),
                    ..node(2)
                },
                node(3),
            ]
        };

        assert_eq!(opened(old_tables, 0, 60), [(Rule::NodeTzdb, 1)]);
        // A release that is being rolled out is no news for ten minutes.
        assert!(opened(old_program, 0, 599).is_empty());
        assert_eq!(opened(old_program, 0, 600), [(Rule::NodeVersion, 2)]);
    }

    #[test]
    fn a_node_that_beats_and_claims_nothing_is_told() {
        let cordoned = || {
            let mut cordoned = node(1);
            cordoned.peer.is_claiming = false;
            vec![cordoned, node(2)]
        };

        assert!(opened(cordoned, 0, 19).is_empty());
        assert_eq!(opened(cordoned, 0, 20), [(Rule::NodeNotClaiming, 1)]);
    }

    #[test]
    fn a_disk_that_stays_nearly_full_is_told() {
        let full = || {
            let mut full = node(1);
            full.disk_available = 9;
            vec![full, node(2)]
        };

        assert!(opened(full, 0, 59).is_empty());
        assert_eq!(opened(full, 0, 60), [(Rule::NodeDisk, 1)]);
    }

    #[test]
    fn redis_is_one_trouble_however_many_nodes_it_does_not_answer() {
        let cut_off = || {
            let mut nodes = vec![node(1), node(2), node(3)];
            for node in &mut nodes[..2] {
                node.redis_problem = "no answer within 1 s".to_owned();
            }
            nodes
        };

        assert!(opened(cut_off, 0, 19).is_empty());
        assert_eq!(opened(cut_off, 0, 20), [(Rule::RedisUnreachable, 0)]);
    }

    #[test]
    fn faults_of_drained_nodes_are_no_news() {
        let drained = || {
            let mut drained = node(1);
            drained.peer.duty = Duty::Drained;
            drained.clock_offset_us = 9_000_000;
            vec![drained]
        };

        assert!(opened(drained, 0, 100).is_empty());
    }
}
