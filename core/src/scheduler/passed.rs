//! Ticks that came up while this node did not claim. It looks at them when it claims again, as after a restart: where
//! all nodes paused at once, for as long as a runner takes to be replaced, nobody else has decided them.

use std::collections::VecDeque;

use jiff::Timestamp;

use crate::identity::JobId;

/// A tick by its fire time, with the version of its job.
pub(super) type PassedTick = (Timestamp, JobId, i64);

/// The passed ticks of the last seconds.
#[derive(Debug, Default)]
pub(super) struct PassedTicks {
    /// Nearly in order of fire time.
    ticks: VecDeque<PassedTick>,
}

impl PassedTicks {
    /// Keeps a tick, and none that is older than `oldest`: a gate that stays closed costs no more for it.
    pub(super) fn push(&mut self, tick: PassedTick, oldest: Timestamp) {
        while let Some(&(fire_time, ..)) = self.ticks.front()
            && fire_time < oldest
        {
            self.ticks.pop_front();
        }
        self.ticks.push_back(tick);
    }

    /// Hands out those that are not older than `oldest`, and forgets all.
    pub(super) fn take_since(&mut self, oldest: Timestamp) -> Vec<PassedTick> {
        let mut ticks = Vec::from(std::mem::take(&mut self.ticks));
        ticks.retain(|&(fire_time, ..)| fire_time >= oldest);
        ticks
    }
}
