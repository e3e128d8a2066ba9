//! One rule a test; the time is a number and the stores are the answers a test gives.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::*;
use crate::claim::{ClaimAnswer, ClaimRequest};
use crate::identity::NodeId;
use crate::misfire::{LatePolicy, Misfire};
use crate::node::{Duty, Liveness};
use crate::offer::Offer;
use crate::placement::{Labels, Placement, Target};
use crate::priority::Priority;
use crate::run::{Preference, Trigger};
use crate::schedule::{DstRule, Schedule};
use crate::tick::TickKind;
use crate::token::Token;

const START: i64 = 1_000_000_000;

fn at(offset_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(START * 1000 + offset_ms).unwrap()
}

fn peer(id: i64) -> Peer {
    Peer {
        id: NodeId(id),
        name: format!("n{id}"),
        labels: Labels::new(),
        running_max: 10,
        duty: Duty::Active,
        is_claiming: true,
        liveness: Liveness::Fresh,
    }
}

fn plan(job: i64, version: i64, expression: &str) -> Plan {
    let schedule = Schedule::parse(expression, "UTC", DstRule::Cron, 0).unwrap();
    let late = LatePolicy {
        misfire: Misfire::Skip,
        window: SignedDuration::from_hours(1),
        start_deadline: SignedDuration::from_secs(60),
    };
    Plan {
        job: JobId(job),
        version,
        enabled: true,
        schedule,
        placement: Placement::One,
        target: Arc::new(Target::default()),
        priority: Priority::default(),
        late,
        valid_from: at(0),
    }
}

/// A node with open gate and one job that is due each ten seconds, on the full ten seconds.
fn node(others: &[i64], gate: Gate) -> Scheduler {
    let mut node = Scheduler::new(peer(1), 10, TokenMint::new(1));
    node.handle(at(0), Event::GateSet(gate));
    node.handle(
        at(0),
        Event::PeersSeen(others.iter().map(|&id| peer(id)).collect()),
    );
    node.handle(at(0), Event::JobsLoaded(vec![plan(1, 1, "*/10 * * * * *")]));
    node
}

fn claims(effects: &[Effect]) -> Vec<(BatchId, ClaimRequest)> {
    let of = |effect: &Effect| match effect {
        Effect::Claim { batch, requests } => {
            requests.iter().map(|&request| (*batch, request)).collect()
        }
        _ => vec![],
    };
    effects.iter().flat_map(of).collect()
}

fn takes(effects: &[Effect]) -> Vec<(BatchId, Tick, Token)> {
    let of = |effect: &Effect| match effect {
        Effect::TakeOffers { batch, offers } => {
            let told = |(offer, token): &(Offer, Token)| (*batch, offer.tick, *token);
            offers.iter().map(told).collect()
        }
        _ => vec![],
    };
    effects.iter().flat_map(of).collect()
}

fn looks(effects: &[Effect]) -> Vec<BatchId> {
    let of = |effect: &Effect| match effect {
        Effect::Look { batch, .. } => Some(*batch),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

fn locks(effects: &[Effect]) -> BatchId {
    let of = |effect: &Effect| match effect {
        Effect::TakeLocks { batch, .. } => Some(*batch),
        _ => None,
    };
    effects.iter().find_map(of).unwrap()
}

fn grants(effects: &[Effect]) -> Vec<Grant> {
    let of = |effect: &Effect| match effect {
        Effect::Start(grant) => Some(*grant),
        _ => None,
    };
    effects.iter().filter_map(of).collect()
}

fn alarm(effects: &[Effect]) -> Option<Timestamp> {
    effects.iter().find_map(|effect| match effect {
        Effect::WakeAt(at) => Some(*at),
        _ => None,
    })
}

/// Every enabled job that this node may run has exactly one alarm of its current version.
fn assert_armed(node: &Scheduler) {
    for plan in node.plans() {
        let alarms = node
            .due
            .jobs()
            .filter(|&entry| entry == (plan.job, plan.version))
            .count();
        assert_eq!(alarms, usize::from(plan.enabled), "job {}", plan.job);
    }
}

#[test]
fn tick_is_claimed_ahead_and_started_at_its_fire_time() {
    let mut node = node(&[], Gate::OpenWithLocks);

    assert_eq!(alarm(&node.handle(at(1), Event::Woke)), Some(at(9_800)));
    let asked = claims(&node.handle(at(9_800), Event::Woke));
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].1.tick, Tick::scheduled(JobId(1), at(10_000), 0));

    let won = Event::ClaimAnswered {
        batch: asked[0].0,
        answers: Some(vec![ClaimAnswer::Won]),
    };
    let grants = grants(&node.handle(at(9_810), won));
    assert_eq!(grants[0].start_at, at(10_000));
    assert_eq!(grants[0].token, asked[0].1.token);
    assert_armed(&node);
}

