//! What the fields of an expression ask for, read from fire times in UTC.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use carillon_core::schedule::{DstRule, Kind, Schedule};
use jiff::Timestamp;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn utc(expression: &str) -> Schedule {
    Schedule::parse(expression, "UTC", DstRule::Cron, 0)
        .unwrap_or_else(|error| panic!("{expression}: {error}"))
}

/// The next fire times after `from`, as `2026-01-02T03:04:05Z` without the `Z`, joined by blanks.
fn fires(expression: &str, from: &str, count: usize) -> String {
    let schedule = utc(expression);
    schedule
        .fire_times(at(from), at("9999-12-01T00:00:00Z"))
        .take(count)
        .map(|time| time.to_string().replace('Z', ""))
        .collect::<Vec<_>>()
        .join(" ")
}

/// The days of one month on which it fires.
fn days(expression: &str, month: &str) -> Vec<u32> {
    let from = at(&format!("{month}-01T00:00:00Z")) - jiff::SignedDuration::from_secs(1);
    let mut days: Vec<u32> = utc(expression)
        .fire_times(from, from + jiff::SignedDuration::from_hours(24 * 32))
        .map(|time| time.to_string())
        .filter(|time| time.starts_with(month))
        .map(|time| time[8..10].parse().unwrap())
        .collect();
    days.dedup();
    days
}

/// The minutes of the hour at which it fires.
fn minutes(minute_field: &str) -> Vec<u32> {
    utc(&format!("{minute_field} * * * *"))
        .fire_times(at("2026-01-01T00:59:59Z"), at("2026-01-01T01:59:59Z"))
        .map(|time| time.to_string()[14..16].parse().unwrap())
        .collect()
}

/// The weekdays (Sunday 0) on which it fires, in the order of the week that starts on a Sunday.
fn weekdays(field: &str) -> Vec<u32> {
    // 2026-03-01 is a Sunday.
    days(&format!("0 0 * * {field}"), "2026-03")
        .into_iter()
        .filter(|&day| day <= 7)
        .map(|day| day - 1)
        .collect()
}

#[test]
fn five_fields_fire_at_second_zero() {
    assert_eq!(
        fires("*/20 8 * * *", "2026-01-01T00:00:00Z", 4),
        "2026-01-01T08:00:00 2026-01-01T08:20:00 2026-01-01T08:40:00 2026-01-02T08:00:00"
    );
}

#[test]
fn six_fields_begin_with_seconds() {
    assert_eq!(
        fires("10,50 59 23 31 12 *", "2026-01-01T00:00:00Z", 3),
        "2026-12-31T23:59:10 2026-12-31T23:59:50 2027-12-31T23:59:10"
    );
}

#[test]
fn seven_fields_end_with_the_year() {
    assert_eq!(
        fires("0 0 0 1 1 * 2028-2032/2,2040", "2026-01-01T00:00:00Z", 9),
        "2028-01-01T00:00:00 2030-01-01T00:00:00 2032-01-01T00:00:00 2040-01-01T00:00:00"
    );
    assert_eq!(
        fires("0 0 0 1 1 * 1970/8000", "1969-01-01T00:00:00Z", 1),
        "1970-01-01T00:00:00"
    );
    assert_eq!(
        fires("0 0 0 1 1 * 9999", "9998-01-01T00:00:00Z", 2),
        "9999-01-01T00:00:00"
    );
}

#[test]
fn fire_times_are_strictly_after() {
    assert_eq!(
        fires("0 0 * * *", "2026-01-01T00:00:00Z", 1),
        "2026-01-02T00:00:00"
    );
    assert_eq!(
        fires("0 0 * * *", "2025-12-31T23:59:59.999999999Z", 1),
        "2026-01-01T00:00:00"
    );
    assert_eq!(
        fires("* * * * * *", "2026-01-01T00:00:00.5Z", 1),
        "2026-01-01T00:00:01"
    );
    assert_eq!(
        fires("* * * * * *", "1969-12-31T23:59:58.5Z", 1),
        "1969-12-31T23:59:59"
    );
}

#[test]
fn lists_ranges_and_steps_combine() {
    assert_eq!(
        minutes("5,10-12,30-40/5,*/30"),
        [0, 5, 10, 11, 12, 30, 35, 40]
    );
    assert_eq!(minutes("50/4"), [50, 54, 58]);
    assert_eq!(minutes("7"), [7]);
    assert_eq!(minutes("007"), [7]);
    assert_eq!(minutes("*/60"), [0]);
    assert_eq!(minutes("10-20/15"), [10]);
    assert_eq!(minutes("?/25"), [0, 25, 50]);
}

