//! One rule a test: a window, the runs found in it, and what the rest comes to.

use std::sync::Arc;

use super::*;
use crate::identity::NodeId;
use crate::misfire::{LatePolicy, Misfire};
use crate::offer::Offer;
use crate::placement::Target;
use crate::priority::Priority;
use crate::run::Preference;
use crate::schedule::{DstRule, Schedule};
use crate::tick::TickKind;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn tenure(expression: &str, misfire: Misfire) -> Tenure {
    let plan = Plan {
        job: JobId(1),
        version: 3,
        enabled: true,
        schedule: Schedule::parse(expression, "UTC", DstRule::Cron, 0).unwrap(),
        placement: Placement::One,
        target: Arc::new(Target::default()),
        priority: Priority::default(),
        late: LatePolicy {
            misfire,
            window: SignedDuration::from_secs(600),
            start_deadline: SignedDuration::from_secs(5),
        },
        valid_from: at(0),
    };
    Tenure {
        plan,
        valid_until: None,
    }
}

fn placed(placement: Placement) -> Tenure {
    let mut tenure = tenure("@every 10s", Misfire::Skip);
    tenure.plan.placement = placement;
    tenure
}

fn member(id: i64, from: i64, until: Option<i64>) -> Member {
    Member {
        id: NodeId(id),
        name: format!("n{id}"),
        labels: Labels::new(),
        from: at(from),
        until: until.map(at),
    }
}

struct Case {
    window: (i64, i64),
    now: i64,
    found: Findings,
    members: Vec<Member>,
    obstacles: Vec<Obstacle>,
}

impl Case {
    fn new(window: (i64, i64), now: i64) -> Self {
        Case {
            window,
            now,
            found: Findings::default(),
            members: vec![member(1, 0, None)],
            obstacles: vec![],
        }
    }

    fn audit(&self) -> Audit<'_> {
        Audit {
            from: at(self.window.0),
            to: at(self.window.1),
            now: at(self.now),
            found: &self.found,
            members: &self.members,
            obstacles: &self.obstacles,
        }
    }

    fn settle(&self, tenure: &Tenure) -> Vec<(i64, i64, Verdict, u64)> {
        let told = |s: &Settlement| {
            let first = s.tick.fire_time.as_second();
            (first, s.tick.slot, s.verdict, s.tick_count)
        };
        self.audit().settle(tenure).iter().map(told).collect()
    }
}

fn found(second: i64, slot: i64, until: Option<i64>) -> Findings {
    let tick = Tick::scheduled(JobId(1), at(second), slot);
    [(tick, until.map(at))].into_iter().collect()
}

fn late_offer(until: i64) -> Verdict {
    Verdict::Offer {
        trigger: Trigger::CatchUp,
        until: at(until),
    }
}

const NOT_CLAIMED: Verdict = Verdict::Miss(Reason::NotClaimed);
const SUPERSEDED: Verdict = Verdict::Skip(Reason::Superseded);
const COALESCED: Verdict = Verdict::Skip(Reason::Coalesced);

#[test]
fn every_absent_tick_gets_a_verdict_and_found_ones_none() {
    let mut case = Case::new((0, 30), 45);
    case.found = found(20, 0, None);

    let settled = case.settle(&tenure("@every 10s", Misfire::Skip));

    assert_eq!(settled, [(10, 0, NOT_CLAIMED, 1), (30, 0, NOT_CLAIMED, 1)]);
}

#[test]
fn the_window_begins_after_its_start_and_ends_with_its_end() {
    let settled = Case::new((10, 20), 99).settle(&tenure("@every 10s", Misfire::Skip));

    assert_eq!(settled, [(20, 0, NOT_CLAIMED, 1)]);
}

#[test]
fn newest_late_tick_is_offered_and_older_ones_are_coalesced() {
    let settled = Case::new((0, 30), 45).settle(&tenure("@every 10s", Misfire::Once));

    assert_eq!(settled[..2], [(10, 0, COALESCED, 1), (20, 0, COALESCED, 1)]);
    // Second 40 is late by now and takes the place of second 30.
    assert_eq!(settled[2..], [(30, 0, COALESCED, 1)]);
    let settled = Case::new((0, 30), 44).settle(&tenure("@every 10s", Misfire::Once));
    assert_eq!(settled[2..], [(30, 0, late_offer(630), 1)]);
}

#[test]
fn a_long_stretch_is_one_record_with_its_count() {
    let mut case = Case::new((0, 1000), 2000);
    case.found = found(500, 0, None);

    let settled = case.audit().settle(&tenure("@every 1s", Misfire::Skip));

    assert_eq!(settled.len(), 2);
    assert_eq!(
        (settled[0].until_time, settled[0].tick_count),
        (at(499), 499)
    );
    assert_eq!(settled[1].tick.fire_time, at(501));
    assert_eq!(
        (settled[1].until_time, settled[1].tick_count),
        (at(1000), 500)
    );
}

