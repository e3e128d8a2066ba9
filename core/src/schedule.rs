//! Schedules: the rule that yields fire times, with its time zone.
//!
//! Responsible for what an expression means: which wall-clock times it matches (`calendar`), on
//! which instants they fall (`next`, `zone`, `dst`), how it is read (`parse`, `item`, `every`,
//! `at`), refused (`error`, `flaw`), told in words (`describe`), and held back by a calendar (`blacked`).
//! Must not know jobs, nodes or the present: every question carries its own time.

mod at;
mod blacked;
mod calendar;
pub(crate) mod date;
mod days;
mod describe;
mod dst;
mod error;
mod every;
mod field;
mod flaw;
mod item;
mod next;
mod parse;
mod scanner;
mod spread;
mod years;
pub(crate) mod zone;

use std::sync::Arc;

use jiff::Timestamp;

use crate::calendar::{Blackouts, OnBlackout};
use crate::lang::Lang;

use blacked::Blacked;
use calendar::Calendar;
use describe::Told;
use dst::TimeClass;
use next::WallClock;
use parse::{Expression, parse_expression};
use zone::Zone;

pub use blacked::{Fate, Foreseen};
pub use dst::DstRule;
pub use error::{ScheduleError, Subject};
pub use field::Field;
pub(crate) use flaw::CalendarFlaw;
pub use parse::is_field;
pub use zone::{ClockChange, next_clock_change, time_zone, tzdb_version};

/// A parsed schedule in its zone: a value of at most 64 bytes, cheap to clone and to ask.
#[derive(Clone, Debug)]
pub struct Schedule {
    rule: Rule,
}

// A million jobs are a million of these.
const _: () = assert!(size_of::<Schedule>() <= 64);

#[derive(Clone, Debug)]
enum Rule {
    Calendar {
        calendar: Calendar,
        zone: &'static Zone,
    },
    /// Fires at each multiple of the period since 1970-01-01T00:00Z, so that all nodes agree.
    Every {
        period_s: u64,
    },
    Reboot,
    Manual,
    /// One of the above that keeps to a calendar; kept apart, so that the others need no room for it.
    Blacked(Arc<Blacked>),
}

/// What makes a schedule fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Wall-clock times matched by fields.
    Calendar,
    /// One wall-clock time: `@at`, or fields that name one second of one year.
    Once,
    /// A period since 1970-01-01T00:00Z, `@every`; the period is in seconds.
    Every {
        /// The period in seconds, at least 1.
        period_s: u64,
    },
    /// The start of a node, `@reboot`; it has no fire times of its own.
    Reboot,
    /// A person, `@manual`; it has no fire times of its own.
    Manual,
}

impl Schedule {
    /// Reads an expression in a zone of the bundled tz database.
    ///
    /// `seed` stands for the job and chooses the values of `H` and `~`; it must never change for a
    /// job. The zone is checked even where the expression does not need it (`@every`).
    pub fn parse(
        expression: &str,
        zone: &str,
        dst: DstRule,
        seed: u64,
    ) -> Result<Schedule, ScheduleError> {
        let parsed = parse_expression(expression, seed)?;
        let zone = Zone::named(zone)?;
        let rule = match parsed {
            Expression::Calendar(calendar) => Rule::Calendar {
                calendar: Calendar { dst, ..calendar },
                zone,
            },
            Expression::Every { period_s } => Rule::Every { period_s },
            Expression::Reboot => Rule::Reboot,
            Expression::Manual => Rule::Manual,
        };
        Ok(Schedule { rule })
    }

    /// The same schedule, keeping to a calendar. What has no fire times by itself (`@reboot`, `@manual`) stays as it is.
    #[must_use]
    pub fn with_calendar(self, blackouts: Arc<Blackouts>, on_blackout: OnBlackout) -> Schedule {
        Schedule {
            rule: Rule::Blacked(Arc::new(Blacked {
                schedule: self.without_calendar().clone(),
                blackouts,
                on_blackout,
            })),
        }
    }

    /// The schedule as if it had no calendar.
    pub fn without_calendar(&self) -> &Schedule {
        match &self.rule {
            Rule::Blacked(blacked) => &blacked.schedule,
            _ => self,
        }
    }

    /// The blackouts it keeps to, and how; none without a calendar.
    pub fn blackouts(&self) -> Option<(&Blackouts, OnBlackout)> {
        match &self.rule {
            Rule::Blacked(blacked) => Some((&blacked.blackouts, blacked.on_blackout)),
            _ => None,
        }
    }