#[test]
fn unanswered_claim_is_repeated_with_the_same_token_until_given_up() {
    let mut node = node(&[], Gate::Open);
    node.handle(at(0), Event::JobsLoaded(vec![plan(1, 2, "0 * * * * *")]));
    let (minute, tokens) = (60_000 - START % 60 * 1000, &mut HashSet::new());
    let mut effects = node.handle(at(minute - 200), Event::Woke);
    let mut asked = 0;

    while let Some(&(batch, request)) = claims(&effects).first() {
        asked += 1;
        tokens.insert(request.token);
        let unknown = Event::ClaimAnswered {
            batch,
            answers: None,
        };
        let wake = alarm(&node.handle(node.now, unknown)).unwrap();
        effects = node.handle(wake, Event::Woke);
    }

    assert_eq!(tokens.len(), 1);
    assert!(asked > 10, "{asked} times");
    assert!(node.now >= at(minute + 11_000));
    assert_eq!(node.held_count(), 0);
}

#[test]
fn denied_lock_is_no_proof_so_the_node_looks_again() {
    let mut node = node(&[2, 3], Gate::OpenWithLocks);
    let mut effects = node.handle(at(9_800), Event::Woke);
    effects.extend(node.handle(at(10_000), Event::Woke));
    let batch = locks(&effects);

    let denied = Event::LocksAnswered {
        batch,
        granted: Some(vec![false]),
    };
    assert!(claims(&node.handle(at(10_010), denied)).is_empty());
    let look = looks(&node.handle(at(12_000), Event::Woke));
    let absent = Event::LookAnswered {
        batch: look[0],
        decided: Some(HashSet::new()),
    };

    assert_eq!(claims(&node.handle(at(12_010), absent)).len(), 1);
}

#[test]
fn decided_tick_is_left_alone() {
    let mut node = node(&[2, 3], Gate::Open);
    let mut effects = node.handle(at(10_000), Event::Woke);
    while let Some(&(batch, request)) = claims(&effects).first() {
        // First in the order: somebody else was quicker all the same.
        let lost = Event::ClaimAnswered {
            batch,
            answers: Some(vec![ClaimAnswer::Lost]),
        };
        effects = node.handle(at(10_010), lost);
        assert!(
            !effects
                .iter()
                .any(|effect| matches!(effect, Effect::Start(_))),
            "{request:?}"
        );
    }
    for batch in looks(&effects) {
        let decided = HashSet::from([Tick::scheduled(JobId(1), at(10_000), 0)]);
        let answer = Event::LookAnswered {
            batch,
            decided: Some(decided),
        };
        assert!(claims(&node.handle(at(10_020), answer)).is_empty());
    }

    assert_eq!(node.held_count(), 0);
}

#[test]
fn edit_in_flight_leaves_one_alarm_and_drops_the_old_version() {
    let mut node = node(&[2, 3], Gate::OpenWithLocks);
    node.handle(at(9_700), Event::Woke);
    let mut effects = node.handle(
        at(9_800),
        Event::JobsLoaded(vec![plan(1, 2, "*/10 * * * * *")]),
    );
    effects.extend(node.handle(at(9_800), Event::Woke));
    effects.extend(node.handle(at(10_000), Event::Woke));
    let batch = locks(&effects);
    node.handle(
        at(10_001),
        Event::JobsLoaded(vec![plan(1, 3, "*/10 * * * * *")]),
    );

    let granted = Event::LocksAnswered {
        batch,
        granted: Some(vec![true]),
    };
    assert!(claims(&node.handle(at(10_002), granted)).is_empty());
    assert_armed(&node);
}

