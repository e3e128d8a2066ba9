//! The text of a calendar: one blackout a line, comments and empty lines between them.
//!
//! ```text
//! # Nothing is deployed then.
//! 2026-12-24 18:00 .. 2026-12-27 06:00  Year's end
//! 12-25                                 Christmas
//! Sat 00:00 .. Mon 06:00                Weekend
//! 22:00 .. 06:00
//! ```
//!
//! A line is a point, or two with `..` between, and a name if it has one. A point is a day (a date, a date of each year,
//! or a day of the week), a time, or a day and a time.

use std::fmt;
use std::ops::Range as Bytes;

use super::blackout::{BLACKOUT_NAME_LENGTH_MAX, Blackout, looks_like_time};
use super::range::{Day, Point, Range, WEEKDAYS};
use crate::schedule::date::{DAY_S, Date, month_length};
use crate::schedule::{CalendarFlaw, ScheduleError};

/// The most blackouts of a calendar.
pub const BLACKOUTS_MAX: usize = 500;

/// The longest text of a calendar, in bytes. Every version of every job that keeps to it holds its blackouts.
pub const TEXT_SIZE_MAX: usize = 32 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    /// A comment or nothing, as it was written.
    Remark(String),
    Blackout(Blackout),
}

/// A calendar's text, understood. Its `Display` is the canonical form, which reads back as the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CalendarText {
    lines: Vec<Line>,
}

impl CalendarText {
    /// Reads a text.
    ///
    /// # Errors
    /// All that is wrong with it, line by line; never an empty list.
    pub fn parse(text: &str) -> Result<CalendarText, Vec<ScheduleError>> {
        if text.len() > TEXT_SIZE_MAX {
            let (size, max) = (text.len(), TEXT_SIZE_MAX);
            return Err(vec![whole_text(CalendarFlaw::LongText { size, max })]);
        }
        let (mut lines, mut errors) = (Vec::new(), Vec::new());
        for (place, line) in text.lines().enumerate() {
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with('#') {
                lines.push(Line::Remark(trimmed.to_owned()));
                continue;
            }
            match LineReader::new(line, place + 1).read() {
                Ok(blackout) => lines.push(Line::Blackout(blackout)),
                Err(error) => errors.push(error),
            }
        }
        let text = CalendarText { lines };
        let count = text.blackouts().count();
        if count > BLACKOUTS_MAX {
            let max = BLACKOUTS_MAX;
            errors.push(whole_text(CalendarFlaw::ManyBlackouts { count, max }));
        }
        match errors.is_empty() {
            true => Ok(text),
            false => Err(errors),
        }
    }

    /// A text of these blackouts and nothing else.
    pub fn of(blackouts: impl IntoIterator<Item = Blackout>) -> CalendarText {
        CalendarText {
            lines: blackouts.into_iter().map(Line::Blackout).collect(),
        }
    }

    /// Adds those of the blackouts that are not there yet; how many.
    pub fn add(&mut self, blackouts: impl IntoIterator<Item = Blackout>) -> usize {
        let before = self.lines.len();
        for blackout in blackouts {
            if !self.blackouts().any(|known| *known == blackout) {
                self.lines.push(Line::Blackout(blackout));
            }
        }
        self.lines.len() - before
    }

    /// The blackouts, in the order of the lines.
    pub fn blackouts(&self) -> impl Iterator<Item = &Blackout> {
        self.lines.iter().filter_map(|line| match line {
            Line::Blackout(blackout) => Some(blackout),
            Line::Remark(_) => None,
        })
    }

    /// The same without comments and empty lines: what jobs keep of it.
    pub fn rules(&self) -> String {
        CalendarText::of(self.blackouts().cloned()).to_string()
    }
}

impl fmt::Display for CalendarText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            match line {
                Line::Remark(remark) => writeln!(f, "{remark}")?,
                Line::Blackout(blackout) => writeln!(f, "{blackout}")?,
            }
        }
        Ok(())
    }
}

fn whole_text(flaw: CalendarFlaw) -> ScheduleError {
    ScheduleError::in_calendar(1, "", 0..0, flaw)
}