#[test]
fn ranges_go_round_where_the_field_does() {
    assert_eq!(minutes("58-1"), [0, 1, 58, 59]);
    assert_eq!(minutes("50-10/5"), [0, 5, 10, 50, 55]);
    assert_eq!(
        fires("0 22-2/2 * * *", "2026-01-01T12:00:00Z", 4),
        "2026-01-01T22:00:00 2026-01-02T00:00:00 2026-01-02T02:00:00 2026-01-02T22:00:00"
    );
    assert_eq!(
        fires("0 0 1 NOV-FEB *", "2026-03-01T00:00:00Z", 4),
        "2026-11-01T00:00:00 2026-12-01T00:00:00 2027-01-01T00:00:00 2027-02-01T00:00:00"
    );
    assert_eq!(
        fires("59-0 0 0 1 1 *", "2026-02-01T00:00:00Z", 2),
        "2027-01-01T00:00:00 2027-01-01T00:00:59"
    );
}

#[test]
fn weekdays_go_round_and_count_sunday_twice() {
    assert_eq!(weekdays("0"), [0]);
    assert_eq!(weekdays("7"), [0]);
    assert_eq!(weekdays("MON-fri"), [1, 2, 3, 4, 5]);
    assert_eq!(weekdays("FRI-MON"), [0, 1, 5, 6]);
    assert_eq!(weekdays("FRI-TUE/2"), [0, 2, 5]);
    assert_eq!(weekdays("5-7"), [0, 5, 6]);
    assert_eq!(weekdays("0-7"), [0, 1, 2, 3, 4, 5, 6]);
    assert_eq!(weekdays("7-2"), [0, 1, 2]);
    assert_eq!(weekdays("1/2"), [0, 1, 3, 5]);
    assert_eq!(weekdays("0/2"), [0, 2, 4, 6]);
    assert_eq!(weekdays("*/2"), [0, 2, 4, 6]);
    assert_eq!(weekdays("sun-sun"), [0]);
    assert_eq!(weekdays("MON-4,sat"), [1, 2, 3, 4, 6]);
}

#[test]
fn names_stand_anywhere_in_any_case() {
    assert_eq!(
        fires("0 0 1 jan,6-Aug/2,DEC *", "2026-01-02T00:00:00Z", 4),
        "2026-06-01T00:00:00 2026-08-01T00:00:00 2026-12-01T00:00:00 2027-01-01T00:00:00"
    );
}

#[test]
fn both_day_fields_restricted_mean_either() {
    assert_eq!(days("0 0 13 * FRI", "2026-03"), [6, 13, 20, 27]);
    assert_eq!(days("0 0 1,15 * 3", "2026-03"), [1, 4, 11, 15, 18, 25]);
    assert_eq!(
        days("0 0 1-31 * MON", "2026-02"),
        (1..=28).collect::<Vec<_>>()
    );
}

#[test]
fn a_day_field_that_begins_with_a_star_means_both() {
    assert_eq!(days("0 0 */10 * MON-FRI", "2026-03"), [11, 31]);
    assert_eq!(days("0 0 *,13 * FRI", "2026-03"), [6, 13, 20, 27]);
    assert_eq!(days("0 0 13 * */2", "2026-03"), []);
    assert_eq!(days("0 0 ? * FRI", "2026-03"), [6, 13, 20, 27]);
    assert_eq!(days("0 0 13 * ?", "2026-03"), [13]);
    assert_eq!(
        days("0 0 13,* * FRI", "2026-03"),
        (1..=31).collect::<Vec<_>>()
    );
}

#[test]
fn a_plus_before_the_weekday_means_both() {
    assert_eq!(
        fires("0 0 13 * +FRI", "2026-04-01T00:00:00Z", 2),
        "2026-11-13T00:00:00 2027-08-13T00:00:00"
    );
}

#[test]
fn last_days_of_the_month() {
    assert_eq!(days("0 0 L * *", "2026-02"), [28]);
    assert_eq!(days("0 0 L * *", "2028-02"), [29]);
    assert_eq!(days("0 0 L-2,L * *", "2026-04"), [28, 30]);
    assert_eq!(days("0 0 L-30 * *", "2026-04"), []);
    assert_eq!(days("0 0 l-30 * *", "2026-03"), [1]);
}