#[test]
fn full_node_leaves_ticks_to_others() {
    let mut node = node(&[], Gate::Open);
    let held = (100..110).map(|job| {
        (
            Tick::scheduled(JobId(job), at(0), 0),
            Token::from_bytes([job as u8; 16]),
        )
    });
    node.handle(at(1), Event::Adopted(held.collect()));

    assert!(claims(&node.handle(at(9_800), Event::Woke)).is_empty());
    node.handle(
        at(9_900),
        Event::Released(
            Tick::scheduled(JobId(100), at(0), 0),
            Token::from_bytes([100; 16]),
        ),
    );
    let look = looks(&node.handle(at(12_000), Event::Woke));
    let absent = Event::LookAnswered {
        batch: look[0],
        decided: Some(HashSet::new()),
    };

    assert_eq!(claims(&node.handle(at(12_001), absent)).len(), 1);
}

#[test]
fn higher_priority_gets_the_room_that_is_left() {
    let mut node = Scheduler::new(peer(1), 3, TokenMint::new(1));
    node.handle(at(0), Event::GateSet(Gate::Open));
    let with_priority = |job, priority| Plan {
        priority: Priority::try_from(priority).unwrap(),
        ..plan(job, 1, "*/10 * * * * *")
    };
    let plans = [(1, 0), (2, 5), (3, 9), (4, 5), (5, 8)];
    let plans = plans.map(|(job, priority)| with_priority(job, priority));
    node.handle(at(0), Event::JobsLoaded(plans.into()));
    // What waits for a node competes with what is due.
    let offer = Offer {
        tick: Tick::scheduled(JobId(2), at(5_000), 0),
        trigger: Trigger::CatchUp,
        version: 1,
        attempt: 1,
        not_before: at(9_800),
        until: at(60_000),
        preference: Preference::Any,
    };
    node.handle(at(9_700), Event::OffersSeen(vec![offer]));

    let effects = node.handle(at(9_800), Event::Woke);
    let claimed: Vec<_> = claims(&effects).iter().map(|(_, c)| c.tick.job.0).collect();
    let taken: Vec<_> = takes(&effects)
        .iter()
        .map(|(_, tick, _)| tick.job.0)
        .collect();

    assert_eq!((claimed, taken), (vec![3, 5], vec![2]));
    // The others have another look, and none has come to be held.
    let later = node.handle(at(12_000), Event::Woke);
    assert_eq!((looks(&later).len(), node.held_count()), (1, 3));
}

#[test]
fn higher_priority_is_in_the_first_of_many_batches() {
    let mut node = Scheduler::new(peer(1), 10_000, TokenMint::new(1));
    node.handle(at(0), Event::GateSet(Gate::Open));
    let mut plans: Vec<_> = (1..=600)
        .map(|job| plan(job, 1, "*/10 * * * * *"))
        .collect();
    plans[599].priority = Priority::MAX;
    node.handle(at(0), Event::JobsLoaded(plans));

    let claimed = claims(&node.handle(at(9_800), Event::Woke));
    let (first, _) = claimed[0];
    let mut batch = claimed
        .iter()
        .filter(|(id, _)| *id == first)
        .map(|(_, c)| c.tick);

    assert!(batch.clone().is_sorted(), "locks are taken in one order");
    assert!(batch.any(|tick| tick.job == JobId(600)));
}

#[test]
fn closed_gate_claims_nothing_and_keeps_the_alarms() {
    let mut node = node(&[], Gate::Closed);

    assert!(claims(&node.handle(at(10_000), Event::Woke)).is_empty());
    assert_armed(&node);
    node.handle(at(10_100), Event::GateSet(Gate::Open));
    assert_eq!(claims(&node.handle(at(19_800), Event::Woke)).len(), 1);
}

#[test]
fn gate_that_opens_in_time_makes_good_what_passed() {
    let mut alone = node(&[], Gate::Closed);
    alone.handle(at(9_800), Event::Woke);
    let opened = alone.handle(at(10_600), Event::GateSet(Gate::OpenWithLocks));
    let (batch, request) = claims(&opened)[0];
    assert_eq!(request.tick.fire_time, at(10_000));

    let answers = Some(vec![ClaimAnswer::Won]);
    let started = grants(&alone.handle(at(10_610), Event::ClaimAnswered { batch, answers }));
    assert_eq!(started[0].start_at, at(10_610));
    let again = alone.handle(at(10_620), Event::GateSet(Gate::Open));
    assert!(claims(&again).is_empty(), "it is asked for once");
}