/// Reads one line from left to right.
struct LineReader<'s> {
    source: &'s str,
    line: usize,
    at: usize,
}

impl<'s> LineReader<'s> {
    fn new(source: &'s str, line: usize) -> Self {
        LineReader {
            source,
            line,
            at: 0,
        }
    }

    fn read(mut self) -> Result<Blackout, ScheduleError> {
        let from_span = self.peek();
        let from = self.point()?;
        let next = self.peek();
        let range = match &self.source[next.clone()] == ".." {
            true => {
                self.at = next.end;
                self.range_from(from, from_span.start)?
            }
            false if from.time_s.is_some() => {
                let flaw = match from.day {
                    Day::Daily => CalendarFlaw::OneTime {},
                    _ => CalendarFlaw::OneMoment {},
                };
                return Err(self.refuse(from_span.start..self.at, flaw));
            }
            false => Range::whole(from.day),
        };
        let name = self.name()?;
        Ok(Blackout { range, name })
    }

    /// The end of a range that begins at `from`, and both judged together.
    fn range_from(&mut self, from: Point, start: usize) -> Result<Range, ScheduleError> {
        let mut until = self.point()?;
        let span = start..self.at;
        if until.day == Day::Daily && from.day != Day::Daily && from.time_s.is_some() {
            // 2026-12-24 18:00 .. 20:00
            until.day = from.day;
            if until.end_s() <= from.start_s() {
                return Err(self.refuse(span, CalendarFlaw::EndsEarlierThatDay {}));
            }
        }
        let is_one_kind = std::mem::discriminant(&from.day) == std::mem::discriminant(&until.day);
        if !is_one_kind {
            return Err(self.refuse(span, CalendarFlaw::DifferentEnds {}));
        }
        let range = Range { from, until };
        if range.once().is_some_and(|(start, end)| end <= start) {
            return Err(self.refuse(span, CalendarFlaw::EndsBeforeBeginning {}));
        }
        let is_empty = from.day == until.day && from.start_s() == until.end_s();
        if is_empty || (from.day == Day::Daily && until.end_s() - from.start_s() >= DAY_S) {
            return Err(self.refuse(span, CalendarFlaw::EndsAtBeginning {}));
        }
        Ok(range)
    }

    fn point(&mut self) -> Result<Point, ScheduleError> {
        let span = self.peek();
        let word = &self.source[span.clone()];
        if word.contains(':') {
            self.at = span.end;
            let time_s = Some(self.time(span)?);
            return Ok(Point {
                day: Day::Daily,
                time_s,
            });
        }
        let day = self.day(span.clone())?;
        self.at = span.end;
        let span = self.peek();
        let time_s = match looks_like_time(&self.source[span.clone()]) {
            true => {
                self.at = span.end;
                Some(self.time(span)?)
            }
            false => None,
        };
        Ok(Point { day, time_s })
    }

    fn day(&self, span: Bytes<usize>) -> Result<Day, ScheduleError> {
        let word = &self.source[span.clone()];
        if word.starts_with(|c: char| c.is_alphabetic()) {
            return self.weekday(span);
        }
        let parts: Vec<&str> = word.split('-').collect();
        let numbers: Option<Vec<u32>> = parts.iter().map(|part| number(part)).collect();
        match (numbers.as_deref(), parts.as_slice()) {
            (Some(&[year, month, day]), [long, ..]) if long.len() == 4 => {
                let year = year as i32;
                if !(1970..=9999).contains(&year) {
                    return Err(self.refuse(span, CalendarFlaw::CalendarYear { year }));
                }
                self.date(span, month, day, month_days(year, month))?;
                Ok(Day::Date(Date { year, month, day }.day_number()))
            }
            (Some(&[month, day]), _) => {
                self.date(span, month, day, month_days(2000, month))?;
                Ok(Day::Yearly { month, day })
            }
            _ => {
                let flaw = match word {
                    "" => CalendarFlaw::DayMissing {},
                    _ => CalendarFlaw::NoDay {
                        word: word.to_owned(),
                    },
                };
                Err(self.refuse(span, flaw))
            }
        }
    }

