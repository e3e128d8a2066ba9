//! Calendars: named sets of blackouts, the times at which jobs that name the calendar do not fire.
//!
//! A calendar is written as lines (`text`), each of them a range of the wall clock (`range`). What they cover is asked
//! of [`Blackouts`], the text in its zone: the ranges as pieces of wall-clock time (`pieces`), laid on instants by
//! `wall`. What becomes of a schedule's ticks is decided beside the schedule engine, which asks here.

mod blackout;
mod name;
mod pieces;
mod range;
mod text;
mod wall;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock, Weak};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::schedule::ScheduleError;
use crate::schedule::zone::Zone;
use pieces::Pieces;
use wall::{instant_of, reading_at};

pub use blackout::{BLACKOUT_NAME_LENGTH_MAX, Blackout};
pub use name::{CALENDAR_NAME_LENGTH_MAX, CalendarName, CalendarNameError};
pub use range::{Day, Point, Range};
pub use text::{BLACKOUTS_MAX, CalendarText, TEXT_SIZE_MAX};

crate::words! {
    /// What becomes of a tick that falls into a blackout.
    #[derive(Default)]
    OnBlackout, "answer to a blackout" {
        /// It is no tick.
        #[default]
        Skip = "skip",
        /// One tick at the first instant after the blackout, however many fell into it.
        Shift = "shift",
    }
}

/// The calendar that a job keeps to, as it was when the job was saved: a version of a job knows its fire times by
/// itself, also when the calendar has changed or gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalendarUse {
    /// What people call the calendar.
    pub name: CalendarName,
    /// What becomes of ticks inside a blackout.
    pub on_blackout: OnBlackout,
    /// The IANA name of the zone whose clock the calendar means.
    pub zone: String,
    /// Its blackouts, one a line, without its comments.
    pub rules: String,
}

impl CalendarUse {
    /// The blackouts, shared with everybody who has asked for the same ones.
    ///
    /// # Errors
    /// When zone or rules are not understood.
    pub fn blackouts(&self) -> Result<Arc<Blackouts>, ScheduleError> {
        Blackouts::shared(&self.zone, &self.rules)
    }
}

/// How far a search for the end or the beginning of a blackout goes before the answer is "none": 100 years.
const HORIZON_S: i64 = 36_525 * 86_400;

/// A search for time outside blackouts that has not ended after so many steps back ends: there is next to none.
const OPEN_STEPS_MAX: u32 = 100;

/// The blackouts of a calendar in its zone.
#[derive(Debug)]
pub struct Blackouts {
    zone: &'static Zone,
    listed: Vec<Blackout>,
    pieces: Pieces,
}

/// A time without a break in which at least one blackout holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its first instant; none where it began more than 100 years before.
    pub from: Option<Timestamp>,
    /// The first instant after it; none where nothing ends it within 100 years.
    pub until: Option<Timestamp>,
}

impl Blackouts {
    /// What a text means in a zone.
    ///
    /// # Errors
    /// When the zone or a line is not understood; the first of them.
    pub fn parse(zone: &str, text: &str) -> Result<Blackouts, ScheduleError> {
        let text = CalendarText::parse(text).map_err(|mut errors| errors.swap_remove(0))?;
        Blackouts::of(zone, &text)
    }

    /// What a text that was read means in a zone.
    ///
    /// # Errors
    /// When the zone is not known.
    pub fn of(zone: &str, text: &CalendarText) -> Result<Blackouts, ScheduleError> {
        let zone = Zone::named(zone)?;
        let listed: Vec<Blackout> = text.blackouts().cloned().collect();
        let pieces = Pieces::of(listed.iter().map(|blackout| blackout.range));
        Ok(Blackouts {
            zone,
            listed,
            pieces,
        })
    }

    /// As [`Blackouts::parse`], and one value for all who ask with equal words: 100,000 jobs may keep to one calendar.
    ///
    /// # Errors
    /// When the zone or a line is not understood; the first of them.
    pub fn shared(zone: &str, text: &str) -> Result<Arc<Blackouts>, ScheduleError> {
        type Known = HashMap<(String, String), Weak<Blackouts>>;
        static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(RwLock::default);
        let key = (zone.to_owned(), text.to_owned());
        let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(blackouts) = known.get(&key).and_then(Weak::upgrade) {
            return Ok(blackouts);
        }
        drop(known);
        let blackouts = Arc::new(Blackouts::parse(zone, text)?);
        let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
        // Texts that nobody keeps to any more; a new text is rare enough to look through all of them.
        known.retain(|_, weak| weak.strong_count() > 0);
        if let Some(theirs) = known.get(&key).and_then(Weak::upgrade) {
            return Ok(theirs);
        }
        known.insert(key, Arc::downgrade(&blackouts));
        Ok(blackouts)
    }

