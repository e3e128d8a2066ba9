//! Which days of which months a schedule asks for.
//!
//! Knows `L`, `W`, `#` and the star rule between day-of-month and day-of-week; must not know text,
//! clock times or zones.

use super::date::{Date, month_length, weekday};

/// Every day of the month, as bits 1-31.
const ALL_DAYS: u32 = 0xFFFF_FFFE;
/// Every weekday, as bits 0-6.
const ALL_WEEKDAYS: u64 = 0x7F;
/// A bit every seventh place: multiplied by a week's mask, it repeats the week.
const WEEKS: u64 = 1 | 1 << 7 | 1 << 14 | 1 << 21 | 1 << 28 | 1 << 35;
/// Where the last-weekday bits start in `weekdays`, after a plain week and five numbered ones.
const LAST_WEEK: u32 = 42;

/// How day-of-month and day-of-week are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DayJoin {
    /// Both must agree: one of the fields begins with a star, or `+` asked for it.
    Both,
    /// One is enough: both fields are restricted.
    Either,
}

/// The days of a schedule, as bits; the fields are those of the expression, not yet joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Days {
    /// Bits 0-6: every such weekday (Sunday is 0). Bits 7k..7k+7 for k of 1-5: the k-th in the
    /// month. Bits 42-48: the last in the month.
    weekdays: u64,
    /// Bits 1-31: days of the month.
    plain: u32,
    /// Bits 0-30: so many days before the last of the month.
    before_last: u32,
    /// Bits 1-31: the weekday (Monday to Friday) nearest to that day; bit 0: the last one.
    nearest: u32,
    /// Bits 1-12.
    pub(super) months: u16,
    pub(super) join: DayJoin,
}

impl Days {
    /// No day at all; the parser adds to it.
    pub(super) const NONE: Days = Days {
        weekdays: 0,
        plain: 0,
        before_last: 0,
        nearest: 0,
        months: 0,
        join: DayJoin::Both,
    };

    pub(super) fn add_day(&mut self, day: u32) {
        self.plain |= 1 << day;
    }

    pub(super) fn add_before_last(&mut self, days: u32) {
        self.before_last |= 1 << days;
    }

    pub(super) fn add_nearest(&mut self, day: u32) {
        self.nearest |= 1 << day;
    }

    pub(super) fn add_last_working_day(&mut self) {
        self.nearest |= 1;
    }

    pub(super) fn add_weekday(&mut self, weekday: u32) {
        self.weekdays |= 1 << weekday;
    }

    pub(super) fn add_nth_weekday(&mut self, weekday: u32, nth: u32) {
        self.weekdays |= 1 << (7 * nth + weekday);
    }

    pub(super) fn add_last_weekday(&mut self, weekday: u32) {
        self.weekdays |= 1 << (LAST_WEEK + weekday);
    }

    /// The days of that month, as bits 1-31.
    #[inline]
    pub(super) fn in_month(&self, year: i32, month: u32) -> u32 {
        if self.months >> month & 1 == 0 {
            return 0;
        }
        let length = month_length(year, month);
        let existing = ALL_DAYS & (u32::MAX >> (31 - length));
        if self.ignores_weekday() {
            return existing & self.plain;
        }
        let first_weekday = weekday(
            Date {
                year,
                month,
                day: 1,
            }
            .day_number(),
        );
        let by_day = self.by_day(length, first_weekday);
        let by_weekday = self.by_weekday(length, first_weekday);
        existing
            & match self.join {
                DayJoin::Both => by_day & by_weekday,
                DayJoin::Either => by_day | by_weekday,
            }
    }

    /// Whether there is one month and in it one numbered day, whatever its weekday.
    pub(super) fn is_one_date_a_year(&self) -> bool {
        self.months.count_ones() == 1
            && self.plain.count_ones() == 1
            && self.before_last == 0
            && self.nearest == 0
            && self.join == DayJoin::Both
            && self.weekdays == ALL_WEEKDAYS
    }