    fn date(
        &self,
        span: Bytes<usize>,
        month: u32,
        day: u32,
        days: u32,
    ) -> Result<(), ScheduleError> {
        if !(1..=12).contains(&month) {
            return Err(self.refuse(span, CalendarFlaw::NoMonth { month }));
        }
        if !(1..=days).contains(&day) {
            return Err(self.refuse(span, CalendarFlaw::NoDayOfMonth { day, days }));
        }
        Ok(())
    }

    fn weekday(&self, span: Bytes<usize>) -> Result<Day, ScheduleError> {
        let word = &self.source[span.clone()];
        if let Some(place) = WEEKDAYS
            .iter()
            .position(|known| known.eq_ignore_ascii_case(word))
        {
            return Ok(Day::Weekly(place as u32));
        }
        let short: String = word.chars().take(3).collect();
        let similar = WEEKDAYS
            .iter()
            .find(|known| known.eq_ignore_ascii_case(&short));
        let word = word.to_owned();
        let flaw = match similar {
            Some(known) => CalendarFlaw::LongWeekday { word, known },
            None => CalendarFlaw::NoWeekday { word },
        };
        Err(self.refuse(span, flaw))
    }

    fn time(&self, span: Bytes<usize>) -> Result<i64, ScheduleError> {
        let word = &self.source[span.clone()];
        let numbers: Option<Vec<u32>> = word.split(':').map(number).collect();
        let (hour, minute, second) = match numbers.as_deref() {
            Some(&[hour, minute]) => (hour, minute, 0),
            Some(&[hour, minute, second]) => (hour, minute, second),
            _ => {
                let word = word.to_owned();
                return Err(self.refuse(span, CalendarFlaw::NoClockTime { word }));
            }
        };
        let time_s = i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        if minute > 59 || second > 59 || time_s > DAY_S {
            let word = word.to_owned();
            return Err(self.refuse(span, CalendarFlaw::NoTimeOfTheDay { word }));
        }
        Ok(time_s)
    }

    fn name(&self) -> Result<Option<String>, ScheduleError> {
        let rest = &self.source[self.at..];
        let start = self.at + (rest.len() - rest.trim_start().len());
        let written = rest.trim();
        let span = start..start + written.len();
        if let Some(place) = written.find(char::is_control) {
            let span = start + place..start + place + 1;
            return Err(self.refuse(span, CalendarFlaw::ControlCharacter {}));
        }
        if written.starts_with("..") {
            return Err(self.refuse(span, CalendarFlaw::ThirdEnd {}));
        }
        let quoted = written.strip_prefix('"').and_then(|s| s.strip_suffix('"'));
        let name = quoted.unwrap_or(written).trim();
        let length = name.chars().count();
        if length > BLACKOUT_NAME_LENGTH_MAX {
            let max = BLACKOUT_NAME_LENGTH_MAX;
            return Err(self.refuse(span, CalendarFlaw::LongBlackoutName { length, max }));
        }
        Ok((!name.is_empty()).then(|| name.to_owned()))
    }

    /// The next word: `..`, or what stands before a blank or `..`.
    fn peek(&self) -> Bytes<usize> {
        let rest = &self.source[self.at..];
        let start = self.at + (rest.len() - rest.trim_start().len());
        let rest = &self.source[start..];
        if rest.starts_with("..") {
            return start..start + 2;
        }
        let blank = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let dots = rest.find("..").unwrap_or(rest.len());
        start..start + blank.min(dots)
    }

    fn refuse(&self, span: Bytes<usize>, flaw: CalendarFlaw) -> ScheduleError {
        ScheduleError::in_calendar(self.line, self.source, span, flaw)
    }
}

/// One to four digits.
fn number(text: &str) -> Option<u32> {
    let is_number = (1..=4).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn month_days(year: i32, month: u32) -> u32 {
    match month {
        1..=12 => month_length(year, month),
        _ => 31,
    }
}
