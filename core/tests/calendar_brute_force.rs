//! Calendars against a second opinion that walks every second of some days and asks naively whether a blackout holds.
//! It shares no code with the engine: ranges are built as data, printed for the engine and matched here.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt;

use carillon_core::calendar::{Blackouts, OnBlackout};
use carillon_core::schedule::{DstRule, Schedule, time_zone};
use jiff::civil::{Date, DateTime, date};
use jiff::{Timestamp, ToSpan};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Zones and instants a little before the clock is put ahead or back, and the hour on the wall in which that shows; and
/// some in which nothing happens.
const PLACES: [(&str, &str, i64); 12] = [
    ("Europe/Berlin", "2026-03-28T11:00:00Z", 2),
    ("Europe/Berlin", "2026-10-24T11:00:00Z", 2),
    ("America/New_York", "2026-10-31T16:00:00Z", 1),
    ("Australia/Lord_Howe", "2026-10-03T01:00:00Z", 2),
    ("Australia/Lord_Howe", "2026-04-04T01:00:00Z", 1),
    ("America/Havana", "2026-03-07T15:00:00Z", 0),
    ("America/Havana", "2026-10-31T15:00:00Z", 0),
    ("Africa/Cairo", "2026-04-23T08:00:00Z", 0),
    ("Africa/Cairo", "2026-10-29T07:00:00Z", 23),
    ("Pacific/Apia", "2011-12-29T20:00:00Z", 0),
    ("UTC", "2028-02-28T09:00:00Z", 0),
    ("Asia/Shanghai", "2026-12-31T00:00:00Z", 0),
];

/// So many seconds are walked; what changes does so in the middle.
const WALKED_S: i64 = 28 * 3600;

/// Seconds since midnight, 0 to 86,400.
type Time = i64;

#[derive(Clone, Debug)]
enum Naive {
    Once(Date, Option<Time>, Date, Option<Time>),
    Yearly(Date, Option<Time>, Date, Option<Time>),
    Weekly(i8, Option<Time>, i8, Option<Time>),
    Daily(Time, Time),
}

fn clock(time: Time) -> String {
    format!("{:02}:{:02}:{:02}", time / 3600, time / 60 % 60, time % 60)
}

fn timed(day: impl fmt::Display, time: Option<Time>) -> String {
    time.map_or_else(|| day.to_string(), |time| format!("{day} {}", clock(time)))
}

impl fmt::Display for Naive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let year = |day: &Date| day.strftime("%m-%d").to_string();
        let name = |day: &i8| ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"][*day as usize];
        match self {
            Naive::Once(a, t, b, u) => write!(f, "{} .. {}", timed(a, *t), timed(b, *u)),
            Naive::Yearly(a, t, b, u) => {
                write!(f, "{} .. {}", timed(year(a), *t), timed(year(b), *u))
            }
            Naive::Weekly(a, t, b, u) => {
                write!(f, "{} .. {}", timed(name(a), *t), timed(name(b), *u))
            }
            Naive::Daily(t, u) => write!(f, "{} .. {}", clock(*t), clock(*u)),
        }
    }
}

fn at(day: Date, time: Time) -> DateTime {
    day.at(0, 0, 0, 0) + time.seconds()
}

/// That day of another year; 1 March at midnight for a 29 February that it lacks.
fn in_year(year: i16, day: Date, time: Time) -> DateTime {
    match Date::new(year, day.month(), day.day()) {
        Ok(day) => at(day, time),
        Err(_) => at(date(year, 3, 1), 0),
    }
}

impl Naive {
    /// Every beginning and end that matters while the wall shows `today`.
    fn around(&self, today: Date) -> Vec<(DateTime, DateTime)> {
        match self {
            Naive::Once(a, t, b, u) => {
                vec![(at(*a, t.unwrap_or(0)), at(*b, u.unwrap_or(86_400)))]
            }
            Naive::Yearly(a, t, b, u) => [today.year() - 1, today.year()]
                .map(|year| {
                    let start = in_year(year, *a, t.unwrap_or(0));
                    let end = in_year(year, *b, u.unwrap_or(86_400));
                    match end <= start && (a, t) != (b, u) && (a.month(), a.day()) != (2, 29) {
                        true => (start, in_year(year + 1, *b, u.unwrap_or(86_400))),
                        false => (start, end),
                    }
                })
                .into(),
            Naive::Weekly(a, t, b, u) => (0..15)
                .map(|back| today - back.days())
                .filter(|day| day.weekday().to_monday_zero_offset() == *a)
                .map(|day| {
                    let start = at(day, t.unwrap_or(0));
                    let days = i64::from(*b - *a);
                    let end = at(day + days.days(), u.unwrap_or(86_400));
                    match end <= start {
                        true => (start, end + 7.days()),
                        false => (start, end),
                    }
                })
                .collect(),
            Naive::Daily(t, u) => [today - 1.day(), today]
                .map(|day| match u <= t {
                    true => (at(day, *t), at(day + 1.day(), *u)),
                    false => (at(day, *t), at(day, *u)),
                })
                .into(),
        }
    }
}

