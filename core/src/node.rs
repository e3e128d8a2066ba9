//! A machine that runs the agent, and what its heartbeat says of it.

use jiff::{SignedDuration, Timestamp};

use crate::identity::NodeId;
use crate::placement::Labels;

crate::words! {
    /// What operators want of a node.
    Duty, "duty" {
        /// Claims ticks.
        Active = "active",
        /// Claims nothing new; runs of its own end.
        Drained = "drained",
        /// Gone for good; kept for the history.
        Retired = "retired",
    }
}

crate::words! {
    /// What its heartbeats say.
    Liveness, "liveness" {
        /// It beats.
        Fresh = "fresh",
        /// It has missed a few beats.
        Late = "late",
        /// It has missed so many that somebody must look.
        Silent = "silent",
    }
}

/// A heartbeat goes out this often.
pub const HEARTBEAT_INTERVAL: SignedDuration = SignedDuration::from_secs(3);

/// When missing beats start to mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Late from then on.
    pub late_after: SignedDuration,
    /// Silent from then on.
    pub silent_after: SignedDuration,
}

/// So long after the store has last seen a node, the node still starts what it has claimed. Shorter than
/// [`Limits::silent_after`] by more than a beat may be on its way: what others may call lost starts no more.
pub const STARTS_UNSEEN_FOR: SignedDuration = SignedDuration::from_secs(20);

impl Default for Limits {
    fn default() -> Self {
        Limits {
            late_after: SignedDuration::from_secs(10),
            silent_after: SignedDuration::from_secs(30),
        }
    }
}

/// What the age of the last beat means. Both instants are the store's.
pub fn liveness(last_beat_at: Timestamp, now: Timestamp, limits: Limits) -> Liveness {
    match now.duration_since(last_beat_at) {
        age if age < limits.late_after => Liveness::Fresh,
        age if age < limits.silent_after => Liveness::Late,
        _ => Liveness::Silent,
    }
}

/// A node as its peers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Which.
    pub id: NodeId,
    /// What people call it.
    pub name: String,
    /// What it says of itself.
    pub labels: Labels,
    /// The most commands it runs at once: its weight in the order of preference.
    pub running_max: u32,
    /// What operators want of it.
    pub duty: Duty,
    /// Whether it may claim: its clock is trusted, its spawns work.
    pub is_claiming: bool,
    /// What its heartbeats say.
    pub liveness: Liveness,
}

impl Peer {
    /// Whether this node takes part in the order of preference.
    pub fn is_candidate(&self) -> bool {
        self.duty == Duty::Active && self.is_claiming && self.liveness == Liveness::Fresh
    }
}

/// How far the node's clock is from the store's, and how well that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockOffset {
    /// Store clock minus node clock.
    pub offset: SignedDuration,
    /// The truth lies within this much of it.
    pub uncertainty: SignedDuration,
}

/// Beyond this uncertainty a node does not know what time it is and claims nothing.
pub const CLOCK_UNCERTAINTY_MAX: SignedDuration = SignedDuration::from_secs(1);

/// Beyond this offset operators are told.
pub const CLOCK_OFFSET_WARNING: SignedDuration = SignedDuration::from_millis(500);

impl ClockOffset {
    /// What one question to the store tells: asked at `asked_at`, answered at `answered_at` by the node's clock, and the store said
    /// `store_now` in between (Cristian, 1989).
    pub fn measure(asked_at: Timestamp, store_now: Timestamp, answered_at: Timestamp) -> Self {
        let uncertainty = answered_at.duration_since(asked_at) / 2;
        let midpoint = asked_at.saturating_add(uncertainty).unwrap_or(asked_at);
        ClockOffset {
            offset: store_now.duration_since(midpoint),
            uncertainty,
        }
    }

    /// Whether the node may claim by this clock.
    pub fn is_trusted(&self) -> bool {
        self.uncertainty <= CLOCK_UNCERTAINTY_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn the_age_of_a_beat_decides_liveness() {
        let limits = Limits::default();

        assert_eq!(liveness(at(0), at(9), limits), Liveness::Fresh);
        assert_eq!(liveness(at(0), at(10), limits), Liveness::Late);
        assert_eq!(liveness(at(0), at(30), limits), Liveness::Silent);
        assert_eq!(liveness(at(5), at(0), limits), Liveness::Fresh);
    }

    #[test]
    fn half_the_round_trip_is_the_uncertainty() {
        let clock = ClockOffset::measure(at(100), at(151), at(102));

        assert_eq!(clock.offset, SignedDuration::from_secs(50));
        assert_eq!(clock.uncertainty, SignedDuration::from_secs(1));
        assert!(clock.is_trusted());
    }
}