    /// Whether there is no blackout at all.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// The blackout that holds at `t`, the first of the text where several do.
    pub fn blackout_at(&self, t: Timestamp) -> Option<&Blackout> {
        let reading = reading_at(self.zone, floor_second(t));
        let is_it = |blackout: &&Blackout| {
            let alone = Pieces::of(std::iter::once(blackout.range));
            alone.piece_at(reading).is_some()
        };
        self.pieces.piece_at(reading)?;
        self.listed.iter().find(is_it)
    }

    /// What people call the blackout that holds at `t`: its name, or else its range. Empty when none does.
    pub fn name_at(&self, t: Timestamp) -> String {
        self.blackout_at(t)
            .map(|blackout| match &blackout.name {
                Some(name) => name.clone(),
                None => blackout.range.to_string(),
            })
            .unwrap_or_default()
    }

    /// The time without a break around `t` in which blackouts hold; none when `t` is in none.
    pub fn span_at(&self, t: Timestamp) -> Option<Span> {
        let second = floor_second(t);
        self.pieces.piece_at(reading_at(self.zone, second))?;
        Some(Span {
            from: self
                .start_of(second)
                .and_then(|s| Timestamp::from_second(s).ok()),
            until: self
                .end_of(second)
                .and_then(|s| Timestamp::from_second(s).ok()),
        })
    }

    /// The instant since which `open` of time outside blackouts has passed at `now`. With next to no such time it lies as
    /// far back as there is time.
    pub fn open_since(&self, now: Timestamp, open: SignedDuration) -> Timestamp {
        let mut since = now.saturating_sub(open).unwrap_or(Timestamp::MIN);
        for _ in 0..OPEN_STEPS_MAX {
            if let Some(span) = self.span_at(since) {
                // None of this time counts: going on from its beginning spares steps.
                match span.from {
                    Some(from) => since = from,
                    None => return Timestamp::MIN,
                }
            }
            let whole = open.saturating_add(self.covered_between(since, now));
            let further = now.saturating_sub(whole).unwrap_or(Timestamp::MIN);
            if further >= since {
                return since;
            }
            since = further;
        }
        Timestamp::MIN
    }

    /// How much of the time between two instants blackouts cover.
    fn covered_between(&self, from: Timestamp, until: Timestamp) -> SignedDuration {
        let mut covered = SignedDuration::ZERO;
        for span in self.spans_from(from) {
            let start = span.from.map_or(from, |start| start.max(from));
            if start >= until {
                break;
            }
            let end = span.until.map_or(until, |end| end.min(until));
            covered = covered.saturating_add(end.duration_since(start));
        }
        covered
    }

    /// Whether a blackout holds at the second `t`, counted from 1970.
    pub(crate) fn covers(&self, t: i64) -> bool {
        self.pieces.piece_at(reading_at(self.zone, t)).is_some()
    }

    /// The first second after `t` that no blackout covers. `t` is covered; none when nothing ends it in 100 years.
    pub(crate) fn end_of(&self, t: i64) -> Option<i64> {
        let mut end = t;
        while let Some(piece) = self.pieces.piece_at(reading_at(self.zone, end)) {
            end = instant_of(self.zone, piece.end).max(end + 1);
            if end - t > HORIZON_S {
                return None;
            }
        }
        Some(end)
    }

    /// The first second of the time around `t` that blackouts cover without a break. `t` is covered; none when it has
    /// begun more than 100 years before.
    pub(crate) fn start_of(&self, t: i64) -> Option<i64> {
        let mut start = t;
        loop {
            let Some(piece) = self.pieces.piece_at(reading_at(self.zone, start)) else {
                return Some(start + 1);
            };
            start = instant_of(self.zone, piece.start).min(start);
            if t - start > HORIZON_S {
                return None;
            }
            start -= 1;
        }
    }

    /// The times in which blackouts hold, from the one that holds at `from` on or begins after it, in order.
    pub fn spans_from(&self, from: Timestamp) -> impl Iterator<Item = Span> + '_ {
        let mut next = Some(floor_second(from));
        std::iter::from_fn(move || {
            let mut second = next?;
            if !self.covers(second) {
                second = self.start_after(second)?;
            }
            let at = Timestamp::from_second(second).ok()?;
            let span = self.span_at(at)?;
            next = span.until.map(floor_second);
            Some(span)
        })
    }

    /// The first second after `t` at which a blackout begins to hold. `t` is not covered.
    fn start_after(&self, t: i64) -> Option<i64> {
        let mut reading = reading_at(self.zone, t);
        loop {
            reading = self.pieces.start_after(reading)?;
            let second = instant_of(self.zone, reading);
            if second - t > HORIZON_S {
                return None;
            }
            if self.covers(second) {
                return Some(second);
            }
        }
    }
}

/// The last whole second that is not after `t`.
fn floor_second(t: Timestamp) -> i64 {
    t.as_second() - i64::from(t.subsec_nanosecond() < 0)
}
