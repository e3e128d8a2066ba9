//! The moment of `@at`: one wall-clock time of the schedule's zone.
//!
//! A moment is a calendar of one second, so that a change of the clock treats it like any other
//! fixed time.

use std::ops::Range;
use std::sync::Arc;

use jiff::civil::DateTime;

use super::calendar::Calendar;
use super::days::{DayJoin, Days};
use super::dst::{DstRule, TimeClass};
use super::error::{ScheduleError, Subject};
use super::field::Field;
use super::flaw::Flaw;
use super::years::{YearRange, Years};

/// Reads `2026-12-31T23:59:59` or `2026-12-31 23:59`, the bytes `span` of `source`.
pub(super) fn parse_moment(source: &str, span: Range<usize>) -> Result<Calendar, ScheduleError> {
    let text = &source[span.clone()];
    let refuse = |flaw| {
        Err(ScheduleError::new(
            Subject::Expression,
            source,
            span.clone(),
            flaw,
        ))
    };
    let owned = || text.to_owned();
    if text.is_empty() {
        return refuse(Flaw::AtWhat {});
    }
    if has_offset(text) {
        return refuse(Flaw::HasOffset { text: owned() });
    }
    let Ok(moment) = text.parse::<DateTime>() else {
        return refuse(Flaw::NoMoment { text: owned() });
    };
    if !text.contains(':') {
        return refuse(Flaw::NoTimeOfDay { text: owned() });
    }
    if moment.subsec_nanosecond() != 0 {
        return refuse(Flaw::PartsOfSecond { text: owned() });
    }
    let year = i32::from(moment.year());
    let (first, last) = (Field::Year.min() as i32, Field::Year.max() as i32);
    if !(first..=last).contains(&year) {
        return refuse(Flaw::YearOutOfRange { year });
    }
    Ok(calendar_of(moment))
}

fn calendar_of(moment: DateTime) -> Calendar {
    let mut days = Days::NONE;
    days.join = DayJoin::Both;
    days.months = 1 << moment.month();
    days.add_day(moment.day() as u32);
    (0..7).for_each(|weekday| days.add_weekday(weekday));
    let year = i32::from(moment.year());
    Calendar {
        seconds: 1 << moment.second(),
        minutes: 1 << moment.minute(),
        hours: 1 << moment.hour(),
        days,
        years: Some(Arc::new(Years::new(vec![YearRange {
            start: year,
            end: year,
            step: 1,
        }]))),
        class: TimeClass::Fixed,
        dst: DstRule::default(),
    }
}

/// Whether a `Z`, an offset or a bracketed zone follows the time of day.
fn has_offset(text: &str) -> bool {
    text.get(10..)
        .is_some_and(|time| time.contains(['Z', 'z', '+', '-', '[']))
}
