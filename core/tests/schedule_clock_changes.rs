//! What the four rules do where the clocks change.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use carillon_core::schedule::{DstRule, Schedule};
use jiff::Timestamp;

/// The fire times of a span, on the wall of the zone with offsets, as `02:30+01`.
fn walls(expression: &str, zone: &str, dst: DstRule, span: (&str, &str)) -> Vec<String> {
    let schedule = Schedule::parse(expression, zone, dst, 0).unwrap();
    let tz = carillon_core::schedule::time_zone(zone).unwrap();
    let (from, until): (Timestamp, Timestamp) = (span.0.parse().unwrap(), span.1.parse().unwrap());
    schedule
        .fire_times(from, until)
        .map(|time| time.to_zoned(tz.clone()).strftime("%H:%M%:z").to_string())
        .collect()
}

// New York 2026: 02:00 becomes 03:00 on 8 March; 02:00 becomes 01:00 on 1 November.
const SPRING: (&str, &str) = ("2026-03-08T00:00:00-05:00", "2026-03-08T05:00:00-04:00");
const AUTUMN: (&str, &str) = ("2026-11-01T00:30:00-04:00", "2026-11-01T04:00:00-05:00");

fn new_york(expression: &str, dst: DstRule, span: (&str, &str)) -> Vec<String> {
    walls(expression, "America/New_York", dst, span)
}

#[test]
fn fixed_time_in_a_gap() {
    for (expression, rule, expected) in [
        ("30 2 * * *", DstRule::Cron, vec!["03:00-04:00"]),
        ("30 2 * * *", DstRule::Second, vec!["03:00-04:00"]),
        ("30 2 * * *", DstRule::Literal, vec![]),
        ("30 2 * * *", DstRule::Skip, vec![]),
        // Several lost times are one fire, also when the first time after the gap is asked for.
        ("0,30 2 * * *", DstRule::Cron, vec!["03:00-04:00"]),
        (
            "0,30 2,3 * * *",
            DstRule::Cron,
            vec!["03:00-04:00", "03:30-04:00"],
        ),
        (
            "30 1,2 * * *",
            DstRule::Cron,
            vec!["01:30-05:00", "03:00-04:00"],
        ),
        ("0 3 * * *", DstRule::Cron, vec!["03:00-04:00"]),
        ("59 1 * * *", DstRule::Cron, vec!["01:59-05:00"]),
        // Seconds do not change the class.
        ("*/20 30 2 * * *", DstRule::Cron, vec!["03:00-04:00"]),
    ] {
        assert_eq!(
            new_york(expression, rule, SPRING),
            expected,
            "{expression} {rule}"
        );
    }
}

#[test]
fn wildcard_in_a_gap_follows_the_clock() {
    for &rule in DstRule::ALL {
        assert_eq!(
            new_york("30 * * * *", rule, SPRING),
            ["00:30-05:00", "01:30-05:00", "03:30-04:00", "04:30-04:00"],
            "{rule}"
        );
        assert_eq!(
            new_york("*/15 2 * * *", rule, SPRING),
            Vec::<String>::new(),
            "{rule}"
        );
    }
}

#[test]
fn fixed_time_in_an_overlap() {
    for (rule, expected) in [
        (DstRule::Cron, vec!["01:00-04:00", "01:30-04:00"]),
        (DstRule::Skip, vec!["01:00-04:00", "01:30-04:00"]),
        (DstRule::Second, vec!["01:00-05:00", "01:30-05:00"]),
        (
            DstRule::Literal,
            vec!["01:00-04:00", "01:30-04:00", "01:00-05:00", "01:30-05:00"],
        ),
    ] {
        assert_eq!(new_york("0,30 1 * * *", rule, AUTUMN), expected, "{rule}");
    }
}

#[test]
fn wildcard_in_an_overlap() {
    let both = vec!["01:30-04:00", "01:30-05:00", "02:30-05:00", "03:30-05:00"];
    let first = vec!["01:30-04:00", "02:30-05:00", "03:30-05:00"];
    let second = vec!["01:30-05:00", "02:30-05:00", "03:30-05:00"];
    for (rule, expected) in [
        (DstRule::Cron, both.clone()),
        (DstRule::Literal, both),
        (DstRule::Skip, first),
        (DstRule::Second, second),
    ] {
        let span = ("2026-11-01T00:45:00-04:00", AUTUMN.1);
        assert_eq!(new_york("30 * * * *", rule, span), expected, "{rule}");
    }
}

