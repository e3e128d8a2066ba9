//! The years of a seven-field schedule.
//!
//! Knows ranges with steps; a schedule without a year field has none of this.

/// A range of years with a step; `start <= end`, `step >= 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct YearRange {
    pub(super) start: i32,
    pub(super) end: i32,
    pub(super) step: i32,
}

/// The years that a schedule is limited to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Years(Vec<YearRange>);

impl Years {
    pub(super) fn new(ranges: Vec<YearRange>) -> Years {
        Years(ranges)
    }

    /// The first of the years that is not before `year`.
    pub(super) fn next_from(&self, year: i32) -> Option<i32> {
        self.0
            .iter()
            .filter_map(|range| range.next_from(year))
            .min()
    }

    /// Whether there is one year only.
    pub(super) fn is_one(&self) -> bool {
        matches!(self.0[..], [YearRange { start, end, .. }] if start == end)
    }

    pub(super) fn ranges(&self) -> &[YearRange] {
        &self.0
    }
}

impl YearRange {
    fn next_from(&self, year: i32) -> Option<i32> {
        if year <= self.start {
            return Some(self.start);
        }
        let steps = (year - self.start + self.step - 1) / self.step;
        Some(self.start + steps * self.step).filter(|&next| next <= self.end)
    }
}