#[test]
fn a_record_of_an_audit_that_died_is_not_made_twice() {
    let mut case = Case::new((0, 1010), 2000);
    case.found = found(1, 0, Some(1000));

    let settled = case.audit().settle(&tenure("@every 1s", Misfire::Skip));

    assert_eq!(settled.len(), 10);
    assert_eq!(settled[0].tick.fire_time, at(1001));
}

#[test]
fn ten_in_a_row_keep_a_record_each_and_eleven_share_one() {
    let ten = Case::new((0, 10), 2000).settle(&tenure("@every 1s", Misfire::Skip));
    let eleven = Case::new((0, 11), 2000).settle(&tenure("@every 1s", Misfire::Skip));

    assert_eq!(ten.len(), 10);
    assert_eq!(eleven, [(1, 0, NOT_CLAIMED, 11)]);
}

#[test]
fn a_week_of_seconds_leaves_one_record_a_window() {
    let tenure = tenure("@every 1s", Misfire::Once);
    let week = 7 * 24 * 3600;
    let (mut from, mut ticks, mut records) = (at(0), 0, 0);
    while from < at(week) {
        let to = window_end(from, at(week));
        let case = Case::new((from.as_second(), to.as_second()), week);
        for settlement in case.audit().settle(&tenure) {
            ticks += settlement.tick_count;
            records += 1;
        }
        from = to;
    }

    assert_eq!(ticks, 7 * 24 * 3600);
    // A record a window, and in the last one the few that may still start.
    assert!(records <= 28 + 10, "{records}");
}

#[test]
fn an_edited_version_answers_for_its_own_time_only() {
    let mut old = tenure("@every 10s", Misfire::Once);
    old.valid_until = Some(at(32));
    let mut young = tenure("@every 10s", Misfire::Skip);
    young.plan.valid_from = at(32);

    let case = Case::new((0, 60), 99);

    // Second 30 could still start when the edit came; the older ones had given way to newer ones.
    assert_eq!(
        case.settle(&old),
        [
            (10, 0, COALESCED, 1),
            (20, 0, SUPERSEDED, 1),
            (30, 0, SUPERSEDED, 1)
        ]
    );
    assert_eq!(
        case.settle(&young),
        [
            (40, 0, NOT_CLAIMED, 1),
            (50, 0, NOT_CLAIMED, 1),
            (60, 0, NOT_CLAIMED, 1)
        ]
    );
}

#[test]
fn an_edit_does_not_excuse_what_was_missed_before_it() {
    let mut old = tenure("@every 10s", Misfire::Skip);
    old.valid_until = Some(at(23));

    let settled = Case::new((0, 60), 99).settle(&old);

    assert_eq!(settled, [(10, 0, NOT_CLAIMED, 1), (20, 0, SUPERSEDED, 1)]);
}

#[test]
fn a_disabled_version_expects_nothing() {
    let mut tenure = tenure("@every 10s", Misfire::Skip);
    tenure.plan.enabled = false;

    assert_eq!(Case::new((0, 60), 99).settle(&tenure), []);
}

#[test]
fn each_slot_of_a_placement_is_expected() {
    let settled = Case::new((0, 10), 99).settle(&placed(Placement::Some(3)));
    let slots: Vec<_> = settled.iter().map(|settled| settled.1).collect();

    assert_eq!(slots, [0, 1, 2]);
}

#[test]
fn every_node_means_those_that_were_there() {
    let mut case = Case::new((0, 20), 99);
    case.members = vec![member(7, 15, None), member(8, 0, Some(15))];
    case.found = found(20, 7, None);

    let settled = case.settle(&placed(Placement::EveryNode));

    assert_eq!(settled, [(10, 8, Verdict::Miss(Reason::NodeSilent), 1)]);
}

#[test]
fn a_miss_is_explained_by_what_was_in_the_way() {
    let mut case = Case::new((0, 40), 99);
    let obstacle = |from, until, reason| Obstacle {
        from: at(from),
        until: at(until),
        reason,
    };
    case.obstacles = vec![
        obstacle(18, 22, Reason::StoreUnavailable),
        obstacle(0, 19, Reason::NoAgent),
        obstacle(33, 34, Reason::ClockJump),
    ];
    let reasons = case.settle(&tenure("@every 10s", Misfire::Skip));
    let reasons: Vec<_> = reasons.iter().map(|settled| settled.2).collect();

    // Second 30 could have started until 35, and the clock jumped in between.
    let expected = [
        Reason::NoAgent,
        Reason::StoreUnavailable,
        Reason::ClockJump,
        Reason::NotClaimed,
    ];
    assert_eq!(reasons, expected.map(Verdict::Miss));
}

