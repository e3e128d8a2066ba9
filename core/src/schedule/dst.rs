//! What happens to wall-clock times that a change of the clocks removes or repeats.
//!
//! Knows the rules' names and meaning; must not know zones or fields.

crate::words! {
    /// How a schedule treats a gap (the clock jumps over a time) and an overlap (it shows a time twice).
    #[derive(Default)]
    DstRule, "rule for clock changes" {
        /// As Vixie cron: a fixed time lost in a gap fires once right after it and once in an overlap;
        /// wildcards follow the clock.
        #[default]
        Cron = "cron",
        /// As the clock shows: nothing in a gap, twice in an overlap.
        Literal = "literal",
        /// Nothing in a gap, the first pass only of an overlap; wildcards too.
        Skip = "skip",
        /// A gap as in `cron`, the second pass only of an overlap; wildcards too.
        Second = "second",
    }
}

/// Which showings of a repeated wall-clock time fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    First,
    Second,
    Both,
}

impl DstRule {
    /// Which showings of a repeated time fire, for a schedule of this class.
    pub(super) fn pass(self, class: TimeClass) -> Pass {
        match (self, class) {
            (DstRule::Cron, TimeClass::Wildcard) | (DstRule::Literal, _) => Pass::Both,
            (DstRule::Cron, TimeClass::Fixed) | (DstRule::Skip, _) => Pass::First,
            (DstRule::Second, _) => Pass::Second,
        }
    }

    /// Whether a time lost in a gap fires at the first instant after it.
    pub(super) fn compensates(self, class: TimeClass) -> bool {
        class == TimeClass::Fixed && matches!(self, DstRule::Cron | DstRule::Second)
    }
}

/// Vixie cron's two classes: *fixed* when neither minute nor hour begins with a star.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeClass {
    Fixed,
    Wildcard,
}
