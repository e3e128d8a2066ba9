//! The rows of the store, counted against the ticks that should be there.

use std::collections::BTreeMap;

use carillon_core::identity::JobId;
use carillon_core::placement::Placement;
use carillon_core::run::Trigger;
use carillon_core::tick::{Tick, TickKind};
use jiff::Timestamp;

use crate::crontab::Version;
use crate::ledger::{Ledger, Row};
use crate::story::Story;
use crate::time::{Micros, told};

/// The records of the store, to be ticked off.
pub(super) struct Records {
    single: BTreeMap<Tick, i64>,
    /// Stretches by job and slot: first, last, ticks not yet seen.
    stretches: Vec<(JobId, i64, Timestamp, Timestamp, u64)>,
}

impl Records {
    pub(super) fn of(ledger: &Ledger) -> Self {
        let mut records = Records {
            single: BTreeMap::new(),
            stretches: Vec::new(),
        };
        let scheduled = |row: &&Row| row.tick.kind == TickKind::Scheduled;
        for row in ledger.rows().filter(scheduled) {
            match row.tick_count {
                1 => {
                    records.single.insert(row.tick, row.version);
                }
                count => records.stretches.push((
                    row.tick.job,
                    row.tick.slot,
                    row.tick.fire_time,
                    row.until_time,
                    count,
                )),
            }
        }
        records
    }

    /// How many records a tick has.
    pub(super) fn take(&mut self, tick: Tick) -> usize {
        let mut count = usize::from(self.single.remove(&tick).is_some());
        for (job, slot, first, last, left) in &mut self.stretches {
            let is_in = (*first..=*last).contains(&tick.fire_time);
            if is_in && (*job, *slot) == (tick.job, tick.slot) {
                *left = left.wrapping_sub(1);
                count += 1;
            }
        }
        count
    }

    /// What is left was not expected: a stretch that counts too many, or a run of nothing. A claim made just before
    /// an edit may stand for a tick just after it.
    pub(super) fn judge_rest(&self, ledger: &Ledger, story: &Story, ahead_max: Micros) {
        for (job, _, first, last, left) in &self.stretches {
            if *left != 0 {
                let (first, last) = (told(*first), told(*last));
                let how = format!("job {job} from {first} to {last} is {left} off");
                story.break_law("a stretch counts its ticks", how);
            }
        }
        for tick in self.single.keys() {
            let Some(row) = ledger.row(tick) else {
                continue;
            };
            let of = |tenure: &&Version| (tenure.job, tenure.version) == (tick.job, row.version);
            let tenure = ledger.tenures().iter().find(of);
            let was_ahead = tenure.and_then(|t| t.valid_until).is_some_and(|until| {
                let fire = tick.fire_time.as_microsecond();
                until < fire && fire <= until + ahead_max
            });
            let is_seat = tenure.is_some_and(|t| t.placement == Placement::EveryNode);
            if !was_ahead && !is_seat && row.trigger != Trigger::Boot {
                let fire = told(tick.fire_time);
                story.break_law("nothing runs unasked", format!("{tick} [{fire}]"));
            }
        }
    }
}