#[test]
fn nearest_working_days() {
    // March 2026 begins and its 29th is a Sunday; the 31st is a Tuesday.
    assert_eq!(days("0 0 1W * *", "2026-03"), [2]);
    assert_eq!(days("0 0 28w * *", "2026-03"), [27]);
    assert_eq!(days("0 0 29W * *", "2026-03"), [30]);
    assert_eq!(
        days("0 0 1W * *", "2026-08"),
        [3],
        "1 August 2026 is a Saturday"
    );
    assert_eq!(
        days("0 0 31W * *", "2026-05"),
        [29],
        "31 May 2026 is a Sunday"
    );
    assert_eq!(days("0 0 31W * *", "2026-04"), [], "April has no 31st");
    assert_eq!(days("0 0 LW * *", "2026-05"), [29]);
    assert_eq!(days("0 0 LW * *", "2026-10"), [30]);
    assert_eq!(days("0 0 10W,20,LW * *", "2026-10"), [9, 20, 30]);
}

#[test]
fn numbered_and_last_weekdays() {
    assert_eq!(days("0 0 * * 5L", "2026-03"), [27]);
    assert_eq!(days("0 0 * * FRIL", "2026-03"), [27]);
    assert_eq!(days("0 0 * * 7L,0L", "2026-03"), [29]);
    assert_eq!(days("0 0 * * TUE#1,tue#5", "2026-03"), [3, 31]);
    assert_eq!(days("0 0 * * 1#5", "2026-02"), []);
    assert_eq!(days("0 0 1 * MON#2", "2026-03"), [1, 9]);
    assert_eq!(days("0 0 * * MON,FRI#1", "2026-03"), [2, 6, 9, 16, 23, 30]);
}

#[test]
fn hashed_values_stay_in_range_and_never_change() {
    for seed in 0..500 {
        let schedule = Schedule::parse("H H(2-4) H * *", "UTC", DstRule::Cron, seed).unwrap();
        let from = at("2026-01-31T23:59:59Z");
        let first = schedule.next_after(from).unwrap().to_string();
        let hour: u32 = first[11..13].parse().unwrap();
        assert!((2..=4).contains(&hour), "{first}");
        assert!(
            first.starts_with("2026-02-"),
            "a hashed day exists in every month: {first}"
        );
    }
    let first = |seed| {
        let schedule = Schedule::parse("H H H(1-31) * *", "UTC", DstRule::Cron, seed).unwrap();
        schedule
            .next_after(at("2026-01-01T00:00:00Z"))
            .unwrap()
            .to_string()
    };
    assert_eq!(first(1), "2026-01-22T17:52:00Z");
    assert_eq!(first(2), "2026-01-08T08:52:00Z");
}

#[test]
fn hashed_steps_keep_their_distance() {
    for seed in 0..100 {
        let schedule = Schedule::parse("H/15 * * * *", "UTC", DstRule::Cron, seed).unwrap();
        let times: Vec<_> = schedule
            .fire_times(at("2026-01-01T00:59:59Z"), at("2026-01-01T01:59:59Z"))
            .collect();
        assert_eq!(times.len(), 4);
        assert!(
            times
                .windows(2)
                .all(|pair| (pair[1] - pair[0]).get_seconds() == 900)
        );
        let bounded = Schedule::parse("H(10-20)/5 * * * *", "UTC", DstRule::Cron, seed).unwrap();
        let first = bounded
            .next_after(at("2026-01-01T00:59:59Z"))
            .unwrap()
            .to_string();
        assert!(
            (10..15).contains(&first[14..16].parse::<u32>().unwrap()),
            "{first}"
        );
    }
}

#[test]
fn random_ranges_choose_one_value() {
    for expression in ["5~9 * * * *", "~ * * * *", "~9 * * * *", "50~ * * * *"] {
        let times: Vec<_> = utc(expression)
            .fire_times(at("2026-01-01T00:59:59Z"), at("2026-01-01T01:59:59Z"))
            .collect();
        assert_eq!(times.len(), 1, "{expression}");
    }
    assert!((5..=9).contains(&minutes("5~9")[0]));
    assert!((50..=59).contains(&minutes("50~")[0]));
}

#[test]
fn shorthands_stand_for_fields() {
    let from = "2026-05-13T10:30:00Z";
    for (shorthand, first) in [
        ("@hourly", "2026-05-13T11:00:00"),
        ("@daily", "2026-05-14T00:00:00"),
        ("@midnight", "2026-05-14T00:00:00"),
        ("@weekly", "2026-05-17T00:00:00"),
        ("@monthly", "2026-06-01T00:00:00"),
        ("@yearly", "2027-01-01T00:00:00"),
        ("@ANNUALLY", "2027-01-01T00:00:00"),
        ("  @daily\t", "2026-05-14T00:00:00"),
    ] {
        assert_eq!(fires(shorthand, from, 1), first, "{shorthand}");
    }
}