#[test]
fn a_job_without_an_eligible_node_says_so() {
    let mut tenure = tenure("@every 10s", Misfire::Skip);
    tenure.plan.target = Arc::new(Target {
        exclude: vec!["n1".to_owned()],
        ..Target::default()
    });
    let mut case = Case::new((0, 10), 99);

    assert_eq!(
        case.settle(&tenure)[0].2,
        Verdict::Miss(Reason::NoEligibleNode)
    );
    case.members.clear();
    assert_eq!(case.settle(&tenure)[0].2, Verdict::Miss(Reason::NoAgent));
}

fn offer(fire_time: i64, until: i64) -> Offer {
    Offer {
        tick: Tick::scheduled(JobId(1), at(fire_time), 0),
        trigger: Trigger::Schedule,
        version: 3,
        attempt: 1,
        not_before: at(fire_time),
        until: at(until),
        preference: Preference::Any,
    }
}

fn closed(now: i64, offers: &[Offer], tenure: &Tenure) -> Vec<(i64, Verdict)> {
    let case = Case::new((0, 0), now);
    let settled = case
        .audit()
        .coalesce_offers(offers, |_| Knowledge::InForce(&tenure.plan));
    let told = |(offer, verdict): (Offer, Verdict)| (offer.tick.fire_time.as_second(), verdict);
    settled.into_iter().map(told).collect()
}

#[test]
fn of_late_offers_the_newest_stay() {
    let offers = [
        offer(10, 610),
        offer(30, 630),
        offer(20, 620),
        offer(40, 640),
    ];

    // Second 40 is not late yet, so it does not count.
    assert_eq!(
        closed(44, &offers, &tenure("@every 10s", Misfire::Once)),
        [(20, COALESCED), (10, COALESCED)]
    );
    assert_eq!(
        closed(44, &offers, &tenure("@every 10s", Misfire::All(2))),
        [(10, COALESCED)]
    );
}

#[test]
fn an_offer_whose_time_is_over_is_missed() {
    let settled = closed(15, &[offer(10, 15)], &tenure("@every 10s", Misfire::Skip));

    assert_eq!(settled, [(10, Verdict::Miss(Reason::NoCapacity))]);
}

#[test]
fn a_run_that_was_started_once_is_never_called_missed() {
    let mut retry = offer(10, 15);
    retry.attempt = 2;

    let settled = closed(15, &[retry], &tenure("@every 10s", Misfire::Skip));

    assert_eq!(settled, [(10, Verdict::EndAsBefore)]);
    assert_eq!(
        closed(14, &[retry], &tenure("@every 10s", Misfire::Skip)),
        []
    );
}

#[test]
fn an_offer_of_an_older_version_is_superseded() {
    let mut tenure = tenure("@every 10s", Misfire::Once);
    tenure.plan.version = 4;

    assert_eq!(closed(11, &[offer(10, 610)], &tenure), [(10, SUPERSEDED)]);
}

#[test]
fn nothing_of_a_deleted_job_starts_any_more() {
    let case = Case::new((0, 0), 11);
    let mut retry = offer(10, 610);
    retry.attempt = 2;
    let mut manual = offer(10, 610);
    manual.tick.kind = TickKind::Manual;

    let verdicts = case
        .audit()
        .coalesce_offers(&[retry, manual], |_| Knowledge::Deleted);

    let verdict = |attempt| {
        verdicts
            .iter()
            .find(|(o, _)| o.attempt == attempt)
            .unwrap()
            .1
    };
    assert_eq!(verdict(2), Verdict::EndAsBefore);
    assert_eq!(verdict(1), SUPERSEDED);
}

#[test]
fn what_this_node_does_not_understand_is_left_to_others_until_its_time_is_over() {
    let verdicts = |now| {
        let settled = Case::new((0, 0), now)
            .audit()
            .coalesce_offers(&[offer(10, 610)], |_| Knowledge::Unreadable);
        settled
            .into_iter()
            .map(|(_, verdict)| verdict)
            .collect::<Vec<_>>()
    };

    assert_eq!(verdicts(609), []);
    assert_eq!(verdicts(610), [Verdict::Miss(Reason::Unreadable)]);
}

#[test]
fn a_run_asked_for_by_hand_outlives_edits_until_its_time_is_over() {
    let mut tenure = tenure("@every 10s", Misfire::Once);
    tenure.plan.version = 4;
    let mut manual = offer(10, 610);
    manual.tick.kind = TickKind::Manual;
    manual.preference = Preference::Only(NodeId(9));

    assert_eq!(closed(600, &[manual], &tenure), []);
    assert_eq!(
        closed(610, &[manual], &tenure),
        [(10, Verdict::Miss(Reason::NodeSilent))]
    );
}
