//! The seven fields of an expression: their order, limits and names.
//!
//! Knows nothing of what may be written in a field; that is `item`'s.

use std::fmt;

use crate::lang::Lang;

/// One field of a cron expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// Second of the minute, 0-59; 60 is never a fire time.
    Second,
    /// Minute of the hour, 0-59.
    Minute,
    /// Hour of the day, 0-23.
    Hour,
    /// Day of the month, 1-31.
    DayOfMonth,
    /// Month of the year, 1-12 or JAN-DEC.
    Month,
    /// Day of the week, 0-7 or SUN-SAT; 0 and 7 are Sunday.
    DayOfWeek,
    /// Year, 1970-9999.
    Year,
}

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

impl Field {
    /// All fields in the order of a seven-field expression.
    pub const ALL: [Field; 7] = [
        Field::Second,
        Field::Minute,
        Field::Hour,
        Field::DayOfMonth,
        Field::Month,
        Field::DayOfWeek,
        Field::Year,
    ];

    /// The smallest value that may be written.
    pub fn min(self) -> u32 {
        match self {
            Field::Second | Field::Minute | Field::Hour | Field::DayOfWeek => 0,
            Field::DayOfMonth | Field::Month => 1,
            Field::Year => 1970,
        }
    }

    /// The largest value that may be written.
    pub fn max(self) -> u32 {
        match self {
            Field::Second | Field::Minute => 59,
            Field::Hour => 23,
            Field::DayOfMonth => 31,
            Field::Month => 12,
            Field::DayOfWeek => 7,
            Field::Year => 9999,
        }
    }

    /// How many different values the field has: 7 for weekdays, since 0 and 7 are both Sunday.
    pub fn size(self) -> u32 {
        match self {
            Field::DayOfWeek => 7,
            Field::Second
            | Field::Minute
            | Field::Hour
            | Field::DayOfMonth
            | Field::Month
            | Field::Year => self.max() - self.min() + 1,
        }
    }

    /// Whether a range may run past the end and go on from the start (`22-6`, `FRI-MON`).
    pub(super) fn wraps(self) -> bool {
        !matches!(self, Field::DayOfMonth | Field::Year)
    }

    /// The three-letter names, the first standing for `min()`; empty where a field has none.
    pub(super) fn names(self) -> &'static [&'static str] {
        match self {
            Field::Month => &MONTHS,
            Field::DayOfWeek => &WEEKDAYS,
            Field::Second | Field::Minute | Field::Hour | Field::DayOfMonth | Field::Year => &[],
        }
    }

    /// The value of a three-letter name in any ASCII case.
    pub(super) fn value_of(self, name: &str) -> Option<u32> {
        let place = self
            .names()
            .iter()
            .position(|known| known.eq_ignore_ascii_case(name))?;
        Some(self.min() + place as u32)
    }

    /// The allowed values as a person would write them, for the cure of an error.
    pub(super) fn values(self, lang: Lang) -> String {
        let numbers = format!("{}-{}", self.min(), self.max());
        match (self.names(), lang) {
            ([first, .., last], Lang::En) => format!("{numbers} or {first}-{last}"),
            ([first, .., last], Lang::Zh) => format!("{numbers} 或 {first}-{last}"),
            ([] | [_], _) => numbers,
        }
    }

    /// What it is called in Chinese.
    pub(super) fn in_chinese(self) -> &'static str {
        match self {
            Field::Second => "秒",
            Field::Minute => "分钟",
            Field::Hour => "小时",
            Field::DayOfMonth => "日",
            Field::Month => "月",
            Field::DayOfWeek => "星期",
            Field::Year => "年",
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Field::Second => "second",
            Field::Minute => "minute",
            Field::Hour => "hour",
            Field::DayOfMonth => "day-of-month",
            Field::Month => "month",
            Field::DayOfWeek => "day-of-week",
            Field::Year => "year",
        })
    }
}