#[test]
fn every_is_anchored_at_1970() {
    assert_eq!(
        fires("@every 90s", "2026-01-01T00:00:00Z", 2),
        "2026-01-01T00:01:30 2026-01-01T00:03:00"
    );
    assert_eq!(
        fires("@every 1h30m", "1970-01-01T00:00:00Z", 1),
        "1970-01-01T01:30:00"
    );
    assert_eq!(
        fires("@every 7d", "1970-01-02T00:00:00Z", 1),
        "1970-01-08T00:00:00"
    );
    assert_eq!(
        fires("@every 10s", "1969-12-31T23:59:45.5Z", 2),
        "1969-12-31T23:59:50 1970-01-01T00:00:00"
    );
}

#[test]
fn at_fires_once_on_the_wall_of_its_zone() {
    for text in [
        "@at 2026-12-31T23:59:59",
        "@at 2026-12-31 23:59:59",
        "59 59 23 31 12 ? 2026",
    ] {
        let schedule = Schedule::parse(text, "Asia/Tokyo", DstRule::Cron, 0).unwrap();
        let fire_time = at("2026-12-31T14:59:59Z");
        assert_eq!(
            schedule.next_after(at("2020-01-01T00:00:00Z")),
            Some(fire_time),
            "{text}"
        );
        assert_eq!(schedule.next_after(fire_time), None);
        assert!(schedule.is_one_shot() && schedule.is_fixed_time(), "{text}");
    }
    assert_eq!(
        fires("@at 2026-12-31T23:59", "2026-01-01T00:00:00Z", 2),
        "2026-12-31T23:59:00"
    );
}

#[test]
fn schedules_without_times_of_their_own() {
    for (text, kind) in [("@reboot", Kind::Reboot), ("@manual", Kind::Manual)] {
        let schedule = utc(text);
        assert_eq!(schedule.kind(), kind);
        assert_eq!(schedule.next_after(at("2026-01-01T00:00:00Z")), None);
        assert!(!schedule.is_fixed_time() && !schedule.is_sub_minute() && !schedule.is_one_shot());
    }
    assert!(utc("@reboot").is_reboot() && !utc("@reboot").is_manual());
    assert!(utc("@manual").is_manual() && !utc("@manual").is_reboot());
}

#[test]
fn class_is_told_by_minute_and_hour_alone() {
    for fixed in [
        "30 2 * * *",
        "0,30 1-3 * * *",
        "*/5 30 2 * * *",
        "H H * * *",
        "5/10 2 * * *",
    ] {
        assert!(utc(fixed).is_fixed_time(), "{fixed}");
    }
    for wildcard in [
        "*/15 2 * * *",
        "30 * * * *",
        "? 2 * * *",
        "*,30 2 * * *",
        "0 0 */2 * * *",
    ] {
        assert!(!utc(wildcard).is_fixed_time(), "{wildcard}");
    }
    assert!(utc("*/30 * * * * *").is_sub_minute());
    assert!(utc("@every 59s").is_sub_minute());
    assert!(!utc("@every 60s").is_sub_minute());
    assert!(!utc("30 * * * * *").is_sub_minute());
}

#[test]
fn never_is_an_answer() {
    for never in [
        "0 0 30 2 *",
        "0 0 31 2,4,6,9,11 *",
        "0 0 0 1 1 * 2020",
        "0 0 31 4 +MON",
        "0 0 31W 4 *",
        "0 0 L-30 2 *",
    ] {
        assert_eq!(
            utc(never).next_after(at("2026-01-01T00:00:00Z")),
            None,
            "{never}"
        );
    }
    assert_eq!(
        utc("@at 2200-01-01T00:00:00").next_after(at("2026-01-01T00:00:00Z")),
        None
    );
    assert_eq!(utc("* * * * *").next_after(Timestamp::MAX), None);
}

#[test]
fn rare_days_are_found_at_any_distance() {
    assert_eq!(
        fires("0 0 29 2 +MON", "2026-01-01T00:00:00Z", 3),
        "2044-02-29T00:00:00 2072-02-29T00:00:00 2112-02-29T00:00:00"
    );
    assert_eq!(
        fires("0 0 29 2 *", "2096-03-01T00:00:00Z", 1),
        "2104-02-29T00:00:00"
    );
}

#[test]
fn a_schedule_is_small_and_shared_between_threads() {
    fn shared<T: Send + Sync + Clone>() {}
    shared::<Schedule>();
    assert!(size_of::<Schedule>() <= 64);
}