#[test]
fn samoas_lost_day_fires_once() {
    // Apia went from 29 to 31 December 2011.
    let span = ("2011-12-29T12:00:00-10:00", "2011-12-31T23:00:00+14:00");
    let fires = |expression, rule| walls(expression, "Pacific/Apia", rule, span);

    assert_eq!(fires("0 12,18 30 12 *", DstRule::Cron), ["00:00+14:00"]);
    assert_eq!(
        fires("0 6 * * *", DstRule::Cron),
        ["00:00+14:00", "06:00+14:00"]
    );
    assert_eq!(fires("0 0 * * *", DstRule::Cron), ["00:00+14:00"]);
    assert_eq!(fires("0 6 * * *", DstRule::Skip), ["06:00+14:00"]);
    assert_eq!(
        fires("0 12 30 12 *", DstRule::Literal),
        Vec::<String>::new()
    );
}

#[test]
fn midnight_gaps_do_not_lose_the_day() {
    let havana = ("2026-03-07T12:00:00-05:00", "2026-03-08T12:00:00-04:00");
    assert_eq!(
        walls("0 0 * * *", "America/Havana", DstRule::Cron, havana),
        ["01:00-04:00"]
    );
    let beirut = ("2026-03-28T12:00:00+02:00", "2026-03-29T12:00:00+03:00");
    assert_eq!(
        walls("0 0 * * *", "Asia/Beirut", DstRule::Cron, beirut),
        ["01:00+03:00"]
    );
    assert_eq!(
        walls("@daily", "Asia/Beirut", DstRule::Cron, beirut),
        ["01:00+03:00"]
    );
    // "At 00:00 on the 29th" is lost, and what replaces it is on the same day.
    assert_eq!(
        walls("0 0 29 3 *", "Asia/Beirut", DstRule::Second, beirut),
        ["01:00+03:00"]
    );
}

#[test]
fn half_hour_shifts_follow_the_same_rules() {
    // Lord Howe: 02:00 becomes 02:30 on 4 October, 02:00 becomes 01:30 on 5 April 2026.
    let spring = ("2026-10-04T00:30:00+10:30", "2026-10-04T05:00:00+11:00");
    let autumn = ("2026-04-05T01:00:00+11:00", "2026-04-05T03:00:00+10:30");
    let fires = |expression, rule, span| walls(expression, "Australia/Lord_Howe", rule, span);

    assert_eq!(fires("15 2 * * *", DstRule::Cron, spring), ["02:30+11:00"]);
    assert_eq!(
        fires("15 2 * * *", DstRule::Skip, spring),
        Vec::<String>::new()
    );
    assert_eq!(fires("45 1 * * *", DstRule::Cron, autumn), ["01:45+11:00"]);
    assert_eq!(
        fires("45 1 * * *", DstRule::Second, autumn),
        ["01:45+10:30"]
    );
    assert_eq!(
        fires("*/15 * * * *", DstRule::Cron, autumn),
        [
            "01:15+11:00",
            "01:30+11:00",
            "01:45+11:00",
            "01:30+10:30",
            "01:45+10:30",
            "02:00+10:30",
            "02:15+10:30",
            "02:30+10:30",
            "02:45+10:30",
            "03:00+10:30"
        ]
    );
}

#[test]
fn a_schedule_that_lives_in_gaps_only_ends() {
    // 02:30 on the second Sunday of March exists in no year of New York.
    let schedule = Schedule::parse("30 2 * 3 SUN#2", "America/New_York", DstRule::Skip, 0).unwrap();
    assert_eq!(
        schedule.next_after("2026-01-01T00:00:00Z".parse().unwrap()),
        None
    );

    let compensated =
        Schedule::parse("30 2 * 3 SUN#2", "America/New_York", DstRule::Cron, 0).unwrap();
    let next = compensated.next_after("2026-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(next, Some("2026-03-08T07:00:00Z".parse().unwrap()));
}

#[test]
fn a_change_of_name_alone_is_no_change_of_the_clock() {
    // Nuuk's -02 was summer time until 29 October 2023 and standard time from then on.
    let span = ("2023-10-28T12:00:00-02:00", "2023-10-29T12:00:00-02:00");
    let fires = |rule| walls("12 23 * * *", "America/Nuuk", rule, span);
    for &rule in DstRule::ALL {
        assert_eq!(fires(rule), ["23:12-02:00"], "{rule}");
    }
}
