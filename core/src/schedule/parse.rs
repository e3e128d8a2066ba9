//! From the text of an expression to a rule.
//!
//! Knows how fields are told apart and what the `@` words mean; items are `item`'s, and what a rule
//! does is not known here.

use std::ops::Range;
use std::sync::Arc;

use super::calendar::Calendar;
use super::days::{DayJoin, Days};
use super::dst::{DstRule, TimeClass};
use super::error::{ScheduleError, Subject};
use super::field::Field;
use super::flaw::Flaw;
use super::item::{Item, parse_item};
use super::years::{YearRange, Years};
use super::{at, every};

/// What an expression says, before it meets a zone.
#[derive(Debug)]
pub(super) enum Expression {
    Calendar(Calendar),
    Every { period_s: u64 },
    Reboot,
    Manual,
}

/// The `@` words that stand for five fields.
const SHORTHANDS: [(&str, &str); 7] = [
    ("@hourly", "0 * * * *"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@weekly", "0 0 * * 0"),
    ("@monthly", "0 0 1 * *"),
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
];

/// Reads an expression. `seed` chooses for `H` and `~`.
pub(super) fn parse_expression(source: &str, seed: u64) -> Result<Expression, ScheduleError> {
    let words = split_words(source);
    match words.first() {
        Some(first) if source[first.clone()].starts_with('@') => {
            parse_at_word(source, &words, seed)
        }
        Some(_) | None => parse_fields(source, &words, seed),
    }
}

/// Whether `text` may stand in that field; a crontab line is told apart from its command by this.
pub fn is_field(field: Field, text: &str) -> bool {
    !text.is_empty() && read_field(field, text, 0..text.len(), 0).is_ok()
}

fn parse_at_word(
    source: &str,
    words: &[Range<usize>],
    seed: u64,
) -> Result<Expression, ScheduleError> {
    let word = &source[words[0].clone()];
    let name = word.to_ascii_lowercase();
    // `@every` and `@at` take the rest of the line.
    let end_of_word = words[0].end;
    let rest = words.get(1).map_or(end_of_word, |next| next.start)..last_end(words);
    match name.as_str() {
        "@every" => {
            return every::parse_period(source, rest)
                .map(|period_s| Expression::Every { period_s });
        }
        "@at" => return at::parse_moment(source, rest).map(Expression::Calendar),
        _ => {}
    }
    if let Some(extra) = words.get(1) {
        return Err(ScheduleError::new(
            Subject::Expression,
            source,
            extra.start..last_end(words),
            Flaw::FollowsWord {
                word: word.to_owned(),
            },
        ));
    }
    match name.as_str() {
        "@reboot" => Ok(Expression::Reboot),
        "@manual" => Ok(Expression::Manual),
        _ => match SHORTHANDS.iter().find(|(known, _)| *known == name) {
            Some((_, fields)) => parse_expression(fields, seed),
            None => Err(ScheduleError::new(
                Subject::Expression,
                source,
                words[0].clone(),
                Flaw::UnknownWord {
                    word: word.to_owned(),
                },
            )),
        },
    }
}

fn parse_fields(
    source: &str,
    words: &[Range<usize>],
    seed: u64,
) -> Result<Expression, ScheduleError> {
    let fields = match words.len() {
        5 => &Field::ALL[1..6],
        6 => &Field::ALL[..6],
        7 => &Field::ALL[..],
        count => {
            let flaw = match count {
                0 => Flaw::NoFields {},
                1 => Flaw::OneField {},
                count => Flaw::FieldCount { count },
            };
            return Err(ScheduleError::new(
                Subject::Expression,
                source,
                words.first().map_or(0, |first| first.start)..last_end(words),
                flaw,
            ));
        }
    };
    let mut draft = Draft::new();
    for (&field, span) in fields.iter().zip(words) {
        let read = read_field(field, source, span.clone(), seed)?;
        draft.take(field, read);
    }
    Ok(draft.finish())
}

/// The words of a text between spaces and tabs.
fn split_words(source: &str) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut start = None;
    for (place, character) in source.char_indices() {
        match (character, start) {
            (' ' | '\t', Some(begun)) => {
                words.push(begun..place);
                start = None;
            }
            (' ' | '\t', None) | (_, Some(_)) => {}
            (_, None) => start = Some(place),
        }
    }
    if let Some(begun) = start {
        words.push(begun..source.len());
    }
    words
}

fn last_end(words: &[Range<usize>]) -> usize {
    words.last().map_or(0, |last| last.end)
}

/// One field as read: its items, and how it begins.
struct FieldText {
    items: Vec<Item>,
    starred: bool,
    forces_both: bool,
}

