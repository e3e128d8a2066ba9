//! What the runner does to itself before it takes orders: signals, descriptors, limits, memory.
#![expect(
    unsafe_code,
    reason = "signal masks, signalfd, prctl, close_range, mallopt"
)]

use std::ffi::CString;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The score of a runner that may set it: the last to go when memory is short.
const OWN_OOM_SCORE: &str = "-900";
/// The score of a command of such a runner.
const COMMAND_OOM_SCORE: &str = "500";

/// Signals whose handlers report a fault of the runner itself.
const FAULTS: [libc::c_int; 5] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGILL,
    libc::SIGFPE,
    libc::SIGABRT,
];

/// Blocks all signals for this thread and those it will start, lets none be ignored, since commands would inherit that, and gives those that matter as a descriptor.
/// A blocked signal never arrives, so a Ctrl-C or a hang-up meant for others ends no runner.
pub(crate) fn take_signals() -> io::Result<OwnedFd> {
    // SAFETY: the sets are initialised by sigfillset and sigemptyset before use.
    let fd = unsafe {
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut all);
        // A fault of our own must still end the process.
        for signal in FAULTS {
            libc::sigdelset(&mut all, signal);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, std::ptr::null_mut());
        let default = [0_u64; 4];
        for signal in (1..=64).filter(|signal| !FAULTS.contains(signal)) {
            // Asked of the kernel, since the C library keeps two signals to itself; those that cannot be changed need no change.
            libc::syscall(libc::SYS_rt_sigaction, signal, &default, 0, 8);
        }
        let mut read: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut read);
        libc::sigaddset(&mut read, libc::SIGTERM);
        libc::signalfd(-1, &read, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK)
    };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: a new descriptor that nobody owns.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Empties the descriptor; true if the runner was asked to end.
pub(crate) fn was_asked_to_end(signals: &OwnedFd) -> bool {
    let mut asked = false;
    let mut record = [0; size_of::<libc::signalfd_siginfo>()];
    while rustix::io::read(signals, &mut record).is_ok_and(|length| length == record.len()) {
        asked |= u32::from_ne_bytes([record[0], record[1], record[2], record[3]])
            == libc::SIGTERM as u32;
    }
    asked
}

/// Makes this process the parent of all descendants whose own parent ends, keeps its memory from others, and lets no descriptor that it was given reach a command.
pub(crate) fn harden() -> io::Result<Inheritance> {
    // SAFETY: plain requests on this process; close_range only sets a flag on descriptors.
    unsafe {
        if libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 {
            return Err(io::Error::last_os_error());
        }
        libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0);
        libc::syscall(
            libc::SYS_close_range,
            3,
            u32::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        );
        // One heap for all threads, given back when free: the runner lives long and is small.
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 256 * 1024);
        libc::mallopt(libc::M_MMAP_THRESHOLD, 128 * 1024);
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o027));
    std::env::set_current_dir("/")?;
    Ok(Inheritance {
        open_files: raise_open_files(),
        oom_score_adj: protect_from_oom(),
    })
}

/// What the runner changed for itself and commands get back.
#[derive(Debug)]
pub(crate) struct Inheritance {
    /// Soft and hard limit of open files.
    pub(crate) open_files: (u64, u64),
    /// Their score in the kernel's search for memory, where the runner's own was changed.
    pub(crate) oom_score_adj: Option<CString>,
}

/// Each running command takes three descriptors. Returns the limits as they were.
fn raise_open_files() -> (u64, u64) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // Without the right to, the limit stays; starts then fail one by one with the reason.
    let _raised = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    );
    (current.unwrap_or(u64::MAX), maximum.unwrap_or(u64::MAX))
}

/// Protects the runner from the kernel's search for memory, if permitted; returns what commands then have to set for themselves.
fn protect_from_oom() -> Option<CString> {
    std::fs::write("/proc/self/oom_score_adj", OWN_OOM_SCORE).ok()?;
    CString::new(COMMAND_OOM_SCORE).ok()
}
