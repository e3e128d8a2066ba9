//! When which attempt must be looked at again. One timer of the kernel for all of them; a look too many does no harm.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use crate::clock::timespec;

/// Instants of CLOCK_BOOTTIME and the numbers of what to look at then.
#[derive(Debug)]
pub(crate) struct Timers {
    due: BinaryHeap<Reverse<(i64, u64)>>,
    fd: OwnedFd,
    armed_for: Option<i64>,
}

impl Timers {
    pub(crate) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let fd = timerfd_create(TimerfdClockId::Boottime, flags)?;
        Ok(Self {
            due: BinaryHeap::new(),
            fd,
            armed_for: None,
        })
    }

    pub(crate) fn add(&mut self, at_boottime_ns: i64, number: u64) {
        self.due.push(Reverse((at_boottime_ns, number)));
    }

    /// Takes one number that is due.
    pub(crate) fn take_due(&mut self, now: i64) -> Option<u64> {
        let Reverse((at, number)) = *self.due.peek()?;
        if at > now {
            return None;
        }
        self.due.pop();
        Some(number)
    }

    /// Arms the kernel's timer for the earliest instant.
    pub(crate) fn arm(&mut self) {
        let earliest = self.due.peek().map(|first| first.0.0);
        if earliest == self.armed_for {
            return;
        }
        self.armed_for = earliest;
        let never = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let it_value = earliest.map_or(never, timespec);
        let setting = Itimerspec {
            it_interval: never,
            it_value,
        };
        let armed = timerfd_settime(&self.fd, TimerfdTimerFlags::ABSTIME, &setting);
        debug_assert!(armed.is_ok(), "{armed:?}");
    }

    /// Silences the kernel's timer after it rang.
    pub(crate) fn silence(&mut self) {
        let _silenced = rustix::io::read(&self.fd, &mut [0; 8]);
        self.armed_for = None;
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
