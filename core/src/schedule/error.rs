//! Why a text is not a schedule: where, what, and the cure.
//!
//! Knows the place and its words; what is wrong is `flaw`'s. Must not know the grammar.

use std::fmt;
use std::ops::Range;

use super::Field;
use super::flaw::{CalendarFlaw, Flaw};
use crate::lang::Lang;

/// What the error is about; a form marks the input that it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The expression as a whole.
    Expression,
    /// One field of the expression.
    Field(Field),
    /// The time zone.
    Zone,
    /// A line of the calendar's text, counted from 1.
    Calendar {
        /// Which.
        line: usize,
    },
}

/// A refused schedule. Its `Display` is one English line with the place, the value, the limit and the cure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleError {
    subject: Subject,
    span: Range<usize>,
    column: usize,
    wrong: Wrong,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Wrong {
    Schedule(Flaw),
    Calendar(CalendarFlaw),
}

impl ScheduleError {
    /// An error about the bytes `span` of the expression `source`.
    pub(crate) fn new(
        subject: Subject,
        source: &str,
        span: Range<usize>,
        flaw: Flaw,
    ) -> ScheduleError {
        ScheduleError::placed(subject, source, span, Wrong::Schedule(flaw))
    }

    /// An error about the bytes `span` of that line of a calendar.
    pub(crate) fn in_calendar(
        line: usize,
        source: &str,
        span: Range<usize>,
        flaw: CalendarFlaw,
    ) -> ScheduleError {
        let subject = Subject::Calendar { line };
        ScheduleError::placed(subject, source, span, Wrong::Calendar(flaw))
    }

    fn placed(subject: Subject, source: &str, span: Range<usize>, wrong: Wrong) -> ScheduleError {
        let before = source.get(..span.start).unwrap_or(source);
        ScheduleError {
            subject,
            column: before.chars().count() + 1,
            span,
            wrong,
        }
    }

    /// What the error is about.
    pub fn subject(&self) -> Subject {
        self.subject
    }

    /// The field the error is in, when it is in one.
    pub fn field(&self) -> Option<Field> {
        match self.subject {
            Subject::Field(field) => Some(field),
            Subject::Expression | Subject::Zone | Subject::Calendar { .. } => None,
        }
    }

    /// The refused bytes of the expression (of the zone's name, when the zone is refused).
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// The first refused character, counted from 1.
    pub fn column(&self) -> usize {
        self.column
    }

    /// The place, what is wrong with the value and the limit, and the cure, in one line.
    pub fn told(&self, lang: Lang) -> String {
        let (wrong, cure) = match &self.wrong {
            Wrong::Schedule(flaw) => flaw.told(lang),
            Wrong::Calendar(flaw) => flaw.told(lang),
        };
        match lang {
            Lang::En => format!("{}: {wrong}; {cure}", self.place_in_english()),
            Lang::Zh => format!("{}：{wrong}；{cure}", self.place_in_chinese()),
        }
    }

    fn place_in_english(&self) -> String {
        let column = self.column;
        match self.subject {
            Subject::Expression => format!("schedule, column {column}"),
            Subject::Field(field) => format!("{field} field, column {column}"),
            Subject::Zone => "time zone".to_owned(),
            Subject::Calendar { line } => format!("calendar, line {line}, column {column}"),
        }
    }

    fn place_in_chinese(&self) -> String {
        let column = self.column;
        match self.subject {
            Subject::Expression => format!("计划第 {column} 列"),
            Subject::Field(field) => format!("{}字段（第 {column} 列）", field.in_chinese()),
            Subject::Zone => "时区".to_owned(),
            Subject::Calendar { line } => format!("日历第 {line} 行第 {column} 列"),
        }
    }

    /// The same error where the expression does not begin its line.
    pub(crate) fn moved_right(self, columns: usize) -> ScheduleError {
        ScheduleError {
            column: self.column + columns,
            ..self
        }
    }

    /// The text that was refused and a line below it that points at the place.
    ///
    /// `source` is the text that was given to the parser.
    pub fn draw_caret(&self, source: &str) -> String {
        let refused = source.get(self.span.clone()).unwrap_or_default();
        let width = refused.chars().count().max(1);
        // A tab must stay a tab in the second line, or the caret moves away from its character.
        let indent: String = source
            .chars()
            .take(self.column - 1)
            .map(|character| if character == '\t' { '\t' } else { ' ' })
            .collect();
        format!("{source}\n{indent}{}", "^".repeat(width))
    }
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told(Lang::En))
    }
}

impl std::error::Error for ScheduleError {}
