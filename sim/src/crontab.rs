//! The jobs of a world: what they ask for, and an independent answer to when they are due.

use std::sync::Arc;

use carillon_core::identity::{JobId, NodeId};
use carillon_core::misfire::{LatePolicy, Misfire};
use carillon_core::overlap::Overlap;
use carillon_core::placement::{Placement, Target};
use carillon_core::priority::Priority;
use carillon_core::retry::{Retry, RetryNode};
use carillon_core::run::Outcome;
use carillon_core::schedule::{DstRule, Schedule};
use carillon_core::scheduler::Plan;

use crate::calendar::Calendar;
use crate::dice::Dice;
use crate::time::{MILLISECOND, Micros, SECOND, span, stamp};

/// When a job is due, as plain arithmetic: the law must not use the code it judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rhythm {
    /// `*/n * * * * *`
    EachSeconds(i64),
    /// `@every ns`
    Period(i64),
    /// `s * * * * *`
    AtSecond(i64),
    /// `@reboot`
    Reboot,
}

impl Rhythm {
    fn expression(self) -> String {
        match self {
            Rhythm::EachSeconds(n) => format!("*/{n} * * * * *"),
            Rhythm::Period(n) => format!("@every {n}s"),
            Rhythm::AtSecond(s) => format!("{s} * * * * *"),
            Rhythm::Reboot => "@reboot".to_owned(),
        }
    }

    pub(crate) fn is_due(self, second: i64) -> bool {
        match self {
            Rhythm::EachSeconds(n) => second.rem_euclid(60) % n == 0,
            Rhythm::Period(n) => second.rem_euclid(n) == 0,
            Rhythm::AtSecond(s) => second.rem_euclid(60) == s,
            Rhythm::Reboot => false,
        }
    }

    fn draw(dice: &mut Dice) -> Self {
        match dice.between(0, 20) {
            0..=6 => Rhythm::EachSeconds(*dice.pick(&[2, 3, 5, 10, 20])),
            7..=12 => Rhythm::Period(*dice.pick(&[4, 7, 9, 13, 30])),
            13 => Rhythm::EachSeconds(1),
            14 => Rhythm::Reboot,
            _ => Rhythm::AtSecond(dice.between(0, 60)),
        }
    }
}

/// One version of a job.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) job: JobId,
    pub(crate) version: i64,
    pub(crate) enabled: bool,
    pub(crate) rhythm: Rhythm,
    pub(crate) calendar: Option<Calendar>,
    pub(crate) placement: Placement,
    pub(crate) target: Arc<Target>,
    pub(crate) overlap: Overlap,
    /// Jobs with the same key are one for the overlap policy. An edit does not change it.
    pub(crate) key: Option<i64>,
    pub(crate) late: LatePolicy,
    pub(crate) retry: Retry,
    /// How long a command lasts, at most.
    pub(crate) lasts_max: Micros,
    /// How often a command fails, per thousand.
    pub(crate) fails: u32,
    pub(crate) valid_from: Micros,
    pub(crate) valid_until: Option<Micros>,
    /// The change of the store that ended it.
    pub(crate) ended_by: Option<u64>,
}

impl Version {
    pub(crate) fn draw(job: JobId, nodes: i64, dice: &mut Dice) -> Self {
        let placement = match dice.between(0, 10) {
            0 => Placement::EveryNode,
            1 | 2 => Placement::Some(2),
            _ => Placement::One,
        };
        let mut target = Target::default();
        if dice.chance(150) {
            target.exclude = vec![node_name(NodeId(dice.between(1, nodes + 1)))];
        }
        Version {
            job,
            version: 1,
            enabled: true,
            calendar: Calendar::draw(dice),
            rhythm: Rhythm::draw(dice),
            placement,
            target: Arc::new(target),
            overlap: draw_overlap(dice),
            key: draw_key(dice),
            late: draw_late(dice),
            retry: draw_retry(dice),
            lasts_max: *dice.pick(&[100 * MILLISECOND, 2 * SECOND, 6 * SECOND, 15 * SECOND]),
            fails: *dice.pick(&[0, 0, 200, 700]),
            valid_from: 0,
            valid_until: None,
            ended_by: None,
        }
    }

    /// The next version: a draw of something else, or the switch.
    pub(crate) fn edit(&self, dice: &mut Dice) -> Self {
        let mut next = self.clone();
        // As often as not an edit gives the job another calendar, or none.
        if dice.clone().next().is_multiple_of(2) {
            next.calendar = Calendar::draw(dice);
        }
        match dice.between(0, 6) {
            0 => next.enabled = !next.enabled,
            1 | 2 => next.rhythm = Rhythm::draw(dice),
            3 => next.overlap = draw_overlap(dice),
            4 => next.late = draw_late(dice),
            _ => next.lasts_max = *dice.pick(&[100 * MILLISECOND, 3 * SECOND]),
        }
        next.version += 1;
        next
    }

    /// Whether it asks for a tick in that second.
    pub(crate) fn is_due(&self, second: i64) -> bool {
        let alone = |second| self.rhythm.is_due(second);
        match &self.calendar {
            Some(calendar) => calendar.is_due(second, alone),
            None => alone(second),
        }
    }

    pub(crate) fn plan(&self) -> Plan {
        let expression = self.rhythm.expression();
        let schedule = Schedule::parse(&expression, "UTC", DstRule::Cron, 0);
        let schedule = schedule.expect("worlds are drawn from valid expressions");
        let schedule = match &self.calendar {
            Some(calendar) => calendar.over(schedule),
            None => schedule,
        };
        Plan {
            job: self.job,
            version: self.version,
            enabled: self.enabled,
            schedule,
            placement: self.placement,
            target: Arc::clone(&self.target),
            priority: Priority::default(),
            late: self.late,
            valid_from: stamp(self.valid_from),
        }
    }
}

pub(crate) fn node_name(node: NodeId) -> String {
    format!("n{node}")
}

fn draw_overlap(dice: &mut Dice) -> Overlap {
    match dice.between(0, 8) {
        0..=2 => Overlap::Skip,
        3..=5 => Overlap::Allow(4),
        6 => Overlap::Queue(2),
        _ => Overlap::Replace,
    }
}

/// Drawn from a branch of the dice, so that worlds without keys are what they were.
fn draw_key(dice: &Dice) -> Option<i64> {
    let mut branch = Dice::new(dice.clone().next());
    branch.chance(300).then(|| branch.between(0, 2))
}

fn draw_late(dice: &mut Dice) -> LatePolicy {
    LatePolicy {
        misfire: *dice.pick(&[Misfire::Skip, Misfire::Once, Misfire::All(2)]),
        window: span(dice.between(20, 60) * SECOND),
        start_deadline: span(*dice.pick(&[3, 5, 20, 30]) * SECOND),
    }
}

fn draw_retry(dice: &mut Dice) -> Retry {
    let mut retry = Retry {
        delay_s: dice.between(1, 4) as f64,
        jitter: 0.5,
        ..Retry::default()
    };
    if dice.chance(400) {
        retry.max_attempts = 3;
        retry.node = *dice.pick(RetryNode::ALL);
        retry.on = vec![Outcome::Failed, Outcome::Interrupted];
    }
    retry
}
