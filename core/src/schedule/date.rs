//! Days counted from 1970-01-01 and the dates they carry, in the proleptic Gregorian calendar.
//!
//! jiff's dates check ranges that hold here by construction; `next_after` has no time for that.
//! A test compares both over every day of the years 1900-9999.

/// Seconds of a civil day; leap seconds do not exist here.
pub(crate) const DAY_S: i64 = 86_400;

/// A date; `day` is 1-31.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    pub(crate) year: i32,
    pub(crate) month: u32,
    pub(crate) day: u32,
}

impl Date {
    /// The date of a day counted from 1970-01-01.
    pub(crate) fn of_day(day: i64) -> Date {
        // Years begin in March, so that the leap day is the last of a year; eras have 400 years.
        let shifted = day + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097) as u32;
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let month = if march_month < 10 {
            march_month + 3
        } else {
            march_month - 9
        };
        Date {
            year: (era * 400) as i32 + year_of_era as i32 + i32::from(month <= 2),
            month,
            day: day_of_year - (153 * march_month + 2) / 5 + 1,
        }
    }

    /// The day counted from 1970-01-01.
    pub(crate) fn day_number(self) -> i64 {
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let march_month = if self.month > 2 {
            self.month - 3
        } else {
            self.month + 9
        };
        let day_of_year = i64::from((153 * march_month + 2) / 5 + self.day - 1);
        era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year
            - 719_468
    }
}

/// Days of a month, 28-31.
pub(crate) fn month_length(year: i32, month: u32) -> u32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        // 31 in the odd months up to July and in the even ones from August.
        _ => 30 + ((month + (month >> 3)) & 1),
    }
}

/// The weekday of a day counted from 1970-01-01; Sunday is 0.
pub(crate) fn weekday(day: i64) -> u32 {
    (day + 4).rem_euclid(7) as u32
}

fn is_leap(year: i32) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;
    use jiff::civil::date;

    use super::*;

    #[test]
    fn dates_agree_with_jiff_from_1900_to_9999() {
        let mut expected = date(1900, 1, 1);
        let mut day = -25_567;
        while expected < date(9999, 12, 31) {
            let found = Date::of_day(day);
            assert_eq!(
                (found.year, found.month, found.day),
                (
                    i32::from(expected.year()),
                    expected.month() as u32,
                    expected.day() as u32
                )
            );
            assert_eq!(found.day_number(), day);
            assert_eq!(
                weekday(day),
                expected.weekday().to_sunday_zero_offset() as u32
            );
            assert_eq!(
                month_length(found.year, found.month),
                expected.days_in_month() as u32
            );
            expected += 1.day();
            day += 1;
        }
    }
}
