//! What is refused, where the caret points and what cures it.

use carillon_core::lang::Lang;
use carillon_core::schedule::{DstRule, Field, Schedule, ScheduleError, Subject};

#[rustfmt::skip]
const REFUSALS: &[(&str, &str)] = &[
        (
            "61 * * * *",
            "minute field, column 1: 61 is above the maximum of 59; use 0-59",
        ),
        (
            "0 0 0 * *",
            "day-of-month field, column 5: 0 is below the minimum of 1; use 1-31",
        ),
        (
            "*/90 * * * *",
            "minute field, column 3: the step 90 is larger than the field, which has 60 values; use @every 90m",
        ),
        (
            "0 */36 * * *",
            "hour field, column 5: the step 36 is larger than the field, which has 24 values; use @every 36h",
        ),
        (
            "0 0 * * */8",
            "day-of-week field, column 11: the step 8 is larger than the field, which has 7 values; use a step of at most 7",
        ),
        (
            "0 0 * * L",
            "day-of-week field, column 9: L alone does not say which weekday; write 6L for the last Saturday of the month, or 6 for every Saturday",
        ),
        (
            "0 0 16-4 * *",
            "day-of-month field, column 5: the range 16-4 runs backwards; write 4-16, or 16-31,1-4 to go round",
        ),
        (
            "0 0 * * MONDAY",
            "day-of-week field, column 9: \"MONDAY\" is too long for a name; write MON",
        ),
        (
            "0 0 1,,2 * *",
            "day-of-month field, column 7: an item is empty; remove the comma or write a value",
        ),
        (
            "MON * * * *",
            "minute field, column 1: \"MON\" is not a value; use 0-59",
        ),
        (
            "*/0 * * * *",
            "minute field, column 3: a step of 0 never moves on; write /1 or more",
        ),
        (
            "0 0 * * MON#6",
            "day-of-week field, column 13: no month has a weekday number 6; write #1 to #5, or L for the last",
        ),
        (
            "0 0 * * Sun4",
            "day-of-week field, column 12: \"4\" is not understood after \"Sun\"; separate values with commas, write a range as a-b and a step as /n",
        ),
        (
            "* * * *",
            "schedule, column 1: it has 4 fields; write 5 (minute hour day month weekday), 6 with seconds first, or 7 with the year last",
        ),
        (
            "@every 90",
            "schedule, column 8: 90 has no unit; write whole seconds, minutes, hours or days, such as @every 90s or @every 1h30m",
        ),
        (
            "@every 1.5h",
            "schedule, column 8: \"1.5h\" is no period; write whole seconds, minutes, hours or days, such as @every 90s or @every 1h30m",
        ),
        (
            "@at 2026-12-31T23:59:59Z",
            "schedule, column 5: \"2026-12-31T23:59:59Z\" carries an offset; write the wall-clock time of the schedule's zone, without Z or offset",
        ),
        (
            "@daily 5",
            "schedule, column 8: nothing may follow @daily; remove it",
        ),
];

const MALFORMED: &[&str] = &[
    "",
    " ",
    "*",
    "* * * * * * * *",
    "5- * * * *",
    "-5 * * * *",
    "1-2-3 * * * *",
    "+5 * * * *",
    "*5 * * * *",
    "** * * * *",
    "*-5 * * * *",
    "5/ * * * *",
    "/5 * * * *",
    "1,2, * * * *",
    ", * * * *",
    "0 24 * * *",
    "0 0 32 * *",
    "0 0 * 13 *",
    "0 0 * 0 *",
    "0 0 * * 8",
    "60 0 0 * * *",
    "0 0 0 1 1 * 1969",
    "0 0 0 1 1 * 10000",
    "0 0 0 1 1 * 2030-2020",
    "0 0 0 1 1 * H",
    "0 0 * JANUARY *",
    "0 0 MON * *",
    "0 0 * MON *",
    "L * * * *",
    "0 0 * L *",
    "0 0 L-31 * *",
    "0 0 L- * *",
    "0 0 LWX * *",
    "0 0 W * *",
    "0 0 15W-20 * *",
    "0 0 1-5W * *",
    "0 0 5L * *",
    "0 0 * * 1-5L",
    "0 0 * * 1#0",
    "0 0 * * 1#",
    "0 0 * * #1",
    "0 0 * * FRILX",
    "H(5) * * * *",
    "H(5-70) * * * *",
    "H(1-5 * * * *",
    "Hx * * * *",
    "H/0 * * * *",
    "9~5 * * * *",
    "5~70 * * * *",
    "１ * * * *",
    "0\u{a0}0 * * *",
    "99999999999999999999 * * * *",
    "@",
    "@never",
    "@every",
    "@every 0s",
    "@every 5 m",
    "@every 1w",
    "@every 500ms",
    "@every 99999999999999999999d",
    "@every -5s",
    "@every s",
    "@at",
    "@at ",
    "@every\t ",
    "@at tomorrow",
    "@at 2026-02-30T00:00",
    "@at 2026-12-31",
    "@at 2026-12-31T23:59:59.5",
    "@at 2026-12-31T23:59:59+01:00",
    "@at 2026-12-31T23:59:59[UTC]",
    "@reboot now",
    "0 0 * * +",
    "0 0 +1 * *",
    "0 0 * * ++1",
    "0 0 * *\n*",
    "é * * * *",
];

