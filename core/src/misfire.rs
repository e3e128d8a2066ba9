//! What to do with ticks that nobody decided in time.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};

use crate::placement::counted;
use crate::run::Trigger;
use crate::schedule::Schedule;

/// The misfire policy of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfire {
    /// Every late tick is recorded as missed.
    Skip,
    /// The newest late tick runs, the others are recorded as skipped.
    Once,
    /// That many of the newest late ticks run.
    All(u16),
}

/// The text is no misfire policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no misfire policy; write skip, once, or all(1) to all(1000)")]
pub struct MisfireError(String);

impl fmt::Display for Misfire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Misfire::Skip => f.write_str("skip"),
            Misfire::Once => f.write_str("once"),
            Misfire::All(ticks) => write!(f, "all({ticks})"),
        }
    }
}

impl FromStr for Misfire {
    type Err = MisfireError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "skip" => Ok(Misfire::Skip),
            "once" => Ok(Misfire::Once),
            _ => counted(text, "all")
                .filter(|ticks| (1..=1000).contains(ticks))
                .map(Misfire::All)
                .ok_or_else(|| MisfireError(text.to_owned())),
        }
    }
}

crate::text_serde!(Misfire);

/// How many ticks of the past a catch-up looks back, unless the job says otherwise.
pub const CATCH_UP_WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// How long after its fire time a tick may still start, unless the job says otherwise.
const START_DEADLINE: SignedDuration = SignedDuration::from_secs(60);

/// The same for a schedule that fires more often than once a minute: a later tick has overtaken it by then.
const START_DEADLINE_SUB_MINUTE: SignedDuration = SignedDuration::from_secs(5);

impl Misfire {
    /// The policy of a job that chose none: a nightly job is worth doing late, a heartbeat is not.
    pub fn default_for(schedule: &Schedule) -> Self {
        if schedule.is_sub_minute() {
            Misfire::Skip
        } else {
            Misfire::Once
        }
    }

    /// How many of the newest late ticks run.
    pub fn caught_up_max(self) -> u16 {
        match self {
            Misfire::Skip => 0,
            Misfire::Once => 1,
            Misfire::All(ticks) => ticks,
        }
    }
}

/// How long after its fire time a tick of this schedule may still start, unless the job says otherwise.
pub fn start_deadline_for(schedule: &Schedule) -> SignedDuration {
    if schedule.is_sub_minute() {
        START_DEADLINE_SUB_MINUTE
    } else {
        START_DEADLINE
    }
}

/// The facts about a job that decide its late ticks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatePolicy {
    /// How many late ticks run.
    pub misfire: Misfire,
    /// How far back a catch-up looks.
    pub window: SignedDuration,
    /// How long after its fire time a tick may still start without being late.
    pub start_deadline: SignedDuration,
}

impl LatePolicy {
    /// The last moment at which the tick of `fire_time` starts as an ordinary one.
    pub fn start_until(&self, fire_time: Timestamp) -> Timestamp {
        fire_time
            .saturating_add(self.start_deadline)
            .unwrap_or(Timestamp::MAX)
    }

    /// The last moment at which anybody still starts the tick of `fire_time`, caught up or not.
    pub fn offer_until(&self, fire_time: Timestamp) -> Timestamp {
        match self.misfire.caught_up_max() {
            0 => self.start_until(fire_time),
            _ => fire_time
                .saturating_add(self.start_deadline.max(self.window))
                .unwrap_or(Timestamp::MAX),
        }
    }
}

/// What becomes of a tick that nobody decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// There is still time, or the policy wants it late: any node may start it until then.
    Offer {
        /// Whether it is on time or caught up.
        trigger: Trigger,
        /// The last moment to start it.
        until: Timestamp,
    },
    /// It is late, and a newer tick of the job takes its place.
    Coalesce,
    /// It is late, and nobody wants it any more.
    Miss,
}

/// Decides the undecided tick of `fire_time` at `now`. It depends on the schedule and the time alone, so that every
/// node decides alike, and a long outage can be decided piece by piece.
pub fn decide(
    policy: LatePolicy,
    schedule: &Schedule,
    fire_time: Timestamp,
    now: Timestamp,
) -> Decision {
    let until = policy.offer_until(fire_time);
    if now < policy.start_until(fire_time) {
        return Decision::Offer {
            trigger: Trigger::Schedule,
            until,
        };
    }
    if now >= until {
        return Decision::Miss;
    }
    let newer_max = usize::from(policy.misfire.caught_up_max());
    let newer = std::iter::successors(schedule.next_after(fire_time), |&time| {
        schedule.next_after(time)
    })
    .take_while(|&time| now >= policy.start_until(time))
    .take(newer_max)
    .count();
    match newer < newer_max {
        true => Decision::Offer {
            trigger: Trigger::CatchUp,
            until,
        },
        false => Decision::Coalesce,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::DstRule;

    const POLICY: LatePolicy = LatePolicy {
        misfire: Misfire::Once,
        window: SignedDuration::from_secs(1000),
        start_deadline: SignedDuration::from_secs(60),
    };

    /// What becomes of the tick of a job that is due each ten minutes, at second 600, when it is found undecided later.
    fn decided(misfire: Misfire, found_at: i64) -> Decision {
        let schedule = Schedule::parse("*/10 * * * *", "UTC", DstRule::Cron, 0).unwrap();
        let at = |second| Timestamp::from_second(second).unwrap();
        decide(
            LatePolicy { misfire, ..POLICY },
            &schedule,
            at(600),
            at(found_at),
        )
    }

    fn offer(trigger: Trigger, until: i64) -> Decision {
        Decision::Offer {
            trigger,
            until: Timestamp::from_second(until).unwrap(),
        }
    }

    #[test]
    fn a_tick_within_its_deadline_is_offered() {
        assert_eq!(decided(Misfire::Skip, 659), offer(Trigger::Schedule, 660));
        assert_eq!(decided(Misfire::Once, 659), offer(Trigger::Schedule, 1600));
    }

    #[test]
    fn a_late_tick_is_missed_or_caught_up() {
        assert_eq!(decided(Misfire::Skip, 660), Decision::Miss);
        assert_eq!(decided(Misfire::Once, 660), offer(Trigger::CatchUp, 1600));
        assert_eq!(decided(Misfire::Once, 1600), Decision::Miss);
    }

    #[test]
    fn only_the_newest_late_ticks_are_caught_up() {
        assert_eq!(decided(Misfire::Once, 1259), offer(Trigger::CatchUp, 1600));
        assert_eq!(decided(Misfire::Once, 1260), Decision::Coalesce);
        assert_eq!(
            decided(Misfire::All(2), 1260),
            offer(Trigger::CatchUp, 1600)
        );
    }
}
