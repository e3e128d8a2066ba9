//! The outcome of every tick that nobody claimed: offered once more, skipped, or missed, each with its reason.
//!
//! Any node may audit, several at once, and each may die between any two steps: *close* the window (from then on no
//! claim up to its end is accepted), *read* the runs in it, *settle* what is absent, *raise* the watermark from the
//! window's start to its end. The order matters: what is read before the window is closed may be incomplete, and a
//! record that stands for many ticks must not cover one that was claimed in between. Where the store answers that
//! such a record is contested, the watermark stays and the window is read again. The auditor must know the jobs as
//! they were when the window was closed; a job it has not heard of would be silently forgotten.
//!
//! Nothing here knows how that is written.

mod offers;

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

pub use offers::Knowledge;

use crate::identity::{JobId, NodeId};
use crate::misfire::{Decision, decide};
use crate::placement::{Labels, Placement};
use crate::run::{Reason, Trigger};
use crate::scheduler::Plan;
use crate::tick::Tick;

/// A window is no longer than this, so that a node which audits a week of silence stays responsive; each job leaves
/// one record a window and reason.
pub const WINDOW_MAX: SignedDuration = SignedDuration::from_hours(6);

/// And it ends early where more runs than this lie in it: they are held in memory.
pub const WINDOW_RUNS_MAX: usize = 20_000;

/// So many ticks in a row with the same verdict leave a record each; more leave one together.
pub const FOLD_ABOVE: u64 = 10;

/// One version of a job and the time it answers for: fire times after `plan.valid_from` up to and including
/// `valid_until`.
#[derive(Debug, Clone)]
pub struct Tenure {
    /// The version.
    pub plan: Plan,
    /// When it was edited or deleted; none while it is in force.
    pub valid_until: Option<Timestamp>,
}

/// A node, and since when until when it was there to run anything: registered, and not drained or retired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Which.
    pub id: NodeId,
    /// What people call it.
    pub name: String,
    /// What it says of itself.
    pub labels: Labels,
    /// Since when.
    pub from: Timestamp,
    /// Until when; none while it is.
    pub until: Option<Timestamp>,
}

impl Member {
    /// Whether it was there at `time`.
    pub fn is_there(&self, time: Timestamp) -> bool {
        self.from <= time && self.until.is_none_or(|until| time < until)
    }
}

/// A stretch of time in which something kept ticks from being claimed, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Obstacle {
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// What it makes of the ticks.
    pub reason: Reason,
}

/// What is to become of a tick that has no owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Any eligible node may still start it.
    Offer {
        /// On time or caught up.
        trigger: Trigger,
        /// The last moment to start it.
        until: Timestamp,
    },
    /// It was decided not to run it.
    Skip(Reason),
    /// Nobody could start it in time. It never started.
    Miss(Reason),
    /// Nobody made the next attempt in time: the run ends as its last attempt did.
    EndAsBefore,
}

/// What one tick, or several in a row, come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settlement {
    /// The tick, the first where it stands for several.
    pub tick: Tick,
    /// The version of the job it belongs to.
    pub version: i64,
    /// What it comes to.
    pub verdict: Verdict,
    /// The fire time of the last tick it stands for.
    pub until_time: Timestamp,
    /// How many ticks it stands for.
    pub tick_count: u64,
}

/// The ticks of a window that are decided: by a run of their own, or by a record that stands for many.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    ticks: HashSet<Tick>,
    /// Job and slot, first and last fire time.
    stretches: Vec<(JobId, i64, Timestamp, Timestamp)>,
}

impl Findings {
    /// Whether the tick is decided.
    pub fn holds(&self, tick: &Tick) -> bool {
        let covers = |&(job, slot, first, last): &(JobId, i64, Timestamp, Timestamp)| {
            (job, slot) == (tick.job, tick.slot) && (first..=last).contains(&tick.fire_time)
        };
        self.ticks.contains(tick) || self.stretches.iter().any(covers)
    }
}

impl FromIterator<(Tick, Option<Timestamp>)> for Findings {
    /// From each run's tick and the last fire time it stands for, if it stands for many. An audit that ended between
    /// writing a record and raising the watermark leaves such records for the next one to find.
    fn from_iter<I: IntoIterator<Item = (Tick, Option<Timestamp>)>>(found: I) -> Self {
        let mut findings = Findings::default();
        for (tick, until) in found {
            findings.ticks.insert(tick);
            let stretch = until.map(|until| (tick.job, tick.slot, tick.fire_time, until));
            findings.stretches.extend(stretch);
        }
        findings
    }
}

/// What the auditing node knows about a window.
#[derive(Debug, Clone, Copy)]
pub struct Audit<'a> {
    /// The watermark: fire times up to here are settled.
    pub from: Timestamp,
    /// Closed up to and including here.
    pub to: Timestamp,
    /// The present, by the store's clock.
    pub now: Timestamp,
    /// The ticks in the window that are decided, read after it was closed.
    pub found: &'a Findings,
    /// Every node.
    pub members: &'a [Member],
    /// What went wrong, the most telling first.
    pub obstacles: &'a [Obstacle],
}

/// The end of the next window after `from`, when no tick after `closed` is closed yet.
pub fn window_end(from: Timestamp, closed: Timestamp) -> Timestamp {
    closed.min(from.saturating_add(WINDOW_MAX).unwrap_or(closed))
}

