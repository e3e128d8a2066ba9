//! What the scheduler takes from the allocator. Counts, not times, so that a machine that is busy changes nothing: a test
//! that fails here shows work that was not there before. Lower a limit when the work has become less.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex, PoisonError};

use carillon_core::claim::ClaimAnswer;
use carillon_core::identity::{JobId, NodeId};
use carillon_core::misfire::{LatePolicy, Misfire};
use carillon_core::node::{Duty, Liveness, Peer};
use carillon_core::placement::{Labels, Placement, Target};
use carillon_core::priority::Priority;
use carillon_core::schedule::{DstRule, Schedule};
use carillon_core::scheduler::{Effect, Event, Gate, Plan, Scheduler};
use carillon_core::token::TokenMint;
use jiff::{SignedDuration, Timestamp};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// The allocator is counted for the whole process, and `cargo test` runs tests beside each other.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// What something took.
#[derive(Debug)]
struct Cost {
    /// Blocks asked for, those given back included.
    blocks: u64,
    /// Bytes that it still has.
    kept_bytes: usize,
}

/// Does it and counts.
fn cost_of<R>(work: impl FnOnce() -> R) -> (Cost, R) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let _profiler = dhat::Profiler::builder().testing().build();
    let before = dhat::HeapStats::get();
    let result = work();
    let after = dhat::HeapStats::get();
    let cost = Cost {
        blocks: after.total_blocks - before.total_blocks,
        kept_bytes: after.curr_bytes - before.curr_bytes,
    };
    (cost, result)
}

const START: i64 = 1_000_000_000;

fn at(offset_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(START * 1000 + offset_ms).unwrap()
}

fn peer(id: i64) -> Peer {
    Peer {
        id: NodeId(id),
        name: format!("n{id}"),
        labels: Labels::new(),
        running_max: 10_000,
        duty: Duty::Active,
        is_claiming: true,
        liveness: Liveness::Fresh,
    }
}

fn plans(count: i64, expression: &str) -> Vec<Plan> {
    let target = Arc::new(Target::default());
    let late = LatePolicy {
        misfire: Misfire::Skip,
        window: SignedDuration::from_hours(1),
        start_deadline: SignedDuration::from_secs(60),
    };
    let plan = |job| Plan {
        job: JobId(job),
        version: 1,
        enabled: true,
        schedule: Schedule::parse(expression, "Europe/Berlin", DstRule::Cron, 0).unwrap(),
        placement: Placement::One,
        target: Arc::clone(&target),
        priority: Priority::default(),
        late,
        valid_from: at(0),
    };
    (1..=count).map(plan).collect()
}

/// A node that claims, one of so many, and the jobs it has.
fn node(others: i64, plans: Vec<Plan>) -> Scheduler {
    let mut node = Scheduler::new(peer(1), 100_000, TokenMint::new(1));
    node.handle(at(0), Event::GateSet(Gate::OpenWithLocks));
    let others = (2..2 + others).map(peer).collect();
    node.handle(at(0), Event::PeersSeen(others));
    node.handle(at(0), Event::JobsLoaded(plans));
    node
}

/// Answers every question of these effects with yes.
fn grant_all(node: &mut Scheduler, now: Timestamp, effects: Vec<Effect>) -> usize {
    let (mut questions, mut started) = (effects, 0);
    while let Some(effect) = questions.pop() {
        let answer = match effect {
            Effect::TakeLocks { batch, ticks } => Event::LocksAnswered {
                batch,
                granted: Some(vec![true; ticks.len()]),
            },
            Effect::Claim { batch, requests } => Event::ClaimAnswered {
                batch,
                answers: Some(vec![ClaimAnswer::Won; requests.len()]),
            },
            Effect::Start(_) => {
                started += 1;
                continue;
            }
            _ => continue,
        };
        questions.extend(node.handle(now, answer));
    }
    started
}

#[test]
fn idle_node_asks_the_allocator_once_a_wake() {
    let mut node = node(2, plans(1_000, "0 0 1 1 *"));
    node.handle(at(1), Event::Woke);

    let (cost, effects) = cost_of(|| node.handle(at(1_000), Event::Woke));

    assert!(effects.len() <= 1, "{effects:?}");
    assert!(cost.blocks <= 1, "{cost:?} for an alarm");
}

#[test]
fn ten_due_ticks_ask_the_allocator_once() {
    let ticks = 10_000;
    for others in [0, 2] {
        let mut node = node(others, plans(ticks, "*/10 * * * * *"));
        let (cost, started) = cost_of(|| {
            let effects = node.handle(at(9_800), Event::Woke);
            grant_all(&mut node, at(9_800), effects)
        });
        assert!(started as i64 >= ticks / 4, "{started} of {ticks}");
        let few = ticks as u64 / 10;
        assert!(cost.blocks <= few, "{cost:?} beside {others} others");
    }
}

#[test]
fn loaded_job_keeps_few_bytes() {
    let jobs = 14_000;
    let (cost, node) = cost_of(|| node(2, plans(jobs, "*/5 8-18 * * 1-5")));
    let each = cost.kept_bytes / node.plan_count();
    assert_eq!(node.plan_count() as i64, jobs);
    assert!(each <= 260, "{each} bytes a job");
    assert!(cost.blocks <= 16 * jobs as u64, "{cost:?}");
}

#[test]
fn next_fire_time_asks_the_allocator_for_nothing() {
    let schedule = Schedule::parse("*/5 8-18 * * 1-5", "Europe/Berlin", DstRule::Cron, 0).unwrap();
    schedule.next_after(at(0)).unwrap();

    let (cost, last) =
        cost_of(|| (0..1_000).fold(at(0), |from, _| schedule.next_after(from).unwrap()));

    assert!(last > at(7 * 24 * 3_600_000));
    assert_eq!(cost.blocks, 0, "{cost:?}");
}
