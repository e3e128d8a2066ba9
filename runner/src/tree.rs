//! Signals to processes that are no children of the runner, without ever hitting a stranger that took over a number.

use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::process_table::{Found, start_ticks};

/// Sends a signal to each process that still is the one that was found; returns how many.
pub(crate) fn signal_all(tree: &[Found], signal: Signal) -> u32 {
    let send = |found: &&Found| {
        hold_process(found.pid, || {
            start_ticks(found.pid) == Some(found.start_ticks)
        })
        .is_some_and(|process| pidfd_send_signal(&process, signal).is_ok())
    };
    tree.iter().filter(send).count() as u32
}

/// Holds a process by descriptor if the number still means the right one.
pub(crate) fn hold_process(pid: u32, is_right: impl FnOnce() -> bool) -> Option<OwnedFd> {
    let held = pidfd_open(
        Pid::from_raw(i32::try_from(pid).ok()?)?,
        PidfdFlags::empty(),
    )
    .ok()?;
    // Asked after the descriptor is held: from here on the number cannot change its meaning unseen.
    is_right().then_some(held)
}

/// The orphans that fell to the runner's main thread, or none where the kernel does not list them.
pub(crate) fn list_orphans() -> Option<Vec<u32>> {
    let own = std::process::id();
    let text = std::fs::read_to_string(format!("/proc/self/task/{own}/children")).ok()?;
    Some(
        text.split_ascii_whitespace()
            .filter_map(|pid| pid.parse().ok())
            .collect(),
    )
}
