//! One item of a field: what stands between two commas.
//!
//! Turns text into values and refuses with a place and a cure; must not know masks or zones.

use std::ops::Range;

use super::error::ScheduleError;
use super::field::Field;
use super::flaw::Flaw;
use super::scanner::Scanner;
use super::spread::spread_number;

/// What one item asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// `start`, `start+step`, … up to `end`. In a field that wraps, `end` may exceed the field's
    /// maximum by up to a whole turn.
    Values { start: u32, end: u32, step: u32 },
    /// `L`, `L-n`: so many days before the last of the month.
    BeforeLast(u32),
    /// `nW`: the working day nearest to the day.
    Nearest(u32),
    /// `LW`: the last working day of the month.
    LastWorkingDay,
    /// `nL`: the last such weekday of the month.
    LastWeekday(u32),
    /// `n#k`: the k-th such weekday of the month.
    NthWeekday { weekday: u32, nth: u32 },
}

/// Reads one item, the bytes `span` of `source`.
pub(super) fn parse_item(
    field: Field,
    source: &str,
    span: Range<usize>,
    seed: u64,
) -> Result<Item, ScheduleError> {
    let scan = Scanner {
        field,
        source,
        at: span.start,
        item: span,
    };
    ItemReader { scan, seed }.read()
}

/// Knows what an item may consist of.
struct ItemReader<'s> {
    scan: Scanner<'s>,
    seed: u64,
}

