//! One event of an iCalendar file as blackouts.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, ToSpan};

use super::lines::Line;
use super::recurrence::{End, Frequency, OCCURRENCES_MAX, Recurrence};
use super::{Imported, Remark};
use crate::calendar::{BLACKOUT_NAME_LENGTH_MAX, Blackout, Day, Point, Range};
use crate::schedule::zone::time_zone;

/// A day in seconds, as a calendar's points count.
const DAY_S: i64 = 86_400;

/// How a moment of the file is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Clock {
    /// A date, or a moment of whatever clock is on the wall.
    Wall,
    /// A moment of the calendar's own zone.
    Own,
    /// A moment of another zone, moved to the calendar's.
    Other,
}

/// An event, its times on the calendar's wall.
struct Event<'f> {
    name: Option<String>,
    start: DateTime,
    /// From its beginning to its end on the wall.
    length: SignedDuration,
    clock: Clock,
    lines: &'f [Line],
    zone: &'f TimeZone,
}

/// Takes one event over, and remarks what was not.
pub(super) fn read_event(
    number: usize,
    lines: &[Line],
    (zone, now): (&TimeZone, Timestamp),
    imported: &mut Imported,
) {
    let depth = nested(lines);
    let own: Vec<Line> = depth.into_iter().cloned().collect();
    let remark = |words: String| Remark {
        line: number,
        words,
    };
    let title = find(&own, "SUMMARY").map(Line::text).unwrap_or_default();
    let called = match title.is_empty() {
        true => "the event".to_owned(),
        false => format!("\"{title}\""),
    };
    if own.iter().any(|line| line.is("STATUS", "CANCELLED")) {
        imported
            .remarks
            .push(remark(format!("{called} is cancelled and left out")));
        return;
    }
    match Event::read(&own, zone) {
        Ok(mut event) => {
            event.name = short_name(&title, number, imported);
            for wrong in event.put(now, imported) {
                imported.remarks.push(remark(format!("{called}: {wrong}")));
            }
        }
        Err(wrong) => imported
            .remarks
            .push(remark(format!("{called} is left out: {wrong}"))),
    }
}

/// The lines of the event itself, without its alarms.
fn nested(lines: &[Line]) -> Vec<&Line> {
    let mut depth = 0;
    let mut own = Vec::new();
    for line in lines {
        match line.name.as_str() {
            "BEGIN" => depth += 1,
            "END" => depth -= 1,
            _ if depth == 0 => own.push(line),
            _ => {}
        }
    }
    own
}

fn find<'l>(lines: &'l [Line], name: &str) -> Option<&'l Line> {
    lines.iter().find(|line| line.name == name)
}

fn short_name(title: &str, line: usize, imported: &mut Imported) -> Option<String> {
    // Quotes around a name belong to the text of a calendar and not to the name.
    let title = title.trim_matches('"').trim();
    if title.chars().count() <= BLACKOUT_NAME_LENGTH_MAX {
        return (!title.is_empty()).then(|| title.to_owned());
    }
    let words = format!("the name is cut to {BLACKOUT_NAME_LENGTH_MAX} characters: {title}");
    imported.remarks.push(Remark { line, words });
    let cut: String = title.chars().take(BLACKOUT_NAME_LENGTH_MAX - 1).collect();
    Some(format!("{}…", cut.trim_end()))
}

impl<'f> Event<'f> {
    fn read(lines: &'f [Line], zone: &'f TimeZone) -> Result<Self, String> {
        let dtstart = find(lines, "DTSTART").ok_or("it has no DTSTART")?;
        let (start, clock) = read_time(dtstart, zone)?;
        let end = match (find(lines, "DTEND"), find(lines, "DURATION")) {
            (Some(dtend), _) => read_time(dtend, zone)?.0,
            (None, Some(duration)) => {
                let length: Span = duration
                    .value
                    .parse()
                    .map_err(|_| format!("{} is no duration", duration.value))?;
                start
                    .checked_add(length)
                    .map_err(|error| error.to_string())?
            }
            (None, None) if is_date(dtstart) => start + 1.day(),
            (None, None) => return Err("it has neither an end nor a duration".to_owned()),
        };
        if end <= start {
            return Err("it ends where it begins, or before".to_owned());
        }
        Ok(Event {
            name: None,
            start,
            length: end.duration_since(start),
            clock,
            lines,
            zone,
        })
    }

