//! Walks through the bytes of one item: numbers, names, steps, and where they are refused.
//!
//! Knows a field's limits and names; what an item may consist of is `item`'s.

use std::ops::Range;

use super::error::{ScheduleError, Subject};
use super::field::Field;

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
            return Err(self.refuse(
                place..self.at,
                "a step of 0 never moves on",
                "write /1 or more",
            ));
        }
        let size = self.field.size();
        if step > u64::from(size) {
            let cure = match self.field {
                Field::Second => format!("use @every {step}s"),
                Field::Minute => format!("use @every {step}m"),
                Field::Hour => format!("use @every {step}h"),
                Field::DayOfMonth => format!("use @every {step}d"),
                Field::Month | Field::DayOfWeek | Field::Year => {
                    format!("use a step of at most {size}")
                }
            };
            let message =
                format!("the step {step} is larger than the field, which has {size} values");
            return Err(self.refuse(place..self.at, message, cure));
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
        let written = &self.source[place..self.at];
        let use_range = format!("use {}", self.field.range_text());
        if number > u64::from(max) {
            let message = format!("{written} is above the maximum of {max}");
            return Err(self.refuse(place..self.at, message, use_range));
        }
        if number < u64::from(min) {
            let message = format!("{written} is below the minimum of {min}");
            return Err(self.refuse(place..self.at, message, use_range));
        }
        Ok(number as u32)
    }

    fn name(&mut self) -> Result<u32, ScheduleError> {
        let place = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_alphabetic()) {
            self.at += 1;
        }
        let word = &self.source[place..self.at];
        let named = word.get(..3).and_then(|name| self.field.value_of(name));
        match (named, word.len()) {
            (Some(value), 3) => Ok(value),
            // The L of FRIL stays for the caller.
            (Some(value), 4) if self.field == Field::DayOfWeek && word.ends_with(['L', 'l']) => {
                self.at -= 1;
                Ok(value)
            }
            (Some(_), _) => Err(self.refuse(
                place..self.at,
                format!("\"{word}\" is too long for a name"),
                format!("write {}", word[..3].to_ascii_uppercase()),
            )),
            (None, _) => Err(self.refuse(
                place..self.at,
                format!("\"{word}\" is not a value"),
                format!("use {}", self.field.range_text()),
            )),
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
            let found = match self.source[place..self.item.end].chars().next() {
                Some(character) => format!("a number is missing before \"{character}\""),
                None => "a number is missing at the end".to_owned(),
            };
            let cure = format!("use {}", self.field.range_text());
            return Err(self.refuse(place..self.item.end, found, cure));
        }
        Ok(number)
    }

    pub(super) fn expect(&mut self, byte: u8, what: &str) -> Result<(), ScheduleError> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Ok(());
        }
        Err(self.refuse(
            self.item.clone(),
            "the item is incomplete",
            format!("write {what}"),
        ))
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.source.as_bytes()[..self.item.end]
            .get(self.at)
            .copied()
    }

    pub(super) fn refuse(
        &self,
        span: Range<usize>,
        message: impl Into<String>,
        cure: impl Into<String>,
    ) -> ScheduleError {
        ScheduleError::new(Subject::Field(self.field), self.source, span, message, cure)
    }
}