#[test]
fn gate_that_opens_beside_others_asks_who_has_decided() {
    let mut beside = node(&[2], Gate::OpenWithLocks);
    let asked = beside.handle(at(9_900), Event::Woke);
    let batch = locks(&asked);
    beside.handle(at(9_905), Event::GateSet(Gate::Closed));
    let granted = Some(vec![true]);
    beside.handle(at(9_910), Event::LocksAnswered { batch, granted });

    let opened = beside.handle(at(10_600), Event::GateSet(Gate::Open));
    assert!(claims(&opened).is_empty());
    assert_eq!(
        looks(&opened).len(),
        1,
        "the lock was its own, and nobody claimed"
    );
}

#[test]
fn gate_that_opens_late_leaves_what_passed_to_the_audit() {
    let mut node = node(&[], Gate::Closed);
    node.handle(at(9_800), Event::Woke);
    let opened = node.handle(at(15_001), Event::GateSet(Gate::Open));
    assert!(claims(&opened).is_empty());
    assert_armed(&node);
}

#[test]
fn pause_of_an_hour_does_not_start_an_hour_of_ticks() {
    let mut node = node(&[], Gate::Open);
    node.handle(at(0), Event::JobsLoaded(vec![plan(2, 1, "* * * * * *")]));

    let asked = claims(&node.handle(at(3_600_000), Event::Woke));

    assert!(asked.len() <= 15, "{}", asked.len());
    assert_armed(&node);
}

#[test]
fn offer_is_taken_once_by_whom_it_is_for() {
    let mut node = node(&[], Gate::Open);
    let offer = |slot, preference| Offer {
        tick: Tick {
            fire_time: at(500),
            job: JobId(1),
            kind: TickKind::Manual,
            slot,
        },
        trigger: Trigger::Manual,
        version: 1,
        attempt: 2,
        not_before: at(1_000),
        until: at(60_000),
        preference,
    };
    let offers = vec![
        offer(0, Preference::Only(NodeId(1))),
        offer(1, Preference::Only(NodeId(2))),
        offer(2, Preference::Not(NodeId(1))),
    ];
    node.handle(at(600), Event::OffersSeen(offers.clone()));
    let effects = node.handle(at(1_000), Event::Woke);
    let again = node.handle(at(1_001), Event::OffersSeen(offers));

    let Some(Effect::TakeOffers { batch, offers }) = effects.first() else {
        panic!()
    };
    assert_eq!(
        offers
            .iter()
            .map(|(offer, _)| offer.tick.slot)
            .collect::<Vec<_>>(),
        [0]
    );
    assert!(
        !again
            .iter()
            .any(|effect| matches!(effect, Effect::TakeOffers { .. }))
    );
    let won = Event::ClaimAnswered {
        batch: *batch,
        answers: Some(vec![ClaimAnswer::Won]),
    };
    assert_eq!(grants(&node.handle(at(1_002), won))[0].attempt, 2);
}

#[test]
fn unanswered_take_is_repeated_although_the_offer_has_gone() {
    let mut node = node(&[], Gate::Open);
    let offer = Offer {
        tick: Tick::scheduled(JobId(1), at(0), 0),
        trigger: Trigger::Schedule,
        version: 1,
        attempt: 2,
        not_before: at(0),
        until: at(60_000),
        preference: Preference::Any,
    };
    let asked = takes(&node.handle(at(100), Event::OffersSeen(vec![offer])));
    node.handle(
        at(2_100),
        Event::ClaimAnswered {
            batch: asked[0].0,
            answers: None,
        },
    );

    // The store had said yes, so the run is not on offer any more.
    node.handle(at(2_150), Event::OffersSeen(vec![]));
    let again = takes(&node.handle(at(2_200), Event::Woke));

    assert_eq!(again, asked);
}

