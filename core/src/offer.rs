//! A run that waits for a node: asked for by hand, handed back, caught up, queued, or due for its next attempt.

use jiff::Timestamp;

use crate::run::{Preference, Trigger};
use crate::tick::Tick;

/// An offered run as nodes see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// The run.
    pub tick: Tick,
    /// Why it came to be.
    pub trigger: Trigger,
    /// The version of the job it was made for.
    pub version: i64,
    /// The attempt the taker makes.
    pub attempt: u32,
    /// Take it no earlier.
    pub not_before: Timestamp,
    /// Start it no later.
    pub until: Timestamp,
    /// Which node it is for.
    pub preference: Preference,
}
