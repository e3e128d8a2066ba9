//! Any text, however made, is read or refused in words: nothing that people or files give panics or hangs a program.
//!
//! The texts are drawn from the words that each reader knows, so that they get far into it, with anything else between.
//! `core/fuzz` searches further, led by coverage.

use carillon_core::calendar::{Blackouts, CalendarText, Span};
use carillon_core::command_line::classify_command_line;
use carillon_core::crontab::{Form, Meaning, Reading, Seconds, read_crontab};
use carillon_core::icalendar::read_icalendar;
use carillon_core::lang::Lang;
use carillon_core::schedule::{DstRule, Schedule};
use jiff::Timestamp;
use proptest::prelude::*;

const CASES: u32 = 3_000;

const SCHEDULE: &[&str] = &[
    "*",
    "/",
    "-",
    ",",
    "?",
    "L",
    "W",
    "#",
    "LW",
    "0",
    "1",
    "5",
    "29",
    "59",
    "60",
    "1970",
    "2100",
    "99999999999999999999",
    "MON",
    "sun",
    "DEC",
    " ",
    "  ",
    "\t",
    "@every",
    "@daily",
    "@reboot",
    "R",
    "H",
    "1h",
    "90s",
    "~",
    "(",
    ")",
    "{n}",
    "%",
    "\u{3000}",
    "é",
    "\0",
];

const CRONTAB: &[&str] = &[
    "* * * * *",
    "*/5",
    "@daily",
    "@hourly",
    " ",
    "\t",
    "\n",
    "\r\n",
    "#",
    "MAILTO=",
    "CRON_TZ=",
    "Europe/Berlin",
    "SHELL=/bin/sh",
    "PATH=",
    "\"",
    "'",
    "%",
    "\\%",
    "\\",
    "root",
    "echo a",
    "0 3 * * 1",
    "61 * * * *",
    "=",
    "-",
    "\u{feff}",
    "\0",
    "é",
];

const ICALENDAR: &[&str] = &[
    "BEGIN:VCALENDAR\r\n",
    "BEGIN:VEVENT\r\n",
    "END:VEVENT\r\n",
    "END:VCALENDAR\r\n",
    "BEGIN:VTIMEZONE\r\n",
    "BEGIN:VALARM\r\n",
    "END:VALARM\r\n",
    "DTSTART:20261121T030000Z\r\n",
    "DTSTART;VALUE=DATE:20261121\r\n",
    "DTSTART;TZID=Europe/Berlin:20261121T030000\r\n",
    "DTEND:20261122T030000Z\r\n",
    "DTEND;VALUE=DATE:20261201\r\n",
    "DURATION:P1D\r\n",
    "DURATION:-PT99999999999H\r\n",
    "RRULE:FREQ=",
    "DAILY",
    "WEEKLY",
    "YEARLY",
    "MONTHLY",
    ";BYDAY=MO,2TU,-1FR",
    ";INTERVAL=0",
    ";INTERVAL=2",
    ";COUNT=999999999",
    ";UNTIL=20270101T000000Z",
    ";BYMONTH=13",
    "\r\n",
    "\r\n ",
    "\n\t",
    "EXDATE:20261121T030000Z\r\n",
    "SUMMARY:a;b",
    "RECURRENCE-ID:",
    ":",
    ";",
    "=",
    "\"",
    "00000000",
    "99999999T999999Z",
    "é",
    "\0",
];

const CALENDAR: &[&str] = &[
    "2026-12-24",
    "2026-02-30",
    "..",
    "12-24",
    "2026-W53",
    "sat",
    "sun",
    "mon",
    "-",
    ",",
    " ",
    "\n",
    "#",
    "09:00",
    "24:00",
    "25:61",
    "except",
    "only",
    "from",
    "to",
    "every",
    "day",
    "last",
    "first",
    "of",
    "month",
    "99999-01-01",
    "é",
    "\0",
];

const SHELL: &[&str] = &[
    "echo", " ", "'", "\"", "\\", "$", "`", "(", ")", "|", "&&", ";", ">", "<", "*", "~", "#",
    "\n", "{", "}", "é", "\0", "-x",
];

