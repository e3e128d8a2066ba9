//! The runner's only clock. Waiting and deadlines use CLOCK_BOOTTIME, which never jumps and counts sleep; the host's own time is for the record alone.

use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::protocol::Moment;

/// Nanoseconds in a millisecond.
pub(crate) const MS: i64 = 1_000_000;

/// Nanoseconds of CLOCK_BOOTTIME.
pub(crate) fn boottime_ns() -> i64 {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::Boottime);
    tv_sec * 1_000_000_000 + tv_nsec
}

/// Both clocks of the host.
pub(crate) fn moment() -> Moment {
    let Timespec { tv_sec, tv_nsec } = clock_gettime(ClockId::Realtime);
    Moment {
        boottime_ns: boottime_ns(),
        realtime_us: tv_sec * 1_000_000 + tv_nsec / 1_000,
    }
}

/// An instant of CLOCK_BOOTTIME as the kernel's timers take it. Zero would disarm a timer, so the least is one nanosecond.
pub(crate) fn timespec(boottime_ns: i64) -> Timespec {
    let at = boottime_ns.max(1);
    Timespec {
        tv_sec: at / 1_000_000_000,
        tv_nsec: at % 1_000_000_000,
    }
}