    /// What becomes of its ticks after `from`, in order; ticks that one blackout swallows are told once.
    pub fn foresee(&self, from: Timestamp) -> impl Iterator<Item = Foreseen> + '_ {
        blacked::foresee(self, from)
    }

    /// The first fire time strictly after `t`, a whole second; it depends on `t` alone.
    ///
    /// `None` means never: nothing within 100 years of `t`, or a schedule that does not fire by
    /// time (`@reboot`, `@manual`).
    pub fn next_after(&self, t: Timestamp) -> Option<Timestamp> {
        let first = floor_second(t) + 1;
        let next = match &self.rule {
            Rule::Calendar { calendar, zone } => WallClock::new(calendar, zone).next_from(first)?,
            Rule::Every { period_s } => {
                let period = i64::try_from(*period_s).ok()?;
                (first - 1).div_euclid(period) * period + period
            }
            Rule::Reboot | Rule::Manual => return None,
            Rule::Blacked(blacked) => blacked.next_from(first)?,
        };
        Timestamp::from_second(next).ok()
    }

    /// The fire times after `from` up to and including `until`, in order.
    pub fn fire_times(&self, from: Timestamp, until: Timestamp) -> FireTimes<'_> {
        FireTimes {
            schedule: self,
            last: from,
            until,
        }
    }

    /// Says in words when it fires, as a sentence without a full stop. The zone is not named.
    pub fn describe(&self, lang: Lang) -> String {
        let told = match &self.without_calendar().rule {
            Rule::Calendar { calendar, .. } => Told::of_calendar(calendar),
            Rule::Every { period_s } => Told::Every {
                period_s: *period_s,
            },
            Rule::Reboot => Told::Reboot,
            Rule::Manual => Told::Manual,
            Rule::Blacked(_) => unreachable!("a calendar is laid over a schedule without one"),
        };
        told.in_words(lang)
    }

    /// What makes it fire.
    pub fn kind(&self) -> Kind {
        match &self.without_calendar().rule {
            Rule::Calendar { calendar, .. } if calendar.is_one_moment() => Kind::Once,
            Rule::Calendar { .. } => Kind::Calendar,
            Rule::Every { period_s } => Kind::Every {
                period_s: *period_s,
            },
            Rule::Reboot => Kind::Reboot,
            Rule::Manual => Kind::Manual,
            Rule::Blacked(_) => unreachable!("a calendar is laid over a schedule without one"),
        }
    }

    /// Whether it is a fixed-time schedule: neither its minute nor its hour begins with a star.
    /// `@at` is one; `@every`, `@reboot` and `@manual` are not.
    pub fn is_fixed_time(&self) -> bool {
        matches!(&self.without_calendar().rule, Rule::Calendar { calendar, .. } if calendar.class == TimeClass::Fixed)
    }

    /// Whether it fires at the start of a node (`@reboot`).
    pub fn is_reboot(&self) -> bool {
        matches!(self.without_calendar().rule, Rule::Reboot)
    }

    /// Whether only a person starts it (`@manual`).
    pub fn is_manual(&self) -> bool {
        matches!(self.without_calendar().rule, Rule::Manual)
    }

    /// Whether it has one fire time only: `@at`, or fields that name one second of one year.
    pub fn is_one_shot(&self) -> bool {
        self.kind() == Kind::Once
    }

    /// Whether it can fire more often than once a minute.
    pub fn is_sub_minute(&self) -> bool {
        match &self.without_calendar().rule {
            Rule::Calendar { calendar, .. } => calendar.seconds.count_ones() > 1,
            Rule::Every { period_s } => *period_s < 60,
            Rule::Reboot | Rule::Manual | Rule::Blacked(_) => false,
        }
    }
}

/// The fire times of a schedule between two instants; see [`Schedule::fire_times`].
#[derive(Clone, Debug)]
pub struct FireTimes<'s> {
    schedule: &'s Schedule,
    last: Timestamp,
    until: Timestamp,
}

impl Iterator for FireTimes<'_> {
    type Item = Timestamp;

    fn next(&mut self) -> Option<Timestamp> {
        let next = self
            .schedule
            .next_after(self.last)
            .filter(|&next| next <= self.until)?;
        self.last = next;
        Some(next)
    }
}

/// The last whole second that is not after `t`; `as_second` rounds towards 1970 instead.
fn floor_second(t: Timestamp) -> i64 {
    t.as_second() - i64::from(t.subsec_nanosecond() < 0)
}