impl ItemReader<'_> {
    fn read(mut self) -> Result<Item, ScheduleError> {
        let item = match self.scan.peek() {
            None => {
                return Err(self.scan.refuse(self.scan.item.clone(), Flaw::EmptyItem {}));
            }
            Some(b'*' | b'?') => {
                self.scan.at += 1;
                self.stepped(self.scan.field.min(), self.full_end())?
            }
            Some(b'H' | b'h') => self.hashed()?,
            Some(b'~') => self.random(self.scan.field.min())?,
            Some(b'L' | b'l') => self.last()?,
            Some(_) => self.valued()?,
        };
        self.finish(item)
    }

    /// The last value of `*`: for weekdays Saturday, so that steps count from Sunday and stop.
    fn full_end(&self) -> u32 {
        self.scan.field.min() + self.scan.field.size() - 1
    }

    /// `a`, `a-b`, `a/n`, `a-b/n`, `a~b`, `aW`, `aL`, `a#k`.
    fn valued(&mut self) -> Result<Item, ScheduleError> {
        let start = self.scan.value()?;
        match self.scan.peek() {
            Some(b'-') => {
                self.scan.at += 1;
                let end = self.scan.value()?;
                let end = self.close_range(start, end)?;
                self.stepped(start, end)
            }
            Some(b'/') => self.stepped(start, self.scan.field.max()),
            Some(b'~') => self.random(start),
            Some(b'W' | b'w') if self.scan.field == Field::DayOfMonth => {
                self.scan.at += 1;
                Ok(Item::Nearest(start))
            }
            Some(b'L' | b'l') if self.scan.field == Field::DayOfWeek => {
                self.scan.at += 1;
                Ok(Item::LastWeekday(start % 7))
            }
            Some(b'#') if self.scan.field == Field::DayOfWeek => {
                self.scan.at += 1;
                self.nth(start % 7)
            }
            Some(_) | None => Ok(Item::Values {
                start,
                end: start,
                step: 1,
            }),
        }
    }

    /// The end of a range, moved one turn on when the range wraps.
    fn close_range(&self, start: u32, end: u32) -> Result<u32, ScheduleError> {
        if end >= start {
            return Ok(end);
        }
        if self.scan.field.wraps() {
            return Ok(end + self.scan.field.size());
        }
        let (min, max) = (self.scan.field.min(), self.scan.field.max());
        let flaw = Flaw::RangeRunsBackwards {
            start,
            end,
            min,
            max,
        };
        Err(self.scan.refuse(self.scan.item.start..self.scan.at, flaw))
    }

    fn nth(&mut self, weekday: u32) -> Result<Item, ScheduleError> {
        let place = self.scan.at;
        let nth = self.scan.number()?;
        if !(1..=5).contains(&nth) {
            return Err(self
                .scan
                .refuse(place..self.scan.at, Flaw::NoSuchWeekdayOfMonth { nth }));
        }
        Ok(Item::NthWeekday {
            weekday,
            nth: nth as u32,
        })
    }

    /// `L`, `L-n`, `LW` in day-of-month; anywhere else an error.
    fn last(&mut self) -> Result<Item, ScheduleError> {
        let place = self.scan.at;
        self.scan.at += 1;
        let rest = place..self.scan.item.end;
        match self.scan.field {
            Field::DayOfMonth => self.last_of_month(),
            Field::DayOfWeek => Err(self.scan.refuse(rest, Flaw::LastOfWhichWeekday {})),
            field @ (Field::Second | Field::Minute | Field::Hour | Field::Month | Field::Year) => {
                Err(self.scan.refuse(rest, Flaw::LastMeansNothing { field }))
            }
        }
    }

    fn last_of_month(&mut self) -> Result<Item, ScheduleError> {
        match self.scan.peek() {
            Some(b'W' | b'w') => {
                self.scan.at += 1;
                Ok(Item::LastWorkingDay)
            }
            Some(b'-') => {
                self.scan.at += 1;
                let place = self.scan.at;
                let days = self.scan.number()?;
                if days > 30 {
                    return Err(self
                        .scan
                        .refuse(place..self.scan.at, Flaw::TooFarBeforeLast { days }));
                }
                Ok(Item::BeforeLast(days as u32))
            }
            Some(_) | None => Ok(Item::BeforeLast(0)),
        }
    }

    /// `H`, `H/n`, `H(a-b)`, `H(a-b)/n`.
    fn hashed(&mut self) -> Result<Item, ScheduleError> {
        let place = self.scan.at;
        self.scan.at += 1;
        if self.scan.field == Field::Year {
            return Err(self
                .scan
                .refuse(place..self.scan.item.end, Flaw::HashedYear {}));
        }
        // Each month has a day 28, so a hashed day is never skipped.
        let mut end = if self.scan.field == Field::DayOfMonth {
            28
        } else {
            self.full_end()
        };
        let mut start = self.scan.field.min();
        if self.scan.peek() == Some(b'(') {
            self.scan.at += 1;
            start = self.scan.value()?;
            self.scan.expect(b'-', Flaw::HashWithoutRange {})?;
            end = self.scan.value()?;
            end = self.close_range(start, end)?;
            self.scan.expect(b')', Flaw::HashWithoutEnd {})?;
        }
        let chosen = spread_number(self.seed, self.scan.field);
        if self.scan.peek() != Some(b'/') {
            let value = start + (chosen % u64::from(end - start + 1)) as u32;
            return Ok(Item::Values {
                start: value,
                end: value,
                step: 1,
            });
        }
        let step = self.scan.step()?;
        let room = u64::from(step.min(end - start + 1));
        Ok(Item::Values {
            start: start + (chosen % room) as u32,
            end,
            step,
        })
    }

    /// `a~b`, `~b`, `a~`, `~`: one value between the two, the same at each fire.
    fn random(&mut self, start: u32) -> Result<Item, ScheduleError> {
        self.scan.at += 1;
        let end = match self.scan.peek() {
            None => self.full_end().max(start),
            Some(_) => self.scan.value()?,
        };
        if end < start {
            let span = self.scan.item.start..self.scan.at;
            let flaw = Flaw::ChoiceRunsBackwards { start, end };
            return Err(self.scan.refuse(span, flaw));
        }
        let chosen = spread_number(self.seed, self.scan.field) % u64::from(end - start + 1);
        let value = start + chosen as u32;
        Ok(Item::Values {
            start: value,
            end: value,
            step: 1,
        })
    }

    /// An optional `/n` after a range.
    fn stepped(&mut self, start: u32, end: u32) -> Result<Item, ScheduleError> {
        let step = if self.scan.peek() == Some(b'/') {
            self.scan.step()?
        } else {
            1
        };
        Ok(Item::Values { start, end, step })
    }

    fn finish(self, item: Item) -> Result<Item, ScheduleError> {
        if self.scan.at == self.scan.item.end {
            return Ok(item);
        }
        let rest = self.scan.source[self.scan.at..self.scan.item.end].to_owned();
        let known = self.scan.source[self.scan.item.start..self.scan.at].to_owned();
        let flaw = match item {
            Item::Values { .. } => Flaw::ItemGoesOn { rest, known },
            Item::BeforeLast(_)
            | Item::Nearest(_)
            | Item::LastWorkingDay
            | Item::LastWeekday(_)
            | Item::NthWeekday { .. } => Flaw::DayGoesOn { rest, known },
        };
        Err(self.scan.refuse(self.scan.at..self.scan.item.end, flaw))
    }
}
