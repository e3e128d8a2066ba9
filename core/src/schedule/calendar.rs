//! The wall-clock times that a schedule's fields match, as sets of bits.
//!
//! Knows civil time only: no text, no zones, no changes of the clock. A civil second is counted from
//! 1970-01-01T00:00:00 on the wall.

use std::sync::Arc;

use super::date::{DAY_S, Date};
use super::days::Days;
use super::dst::{DstRule, TimeClass};
use super::years::Years;

/// How far the search goes before the answer is "never": 100 years.
pub(super) const HORIZON_DAYS: i64 = 36_525;

/// The parsed fields. No set is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Calendar {
    /// Bits 0-59.
    pub(super) seconds: u64,
    /// Bits 0-59.
    pub(super) minutes: u64,
    /// Bits 0-23.
    pub(super) hours: u32,
    pub(super) days: Days,
    /// `None`: every year.
    pub(super) years: Option<Arc<Years>>,
    /// Whether the time of day is fixed or follows the clock through its changes.
    pub(super) class: TimeClass,
    /// Rides along for `next`: beside the calendar it would cost a schedule eight bytes.
    pub(super) dst: DstRule,
}

impl Calendar {
    /// The first matching civil second that is not before `from`, up to the day `last_day`.
    #[inline]
    pub(super) fn next_match(&self, from: i64, last_day: i64) -> Option<i64> {
        let today = from.div_euclid(DAY_S);
        let date = Date::of_day(today);
        // From here on, `days` holds the days of the month that are still to come.
        let mut days = self.days_of(date.year, date.month) >> date.day;
        if days & 1 == 1 {
            let second_of_day = from.rem_euclid(DAY_S) as u32;
            if let Some(second) = self.next_second_of_day(second_of_day) {
                return Some(today * DAY_S + i64::from(second));
            }
            days &= !1;
        }
        let day = if days == 0 {
            self.first_day_after_month(date.year, date.month, last_day)?
        } else {
            today + i64::from(days.trailing_zeros())
        };
        (day <= last_day).then(|| day * DAY_S + i64::from(self.first_second_of_day()))
    }

    fn days_of(&self, year: i32, month: u32) -> u32 {
        match &self.years {
            Some(years) if years.next_from(year) != Some(year) => 0,
            Some(_) | None => self.days.in_month(year, month),
        }
    }

    fn first_day_after_month(&self, year: i32, month: u32, last_day: i64) -> Option<i64> {
        let last_year = Date::of_day(last_day).year;
        let (mut year, mut month) = (year, month);
        loop {
            // Shifting by up to 13 is fine: months has 16 bits.
            let later = u32::from(self.days.months) >> (month + 1);
            if later == 0 {
                year = self.next_year(year + 1)?;
                month = self.days.months.trailing_zeros();
            } else {
                month += 1 + later.trailing_zeros();
            }
            if year > last_year {
                return None;
            }
            let days = self.days_of(year, month);
            if days != 0 {
                return Some(
                    Date {
                        year,
                        month,
                        day: days.trailing_zeros(),
                    }
                    .day_number(),
                );
            }
        }
    }

    fn next_year(&self, year: i32) -> Option<i32> {
        match &self.years {
            None => Some(year),
            Some(years) => years.next_from(year),
        }
    }

    /// Whether only one civil second matches.
    pub(super) fn is_one_moment(&self) -> bool {
        self.seconds.count_ones() == 1
            && self.minutes.count_ones() == 1
            && self.hours.count_ones() == 1
            && self.days.is_one_date_a_year()
            && self.years.as_ref().is_some_and(|years| years.is_one())
    }

    fn first_second_of_day(&self) -> u32 {
        self.hours.trailing_zeros() * 3600
            + self.minutes.trailing_zeros() * 60
            + self.seconds.trailing_zeros()
    }

    #[inline]
    fn next_second_of_day(&self, from: u32) -> Option<u32> {
        let (hour, minute, second) = (from / 3600, from / 60 % 60, from % 60);
        if self.hours >> hour & 1 == 1 {
            if self.minutes >> minute & 1 == 1 {
                let seconds = self.seconds >> second;
                if seconds != 0 {
                    return Some(from + seconds.trailing_zeros());
                }
            }
            let minutes = self.minutes >> (minute + 1);
            if minutes != 0 {
                let minute = minute + 1 + minutes.trailing_zeros();
                return Some(hour * 3600 + minute * 60 + self.seconds.trailing_zeros());
            }
        }
        let hours = self.hours >> (hour + 1);
        if hours == 0 {
            return None;
        }
        let hour = hour + 1 + hours.trailing_zeros();
        Some(hour * 3600 + self.minutes.trailing_zeros() * 60 + self.seconds.trailing_zeros())
    }
}
