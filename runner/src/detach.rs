//! How the agent starts a runner that outlives it: a new session between fork and exec. One of the few places with `unsafe`.
#![expect(unsafe_code, reason = "pre_exec runs between fork and exec")]

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// Makes the process start in a session of its own, away from the caller's terminal and its signals.
pub(crate) fn detach_session(command: &mut Command) {
    // SAFETY: setsid is async-signal-safe and the closure allocates nothing.
    unsafe {
        command.pre_exec(|| rustix::process::setsid().map(drop).map_err(io::Error::from));
    }
}
