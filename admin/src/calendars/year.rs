//! The coming year of a calendar: each day of twelve months, and how much of it is blacked out.

use std::collections::BTreeMap;

use carillon_core::calendar::Blackouts;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// Times with blackouts that are looked at; a calendar of many ranges a day has more.
const SPANS_MAX: usize = 4000;

/// A row of the year.
#[derive(Debug)]
pub(super) struct Month {
    /// Such as `2026-12`.
    pub(super) name: String,
    pub(super) days: Vec<Cell>,
}

/// A day of a month.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) number: i8,
    /// Such as `Fri 2026-12-25`, with the blackout that holds first.
    pub(super) tip: String,
    /// `whole`, `part` or `none`; `past` before today.
    pub(super) cover: &'static str,
}

#[derive(Debug, Default, Clone)]
struct Day {
    covered_s: i64,
    by: String,
}

/// Twelve months from the one of `now` on.
pub(super) fn months(blackouts: &Blackouts, zone: &TimeZone, now: Timestamp) -> Vec<Month> {
    let today = now.to_zoned(zone.clone()).date();
    let first = today.first_of_month();
    let last = first + 12.months();
    let days = cover(blackouts, zone, (today, last));
    (0..12)
        .map(|month| first + month.months())
        .map(|month| Month {
            name: month.strftime("%Y-%m").to_string(),
            days: (0..month.days_in_month())
                .map(|day| month + i64::from(day).days())
                .map(|date| cell(date, today, zone, days.get(&date)))
                .collect(),
        })
        .collect()
}

fn cell(date: Date, today: Date, zone: &TimeZone, day: Option<&Day>) -> Cell {
    let mut tip = date.strftime("%a %Y-%m-%d").to_string();
    let cover = match day {
        _ if date < today => "past",
        None => "none",
        Some(day) => {
            tip.push_str(" · ");
            tip.push_str(&day.by);
            match day.covered_s >= length_s(date, zone) {
                true => "whole",
                false => "part",
            }
        }
    };
    Cell {
        number: date.day(),
        tip,
        cover,
    }
}

/// Midnight, or the first instant after it where the clock jumps over it.
fn start(date: Date, zone: &TimeZone) -> Option<Timestamp> {
    let midnight = date.to_zoned(zone.clone()).ok()?;
    Some(midnight.timestamp())
}

fn length_s(date: Date, zone: &TimeZone) -> i64 {
    let (Some(from), Some(until)) = (start(date, zone), start(date + 1.day(), zone)) else {
        return i64::MAX;
    };
    until.duration_since(from).as_secs()
}

fn cover(
    blackouts: &Blackouts,
    zone: &TimeZone,
    (first, last): (Date, Date),
) -> BTreeMap<Date, Day> {
    let mut days: BTreeMap<Date, Day> = BTreeMap::new();
    let (Some(begin), Some(end)) = (start(first, zone), start(last, zone)) else {
        return days;
    };
    let spans = blackouts.spans_from(begin).take(SPANS_MAX);
    for span in spans.take_while(|span| span.from.is_none_or(|from| from < end)) {
        let from = span.from.map_or(begin, |from| from.max(begin));
        let until = span.until.map_or(end, |until| until.min(end));
        let mut date = from.to_zoned(zone.clone()).date();
        while let Some(day_start) = start(date, zone).filter(|day_start| *day_start < until) {
            let next = start(date + 1.day(), zone).unwrap_or(until);
            let shared = until
                .min(next)
                .duration_since(from.max(day_start))
                .as_secs();
            let day = days.entry(date).or_default();
            day.covered_s += shared.max(0);
            if day.by.is_empty() {
                day.by = blackouts.name_at(from.max(day_start));
            }
            date += 1.day();
        }
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_whole_in_part_or_free() {
        let text = "12-25 .. 12-26  Christmas\n2026-12-30 18:00 .. 2026-12-31 06:00\n";
        let blackouts = Blackouts::parse("Europe/Berlin", text).unwrap();
        let zone = carillon_core::schedule::time_zone("Europe/Berlin").unwrap();
        let months = months(&blackouts, &zone, "2026-12-10T12:00:00Z".parse().unwrap());
        let cover = |day: usize| months[0].days[day - 1].cover;

        assert_eq!(months.len(), 12);
        assert_eq!(months[0].name, "2026-12");
        assert_eq!(
            [9, 10, 24, 25, 26, 27].map(cover),
            ["past", "none", "none", "whole", "whole", "none"]
        );
        assert_eq!([30, 31].map(cover), ["part", "part"]);
        assert!(
            months[0].days[24].tip.contains("Christmas"),
            "{}",
            months[0].days[24].tip
        );
        assert_eq!(months[11].name, "2027-11");
    }

    #[test]
    fn a_day_of_23_hours_is_whole_when_it_is_blacked_out() {
        let blackouts = Blackouts::parse("Europe/Berlin", "2026-03-29\n").unwrap();
        let zone = carillon_core::schedule::time_zone("Europe/Berlin").unwrap();
        let months = months(&blackouts, &zone, "2026-03-01T12:00:00Z".parse().unwrap());

        assert_eq!(months[0].days[28].cover, "whole");
        assert_eq!(months[0].days[29].cover, "none");
    }
}