fn read_field(
    field: Field,
    source: &str,
    span: Range<usize>,
    seed: u64,
) -> Result<FieldText, ScheduleError> {
    let forces_both = field == Field::DayOfWeek && source[span.clone()].starts_with('+');
    let text = span.start + usize::from(forces_both)..span.end;
    let starred = source[text.clone()].starts_with(['*', '?']);
    let mut items = Vec::new();
    let mut start = text.start;
    loop {
        let end = source[start..text.end]
            .find(',')
            .map_or(text.end, |comma| start + comma);
        items.push(parse_item(field, source, start..end, seed)?);
        if end == text.end {
            return Ok(FieldText {
                items,
                starred,
                forces_both,
            });
        }
        start = end + 1;
    }
}

/// The calendar while its fields arrive.
struct Draft {
    calendar: Calendar,
    day_starred: bool,
}

impl Draft {
    /// Five fields mean second 0 of any year.
    fn new() -> Draft {
        let calendar = Calendar {
            seconds: 1,
            minutes: 0,
            hours: 0,
            days: Days::NONE,
            years: None,
            class: TimeClass::Fixed,
            dst: DstRule::default(),
        };
        Draft {
            calendar,
            day_starred: false,
        }
    }

    fn take(&mut self, field: Field, read: FieldText) {
        let calendar = &mut self.calendar;
        match field {
            Field::Second => calendar.seconds = mask_of(field, &read.items),
            Field::Minute => {
                calendar.minutes = mask_of(field, &read.items);
                self.follow_clock(&read);
            }
            Field::Hour => {
                calendar.hours = mask_of(field, &read.items) as u32;
                self.follow_clock(&read);
            }
            Field::DayOfMonth => {
                add_days(&mut calendar.days, &read.items);
                self.day_starred |= read.starred;
            }
            Field::Month => calendar.days.months = mask_of(field, &read.items) as u16,
            Field::DayOfWeek => {
                add_weekdays(&mut calendar.days, &read.items);
                self.day_starred |= read.starred || read.forces_both;
            }
            Field::Year => calendar.years = years_of(&read.items),
        }
    }

    fn finish(mut self) -> Expression {
        self.calendar.days.join = if self.day_starred {
            DayJoin::Both
        } else {
            DayJoin::Either
        };
        Expression::Calendar(self.calendar)
    }

    fn follow_clock(&mut self, read: &FieldText) {
        if read.starred {
            self.calendar.class = TimeClass::Wildcard;
        }
    }
}

/// The values of a range, turned back into the field where the range goes round.
fn values_of(field: Field, item: Item) -> impl Iterator<Item = u32> {
    let (start, end, step) = match item {
        Item::Values { start, end, step } => (start, end, step),
        // An empty range: these items carry no plain values.
        Item::BeforeLast(_)
        | Item::Nearest(_)
        | Item::LastWorkingDay
        | Item::LastWeekday(_)
        | Item::NthWeekday { .. } => (1, 0, 1),
    };
    let (min, size) = (field.min(), field.size());
    (start..=end)
        .step_by(step as usize)
        .map(move |value| (value - min) % size + min)
}

fn mask_of(field: Field, items: &[Item]) -> u64 {
    items
        .iter()
        .flat_map(|&item| values_of(field, item))
        .fold(0, |mask, value| mask | 1 << value)
}

fn add_days(days: &mut Days, items: &[Item]) {
    for &item in items {
        match item {
            Item::Values { .. } => {
                values_of(Field::DayOfMonth, item).for_each(|day| days.add_day(day));
            }
            Item::BeforeLast(before) => days.add_before_last(before),
            Item::Nearest(day) => days.add_nearest(day),
            Item::LastWorkingDay => days.add_last_working_day(),
            Item::LastWeekday(_) | Item::NthWeekday { .. } => {
                unreachable!("only the day-of-week field yields these items")
            }
        }
    }
}

fn add_weekdays(days: &mut Days, items: &[Item]) {
    for &item in items {
        match item {
            Item::Values { .. } => {
                values_of(Field::DayOfWeek, item).for_each(|day| days.add_weekday(day));
            }
            Item::LastWeekday(weekday) => days.add_last_weekday(weekday),
            Item::NthWeekday { weekday, nth } => days.add_nth_weekday(weekday, nth),
            Item::BeforeLast(_) | Item::Nearest(_) | Item::LastWorkingDay => {
                unreachable!("only the day-of-month field yields these items")
            }
        }
    }
}

/// The years, or `None` when they are all years, which `next` need not look at.
fn years_of(items: &[Item]) -> Option<Arc<Years>> {
    let ranges: Vec<YearRange> = items
        .iter()
        .filter_map(|&item| match item {
            Item::Values { start, end, step } => Some(YearRange {
                start: start as i32,
                end: end as i32,
                step: step as i32,
            }),
            Item::BeforeLast(_)
            | Item::Nearest(_)
            | Item::LastWorkingDay
            | Item::LastWeekday(_)
            | Item::NthWeekday { .. } => None,
        })
        .collect();
    let (first, last) = (Field::Year.min() as i32, Field::Year.max() as i32);
    let is_every = |range: &YearRange| range.start == first && range.end == last && range.step == 1;
    (!ranges.iter().any(is_every)).then(|| Arc::new(Years::new(ranges)))
}