impl Audit<'_> {
    /// What the absent ticks of one version come to, seat by seat in order of time. What it holds in memory is what
    /// it returns: records of long stretches, and ticks that may still start.
    pub fn settle(&self, tenure: &Tenure) -> Vec<Settlement> {
        let plan = &tenure.plan;
        let from = self.from.max(plan.valid_from);
        let to = tenure
            .valid_until
            .map_or(self.to, |until| until.min(self.to));
        let mut folder = Folder::default();
        if plan.enabled && from < to {
            for seat in self.seats(plan) {
                for fire_time in plan.schedule.fire_times(from, to) {
                    self.settle_tick(tenure, seat, fire_time, &mut folder);
                }
                folder.end_stretch();
            }
        }
        folder.settled
    }

    fn settle_tick(&self, tenure: &Tenure, seat: Seat, fire_time: Timestamp, folder: &mut Folder) {
        let tick = Tick::scheduled(tenure.plan.job, fire_time, seat.slot);
        let is_expected = seat
            .member
            .is_none_or(|i| self.members[i].is_there(fire_time));
        if !is_expected || self.found.holds(&tick) {
            return folder.end_stretch();
        }
        folder.add(Settlement {
            tick,
            version: tenure.plan.version,
            verdict: self.verdict(tenure, fire_time),
            until_time: fire_time,
            tick_count: 1,
        });
    }

    /// A version that is gone is judged as of its end, so that a tick nobody could start before is told apart from
    /// one that the edit overtook.
    fn verdict(&self, tenure: &Tenure, fire_time: Timestamp) -> Verdict {
        let plan = &tenure.plan;
        let judged_at = tenure.valid_until.unwrap_or(self.now);
        match decide(plan.late, &plan.schedule, fire_time, judged_at) {
            Decision::Offer { .. } if tenure.valid_until.is_some() => {
                Verdict::Skip(Reason::Superseded)
            }
            Decision::Offer { trigger, until } => Verdict::Offer { trigger, until },
            Decision::Coalesce => Verdict::Skip(Reason::Coalesced),
            Decision::Miss => {
                let until = plan.late.start_until(fire_time);
                let reason = self.obstacle(fire_time, until);
                Verdict::Miss(reason.unwrap_or_else(|| self.absence(plan, fire_time)))
            }
        }
    }

    /// What was in the way at the fire time, or else some time before it was too late.
    fn obstacle(&self, fire_time: Timestamp, until: Timestamp) -> Option<Reason> {
        let at = |time: Timestamp| move |o: &&Obstacle| o.from <= time && time <= o.until;
        let meets = |o: &&Obstacle| o.from <= until && fire_time <= o.until;
        let mut obstacles = self.obstacles.iter();
        let first = obstacles.clone().find(at(fire_time));
        first.or_else(|| obstacles.find(meets)).map(|o| o.reason)
    }

    /// Why nobody claimed a tick although nothing was in the way.
    fn absence(&self, plan: &Plan, time: Timestamp) -> Reason {
        let mut there = self.members.iter().filter(|member| member.is_there(time));
        let is_allowed = |member: &Member| plan.target.allows(&member.name, &member.labels);
        match plan.placement {
            Placement::EveryNode => Reason::NodeSilent,
            _ if there.clone().next().is_none() => Reason::NoAgent,
            _ if !there.any(is_allowed) => Reason::NoEligibleNode,
            _ => Reason::NotClaimed,
        }
    }

    fn seats(&self, plan: &Plan) -> Vec<Seat> {
        let seat = |slot| Seat { slot, member: None };
        match plan.placement {
            Placement::One => vec![seat(0)],
            Placement::Some(nodes) => (0..i64::from(nodes)).map(seat).collect(),
            Placement::EveryNode => {
                let members = self.members.iter().enumerate();
                members
                    .filter(|(_, member)| plan.target.allows(&member.name, &member.labels))
                    .map(|(i, member)| Seat {
                        slot: member.id.0,
                        member: Some(i),
                    })
                    .collect()
            }
        }
    }
}

/// A slot of a placement, and whose it is where it is somebody's.
#[derive(Debug, Clone, Copy)]
struct Seat {
    slot: i64,
    member: Option<usize>,
}

/// Folds equal verdicts in a row into one.
#[derive(Debug, Default)]
struct Folder {
    settled: Vec<Settlement>,
    /// How many of the last ticks have the same verdict in a row.
    stretch: u64,
}

impl Folder {
    fn add(&mut self, next: Settlement) {
        let last = self.settled.last_mut().filter(|_| self.stretch > 0);
        let is_more = last
            .as_ref()
            .is_some_and(|last| last.verdict == next.verdict);
        if !is_more || matches!(next.verdict, Verdict::Offer { .. }) {
            self.stretch = 1;
            self.settled.push(next);
            return;
        }
        self.stretch += 1;
        if self.stretch <= FOLD_ABOVE {
            self.settled.push(next);
            return;
        }
        if self.stretch == FOLD_ABOVE + 1 {
            let kept = self.settled.len() + 1 - FOLD_ABOVE as usize;
            self.settled.truncate(kept);
        }
        let record = self.settled.last_mut().expect("the stretch has begun");
        record.until_time = next.tick.fire_time;
        record.tick_count = self.stretch;
    }

    fn end_stretch(&mut self) {
        self.stretch = 0;
    }
}

#[cfg(test)]
mod tests;
