//! Time of the simulated world: whole microseconds, and their translation for the core.

use jiff::{SignedDuration, Timestamp};

/// Microseconds; an instant counts from 1970.
pub(crate) type Micros = i64;

pub(crate) const MILLISECOND: Micros = 1_000;
pub(crate) const SECOND: Micros = 1_000_000;

/// When every world begins: a full hour.
pub(crate) const DAWN: Micros = 1_800_000_000 * SECOND;

pub(crate) fn stamp(at: Micros) -> Timestamp {
    Timestamp::from_microsecond(at).expect("worlds last minutes, not millennia")
}

pub(crate) fn span(length: Micros) -> SignedDuration {
    SignedDuration::from_micros(length)
}

/// An instant as stories tell it: seconds since the world began.
pub(crate) fn told(at: Timestamp) -> String {
    let since = at.as_microsecond() - DAWN;
    format!("{:.3}", since as f64 / SECOND as f64)
}

/// The clock that a node counts by: it drifts, it goes on while the host is frozen, and it may be wrong all at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NodeClock {
    true_ref: Micros,
    own_ref: Micros,
    /// So many microseconds a second too fast.
    drift: Micros,
}

impl NodeClock {
    pub(crate) fn new(now: Micros, own: Micros, drift: Micros) -> Self {
        NodeClock {
            true_ref: now,
            own_ref: own,
            drift,
        }
    }

    pub(crate) fn read(&self, now: Micros) -> Micros {
        let elapsed = now - self.true_ref;
        self.own_ref + elapsed + elapsed * self.drift / SECOND
    }

    pub(crate) fn step(&mut self, by: Micros) {
        self.own_ref += by;
    }

    /// When it will show `own`, or now if it has.
    pub(crate) fn true_at(&self, own: Micros, now: Micros) -> Micros {
        let ahead = (own - self.read(now)).max(0);
        now + ahead - ahead * self.drift / SECOND + i64::from(ahead > 0)
    }
}
