//! From wall-clock times to instants: the one place where changes of the clock are decided.
//!
//! Knows segments of a zone, matching civil times and the rule; must not know text or fields.

use super::calendar::{Calendar, HORIZON_DAYS};
use super::date::DAY_S;
use super::dst::Pass;
use super::zone::{Segment, Zone};

/// No zone has ever shifted its clock by more than a day; a test over all zones says so.
const SHIFT_MAX_S: i64 = 2 * DAY_S;

/// A calendar on the wall of one zone.
#[derive(Clone, Copy)]
pub(super) struct WallClock<'s> {
    pub(super) calendar: &'s Calendar,
    pub(super) zone: &'s Zone,
    pub(super) pass: Pass,
    /// Whether a time lost in a gap fires at the first instant after it.
    pub(super) compensates: bool,
}

impl<'s> WallClock<'s> {
    pub(super) fn new(calendar: &'s Calendar, zone: &'s Zone) -> WallClock<'s> {
        let (dst, class) = (calendar.dst, calendar.class);
        WallClock {
            calendar,
            zone,
            pass: dst.pass(class),
            compensates: dst.compensates(class),
        }
    }

    /// The first fire time that is not before the instant `first`, both in seconds since 1970.
    #[inline]
    pub(super) fn next_from(&self, first: i64) -> Option<i64> {
        let segment = self.zone.segment_at(first);
        let last_day = (first + segment.offset).div_euclid(DAY_S) + HORIZON_DAYS;
        let mut from = first + segment.offset;
        if first - segment.start < SHIFT_MAX_S {
            let before = self.zone.segment_at(segment.start - 1);
            if first == segment.start && self.fires_after_gap(before, segment, last_day) {
                return Some(first);
            }
            if self.pass == Pass::First {
                from = from.max(before.civil_end());
            }
        }
        let found = self.calendar.next_match(from, last_day);
        if let Some(civil) = found
            && civil < self.civil_end(segment)
        {
            return Some(civil - segment.offset);
        }
        let following = self.zone.segment_after(segment)?;
        // The clock is put back at the end of this segment, behind where the search began: what it
        // shows again has not been searched.
        let found = match self.pass {
            Pass::Both | Pass::Second if following.civil_start() < from => {
                self.calendar.next_match(following.civil_start(), last_day)
            }
            Pass::Both | Pass::First | Pass::Second => found,
        };
        self.land(found?, following, last_day)
    }

    /// Whether the gap between two segments swallowed a time that then fires at its end.
    fn fires_after_gap(&self, before: Segment, after: Segment, last_day: i64) -> bool {
        self.compensates
            && before.offset < after.offset
            && self
                .calendar
                .next_match(before.civil_end(), last_day)
                .is_some_and(|civil| civil < after.civil_start())
    }

    /// The instant of the civil second `civil`, the first match that lies in `earliest` or later.
    ///
    /// There is no match between the start of `earliest` and `civil`, so segments are only visited
    /// where `civil` lies, except that a match in a gap without compensation leads on to the next.
    fn land(&self, civil: i64, earliest: Segment, last_day: i64) -> Option<i64> {
        let mut civil = civil;
        let mut segment = earliest;
        loop {
            let nearby = civil - segment.offset - SHIFT_MAX_S;
            if nearby >= segment.end {
                segment = self.zone.segment_at(nearby);
            }
            while civil >= self.civil_end(segment) {
                segment = self.zone.segment_after(segment)?;
            }
            if civil >= segment.civil_start() {
                return Some(civil - segment.offset);
            }
            if self.compensates {
                return Some(segment.start);
            }
            civil = self.calendar.next_match(segment.civil_start(), last_day)?;
        }
    }

    /// Where the segment's civil times that may fire in it end.
    #[inline]
    fn civil_end(&self, segment: Segment) -> i64 {
        match self.pass {
            Pass::First | Pass::Both => segment.civil_end(),
            // What the next segment shows again belongs to it.
            Pass::Second => match self.zone.segment_after(segment) {
                Some(following) => segment.civil_end().min(following.civil_start()),
                None => segment.civil_end(),
            },
        }
    }
}
