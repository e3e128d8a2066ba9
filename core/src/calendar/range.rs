//! One range of the wall clock: from a point until a point, once, yearly, weekly or daily.

use std::fmt;

use crate::schedule::date::{DAY_S, Date};

/// Seconds of a week.
pub(super) const WEEK_S: i64 = 7 * DAY_S;

/// The days that a point may mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Day {
    /// One date, as days since 1970-01-01.
    Date(i64),
    /// A date of each year; 29 February is 1 March in years that have none.
    Yearly {
        /// 1 to 12.
        month: u32,
        /// 1 to the length of the month.
        day: u32,
    },
    /// A day of each week; Monday is 0.
    Weekly(u32),
    /// Each day.
    Daily,
}

/// Where a range begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Point {
    /// On which day.
    pub day: Day,
    /// Seconds since midnight, up to 24:00; none is the whole day.
    pub time_s: Option<i64>,
}

/// A range of the wall clock. Its points have days of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Range {
    /// Its beginning.
    pub from: Point,
    /// Its end, a day of which it is part where it has no time.
    pub until: Point,
}

/// The names of the days of the week.
pub(super) const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

impl Point {
    /// Seconds since the midnight that its day begins with, for a point that begins a range.
    pub(super) fn start_s(self) -> i64 {
        self.time_s.unwrap_or(0)
    }

    /// The same for a point that ends one: without a time it is the end of its day.
    pub(super) fn end_s(self) -> i64 {
        self.time_s.unwrap_or(DAY_S)
    }
}

impl Range {
    /// The whole of one day or of each such day.
    pub fn whole(day: Day) -> Range {
        let point = Point { day, time_s: None };
        Range {
            from: point,
            until: point,
        }
    }

    /// Where a range of dates begins and ends, in civil seconds since 1970; none for one that recurs.
    pub(super) fn once(&self) -> Option<(i64, i64)> {
        match (self.from.day, self.until.day) {
            (Day::Date(first), Day::Date(last)) => Some((
                first * DAY_S + self.from.start_s(),
                last * DAY_S + self.until.end_s(),
            )),
            _ => None,
        }
    }

    /// Where a yearly range begins and ends that begins in `year`.
    pub(super) fn in_year(&self, year: i32) -> Option<(i64, i64)> {
        let (from, until) = (self.from, self.until);
        let start = yearly(year, from.day, from.start_s())?;
        let end = yearly(year, until.day, until.end_s())?;
        match end < start || (end == start && from != until && !is_leap_day(from.day)) {
            true => Some((start, yearly(year + 1, until.day, until.end_s())?)),
            false => Some((start, end)),
        }
    }

    /// The parts of a week that a weekly or daily range covers, in seconds since Monday; an end may lie in the week after.
    pub(super) fn in_week(&self) -> Vec<(i64, i64)> {
        let (from, until) = (self.from, self.until);
        let forward = |start: i64, end: i64, turn: i64| match end > start {
            true => (start, end),
            false => (start, end + turn),
        };
        match (from.day, until.day) {
            (Day::Weekly(first), Day::Weekly(last)) => {
                let start = i64::from(first) * DAY_S + from.start_s();
                let end = i64::from(last) * DAY_S + until.end_s();
                vec![forward(start, end, WEEK_S)]
            }
            (Day::Daily, Day::Daily) => {
                let (start, end) = forward(from.start_s(), until.end_s(), DAY_S);
                (0..7)
                    .map(|day| (day * DAY_S + start, day * DAY_S + end))
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    /// Whether it recurs each year.
    pub(super) fn is_yearly(&self) -> bool {
        matches!(self.from.day, Day::Yearly { .. })
    }
}

fn is_leap_day(day: Day) -> bool {
    day == Day::Yearly { month: 2, day: 29 }
}

/// The civil second of a yearly day. A 29 February that the year lacks is the midnight of 1 March, so that a range of
/// that day alone covers nothing.
fn yearly(year: i32, day: Day, time_s: i64) -> Option<i64> {
    let Day::Yearly { month, day } = day else {
        return None;
    };
    let number = Date { year, month, day }.day_number();
    let exists = Date::of_day(number).day == day;
    Some(number * DAY_S + if exists { time_s } else { 0 })
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.day {
            Day::Date(number) => {
                let Date { year, month, day } = Date::of_day(number);
                write!(f, "{year:04}-{month:02}-{day:02}")?;
            }
            Day::Yearly { month, day } => write!(f, "{month:02}-{day:02}")?,
            Day::Weekly(weekday) => f.write_str(WEEKDAYS[weekday as usize % 7])?,
            Day::Daily => {}
        }
        match (self.time_s, self.day) {
            (None, _) => Ok(()),
            (Some(time_s), Day::Daily) => write_time(f, time_s),
            (Some(time_s), _) => {
                f.write_str(" ")?;
                write_time(f, time_s)
            }
        }
    }
}

fn write_time(f: &mut fmt::Formatter<'_>, time_s: i64) -> fmt::Result {
    let (hour, minute, second) = (time_s / 3600, time_s / 60 % 60, time_s % 60);
    match second {
        0 => write!(f, "{hour:02}:{minute:02}"),
        _ => write!(f, "{hour:02}:{minute:02}:{second:02}"),
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.from == self.until {
            return write!(f, "{}", self.from);
        }
        let is_within_day = self.from.day == self.until.day
            && self.from.time_s.is_some()
            && self.until.time_s > self.from.time_s;
        match is_within_day {
            true => {
                let end = Point {
                    day: Day::Daily,
                    ..self.until
                };
                write!(f, "{} .. {end}", self.from)
            }
            false => write!(f, "{} .. {}", self.from, self.until),
        }
    }
}
