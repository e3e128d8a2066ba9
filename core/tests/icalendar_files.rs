//! iCalendar files as calendars of other programs export them, and what becomes of their events.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use carillon_core::calendar::CalendarText;
use carillon_core::icalendar::{ICalendarError, Imported, read_icalendar};

fn read(events: &[&str]) -> Imported {
    let events: Vec<String> = events
        .iter()
        .map(|event| {
            format!(
                "BEGIN:VEVENT\r\n{}\r\nEND:VEVENT\r\n",
                event.replace('\n', "\r\n")
            )
        })
        .collect();
    let text = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}END:VCALENDAR\r\n",
        events.concat()
    );
    read_icalendar(
        &text,
        "Europe/Berlin",
        "2026-11-01T00:00:00Z".parse().unwrap(),
    )
    .unwrap()
}

/// The lines that events become, where nothing is remarked.
fn lines(events: &[&str]) -> Vec<String> {
    let imported = read(events);
    assert_eq!(imported.remarks, [], "{events:?}");
    let text = CalendarText::of(imported.blackouts).to_string();
    // Whatever is imported is a text that people can go on editing.
    assert_eq!(CalendarText::parse(&text).unwrap().to_string(), text);
    text.lines().map(str::to_owned).collect()
}

fn remark(event: &str) -> String {
    let imported = read(&[event]);
    assert_eq!(imported.remarks.len(), 1, "{imported:?}");
    assert_eq!(imported.remarks[0].line, 3);
    imported.remarks[0].words.clone()
}

#[test]
fn events_become_lines() {
    for (event, line) in [
        (
            "DTSTART;VALUE=DATE:20261225\nSUMMARY:Christmas",
            "2026-12-25  Christmas",
        ),
        (
            "DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227\nSUMMARY:2. Weihnachtstag\\, frei",
            "2026-12-24 .. 2026-12-26  2. Weihnachtstag, frei",
        ),
        (
            "DTSTART;TZID=Europe/Berlin:20261224T180000\nDURATION:PT2H30M",
            "2026-12-24 18:00 .. 20:30",
        ),
        // 17:00 in UTC is 18:00 in Berlin, in winter.
        (
            "DTSTART:20261224T170000Z\nDTEND:20261227T050000Z",
            "2026-12-24 18:00 .. 2026-12-27 06:00",
        ),
        (
            "DTSTART;TZID=/example.org/20230101_1/America/New_York:20261224T120000\nDURATION:PT1H",
            "2026-12-24 18:00 .. 19:00",
        ),
        (
            "DTSTART:20261224T220000\nDTEND:20261225T000000",
            "2026-12-24 22:00 .. 24:00",
        ),
        (
            "DTSTART;VALUE=DATE:20200101\nRRULE:FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1\nSUMMARY:New Year",
            "01-01  New Year",
        ),
        (
            "DTSTART;VALUE=DATE:20201224\nDTEND;VALUE=DATE:20210103\nRRULE:FREQ=YEARLY",
            "12-24 .. 01-02",
        ),
        (
            "DTSTART;TZID=Europe/Berlin:20260103T000000\nDTEND;TZID=Europe/Berlin:20260105T060000\nRRULE:FREQ=WEEKLY",
            "Sat 00:00 .. Mon 06:00",
        ),
        (
            "DTSTART;TZID=Europe/Berlin:20260101T220000\nDURATION:PT8H\nRRULE:FREQ=DAILY",
            "22:00 .. 06:00",
        ),
        (
            "DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY",
            "Mon .. Sun",
        ),
    ] {
        assert_eq!(lines(&[event]), [line], "{event}");
    }
}

