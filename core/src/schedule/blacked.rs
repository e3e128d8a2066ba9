//! A schedule that keeps to a calendar: which of its ticks fire, and when.
//!
//! *Skip*: ticks that no blackout covers. *Shift*: these, and the end of each time without a break in which blackouts
//! hold and the schedule has at least one tick. Both are sets of instants, so that `next_from` depends on the instant
//! asked alone, like that of any schedule.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Schedule, floor_second};
use crate::calendar::{Blackouts, OnBlackout};

/// Where so many blackouts in a row swallow every tick, the answer is "never": a night a day for 27 years.
const SWALLOWED_MAX: usize = 10_000;

/// As for a schedule without a calendar: 100 years.
const HORIZON_S: i64 = 36_525 * 86_400;

/// A schedule and the calendar laid over it.
#[derive(Clone, Debug)]
pub(super) struct Blacked {
    /// Has no calendar of its own.
    pub(super) schedule: Schedule,
    pub(super) blackouts: Arc<Blackouts>,
    pub(super) on_blackout: OnBlackout,
}

impl Blacked {
    /// The first fire time that is not before the instant `first`, both in seconds since 1970.
    pub(super) fn next_from(&self, first: i64) -> Option<i64> {
        match self.on_blackout {
            OnBlackout::Skip => self.next_uncovered(first),
            OnBlackout::Shift => self.next_or_end(first),
        }
    }

    fn next_uncovered(&self, first: i64) -> Option<i64> {
        let mut from = first;
        for _ in 0..SWALLOWED_MAX {
            let tick = self.tick_from(from)?;
            if tick - first > HORIZON_S {
                return None;
            }
            if !self.blackouts.covers(tick) {
                return Some(tick);
            }
            from = self.blackouts.end_of(tick)?;
        }
        None
    }

    fn next_or_end(&self, first: i64) -> Option<i64> {
        let before = first - 1;
        if self.blackouts.covers(before) {
            let end = self.blackouts.end_of(before)?;
            let start = self.blackouts.start_of(before);
            let start = start.unwrap_or(before - HORIZON_S);
            if self.tick_from(start).is_some_and(|tick| tick < end) {
                return Some(end);
            }
        }
        let tick = self.tick_from(first)?;
        match self.blackouts.covers(tick) {
            true => self.blackouts.end_of(tick),
            false => Some(tick),
        }
    }

    /// The first tick of the schedule alone that is not before `from`.
    fn tick_from(&self, from: i64) -> Option<i64> {
        let before = Timestamp::from_second(from - 1).ok()?;
        self.schedule.next_after(before).map(floor_second)
    }
}

/// A tick of the schedule alone, and what the calendar makes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreseen {
    /// When the schedule alone would fire.
    pub time: Timestamp,
    /// What becomes of it.
    pub fate: Fate,
}

/// What becomes of a tick.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It fires.
    Fires,
    /// A blackout swallows it, and all that follow until it ends; none where nothing ends it.
    Skipped {
        /// The blackout, as its line names it.
        by: String,
        /// The first instant after it.
        until: Option<Timestamp>,
    },
    /// A blackout holds it back, with all that follow until it ends.
    Shifted {
        /// The blackout, as its line names it.
        by: String,
        /// When it fires instead.
        to: Timestamp,
    },
}

pub(super) fn foresee(schedule: &Schedule, from: Timestamp) -> impl Iterator<Item = Foreseen> + '_ {
    let alone = schedule.without_calendar();
    let mut last = Some(begin_foreseeing(schedule, from));
    std::iter::from_fn(move || {
        let time = alone.next_after(last?)?;
        let blackouts = schedule.blackouts();
        let covered = blackouts.filter(|(blackouts, _)| blackouts.covers(floor_second(time)));
        let Some((blackouts, on_blackout)) = covered else {
            last = Some(time);
            let fate = Fate::Fires;
            return Some(Foreseen { time, fate });
        };
        let until = blackouts
            .end_of(floor_second(time))
            .and_then(|second| Timestamp::from_second(second).ok());
        let by = blackouts.name_at(time);
        // The end itself may be a tick of its own.
        last = until.and_then(|until| Timestamp::from_second(floor_second(until) - 1).ok());
        let fate = match (on_blackout, until) {
            (OnBlackout::Shift, Some(to)) => Fate::Shifted { by, to },
            (OnBlackout::Shift | OnBlackout::Skip, until) => Fate::Skipped { by, until },
        };
        Some(Foreseen { time, fate })
    })
}

/// What a shifting calendar holds back at `from` has still to come: then its blackout is looked at from its beginning.
fn begin_foreseeing(schedule: &Schedule, from: Timestamp) -> Timestamp {
    let second = floor_second(from);
    schedule
        .blackouts()
        .filter(|(blackouts, on)| *on == OnBlackout::Shift && blackouts.covers(second))
        .and_then(|(blackouts, _)| blackouts.start_of(second))
        .and_then(|start| Timestamp::from_second(start - 1).ok())
        .unwrap_or(from)
}