    /// Whether numbered days alone decide, which is so for most schedules.
    fn ignores_weekday(&self) -> bool {
        self.before_last | self.nearest == 0
            && self.weekdays & ALL_WEEKDAYS == ALL_WEEKDAYS
            && self.join == DayJoin::Both
    }

    fn by_day(&self, length: u32, first_weekday: u32) -> u32 {
        let mut days = self.plain;
        for before in bits(self.before_last) {
            if before < length {
                days |= 1 << (length - before);
            }
        }
        for wanted in bits(self.nearest) {
            let wanted = if wanted == 0 {
                Wanted::Last
            } else {
                Wanted::Day(wanted)
            };
            days |= nearest_working_day(wanted, length, first_weekday);
        }
        days
    }

    fn by_weekday(&self, length: u32, first_weekday: u32) -> u32 {
        // Bit d-1 of a month is weekday (first_weekday + d-1) % 7: repeat the week, drop the days
        // before the first, and make room for bit 0, which no day has.
        let month_of = |week: u64| (((week & ALL_WEEKDAYS) * WEEKS) >> first_weekday << 1) as u32;
        let mut days = month_of(self.weekdays);
        if self.weekdays > ALL_WEEKDAYS {
            for nth in 1..=5 {
                let week_of_month = 0xFE_u64 << (7 * (nth - 1));
                days |= month_of(self.weekdays >> (7 * nth)) & week_of_month as u32;
            }
            let last_week = 0xFE_u32 << (length - 7);
            days |= month_of(self.weekdays >> LAST_WEEK) & last_week;
        }
        days
    }

    /// The parts that a description names, in the order of a calendar.
    pub(super) fn parts(&self) -> DayParts {
        let pairs = |week: u64| bits((week & ALL_WEEKDAYS) as u32);
        DayParts {
            every_day: self.plain == ALL_DAYS,
            every_weekday: self.weekdays & ALL_WEEKDAYS == ALL_WEEKDAYS,
            days: bits(self.plain).collect(),
            before_last: bits(self.before_last).collect(),
            nearest: bits(self.nearest & ALL_DAYS).collect(),
            last_working_day: self.nearest & 1 == 1,
            weekdays: pairs(self.weekdays).collect(),
            nth_weekdays: (1..=5)
                .flat_map(|nth| pairs(self.weekdays >> (7 * nth)).map(move |day| (nth, day)))
                .collect(),
            last_weekdays: pairs(self.weekdays >> LAST_WEEK).collect(),
        }
    }
}

/// The days of a schedule, spread out for a description.
#[derive(Debug)]
pub(super) struct DayParts {
    pub(super) every_day: bool,
    pub(super) every_weekday: bool,
    pub(super) days: Vec<u32>,
    pub(super) before_last: Vec<u32>,
    pub(super) nearest: Vec<u32>,
    pub(super) last_working_day: bool,
    pub(super) weekdays: Vec<u32>,
    pub(super) nth_weekdays: Vec<(u32, u32)>,
    pub(super) last_weekdays: Vec<u32>,
}

enum Wanted {
    Day(u32),
    Last,
}

/// The bit of the working day nearest to the wanted one, within the month; none when the month
/// lacks the wanted day.
fn nearest_working_day(wanted: Wanted, length: u32, first_weekday: u32) -> u32 {
    let (day, is_last) = match wanted {
        Wanted::Last => (length, true),
        Wanted::Day(day) if day > length => return 0,
        Wanted::Day(day) => (day, false),
    };
    let nearest = match (first_weekday + day - 1) % 7 {
        // Saturday: the Friday before, or the Monday after when the month begins with it.
        6 if day == 1 => 3,
        6 => day - 1,
        // Sunday: the Monday after, or the Friday before when the month ends with it.
        0 if is_last || day == length => day - 2,
        0 => day + 1,
        _ => day,
    };
    1 << nearest
}

/// The places of the set bits, ascending.
fn bits(mask: u32) -> impl Iterator<Item = u32> {
    let mut rest = mask;
    std::iter::from_fn(move || {
        let place = rest.trailing_zeros();
        // Takes the lowest bit away.
        rest &= rest.checked_sub(1)?;
        Some(place)
    })
}