/// Found by seed 7084993: a runner that comes back tells the end of the attempt before once more.
#[test]
fn end_of_an_attempt_told_again_does_not_end_the_next_one() {
    let mut node = node(&[], Gate::Open);
    let (batch, first) = claims(&node.handle(at(9_800), Event::Woke))[0];
    let answers = Some(vec![ClaimAnswer::Won]);
    node.handle(at(9_810), Event::ClaimAnswered { batch, answers });
    let ended = Event::Released(first.tick, first.token);
    node.handle(at(10_500), ended.clone());
    let again = Offer {
        attempt: 2,
        ..handed_back(at(11_000))
    };
    assert_eq!(
        takes(&node.handle(at(11_000), Event::OffersSeen(vec![again]))).len(),
        1
    );

    node.handle(at(11_010), ended);
    assert!(node.holds(&first.tick), "the offer is still asked for");
}

/// Found by seed 46971: the network delivered the claim again after it had been refused.
#[test]
fn claim_after_a_refused_one_has_a_token_of_its_own() {
    let mut node = node(&[], Gate::Open);
    let (batch, first) = claims(&node.handle(at(9_800), Event::Woke))[0];
    let answers = Some(vec![ClaimAnswer::Refused]);
    node.handle(at(9_810), Event::ClaimAnswered { batch, answers });
    let batch = looks(&node.handle(at(12_000), Event::Woke))[0];
    let decided = Some(HashSet::new());
    let (_, second) = claims(&node.handle(at(12_010), Event::LookAnswered { batch, decided }))[0];
    assert_eq!(second.tick, first.tick);
    assert_ne!(second.token, first.token);
}

#[test]
fn offer_under_a_name_that_is_held_is_left_alone() {
    let mut node = node(&[], Gate::Open);
    let asked = claims(&node.handle(at(9_800), Event::Woke));
    let offer = Offer {
        tick: asked[0].1.tick,
        trigger: Trigger::Schedule,
        version: 1,
        attempt: 1,
        not_before: at(10_000),
        until: at(60_000),
        preference: Preference::Any,
    };

    assert_eq!(
        takes(&node.handle(at(10_000), Event::OffersSeen(vec![offer]))),
        []
    );
}

/// The tick of ten seconds, handed back by another node.
fn handed_back(not_before: Timestamp) -> Offer {
    Offer {
        tick: Tick::scheduled(JobId(1), at(10_000), 0),
        trigger: Trigger::Schedule,
        version: 1,
        attempt: 1,
        not_before,
        until: at(60_000),
        preference: Preference::Any,
    }
}

#[test]
fn tick_is_asked_for_by_one_question_at_a_time() {
    let mut node = node(&[2], Gate::OpenWithLocks);
    let offer = handed_back(at(11_000));
    let locked = locks(&node.handle(at(10_000), Event::Woke));
    assert_eq!(
        takes(&node.handle(at(10_010), Event::OffersSeen(vec![offer]))),
        []
    );
    let granted = Event::LocksAnswered {
        batch: locked,
        granted: Some(vec![true]),
    };
    let (batch, request) = claims(&node.handle(at(10_020), granted))[0];
    assert_eq!(request.tick, offer.tick);

    // The claim is on its way: the offer of the same run waits for its answer.
    assert_eq!(takes(&node.handle(at(15_000), Event::Woke)), []);
    let lost = Event::ClaimAnswered {
        batch,
        answers: Some(vec![ClaimAnswer::Lost]),
    };
    node.handle(at(15_010), lost);
    assert_eq!(takes(&node.handle(at(16_000), Event::Woke)).len(), 1);
    assert!(node.holds(&offer.tick));
}

#[test]
fn offer_on_its_way_is_not_claimed_beside() {
    let mut node = node(&[2], Gate::OpenWithLocks);
    let offer = handed_back(at(9_000));
    let locked = locks(&node.handle(at(10_000), Event::Woke));
    node.handle(at(10_010), Event::OffersSeen(vec![offer]));
    assert_eq!(takes(&node.handle(at(15_000), Event::Woke)).len(), 1);

    let granted = Event::LocksAnswered {
        batch: locked,
        granted: Some(vec![true]),
    };
    assert_eq!(claims(&node.handle(at(15_010), granted)), []);

    assert!(node.holds(&offer.tick));
}