/// Up to forty words, and anything at all between them.
fn text_of(words: &'static [&'static str]) -> impl Strategy<Value = String> {
    let word = prop_oneof![
        12 => prop::sample::select(words).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => "[ -~]{0,12}",
    ];
    prop::collection::vec(word, 0..40).prop_map(|words| words.concat())
}

/// 1969, a year like any other, and the last that can be told.
const INSTANTS: [i64; 3] = [-1, 1_800_000_000, 253_402_000_000];

fn ask(schedule: &Schedule) {
    for second in INSTANTS {
        let mut last = Timestamp::from_second(second).expect("the instant is in range");
        for _ in 0..3 {
            let Some(next) = schedule.next_after(last) else {
                break;
            };
            assert!(next > last);
            last = next;
        }
    }
    assert!(!schedule.describe(Lang::En).is_empty());
    assert!(!schedule.describe(Lang::Zh).is_empty());
}

/// The first spans of a calendar follow each other.
fn ask_calendar(text: &CalendarText) {
    let Ok(blackouts) = Blackouts::of("Europe/Berlin", text) else {
        return;
    };
    for second in INSTANTS {
        let from = Timestamp::from_second(second).expect("the instant is in range");
        let _name = blackouts.name_at(from);
        let spans: Vec<_> = blackouts.spans_from(from).take(3).collect();
        let follows = |one: &Span, next: &Span| one.until.is_some() && one.until <= next.from;
        assert!(spans.is_sorted_by(follows), "{spans:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_a_schedule_or_refused_at_a_place_inside_of_it(text in text_of(SCHEDULE), seed: u64) {
        match Schedule::parse(&text, "Europe/Berlin", DstRule::Cron, seed) {
            Ok(schedule) => ask(&schedule),
            Err(error) => {
                prop_assert!(text.get(error.span()).is_some(), "{error}: {:?}", error.span());
                prop_assert!(!error.draw_caret(&text).is_empty());
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }

    #[test]
    fn any_text_is_a_crontab_of_which_each_line_is_accounted_for(text in text_of(CRONTAB), is_system: bool) {
        let form = if is_system { Form::System } else { Form::User };
        let reading = Reading { file: "tab", form, seconds: Seconds::Detect, zone: "UTC" };
        let lines = read_crontab(&text, &reading);
        let expected = text.strip_prefix('\u{feff}').unwrap_or(&text).lines().count();
        prop_assert_eq!(lines.len(), expected);
        for line in lines {
            if let Meaning::Job(job) = line.meaning {
                prop_assert!(!job.command.trim().is_empty());
                let schedule = Schedule::parse(&job.schedule, &job.zone, DstRule::Cron, 0);
                prop_assert!(schedule.is_ok(), "{job:?}");
            }
        }
    }

    #[test]
    fn any_text_is_an_icalendar_file_or_refused(text in text_of(ICALENDAR), is_begun: bool) {
        let text = if is_begun { format!("BEGIN:VCALENDAR\r\n{text}") } else { text };
        let now = Timestamp::from_second(1_790_000_000).expect("the instant is in range");
        if let Ok(imported) = read_icalendar(&text, "Europe/Berlin", now) {
            let lines = text.lines().count();
            prop_assert!(imported.remarks.iter().all(|remark| (1..=lines).contains(&remark.line)), "{imported:?}");
            // What is taken over can be written down as a calendar and read again.
            let written = CalendarText::of(imported.blackouts).to_string();
            prop_assert!(CalendarText::parse(&written).is_ok(), "{written:?}");
        }
    }

    #[test]
    fn any_text_is_a_calendar_or_each_of_its_faults_is_told(text in text_of(CALENDAR)) {
        match CalendarText::parse(&text) {
            Ok(read) => ask_calendar(&read),
            Err(faults) => {
                prop_assert!(!faults.is_empty());
                prop_assert!(faults.iter().all(|fault| !fault.to_string().is_empty()));
            }
        }
    }

    #[test]
    fn any_text_is_some_kind_of_command_line(text in text_of(SHELL)) {
        let _kind = classify_command_line(&text);
    }
}