    /// Adds the event's blackouts; says what they do not say.
    fn put(&self, now: Timestamp, imported: &mut Imported) -> Vec<String> {
        let mut wrong = Vec::new();
        for line in self.lines {
            if matches!(line.name.as_str(), "RDATE" | "RECURRENCE-ID" | "EXRULE") {
                wrong.push(format!(
                    "its {} (line {}) is not taken over",
                    line.name, line.number
                ));
            }
        }
        let Some(rule) = find(self.lines, "RRULE") else {
            match self.once(self.start) {
                Ok(range) => imported.blackouts.push(self.blackout(range)),
                Err(error) => wrong.push(format!("left out: {error}")),
            }
            return wrong;
        };
        match self.recur(&rule.value, now, &mut wrong) {
            Ok(ranges) => imported
                .blackouts
                .extend(ranges.into_iter().map(|range| self.blackout(range))),
            Err(error) => wrong.push(format!("left out: {error}")),
        }
        wrong
    }

    fn blackout(&self, range: Range) -> Blackout {
        Blackout {
            range,
            name: self.name.clone(),
        }
    }

    fn recur(
        &self,
        rule: &str,
        now: Timestamp,
        wrong: &mut Vec<String>,
    ) -> Result<Vec<Range>, String> {
        let cannot = |part| format!("a calendar has no line for a recurrence with {part}");
        let recurrence = Recurrence::read(rule, self.start).map_err(cannot)?;
        let exceptions = self.exceptions()?;
        if !recurrence.is_plain() {
            return self.one_by_one(&recurrence, &exceptions);
        }
        if self.clock == Clock::Other {
            let error = "it recurs by the clock of another zone; give the calendar that zone, or make one of its own";
            return Err(error.to_owned());
        }
        if !exceptions.is_empty() {
            wrong.push(format!(
                "its {} exceptions (EXDATE) are not taken over",
                exceptions.len()
            ));
        }
        if self.start > self.zone.to_datetime(now) {
            wrong.push(format!(
                "it begins to recur on {}, its line holds before that, too",
                self.start.date()
            ));
        }
        self.recurring(&recurrence)
    }

    /// The lines of a rule that goes on for ever.
    fn recurring(&self, recurrence: &Recurrence) -> Result<Vec<Range>, String> {
        let days: Vec<Date> = match recurrence.frequency {
            Frequency::Weekly if !recurrence.weekdays.is_empty() => (0..7)
                .map(|day| self.start.date() + i64::from(day).days())
                .filter(|day| recurrence.weekdays.contains(&day.weekday()))
                .collect(),
            _ => vec![self.start.date()],
        };
        let (turn, long) = match recurrence.frequency {
            Frequency::Yearly => (SignedDuration::from_hours(365 * 24), "a year"),
            Frequency::Weekly => (SignedDuration::from_hours(7 * 24), "a week"),
            Frequency::Daily => (SignedDuration::from_hours(24), "a day"),
        };
        if self.length > turn {
            return Err(format!("it lasts longer than {long} and recurs within it"));
        }
        if self.length == turn {
            // Always.
            let day = |number| Point {
                day: Day::Weekly(number),
                time_s: None,
            };
            return Ok(vec![Range {
                from: day(0),
                until: day(6),
            }]);
        }
        let kind = |date: Date| match recurrence.frequency {
            Frequency::Yearly => Day::Yearly {
                month: date.month().unsigned_abs().into(),
                day: date.day().unsigned_abs().into(),
            },
            Frequency::Weekly => {
                Day::Weekly(date.weekday().to_monday_zero_offset().unsigned_abs().into())
            }
            Frequency::Daily => Day::Daily,
        };
        let time = self.start.time();
        days.into_iter()
            .map(|day| {
                let start = day.to_datetime(time);
                self.range(start, kind)
            })
            .collect()
    }

    /// A line for each occurrence of a rule that ends, or skips turns.
    fn one_by_one(
        &self,
        recurrence: &Recurrence,
        exceptions: &[DateTime],
    ) -> Result<Vec<Range>, String> {
        let until = match &recurrence.end {
            End::Until(text) => {
                let (until, is_day) = read_until(text, self.zone)?;
                Some(if is_day {
                    until + 1.day() - 1.second()
                } else {
                    until
                })
            }
            End::Never => {
                let interval = recurrence.interval;
                return Err(format!(
                    "a calendar has no line for a recurrence with INTERVAL={interval} and no end"
                ));
            }
            End::Count(_) => None,
        };
        let occurrences = recurrence.occurrences(self.start, until);
        if occurrences.len() > OCCURRENCES_MAX {
            return Err(format!(
                "it recurs more than {OCCURRENCES_MAX} times before it ends, the limit of lines for one event"
            ));
        }
        occurrences
            .into_iter()
            .filter(|start| !exceptions.contains(start))
            .map(|start| self.once(start))
            .collect()
    }

