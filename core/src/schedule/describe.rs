//! Schedules in words.
//!
//! Turns sets of bits back into what a person would say (`Told`), which `english` and `chinese` put
//! into sentences. Must not know zones: the zone stands beside the description, not in it.

mod chinese;
mod english;
mod pattern;

use crate::lang::Lang;

use super::calendar::Calendar;
use super::days::{DayJoin, DayParts};
use super::years::YearRange;
use pattern::Pattern;

/// More clock times than this are told as a pattern instead of one by one.
const CLOCK_TIMES_MAX: u32 = 6;

/// A schedule as it is told.
pub(super) enum Told {
    Fields(Box<Fields>),
    Once {
        date: (i32, u32, u32),
        time: ClockTime,
    },
    Every {
        period_s: u64,
    },
    Reboot,
    Manual,
}

/// The fields, each as a pattern.
pub(super) struct Fields {
    time: TimeOfDay,
    days: DaysTold,
    months: Pattern,
    /// Empty: every year.
    years: Vec<YearRange>,
}

/// When on a day.
enum TimeOfDay {
    /// A few clock times, one by one.
    Clock(Vec<ClockTime>),
    Pattern {
        seconds: Pattern,
        minutes: Pattern,
        hours: Pattern,
    },
}

/// A time of the day.
#[derive(Clone, Copy)]
pub(super) struct ClockTime {
    hour: u32,
    minute: u32,
    second: u32,
}

/// On which days of a month.
enum DaysTold {
    Every,
    OfMonth(MonthDays),
    OfWeek(WeekDays),
    Either(MonthDays, WeekDays),
    Both(MonthDays, WeekDays),
}

struct MonthDays {
    plain: Option<Pattern>,
    before_last: Vec<u32>,
    nearest: Vec<u32>,
    last_working_day: bool,
}

struct WeekDays {
    plain: Option<Pattern>,
    /// Week of the month and weekday.
    nth: Vec<(u32, u32)>,
    last: Vec<u32>,
}

impl Told {
    pub(super) fn of_calendar(calendar: &Calendar) -> Told {
        let days = calendar.days.parts();
        if calendar.is_one_moment()
            && let Some(years) = &calendar.years
        {
            let year = years.ranges()[0].start;
            let date = (year, calendar.days.months.trailing_zeros(), days.days[0]);
            return Told::Once {
                date,
                time: first_time(calendar),
            };
        }
        Told::Fields(Box::new(Fields {
            time: time_of_day(calendar),
            days: days_told(days, calendar.days.join),
            months: Pattern::of_mask(u64::from(calendar.days.months), 1, 12),
            years: calendar
                .years
                .as_ref()
                .map_or(Vec::new(), |years| years.ranges().to_vec()),
        }))
    }

    pub(super) fn in_words(&self, lang: Lang) -> String {
        match lang {
            Lang::En => english::tell(self),
            Lang::Zh => chinese::tell(self),
        }
    }
}

/// `02:30` each, or `02:30:15` where one of them needs its seconds.
fn clocks(times: &[ClockTime]) -> Vec<String> {
    let with_seconds = times.iter().any(|time| time.second != 0);
    times
        .iter()
        .map(
            |&ClockTime {
                 hour,
                 minute,
                 second,
             }| {
                let seconds = if with_seconds {
                    format!(":{second:02}")
                } else {
                    String::new()
                };
                format!("{hour:02}:{minute:02}{seconds}")
            },
        )
        .collect()
}

fn first_time(calendar: &Calendar) -> ClockTime {
    ClockTime {
        hour: calendar.hours.trailing_zeros(),
        minute: calendar.minutes.trailing_zeros(),
        second: calendar.seconds.trailing_zeros(),
    }
}

fn time_of_day(calendar: &Calendar) -> TimeOfDay {
    let times =
        calendar.seconds.count_ones() * calendar.minutes.count_ones() * calendar.hours.count_ones();
    if times > CLOCK_TIMES_MAX {
        return TimeOfDay::Pattern {
            seconds: Pattern::of_mask(calendar.seconds, 0, 59),
            minutes: Pattern::of_mask(calendar.minutes, 0, 59),
            hours: Pattern::of_mask(u64::from(calendar.hours), 0, 23),
        };
    }
    let places = |mask: u64| (0..60).filter(move |place| mask >> place & 1 == 1);
    let mut clock = Vec::new();
    for hour in places(u64::from(calendar.hours)) {
        for minute in places(calendar.minutes) {
            for second in places(calendar.seconds) {
                clock.push(ClockTime {
                    hour,
                    minute,
                    second,
                });
            }
        }
    }
    TimeOfDay::Clock(clock)
}

fn days_told(parts: DayParts, join: DayJoin) -> DaysTold {
    let (every_day, every_weekday) = (parts.every_day, parts.every_weekday);
    let month_days = MonthDays {
        plain: Pattern::of_values(&parts.days, 1, 31),
        before_last: parts.before_last,
        nearest: parts.nearest,
        last_working_day: parts.last_working_day,
    };
    let week_days = WeekDays {
        plain: Pattern::of_values(&parts.weekdays, 0, 6),
        nth: parts.nth_weekdays,
        last: parts.last_weekdays,
    };
    match (every_day, every_weekday, join) {
        (true, true, _) | (true, _, DayJoin::Either) | (_, true, DayJoin::Either) => {
            DaysTold::Every
        }
        (true, false, DayJoin::Both) => DaysTold::OfWeek(week_days),
        (false, true, DayJoin::Both) => DaysTold::OfMonth(month_days),
        (false, false, DayJoin::Either) => DaysTold::Either(month_days, week_days),
        (false, false, DayJoin::Both) => DaysTold::Both(month_days, week_days),
    }
}
