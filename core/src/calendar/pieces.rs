//! What a set of ranges covers of the wall clock, asked point by point.
//!
//! Knows civil seconds only: no zones, no text.

use std::ops::RangeInclusive;

use super::range::{Range, WEEK_S};
use crate::schedule::date::{DAY_S, Date};

/// 1970-01-01 was a Thursday: so long before began its week.
const WEEK_BEFORE_S: i64 = 3 * DAY_S;

/// A piece of wall-clock time: `start <= civil < end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Piece {
    pub(super) start: i64,
    pub(super) end: i64,
}

/// The ranges of a calendar by the way they recur.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// Ascending, neither touching nor overlapping.
    once: Vec<Piece>,
    /// The same within a week, in seconds since Monday; the last may end in the week after.
    weekly: Vec<Piece>,
    yearly: Vec<Range>,
}

impl Pieces {
    pub(super) fn of(ranges: impl Iterator<Item = Range>) -> Self {
        let mut pieces = Pieces::default();
        let piece = |(start, end)| Piece { start, end };
        for range in ranges {
            pieces.once.extend(range.once().map(piece));
            pieces.weekly.extend(range.in_week().into_iter().map(piece));
            pieces.yearly.extend(range.is_yearly().then_some(range));
        }
        pieces.once = merge(pieces.once);
        pieces.weekly = merge_week(pieces.weekly);
        pieces
    }

    /// The longest piece that covers `civil`; two pieces that touch are not one here.
    pub(super) fn piece_at(&self, civil: i64) -> Option<Piece> {
        let once = piece_in(&self.once, civil);
        let weekly = self.weekly_at(civil);
        let is_here = |piece: &Piece| piece.start <= civil && civil < piece.end;
        let year = year_of(civil);
        let yearly = self.yearly_in(year - 1..=year).filter(is_here);
        once.into_iter()
            .chain(weekly)
            .chain(yearly)
            .reduce(|one, other| Piece {
                start: one.start.min(other.start),
                end: one.end.max(other.end),
            })
    }

    /// The first piece's start after `civil`.
    pub(super) fn start_after(&self, civil: i64) -> Option<i64> {
        let place = self.once.partition_point(|piece| piece.start <= civil);
        let once = self.once.get(place).map(|piece| piece.start);
        // The next 29 February is at most eight years away.
        let year = year_of(civil);
        let yearly = self
            .yearly_in(year..=year + 8)
            .filter(|piece| piece.start > civil && piece.start < piece.end)
            .map(|piece| piece.start)
            .min();
        [once, self.weekly_after(civil), yearly]
            .into_iter()
            .flatten()
            .min()
    }

    fn weekly_at(&self, civil: i64) -> Option<Piece> {
        let second = (civil + WEEK_BEFORE_S).rem_euclid(WEEK_S);
        // What began in the week before may still go on.
        let (piece, monday) = match piece_in(&self.weekly, second) {
            Some(piece) => (piece, civil - second),
            None => {
                let last = self.weekly.last()?;
                let is_here = second + WEEK_S < last.end;
                (is_here.then_some(*last)?, civil - second - WEEK_S)
            }
        };
        Some(Piece {
            start: monday + piece.start,
            end: monday + piece.end,
        })
    }

    fn weekly_after(&self, civil: i64) -> Option<i64> {
        let second = (civil + WEEK_BEFORE_S).rem_euclid(WEEK_S);
        let monday = civil - second;
        let this_week = self.weekly.iter().find(|piece| piece.start > second);
        match this_week {
            Some(piece) => Some(monday + piece.start),
            None => Some(monday + WEEK_S + self.weekly.first()?.start),
        }
    }

    /// The yearly pieces that begin in these years.
    fn yearly_in(&self, years: RangeInclusive<i32>) -> impl Iterator<Item = Piece> + '_ {
        self.yearly.iter().flat_map(move |range| {
            let begun = years.clone().filter_map(|year| range.in_year(year));
            begun.map(|(start, end)| Piece { start, end })
        })
    }
}

fn year_of(civil: i64) -> i32 {
    Date::of_day(civil.div_euclid(DAY_S)).year
}

/// The piece of an ascending list that covers `civil`.
fn piece_in(pieces: &[Piece], civil: i64) -> Option<Piece> {
    let place = pieces.partition_point(|piece| piece.start <= civil);
    let piece = pieces[..place].last()?;
    (civil < piece.end).then_some(*piece)
}

fn merge(mut pieces: Vec<Piece>) -> Vec<Piece> {
    pieces.retain(|piece| piece.start < piece.end);
    pieces.sort_unstable();
    let mut merged: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match merged.last_mut().filter(|last| piece.start <= last.end) {
            Some(last) => last.end = last.end.max(piece.end),
            None => merged.push(piece),
        }
    }
    merged
}

/// Merges parts of a week, also over its end: what goes on in the week after swallows what begins there.
fn merge_week(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut merged = merge(pieces);
    while let Some(&last) = merged.last() {
        let Some(&first) = merged.first().filter(|_| merged.len() > 1) else {
            break;
        };
        if first.start + WEEK_S > last.end {
            break;
        }
        merged.remove(0);
        let place = merged.len() - 1;
        merged[place].end = last.end.max(first.end + WEEK_S);
    }
    merged
}