/// Whether a blackout holds, for each of the walked seconds.
fn walk(zone: &str, from: Timestamp, ranges: &[Naive]) -> Vec<bool> {
    let zone = time_zone(zone).unwrap();
    let mut highest = zone.to_datetime(from - 48.hours());
    for early in 0..48 * 60 {
        highest = highest.max(zone.to_datetime(from - 48.hours() + early.minutes()));
    }
    let mut around = (Date::MIN, Vec::new());
    (0..WALKED_S)
        .map(|second| {
            highest = highest
                .max(zone.to_datetime(Timestamp::from_second(from.as_second() + second).unwrap()));
            if around.0 != highest.date() {
                let all = ranges.iter().flat_map(|range| range.around(highest.date()));
                around = (highest.date(), all.collect());
            }
            let is_in = |(start, end): &(DateTime, DateTime)| *start <= highest && highest < *end;
            around.1.iter().any(is_in)
        })
        .collect()
}

/// The instants at which a job should fire, and the first second from which on they are all known.
fn expected(
    schedule: &Schedule,
    from: Timestamp,
    covered: &[bool],
    on_blackout: OnBlackout,
) -> (usize, Vec<usize>) {
    let first = covered
        .iter()
        .position(|held| !held)
        .unwrap_or(covered.len());
    let mut fires = vec![false; covered.len() + 1];
    for tick in schedule.fire_times(from - 1.second(), from + (WALKED_S - 1).seconds()) {
        let second = tick.duration_since(from).as_secs() as usize;
        if !covered[second] {
            fires[second] = true;
        } else if on_blackout == OnBlackout::Shift {
            let end = (second..covered.len()).find(|&later| !covered[later]);
            fires[end.unwrap_or(covered.len())] = true;
        }
    }
    let times = (first..covered.len()).filter(|&second| fires[second]);
    (first, times.collect())
}

/// Times of a day, most of them in the hour in which the clock changes.
fn times(hour: i64) -> impl Strategy<Value = Time> {
    prop_oneof![
        2 => (0..96_i64).prop_map(|quarter| quarter * 900),
        1 => 0..86_401_i64,
        5 => (0..14_i64).prop_map(move |place| (hour * 3600 + place * 300) % 86_400),
    ]
}

fn ranges(from: Timestamp, hour: i64) -> impl Strategy<Value = Naive> {
    let first = from.to_zoned(jiff::tz::TimeZone::UTC).date() - 1.day();
    let optional = move || proptest::option::of(times(hour));
    let day = move |offset: i64| first + offset.days();
    let dates = || (0..4_i64, optional(), 0..3_i64, optional());
    prop_oneof![
        dates().prop_map(move |(a, t, long, u)| Naive::Once(day(a), t, day(a + long), u)),
        dates().prop_map(move |(a, t, long, u)| Naive::Yearly(day(a), t, day(a + long), u)),
        (0..7_i8, optional(), 0..7_i8, optional())
            .prop_map(|(a, t, b, u)| Naive::Weekly(a, t, b, u)),
        (times(hour), times(hour)).prop_map(|(t, u)| Naive::Daily(t, u)),
    ]
    .prop_filter(
        "the text refuses a range that ends where it begins",
        |range| Blackouts::parse("UTC", &range.to_string()).is_ok(),
    )
}

fn cases() -> impl Strategy<Value = (&'static str, Timestamp, Vec<Naive>, &'static str, DstRule)> {
    let expression = select(vec![
        "*/15 * * * *",
        "30 2 * * *",
        "0 0 * * *",
        "0,30 1-3 * * *",
        "7 */5 * * *",
        "@every 7m",
        "*/20 * 2 * * *",
    ]);
    let rule = select(DstRule::ALL.to_vec());
    (select(PLACES.to_vec()), expression, rule).prop_flat_map(
        |((zone, from, hour), expression, rule)| {
            let from: Timestamp = from.parse().unwrap();
            (
                Just(zone),
                Just(from),
                vec(ranges(from, hour), 0..4),
                Just(expression),
                Just(rule),
            )
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn ticks_are_skipped_and_shifted_as_a_walk_over_every_second_says(
        (zone, from, ranges, expression, rule) in cases(),
    ) {
        let text: String = ranges.iter().map(|range| format!("{range}\n")).collect();
        let blackouts = Blackouts::shared(zone, &text).unwrap();
        let alone = Schedule::parse(expression, zone, rule, 0).unwrap();
        let covered = walk(zone, from, &ranges);

        for &on_blackout in OnBlackout::ALL {
            let schedule = alone.clone().with_calendar(blackouts.clone(), on_blackout);
            let (first, times) = expected(&alone, from, &covered, on_blackout);
            for asked in (first..covered.len()).step_by(601).chain(times.iter().copied()) {
                let next = schedule.next_after(from + (asked as i64).seconds());
                let next = next.map(|next| next.duration_since(from).as_secs());
                let wanted = times.iter().find(|&&time| time > asked).map(|&time| time as i64);
                let known = next.filter(|&next| next < WALKED_S);
                prop_assert_eq!(known, wanted, "{} from {} with {} in\n{}", expression, asked, on_blackout, text);
            }
        }
        for (second, held) in covered.iter().enumerate().step_by(97) {
            let at = from + (second as i64).seconds();
            prop_assert_eq!(blackouts.span_at(at).is_some(), *held, "{} in\n{}", at, text);
        }
    }
}
