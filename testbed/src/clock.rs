//! The machine's clock: what a witness testifies by, and by which faults are written down.

use rustix::time::{ClockId, clock_gettime};

/// Nanoseconds since 1970, UTC.
#[must_use]
pub fn now_ns() -> i128 {
    let now = clock_gettime(ClockId::Realtime);
    i128::from(now.tv_sec) * 1_000_000_000 + i128::from(now.tv_nsec)
}