#[test]
fn days_of_a_week_and_counted_turns_become_a_line_each() {
    let weekly = "DTSTART:20260105T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;WKST=SU;BYDAY=FR,MO";
    let counted = "DTSTART;VALUE=DATE:20261130\nRRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=3";
    let until = "DTSTART;VALUE=DATE:20261201\nRRULE:FREQ=DAILY;UNTIL=20261204\nEXDATE;VALUE=DATE:20261202,20261203";

    assert_eq!(
        lines(&[weekly]),
        ["Mon 09:00 .. 10:00", "Fri 09:00 .. 10:00"]
    );
    assert_eq!(
        lines(&[counted]),
        ["2026-11-30", "2026-12-14", "2026-12-28"]
    );
    assert_eq!(lines(&[until]), ["2026-12-01", "2026-12-04"]);
}

#[test]
fn what_no_line_can_say_is_named() {
    for (event, part) in [
        (
            "DTSTART;VALUE=DATE:20261126\nSUMMARY:Thanks\nRRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH",
            "\"Thanks\": left out",
        ),
        (
            "DTSTART;VALUE=DATE:20261126\nRRULE:FREQ=MONTHLY",
            "FREQ=MONTHLY",
        ),
        (
            "DTSTART;VALUE=DATE:20261126\nRRULE:FREQ=WEEKLY;INTERVAL=2",
            "INTERVAL=2 and no end",
        ),
        (
            "DTSTART:20260101T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY",
            "the clock of another zone",
        ),
        (
            "DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY;COUNT=101",
            "more than 100 times",
        ),
        (
            "DTSTART;TZID=W. Europe Standard Time:20261224T180000\nDURATION:PT2H",
            "\"W. Europe Standard Time\" is not in the tz database",
        ),
        ("DTSTART:20261224T180000", "neither an end nor a duration"),
        (
            "DTSTART;VALUE=DATE:20261224\nSTATUS:CANCELLED",
            "is cancelled",
        ),
        ("SUMMARY:Nothing", "it has no DTSTART"),
        (
            "DTSTART;VALUE=DATE:19691224",
            "the year 1969 is out of range",
        ),
    ] {
        let told = remark(event);
        assert!(told.contains(part), "{event}: {told}");
        assert_eq!(read(&[event]).blackouts, [], "{event}");
    }
    for (event, part) in [
        (
            "DTSTART;VALUE=DATE:20251225\nRRULE:FREQ=YEARLY\nEXDATE;VALUE=DATE:20261225",
            "1 exceptions (EXDATE) are not taken over",
        ),
        (
            "DTSTART;VALUE=DATE:20271225\nRRULE:FREQ=YEARLY",
            "begins to recur on 2027-12-25",
        ),
        (
            "DTSTART;VALUE=DATE:20261224\nRDATE;VALUE=DATE:20261226",
            "its RDATE (line 5)",
        ),
    ] {
        let told = remark(event);
        assert!(told.contains(part), "{event}: {told}");
        assert_eq!(read(&[event]).blackouts.len(), 1, "{event}");
    }
}

#[test]
fn other_components_and_alarms_are_no_events() {
    let text = "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:X\nBEGIN:STANDARD\nDTSTART:19701025T030000\nEND:STANDARD\nEND:VTIMEZONE\n\
                BEGIN:VTODO\nSUMMARY:x\nEND:VTODO\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20261225\nBEGIN:VALARM\nDURATION:PT1H\nSUMMARY:wake\nEND:VALARM\nEND:VEVENT\nEND:VCALENDAR\n";
    let imported = read_icalendar(text, "UTC", jiff::Timestamp::UNIX_EPOCH).unwrap();

    assert_eq!(
        CalendarText::of(imported.blackouts).to_string(),
        "2026-12-25\n"
    );
    assert_eq!(imported.remarks.len(), 1);
    assert_eq!(imported.remarks[0].line, 8);
    assert!(imported.remarks[0].words.contains("VTODO"));
}

#[test]
fn a_text_that_is_no_calendar_is_refused() {
    let now = jiff::Timestamp::UNIX_EPOCH;

    assert_eq!(
        read_icalendar("12-25\n", "UTC", now),
        Err(ICalendarError::NoCalendar)
    );
    assert!(matches!(
        read_icalendar("BEGIN:VCALENDAR", "Nowhere", now),
        Err(ICalendarError::Zone(_))
    ));
}
