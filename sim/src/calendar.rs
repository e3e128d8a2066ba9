//! Calendars of the world's jobs: blackouts of seconds and minutes, and an independent answer to what they do to ticks.

use carillon_core::calendar::{Blackouts, OnBlackout};
use carillon_core::schedule::Schedule;

use crate::dice::Dice;
use crate::time::{DAWN, SECOND, stamp};

/// Worlds last some minutes; blackouts begin in the first of them.
const LATEST_S: i64 = 240;

/// The blackouts that a job keeps to, in whole seconds since 1970: from the first until just before the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Calendar {
    windows: Vec<(i64, i64)>,
    on_blackout: OnBlackout,
}

impl Calendar {
    /// Some jobs have one. Drawn from a branch of the dice, so that worlds without calendars are what they were.
    pub(crate) fn draw(dice: &Dice) -> Option<Self> {
        let mut branch = Dice::new(!dice.clone().next());
        if !branch.chance(150) {
            return None;
        }
        let window = |branch: &mut Dice| {
            let from = DAWN / SECOND + branch.between(0, LATEST_S);
            (from, from + *branch.pick(&[1, 3, 10, 35, 90]))
        };
        let count = branch.between(1, 4);
        Some(Calendar {
            windows: (0..count).map(|_| window(&mut branch)).collect(),
            on_blackout: *branch.pick(OnBlackout::ALL),
        })
    }

    /// The schedule, keeping to this.
    pub(crate) fn over(&self, schedule: Schedule) -> Schedule {
        let shown = |second: i64| stamp(second * SECOND).strftime("%Y-%m-%d %H:%M:%S");
        let line = |(from, until): &(i64, i64)| format!("{} .. {}\n", shown(*from), shown(*until));
        let text: String = self.windows.iter().map(line).collect();
        let blackouts = Blackouts::shared("UTC", &text);
        let blackouts = blackouts.expect("worlds are drawn from valid calendars");
        schedule.with_calendar(blackouts, self.on_blackout)
    }

    /// Whether a job whose rhythm is `is_due` has a tick in that second.
    pub(crate) fn is_due(&self, second: i64, is_due: impl Fn(i64) -> bool) -> bool {
        let is_black = |second: i64| {
            let mut windows = self.windows.iter();
            windows.any(|(from, until)| (*from..*until).contains(&second))
        };
        if is_black(second) {
            return false;
        }
        let mut swallowed = (1..)
            .map(|back| second - back)
            .take_while(|at| is_black(*at));
        is_due(second) || (self.on_blackout == OnBlackout::Shift && swallowed.any(is_due))
    }
}