#[test]
fn look_that_is_given_up_gives_up_no_other_question() {
    let mut node = node(&[2], Gate::Open);
    let offer = handed_back(at(9_000));
    let looked = looks(&node.handle(at(10_000), Event::Woke))[0];
    node.handle(at(10_010), Event::OffersSeen(vec![offer]));
    assert_eq!(takes(&node.handle(at(15_000), Event::Woke)).len(), 1);

    let unknown = Event::LookAnswered {
        batch: looked,
        decided: None,
    };
    node.handle(at(15_010), unknown);
    node.handle(at(30_000), Event::Woke);

    assert!(node.holds(&offer.tick));
}

#[test]
fn grant_tells_when_it_was_asked_for_first() {
    let mut node = node(&[], Gate::Open);
    let batch = claims(&node.handle(at(9_800), Event::Woke))[0].0;
    let unknown = Event::ClaimAnswered {
        batch,
        answers: None,
    };
    node.handle(at(9_900), unknown);
    let batch = claims(&node.handle(at(12_000), Event::Woke))[0].0;

    let won = Event::ClaimAnswered {
        batch,
        answers: Some(vec![ClaimAnswer::Won]),
    };
    let grants = grants(&node.handle(at(12_100), won));

    assert_eq!(
        (grants[0].asked_at, grants[0].start_at),
        (at(9_800), at(12_100))
    );
}

#[test]
fn two_seats_of_one_tick_are_not_both_taken() {
    let mut node = node(&[], Gate::Open);
    let placed = Plan {
        placement: Placement::Some(2),
        ..plan(3, 1, "@manual")
    };
    node.handle(at(0), Event::JobsLoaded(vec![placed]));
    let seat = |slot| Offer {
        tick: Tick::scheduled(JobId(3), at(0), slot),
        trigger: Trigger::CatchUp,
        version: 1,
        attempt: 1,
        not_before: at(0),
        until: at(60_000),
        preference: Preference::Any,
    };

    let effects = node.handle(at(100), Event::OffersSeen(vec![seat(0), seat(1)]));

    assert_eq!(takes(&effects).len(), 1);
}

#[test]
fn boot_of_the_host_is_not_given_up_after_seconds() {
    let mut node = node(&[], Gate::Open);
    node.handle(at(0), Event::JobsLoaded(vec![plan(3, 1, "@reboot")]));

    let asked = claims(&node.handle(at(5_000), Event::HostBooted { at: at(-300_000) }));

    assert_eq!(asked[0].1.trigger, Trigger::Boot);
}

#[test]
fn loaded_job_answers_for_the_last_seconds_of_its_version() {
    let mut node = node(&[], Gate::Open);
    let edited = Plan {
        valid_from: at(10_001),
        ..plan(2, 1, "*/10 * * * * *")
    };

    let asked = claims(&node.handle(
        at(10_900),
        Event::JobsLoaded(vec![edited, plan(3, 1, "*/10 * * * * *")]),
    ));

    let jobs = asked
        .iter()
        .filter(|(_, request)| request.tick.fire_time == at(10_000));
    let jobs: Vec<_> = jobs.map(|(_, request)| request.tick.job.0).collect();
    assert_eq!(jobs, [1, 3]);
}

#[test]
fn time_that_goes_back_repeats_nothing() {
    let mut node = node(&[], Gate::Open);
    let asked = claims(&node.handle(at(9_800), Event::Woke));
    assert_eq!(asked.len(), 1);

    assert!(claims(&node.handle(at(0), Event::Woke)).is_empty());
    assert!(claims(&node.handle(at(9_900), Event::Woke)).is_empty());
    assert_armed(&node);
}

#[test]
fn audit_of_a_time_that_the_node_slept_through_asks_for_every_job() {
    let due = |node: &Scheduler, from: i64, to: i64| {
        let plans = node.plans_due_between(at(from), at(to));
        plans.iter().map(|plan| plan.job.0).collect::<Vec<_>>()
    };
    let mut node = node(&[], Gate::Open);
    node.handle(at(0), Event::JobsLoaded(vec![plan(2, 1, "7 7 7 * * *")]));
    node.handle(at(9_900), Event::Woke);
    assert_eq!(due(&node, 0, 5_000), Vec::<i64>::new());

    // It slept, and is asked before it has looked at what came due.
    let mut asked = due(&node, 5_000, 14_000);
    asked.sort_unstable();
    assert_eq!(asked, [1, 2]);

    node.handle(at(15_000), Event::Woke);
    assert_eq!(due(&node, 5_000, 14_000), [1]);
}
