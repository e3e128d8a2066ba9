//! Which fault befalls whom, when and for how long: decided by a seed alone, so that what broke can be tried again.

use super::fault::{HABITS, Kind, Target};
use super::{JOBS, NODES};
use crate::draw::Draw;

/// Milliseconds before the first fault.
const PEACE_BEFORE: u64 = 1_500;

/// Milliseconds between the beginnings of two faults.
const PAUSES: (u64, u64) = (150, 3_500);

/// A fault to come, in milliseconds from the window's beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    pub(crate) target: Target,
    pub(crate) from_ms: u64,
    pub(crate) until_ms: u64,
}

/// The faults of a seed, by their beginning; the last third of the time (20 s of a minute) has none.
pub(crate) fn timetable(seed: u64, seconds: u64) -> Vec<Fault> {
    let mut draw = Draw::of(seed);
    let peace_from = seconds * 1_000 * 2 / 3;
    let mut faults: Vec<Fault> = Vec::new();
    let mut at = PEACE_BEFORE;
    while at + 500 < peace_from {
        let kind = draw_kind(&mut draw);
        let fault = Fault {
            kind,
            target: draw_target(kind, &mut draw),
            from_ms: at,
            until_ms: (at + draw.spread(kind.lengths())).min(peace_from),
        };
        if faults.iter().all(|other| !fault.disturbs(other)) {
            faults.push(fault);
        }
        at += draw.spread(PAUSES);
    }
    faults
}

impl Fault {
    /// Whether it would be done to the same part in the same time.
    fn disturbs(&self, other: &Fault) -> bool {
        let meets = self.from_ms <= other.until_ms + 300 && other.from_ms <= self.until_ms + 300;
        meets && self.target.collides(other.target)
    }
}

fn draw_kind(draw: &mut Draw) -> Kind {
    let mut left = draw.below(HABITS.iter().map(|habit| habit.2).sum());
    for (kind, _, weight, _) in HABITS {
        if left < weight {
            return kind;
        }
        left -= weight;
    }
    unreachable!("what was drawn is below the sum of all weights")
}

fn draw_target(kind: Kind, draw: &mut Draw) -> Target {
    let node = draw.below(NODES as u64) as usize;
    match kind {
        Kind::AgentKilled
        | Kind::RunnerKilled
        | Kind::NodeKilled
        | Kind::AgentStopped
        | Kind::RunnerStopped
        | Kind::NodeDrained
        | Kind::NodeRestarted => Target::Node(node),
        Kind::RollingRestart => Target::EveryNode,
        Kind::RedisKilled
        | Kind::RedisFlushed
        | Kind::RedisStopped
        | Kind::RedisSlow
        | Kind::RedisBlackHole => Target::Redis,
        Kind::DatabaseKilled
        | Kind::DatabaseStopped
        | Kind::ConnectionsKilled
        | Kind::DatabaseReadOnly => Target::Database,
        // What Redis answers decides nothing; what the database answers decides everything.
        Kind::ReplyDropped => Target::DatabaseEdge(node),
        Kind::EdgeSlow | Kind::EdgeBlackHole | Kind::EdgeHalfOpen | Kind::EdgeReset => {
            draw.one_of(&[Target::RedisEdge(node), Target::DatabaseEdge(node)])
        }
        Kind::JobEdited | Kind::JobSwitched | Kind::JobDeleted => {
            Target::Job(draw.below(JOBS as u64) as usize)
        }
        Kind::MachineBusy => Target::Machine,
    }
}

#[test]
fn timetable_of_a_seed_is_always_the_same_and_ends_in_peace() {
    for seed in 1..=50 {
        let faults = timetable(seed, 60);

        assert_eq!(faults, timetable(seed, 60));
        assert_ne!(faults, timetable(seed + 1, 60));
        assert!(faults.len() > 8, "seed {seed}: {} faults", faults.len());
        assert!(faults.iter().all(|fault| fault.until_ms <= 40_000));
    }
}

#[test]
fn every_kind_of_fault_is_drawn() {
    let drawn: Vec<Kind> = (1..=50)
        .flat_map(|seed| timetable(seed, 60))
        .map(|it| it.kind)
        .collect();

    for (kind, word, weight, _) in HABITS {
        assert_eq!(drawn.contains(&kind), weight > 0, "{word}");
    }
}
