//! Reading how processes ended.
#![expect(
    unsafe_code,
    reason = "waitid with resource usage, waitpid by thread, and the exit record of a pidfd"
)]

use std::os::fd::{AsRawFd, BorrowedFd};

use carillon_core::launch::ProcessExit;

/// How a process ended and what it used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reaped {
    pub(crate) exit: ProcessExit,
    /// Microseconds of processor time, its waited-for children included.
    pub(crate) cpu_us: Option<u64>,
    /// Bytes of the largest resident set.
    pub(crate) memory_bytes: Option<u64>,
}

/// Takes the end of a child of this process; none while it lives.
pub(crate) fn reap_child(pidfd: BorrowedFd<'_>) -> Option<Reaped> {
    // SAFETY: zeros are valid for both, and the kernel writes no more than their sizes.
    let (info, usage, result) = unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        let mut usage: libc::rusage = std::mem::zeroed();
        let flags = libc::WEXITED | libc::WNOHANG;
        let result = libc::syscall(
            libc::SYS_waitid,
            libc::P_PIDFD,
            pidfd.as_raw_fd(),
            &mut info,
            flags,
            &mut usage,
        );
        (info, usage, result)
    };
    // SAFETY: a siginfo that waitid filled in carries pid and status; zeros mean that nothing has ended.
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    if result != 0 || pid == 0 {
        return None;
    }
    let exit = match info.si_code {
        libc::CLD_EXITED => ProcessExit::Code { code: status },
        code => ProcessExit::Signal {
            signal: status,
            core_dumped: code == libc::CLD_DUMPED,
        },
    };
    let micros = |time: libc::timeval| time.tv_sec as u64 * 1_000_000 + time.tv_usec as u64;
    Some(Reaped {
        exit,
        cpu_us: Some(micros(usage.ru_utime) + micros(usage.ru_stime)),
        memory_bytes: Some(usage.ru_maxrss as u64 * 1024),
    })
}

/// Takes the ends of orphans that fell to the calling thread; true if others live on. Must be called by the main thread, to which the kernel gives them,
/// and which itself starts nothing: what other threads started is not touched.
pub(crate) fn reap_orphans() -> bool {
    loop {
        let flags = libc::WNOHANG | libc::__WALL | libc::__WNOTHREAD;
        // SAFETY: a null status is allowed.
        match unsafe { libc::waitpid(-1, std::ptr::null_mut(), flags) } {
            0 => return true,
            pid if pid > 0 => {}
            _ => return false,
        }
    }
}

/// `struct pidfd_info` of the kernel, its first version.
#[repr(C)]
#[derive(Default)]
struct PidfdInfo {
    mask: u64,
    cgroup: u64,
    pids: [u32; 3],
    ids: [u32; 8],
    exit_code: i32,
}

const PIDFD_INFO_EXIT: u64 = 1 << 3;
/// `_IOWR(0xFF, 11, struct pidfd_info)`.
const PIDFD_GET_INFO: libc::c_ulong =
    (3 << 30) | ((size_of::<PidfdInfo>() as libc::c_ulong) << 16) | (0xff << 8) | 11;

/// How a process ended that is no child of this one, where the kernel (6.15 and later) keeps it. None: not known, or not yet reaped by its parent.
pub(crate) fn read_exit_record(pidfd: BorrowedFd<'_>) -> Option<ProcessExit> {
    let mut info = PidfdInfo {
        mask: PIDFD_INFO_EXIT,
        ..PidfdInfo::default()
    };
    // SAFETY: the request carries the size of the structure, beyond which the kernel does not write.
    let result = unsafe { libc::ioctl(pidfd.as_raw_fd(), PIDFD_GET_INFO, &mut info) };
    if result != 0 || info.mask & PIDFD_INFO_EXIT == 0 {
        return None;
    }
    let status = info.exit_code;
    Some(match libc::WIFSIGNALED(status) {
        true => ProcessExit::Signal {
            signal: libc::WTERMSIG(status),
            core_dumped: libc::WCOREDUMP(status),
        },
        false => ProcessExit::Code {
            code: libc::WEXITSTATUS(status),
        },
    })
}
