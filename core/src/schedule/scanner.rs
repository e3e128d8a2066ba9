//! Walks through the bytes of one item: numbers, names, steps, and where they are refused.
//!
//! Knows a field's limits and names; what an item may consist of is `item`'s.

use std::ops::Range;

use super::error::{ScheduleError, Subject};
use super::field::Field;
use super::flaw::Flaw;

/// A place within one item, and the field that it belongs to.
pub(super) struct Scanner<'s> {
    pub(super) field: Field,
    pub(super) source: &'s str,
    /// The next byte to be looked at.
    pub(super) at: usize,
    /// The bytes of the item.
    pub(super) item: Range<usize>,
}

impl Scanner<'_> {
    pub(super) fn step(&mut self) -> Result<u32, ScheduleError> {
        self.at += 1;
        let place = self.at;
        let step = self.number()?;
        if step == 0 {
            return Err(self.refuse(place..self.at, Flaw::StepOfZero {}));
        }
        let size = self.field.size();
        if step > u64::from(size) {
            let unit = match self.field {
                Field::Second => Some('s'),
                Field::Minute => Some('m'),
                Field::Hour => Some('h'),
                Field::DayOfMonth => Some('d'),
                Field::Month | Field::DayOfWeek | Field::Year => None,
            };
            let flaw = match unit {
                Some(unit) => Flaw::StepBeyondField { step, size, unit },
                None => Flaw::StepBeyondTurn { step, size },
            };
            return Err(self.refuse(place..self.at, flaw));
        }
        Ok(step as u32)
    }

    /// A number or a name, within the field's limits.
    pub(super) fn value(&mut self) -> Result<u32, ScheduleError> {
        if self.peek().is_some_and(|byte| byte.is_ascii_alphabetic()) {
            return self.name();
        }
        let place = self.at;
        let number = self.number()?;
        let (min, max) = (self.field.min(), self.field.max());
        let (written, field) = (self.source[place..self.at].to_owned(), self.field);
        if number > u64::from(max) {
            return Err(self.refuse(place..self.at, Flaw::AboveMaximum { written, field }));
        }
        if number < u64::from(min) {
            return Err(self.refuse(place..self.at, Flaw::BelowMinimum { written, field }));
        }
        Ok(number as u32)
    }

    fn name(&mut self) -> Result<u32, ScheduleError> {
        let place = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphabetic()) {
            self.at += 1;
        }
        let word = self.source[place..self.at].to_owned();
        let named = word.get(..3).and_then(|name| self.field.value_of(name));
        match (named, word.len()) {
            (Some(value), 3) => Ok(value),
            // The L of FRIL stays for the caller.
            (Some(value), 4) if self.field == Field::DayOfWeek && word.ends_with(['L', 'l']) => {
                self.at -= 1;
                Ok(value)
            }
            (Some(_), _) => {
                let name = word[..3].to_ascii_uppercase();
                Err(self.refuse(place..self.at, Flaw::LongName { word, name }))
            }
            (None, _) => {
                let field = self.field;
                Err(self.refuse(place..self.at, Flaw::NoValue { word, field }))
            }
        }
    }

    /// Digits; a number too long for us becomes one that every limit refuses.
    pub(super) fn number(&mut self) -> Result<u64, ScheduleError> {
        let place = self.at;
        let mut number = 0_u64;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            number = number
                .saturating_mul(10)
                .saturating_add(u64::from(digit - b'0'));
            self.at += 1;
        }
        if place == self.at {
            let field = self.field;
            let flaw = match self.source[place..self.item.end].chars().next() {
                Some(next) => Flaw::NumberMissingBefore { next, field },
                None => Flaw::NumberMissing { field },
            };
            return Err(self.refuse(place..self.item.end, flaw));
        }
        Ok(number)
    }

    pub(super) fn expect(&mut self, byte: u8, missing: Flaw) -> Result<(), ScheduleError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        Err(self.refuse(self.item.clone(), missing))
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.source.as_bytes()[..self.item.end]
            .get(self.at)
            .copied()
    }

    pub(super) fn refuse(&self, span: Range<usize>, flaw: Flaw) -> ScheduleError {
        ScheduleError::new(Subject::Field(self.field), self.source, span, flaw)
    }
}