/// Whether both languages tell a place, what is wrong and a cure, each in its own words.
fn says_something(error: &ScheduleError) -> bool {
    let parts = |told: &str, colon, semicolon| -> bool {
        let rest = told.split_once(colon).map(|(_, rest)| rest);
        let pair = rest.and_then(|rest: &str| rest.rsplit_once(semicolon));
        pair.is_some_and(|(wrong, cure): (&str, &str)| !wrong.is_empty() && !cure.is_empty())
    };
    let has_han = |text: &str| text.chars().any(|c| ('\u{4e00}'..='\u{9fff}').contains(&c));
    let (en, zh) = (error.told(Lang::En), error.told(Lang::Zh));
    parts(&en, ": ", "; ") && !has_han(&en) && parts(&zh, "：", "；") && has_han(&zh)
}

fn refuse(expression: &str) -> ScheduleError {
    match Schedule::parse(expression, "UTC", DstRule::Cron, 0) {
        Ok(schedule) => panic!("{expression} was taken as {schedule:?}"),
        Err(error) => error,
    }
}

#[test]
fn each_refusal_names_field_place_and_cure() {
    for (expression, line) in REFUSALS {
        assert_eq!(refuse(expression).to_string(), *line);
    }
}

#[test]
fn malformed_texts_are_refused() {
    for expression in MALFORMED {
        let error = refuse(expression);
        assert!(says_something(&error), "{expression}: {error}");
        assert!(
            error.span().end <= expression.len(),
            "{expression}: {:?}",
            error.span()
        );
        assert!(!error.to_string().contains('\n'), "one line: {error}");
    }
}

#[test]
fn the_caret_points_at_the_characters() {
    let source = "0\t0 * * MONDAY";
    let error = refuse(source);
    assert_eq!(error.field(), Some(Field::DayOfWeek));
    assert_eq!(error.draw_caret(source), "0\t0 * * MONDAY\n \t      ^^^^^^");

    let short = "* * *";
    assert_eq!(refuse(short).draw_caret(short), "* * *\n^^^^^");
    assert_eq!(refuse("").draw_caret(""), "\n^");
}

#[test]
fn an_unknown_zone_is_refused_even_where_it_does_not_matter() {
    for expression in ["0 0 * * *", "@every 5m", "@manual"] {
        let error = Schedule::parse(expression, "Mars/Olympus", DstRule::Cron, 0).unwrap_err();
        assert_eq!(error.subject(), Subject::Zone);
        assert!(
            error.to_string().starts_with("time zone: \"Mars/Olympus\""),
            "{error}"
        );
    }
}

#[test]
fn rules_are_spelled_in_lower_case() {
    for &rule in DstRule::ALL {
        assert_eq!(rule.word().parse(), Ok(rule));
        assert_eq!(serde_json::to_string(&rule).unwrap(), format!("\"{rule}\""));
    }
    let error = "CRON".parse::<DstRule>().unwrap_err().to_string();
    assert_eq!(
        error,
        "\"CRON\" is no rule for clock changes; it is one of cron, literal, skip, second"
    );
}
