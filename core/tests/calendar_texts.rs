//! What a calendar's text means, how it is printed and what is refused, and the answers that a brute force cannot give.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use carillon_core::calendar::{Blackouts, CalendarText, OnBlackout};
use carillon_core::schedule::{DstRule, Fate, Schedule};
use jiff::{SignedDuration, Timestamp};

fn schedule(expression: &str, calendar: &str, on_blackout: OnBlackout) -> Schedule {
    let alone = Schedule::parse(expression, "UTC", DstRule::Cron, 0).unwrap();
    let blackouts = Blackouts::shared("UTC", calendar).unwrap();
    alone.with_calendar(blackouts, on_blackout)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn next(expression: &str, calendar: &str, on_blackout: OnBlackout, from: &str) -> String {
    let next = schedule(expression, calendar, on_blackout).next_after(at(from));
    next.map_or_else(|| "never".to_owned(), |next| next.to_string())
}

fn refusal(line: &str) -> String {
    let errors = CalendarText::parse(line).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors[0].to_string()
}

#[test]
fn a_text_is_printed_in_its_canonical_form() {
    let written = "  # Nothing is deployed then.\n\n2026-12-24 18:00..2026-12-27  6:00 Year's end\n12-25\tChristmas\n\
                   sat .. SUN\nSat 08:00 .. Sat 12:00\n22:00 .. 06:00:30\n12-26 \"2. Weihnachtstag\"\n01-01 \"10:00 am\"\n";
    let printed = "# Nothing is deployed then.\n\n2026-12-24 18:00 .. 2026-12-27 06:00  Year's end\n12-25  Christmas\n\
                   Sat .. Sun\nSat 08:00 .. 12:00\n22:00 .. 06:00:30\n12-26  2. Weihnachtstag\n01-01  \"10:00 am\"\n";
    let text = CalendarText::parse(written).unwrap();

    assert_eq!(text.to_string(), printed);
    assert_eq!(CalendarText::parse(printed).unwrap(), text);
    assert!(!text.rules().contains('#'));
    assert_eq!(text.rules().lines().count(), 7);
}

#[test]
fn a_refusal_names_the_place_and_the_cure() {
    for (line, told) in [
        (
            "2026-02-30",
            "calendar, line 1, column 1: the month has no day 30; use a day of 01-28",
        ),
        (
            "13-01",
            "calendar, line 1, column 1: the month 13 is out of range; use a month of 01-12",
        ),
        (
            "Saturday",
            "calendar, line 1, column 1: \"Saturday\" is no day of the week; write Sat",
        ),
        (
            "Sat 25:00 .. Sun",
            "calendar, line 1, column 5: \"25:00\" is no time of day; use 00:00 to 24:00",
        ),
        (
            "2026-12-27 .. 2026-12-24",
            "calendar, line 1, column 1: the range ends before it begins; write the earlier one first",
        ),
        (
            "Sat 12:00 .. 08:00",
            "calendar, line 1, column 1: the range ends before it begins; write the day on which it ends before its time",
        ),
    ] {
        assert_eq!(refusal(line), told);
    }
    for (line, part) in [
        ("18:00", "a moment is no range"),
        ("Sat 18:00  Party", "a moment is no range"),
        ("12-24 .. Sun", "begins and ends in different ways"),
        ("06:00 .. 06:00", "ends where it begins"),
        ("00:00 .. 24:00", "ends where it begins"),
        ("12-24 ..", "a day or a time is missing"),
        ("1969-12-31", "out of range"),
        ("12-24 .. 12-26 .. 12-28", "a range has two ends"),
        ("Christmas 12-25", "a name comes after it"),
    ] {
        let told = refusal(line);
        assert!(told.contains(part), "{line}: {told}");
    }
    let long = format!("12-25 {}", "x".repeat(101));
    assert!(refusal(&long).contains("101 characters, the limit is 100"));
}

#[test]
fn every_wrong_line_is_named_at_once() {
    let errors = CalendarText::parse("12-25\nnever\n12-26\n99-99\n").unwrap_err();
    let told: Vec<_> = errors.iter().map(ToString::to_string).collect();

    assert!(told[0].starts_with("calendar, line 2, "), "{told:?}");
    assert!(told[1].starts_with("calendar, line 4, "), "{told:?}");
    assert_eq!(errors[1].draw_caret("99-99"), "99-99\n^^^^^");
}

#[test]
fn a_calendar_that_never_ends_is_told_as_never() {
    let from = "2026-07-01T00:00:00Z";
    for always in [
        "Mon .. Sun",
        "01-01 .. 12-31",
        "Mon .. Fri\nSat\n23:00 .. 01:00\nSun",
    ] {
        for on_blackout in [OnBlackout::Skip, OnBlackout::Shift] {
            assert_eq!(
                next("* * * * * *", always, on_blackout, from),
                "never",
                "{always}"
            );
        }
    }
    let nights = "22:00 .. 06:00";
    assert_eq!(next("0 23 * * *", nights, OnBlackout::Skip, from), "never");
    let shifted = next("0 23 * * *", nights, OnBlackout::Shift, from);
    // The tick of the evening before.
    assert_eq!(shifted, "2026-07-01T06:00:00Z");
    assert_eq!(next("@manual", nights, OnBlackout::Shift, from), "never");
    let past = "1970-01-01 .. 9999-12-31";
    assert_eq!(next("@every 1s", past, OnBlackout::Shift, from), "never");
}

#[test]
fn touching_blackouts_are_one_and_give_one_tick() {
    let calendar = "2026-12-24 .. 2026-12-25\nSat\n2026-12-27 00:00 .. 06:30\n";
    let shifted = schedule("0 */6 * * *", calendar, OnBlackout::Shift);
    let times: Vec<_> = shifted
        .fire_times(at("2026-12-23T17:00:00Z"), at("2026-12-27T13:00:00Z"))
        .map(|time| time.to_string())
        .collect();

    // The 26th is a Saturday.
    assert_eq!(
        times,
        [
            "2026-12-23T18:00:00Z",
            "2026-12-27T06:30:00Z",
            "2026-12-27T12:00:00Z"
        ]
    );
}

#[test]
fn a_blackout_of_29_february_is_none_in_other_years() {
    let skip = |from| next("0 12 28 2 *", "02-28 .. 02-29", OnBlackout::Shift, from);

    assert_eq!(skip("2027-02-28T00:00:00Z"), "2027-03-01T00:00:00Z");
    assert_eq!(skip("2028-02-28T00:00:00Z"), "2028-03-01T00:00:00Z");
    let leap = next(
        "0 12 1 3 *",
        "02-29",
        OnBlackout::Skip,
        "2027-02-28T00:00:00Z",
    );
    assert_eq!(leap, "2027-03-01T12:00:00Z");
}

#[test]
fn what_becomes_of_ticks_is_foreseen_once_a_blackout() {
    let calendar = "2026-12-25  Christmas\n";
    let told = |on_blackout| -> Vec<(String, Fate)> {
        let schedule = schedule("*/30 * * * *", calendar, on_blackout);
        let seen = schedule.foresee(at("2026-12-24T23:00:00Z")).take(3);
        seen.map(|seen| (seen.time.to_string(), seen.fate))
            .collect()
    };
    let end = at("2026-12-26T00:00:00Z");
    let by = "Christmas".to_owned();

    let skipped = told(OnBlackout::Skip);
    let until = Some(end);
    assert_eq!(skipped[0], ("2026-12-24T23:30:00Z".to_owned(), Fate::Fires));
    assert_eq!(
        skipped[1],
        (
            "2026-12-25T00:00:00Z".to_owned(),
            Fate::Skipped {
                by: by.clone(),
                until
            }
        )
    );
    assert_eq!(skipped[2], ("2026-12-26T00:00:00Z".to_owned(), Fate::Fires));
    assert_eq!(told(OnBlackout::Shift)[1].1, Fate::Shifted { by, to: end });
}

#[test]
fn what_was_held_back_before_one_looks_is_foreseen() {
    let schedule = schedule("0 2 25 12 *", "2026-12-25  Christmas\n", OnBlackout::Shift);
    let seen = schedule.foresee(at("2026-12-25T12:00:00Z")).next().unwrap();

    assert_eq!(seen.time, at("2026-12-25T02:00:00Z"));
    assert!(matches!(seen.fate, Fate::Shifted { to, .. } if to == at("2026-12-26T00:00:00Z")));
}

#[test]
fn equal_texts_are_parsed_once() {
    let one = Blackouts::shared("UTC", "12-25\n").unwrap();
    let same = Blackouts::shared("UTC", "12-25\n").unwrap();
    let elsewhere = Blackouts::shared("Europe/Berlin", "12-25\n").unwrap();

    assert!(Arc::ptr_eq(&one, &same));
    assert!(!Arc::ptr_eq(&one, &elsewhere));
    assert!(Blackouts::shared("Nowhere", "12-25\n").is_err());
}

#[test]
fn the_blackouts_to_come_are_listed_in_order() {
    let calendar = "Sun\n12-25 .. 12-26  Christmas\n2026-12-27 10:00 .. 12:00\n";
    let blackouts = Blackouts::parse("UTC", calendar).unwrap();
    let spans: Vec<_> = blackouts
        .spans_from(at("2026-12-20T05:00:00Z"))
        .take(3)
        .map(|span| {
            (
                span.from.unwrap().to_string(),
                span.until.unwrap().to_string(),
            )
        })
        .collect();

    let span = |from: &str, until: &str| {
        (
            format!("2026-12-{from}T00:00:00Z"),
            format!("2026-12-{until}T00:00:00Z"),
        )
    };
    assert_eq!(spans[..2], [span("20", "21"), span("25", "28")]);
    assert_eq!(spans[2].0, "2027-01-03T00:00:00Z");
}

/// The fire times of a schedule in Berlin that keeps to a calendar, on the day from `from` on, in UTC without the date.
fn in_berlin(expression: &str, calendar: &str, on_blackout: OnBlackout, from: &str) -> Vec<String> {
    let alone = Schedule::parse(expression, "Europe/Berlin", DstRule::Cron, 0).unwrap();
    let blackouts = Blackouts::shared("Europe/Berlin", calendar).unwrap();
    let schedule = alone.with_calendar(blackouts, on_blackout);
    let times = schedule.fire_times(at(from), at(from) + SignedDuration::from_hours(4));
    times
        .map(|time| time.strftime("%H:%M").to_string())
        .collect()
}

#[test]
fn a_blackout_that_ends_in_the_repeated_hour_ends_in_its_first_pass() {
    // At 01:00 UTC three o'clock becomes two.
    let from = "2026-10-24T23:15:00Z";
    let early = in_berlin("*/30 * * * *", "01:00 .. 02:30", OnBlackout::Skip, from);
    let late = in_berlin("*/30 * * * *", "02:30 .. 03:00", OnBlackout::Shift, from);

    assert_eq!(
        early,
        ["00:30", "01:00", "01:30", "02:00", "02:30", "03:00"]
    );
    // One blackout that lasts an hour and a half, not two of half an hour.
    assert_eq!(late, ["23:30", "00:00", "02:00", "02:30", "03:00"]);
}

#[test]
fn a_blackout_that_ends_in_the_gap_ends_after_it() {
    // At 01:00 UTC two o'clock becomes three.
    let from = "2026-03-29T00:15:00Z";
    let over = in_berlin("*/30 * * * *", "01:30 .. 02:30", OnBlackout::Shift, from);
    let within = in_berlin("*/30 * * * *", "02:10 .. 02:50", OnBlackout::Shift, from);
    let torn = in_berlin(
        "*/30 * * * *",
        "01:30 .. 02:20\n02:40 .. 04:00",
        OnBlackout::Shift,
        from,
    );

    assert_eq!(over[..3], ["01:00", "01:30", "02:00"]);
    assert_eq!(within[..3], ["00:30", "01:00", "01:30"]);
    assert_eq!(torn[..2], ["02:00", "02:30"]);
}

#[test]
fn time_is_counted_back_outside_blackouts() {
    let nights = Blackouts::parse("UTC", "20:00 .. 08:00").unwrap();
    let always = Blackouts::parse("UTC", "Mon .. Sun").unwrap();
    let none = Blackouts::parse("UTC", "").unwrap();
    let hours = SignedDuration::from_hours;
    let noon = at("2026-11-21T12:00:00Z");
    let midnight = at("2026-11-21T00:00:00Z");

    assert_eq!(none.open_since(noon, hours(5)), at("2026-11-21T07:00:00Z"));
    assert_eq!(
        nights.open_since(noon, hours(4)),
        at("2026-11-21T08:00:00Z")
    );
    assert_eq!(
        nights.open_since(noon, hours(5)),
        at("2026-11-20T19:00:00Z")
    );
    assert_eq!(
        nights.open_since(midnight, hours(1)),
        at("2026-11-20T19:00:00Z")
    );
    assert_eq!(
        nights.open_since(noon, hours(28)),
        at("2026-11-19T08:00:00Z")
    );
    let holidays = Blackouts::parse("UTC", "2026-10-01 .. 2026-11-20").unwrap();
    assert_eq!(
        holidays.open_since(noon, hours(13)),
        at("2026-09-30T23:00:00Z")
    );
    assert_eq!(always.open_since(noon, hours(1)), Timestamp::MIN);
}
