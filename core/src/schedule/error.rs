//! Why a text is not a schedule: where, what, and the cure.
//!
//! Knows how to say it; must not know the grammar.

use std::fmt;
use std::ops::Range;

use super::Field;

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

/// A refused schedule. Its `Display` is one line with the place, the value, the limit and the cure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduleError {
    subject: Subject,
    span: Range<usize>,
    column: usize,
    message: String,
    cure: String,
}

impl ScheduleError {
    /// An error about the bytes `span` of the expression `source`.
    pub(crate) fn new(
        subject: Subject,
        source: &str,
        span: Range<usize>,
        message: impl Into<String>,
        cure: impl Into<String>,
    ) -> ScheduleError {
        let before = source.get(..span.start).unwrap_or(source);
        ScheduleError {
            subject,
            column: before.chars().count() + 1,
            span,
            message: message.into(),
            cure: cure.into(),
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

    /// What is wrong, with the value and the limit.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to write instead.
    pub fn cure(&self) -> &str {
        &self.cure
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
        match self.subject {
            Subject::Expression => write!(f, "schedule, column {}: ", self.column)?,
            Subject::Field(field) => write!(f, "{field} field, column {}: ", self.column)?,
            Subject::Zone => write!(f, "time zone: ")?,
            Subject::Calendar { line } => {
                write!(f, "calendar, line {line}, column {}: ", self.column)?;
            }
        }
        write!(f, "{}; {}", self.message, self.cure)
    }
}

impl std::error::Error for ScheduleError {}