    fn once(&self, start: DateTime) -> Result<Range, String> {
        let years = 1970..=9999;
        if !years.contains(&start.year()) {
            return Err(format!("the year {} is out of range", start.year()));
        }
        let epoch = Date::constant(1970, 1, 1);
        self.range(start, |date| {
            Day::Date(date.duration_since(epoch).as_hours() / 24)
        })
    }

    /// The range of an occurrence: whole days where it begins and ends at midnight.
    fn range(&self, start: DateTime, kind: impl Fn(Date) -> Day) -> Result<Range, String> {
        let end = start
            .checked_add(self.length)
            .map_err(|error| error.to_string())?;
        let seconds = |at: DateTime| {
            let midnight = at.date().to_datetime(jiff::civil::Time::midnight());
            at.duration_since(midnight).as_secs()
        };
        let (begins_s, ends_s) = (seconds(start), seconds(end));
        let is_daily = kind(start.date()) == Day::Daily;
        let is_whole = begins_s == 0 && ends_s == 0 && !is_daily;
        // A midnight at the end is the 24:00 of the day before.
        let (last, last_s) = match ends_s {
            0 => (end.date() - 1.day(), DAY_S),
            _ => (end.date(), ends_s),
        };
        let point = |date, time_s: i64| Point {
            day: kind(date),
            time_s: (!is_whole).then_some(time_s),
        };
        Ok(Range {
            from: point(start.date(), begins_s),
            until: point(last, last_s),
        })
    }

    fn exceptions(&self) -> Result<Vec<DateTime>, String> {
        let mut exceptions = Vec::new();
        for line in self.lines.iter().filter(|line| line.name == "EXDATE") {
            for value in line.value.split(',') {
                let one = Line {
                    value: value.to_owned(),
                    ..line.clone()
                };
                exceptions.push(read_time(&one, self.zone)?.0);
            }
        }
        Ok(exceptions)
    }
}

fn is_date(line: &Line) -> bool {
    line.parameter("VALUE") == Some("DATE") || line.value.len() == 8
}

/// A date or a moment, on the calendar's wall.
fn read_time(line: &Line, zone: &TimeZone) -> Result<(DateTime, Clock), String> {
    let wrong = || format!("{} {:?} is no time", line.name, line.value);
    if is_date(line) {
        let date: Date = line.value.parse().map_err(|_| wrong())?;
        return Ok((date.to_datetime(jiff::civil::Time::midnight()), Clock::Wall));
    }
    let (text, is_utc) = match line.value.strip_suffix(['Z', 'z']) {
        Some(text) => (text, true),
        None => (line.value.as_str(), false),
    };
    let written: DateTime = text.parse().map_err(|_| wrong())?;
    let theirs = match (is_utc, line.parameter("TZID")) {
        (true, _) => TimeZone::UTC,
        (false, Some(name)) => named_zone(name)?,
        (false, None) => return Ok((written, Clock::Wall)),
    };
    if theirs == *zone {
        return Ok((written, Clock::Own));
    }
    let instant = theirs
        .to_timestamp(written)
        .map_err(|error| error.to_string())?;
    Ok((zone.to_datetime(instant), Clock::Other))
}

/// A zone of the tz database, also where a program puts its own path before the name.
fn named_zone(name: &str) -> Result<TimeZone, String> {
    let name = name.trim_matches('/');
    let parts: Vec<&str> = name.split('/').collect();
    let ends = (1..=parts.len().min(3)).rev();
    let mut names = ends.map(|count| parts[parts.len() - count..].join("/"));
    let found = names.find_map(|name| time_zone(&name).ok());
    found.ok_or_else(|| format!("its time zone {name:?} is not in the tz database"))
}

/// Until when, and whether that is a whole day.
fn read_until(text: &str, zone: &TimeZone) -> Result<(DateTime, bool), String> {
    let line = Line {
        number: 0,
        name: "UNTIL".to_owned(),
        parameters: Vec::new(),
        value: text.to_owned(),
    };
    Ok((read_time(&line, zone)?.0, is_date(&line)))
}
