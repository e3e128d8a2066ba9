//! Starting one process: clone without copying memory, the steps of the child up to execve, and how a failed step comes back.
//!
//! The child shares the runner's memory while the calling thread waits (as with vfork), so starting costs the same however large the runner is, and the child
//! reports a failed step by writing it into that memory. The child calls the kernel only: it must not allocate, lock, panic or use the C library's setuid,
//! which would change every thread of the runner.
#![expect(
    unsafe_code,
    reason = "the child between clone and execve, and reaping"
)]

use std::ffi::{CString, c_char, c_int, c_void};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;

use carillon_core::ionice::Ionice;
use rustix::fs::{Mode, OFlags};
use rustix::io::DupFlags;

use crate::birth::bear;
use crate::group::Entrance;

/// Bytes of the stack on which a child runs up to execve.
const STACK_BYTES: usize = 64 * 1024;

/// Gives the caller a table of descriptors of its own, without those of the range.
const CLOSE_RANGE_UNSHARE: libc::c_uint = 1 << 1;

/// A single process, 0 the calling one.
const IOPRIO_WHO_PROCESS: c_int = 1;

/// Everything a child needs, laid out before it exists.
#[derive(Debug)]
pub(crate) struct Launch {
    /// Paths to try in order, as a search along PATH would.
    pub(crate) programs: Vec<CString>,
    pub(crate) argv: Vec<CString>,
    pub(crate) env: crate::environment::Environment,
    /// Entered as the user; the second where there is no first.
    pub(crate) directory: Directory,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) umask: u32,
    pub(crate) nice: Option<i32>,
    pub(crate) ionice: Option<Ionice>,
    pub(crate) rlimits: Vec<Rlimit>,
    pub(crate) no_new_privs: bool,
    /// Written to `/proc/self/oom_score_adj`, where the runner's own was changed.
    pub(crate) oom_score_adj: Option<CString>,
}

/// Where a command begins.
#[derive(Debug)]
pub(crate) enum Directory {
    /// There or nowhere.
    Exactly(CString),
    /// There, or in `/` if that is not possible.
    Rather(CString),
}

/// Who a command is.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) groups: Vec<u32>,
}

/// A resource limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rlimit {
    pub(crate) resource: u32,
    pub(crate) name: &'static str,
    pub(crate) soft: u64,
    pub(crate) hard: u64,
}

/// The step of the child that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Clone,
    /// Its control group.
    Group,
    Session,
    /// The limit of this index.
    Rlimit(usize),
    Nice,
    Ionice,
    Groups,
    Gid,
    Uid,
    NoNewPrivs,
    Directory,
    Stdio,
    Execute,
}

/// A process just started.
#[derive(Debug)]
pub(crate) struct Child {
    pub(crate) pid: u32,
    pub(crate) pidfd: OwnedFd,
}

/// What one starting thread keeps for its children: the stack on which they run up to execve, and three low descriptors for their standard streams.
///
/// A child shares the table of descriptors with the runner until it takes a copy of its low end alone; copying and closing the thousands of descriptors of a busy
/// runner would cost more than all the rest of a start.
#[derive(Debug)]
pub(crate) struct Seat {
    stack: Box<[u128]>,
    slots: [OwnedFd; 3],
    /// What lies in the slots between starts, so that their numbers stay taken and no pipe stays open.
    void: OwnedFd,
    /// The first descriptor that children do not get.
    end: u32,
}

impl Seat {
    /// Seats for threads that start commands. Taken early, they have low numbers.
    pub(crate) fn reserve(count: usize) -> io::Result<Vec<Self>> {
        let open = || rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty());
        let mut seats = Vec::with_capacity(count);
        for _ in 0..count {
            let slots = [open()?, open()?, open()?];
            let stack = vec![0; STACK_BYTES / 16].into_boxed_slice();
            seats.push(Self {
                stack,
                slots,
                void: open()?,
                end: 0,
            });
        }
        let numbers = seats
            .iter()
            .flat_map(|seat| &seat.slots)
            .map(|slot| slot.as_raw_fd() as u32);
        let end = numbers.max().map_or(3, |highest| highest + 1);
        seats.iter_mut().for_each(|seat| seat.end = end);
        Ok(seats)
    }

    fn place(&mut self, stdio: [BorrowedFd<'_>; 3]) -> io::Result<[c_int; 3]> {
        for (slot, source) in self.slots.iter_mut().zip(stdio) {
            rustix::io::dup3(source, slot, DupFlags::CLOEXEC)?;
        }
        Ok([0, 1, 2].map(|at: usize| self.slots[at].as_raw_fd()))
    }

    fn clear(&mut self) {
        for slot in &mut self.slots {
            let _cleared = rustix::io::dup3(&self.void, slot, DupFlags::CLOEXEC);
        }
    }
}

/// What the child sees; it lies on the waiting parent's stack.
struct Plan<'a> {
    launch: &'a Launch,
    stdio: [c_int; 3],
    /// Where it enlists in its control group, if it is not born in it.
    enlist: Option<c_int>,
    /// The first descriptor that the child does not get.
    end: u32,
    argv: Vec<*const c_char>,
    env: Vec<*const c_char>,
    /// For a program without a first line that names its interpreter: `/bin/sh`, the path, the arguments.
    script: Vec<*const c_char>,
    failed: Option<(Step, c_int)>,
}

/// Starts a process with these standard streams, in its control group or the runner's own. All signals of the calling thread must be blocked.
///
/// # Errors
/// The step that failed and its errno. Nothing ran then.
pub(crate) fn spawn(
    launch: &Launch,
    stdio: [BorrowedFd<'_>; 3],
    entrance: Option<&Entrance>,
    seat: &mut Seat,
) -> Result<Child, (Step, i32)> {
    let placed = seat.place(stdio);
    let started = placed
        .map_err(|error| (Step::Stdio, error.raw_os_error().unwrap_or(0)))
        .and_then(|stdio| clone_child(launch, stdio, entrance, seat));
    seat.clear();
    started
}

fn clone_child(
    launch: &Launch,
    stdio: [c_int; 3],
    entrance: Option<&Entrance>,
    seat: &mut Seat,
) -> Result<Child, (Step, i32)> {
    let (group, enlist) = match entrance {
        None => (None, None),
        Some(Entrance::Birth(group)) => (Some(group.as_fd()), None),
        Some(Entrance::Enlist(file)) => (None, Some(file.as_raw_fd())),
    };
    let mut plan = Plan {
        launch,
        stdio,
        enlist,
        end: seat.end,
        argv: pointers(&launch.argv),
        env: pointers(launch.env.words()),
        script: script_pointers(&launch.argv),
        failed: None,
    };
    let plan_pointer: *mut Plan<'_> = &mut plan;
    // SAFETY: this thread stands still until the child has executed or ended, so plan and stack outlive the child's use of them, and nobody else reads or
    // writes them. The stack is used by one child at a time.
    let born = unsafe { bear(run_child, plan_pointer.cast(), &mut seat.stack, group) };
    let (pid, pidfd) = born.map_err(|errno| (Step::Clone, errno))?;
    match plan.failed {
        None => Ok(Child {
            pid: pid as u32,
            pidfd,
        }),
        Some(failed) => {
            reap_failed(pid);
            Err(failed)
        }
    }
}

fn pointers(texts: &[CString]) -> Vec<*const c_char> {
    texts
        .iter()
        .map(|text| text.as_ptr())
        .chain([ptr::null()])
        .collect()
}

fn script_pointers(argv: &[CString]) -> Vec<*const c_char> {
    let rest = argv.iter().skip(1).map(|text| text.as_ptr());
    [c"/bin/sh".as_ptr(), ptr::null()]
        .into_iter()
        .chain(rest)
        .chain([ptr::null()])
        .collect()
}

fn last_errno() -> c_int {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn reap_failed(pid: c_int) {
    // SAFETY: the child is this process's own and has ended.
    unsafe { libc::waitpid(pid, ptr::null_mut(), libc::__WALL) };
}

extern "C" fn run_child(plan: *mut c_void) -> c_int {
    // SAFETY: the pointer is the parent's plan, and the parent stands still.
    let plan = unsafe { &mut *plan.cast::<Plan<'_>>() };
    let (step, errno) = match prepare_child(plan) {
        Ok(()) => (Step::Execute, execute(plan)),
        Err(step) => (step, last_errno()),
    };
    plan.failed = Some((step, errno));
    // SAFETY: ends this child alone, without the parent's exit handlers.
    unsafe { libc::_exit(127) }
}

fn prepare_child(plan: &Plan<'_>) -> Result<(), Step> {
    let launch = plan.launch;
    // SAFETY: calls of the kernel on values laid out by the parent; none allocates or locks.
    unsafe {
        if let Some(file) = plan.enlist {
            // Whoever writes 0 means himself.
            let written = libc::write(file, c"0".as_ptr().cast(), 1);
            check(if written == 1 { 0 } else { -1 }, Step::Group)?;
        }
        // Until here the descriptors are the runner's own; from here on they are a copy of the few below the end.
        let unshared = libc::syscall(
            libc::SYS_close_range,
            plan.end,
            u32::MAX,
            CLOSE_RANGE_UNSHARE,
        );
        check(unshared as c_int, Step::Stdio)?;
        check(libc::setsid(), Step::Session)?;
        for (index, limit) in launch.rlimits.iter().enumerate() {
            let value = libc::rlimit {
                rlim_cur: limit.soft,
                rlim_max: limit.hard,
            };
            check(
                libc::setrlimit(limit.resource as _, &value),
                Step::Rlimit(index),
            )?;
        }
        if let Some(nice) = launch.nice {
            check(libc::setpriority(libc::PRIO_PROCESS, 0, nice), Step::Nice)?;
        }
        if let Some(ionice) = launch.ionice {
            let set = libc::syscall(
                libc::SYS_ioprio_set,
                IOPRIO_WHO_PROCESS,
                0,
                ionice.kernel_value(),
            );
            check(set as c_int, Step::Ionice)?;
        }
        if let Some(score) = &launch.oom_score_adj {
            write_file(c"/proc/self/oom_score_adj".as_ptr(), score);
        }
        if let Some(credentials) = &launch.credentials {
            become_user(credentials)?;
        }
        if launch.no_new_privs {
            check(
                libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
                Step::NoNewPrivs,
            )?;
        }
        libc::umask(launch.umask);
        enter(&launch.directory)?;
        for (target, source) in (0..).zip(plan.stdio) {
            check(libc::dup2(source, target), Step::Stdio)?;
        }
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &none, ptr::null_mut());
    }
    Ok(())
}

fn check(result: c_int, step: Step) -> Result<(), Step> {
    if result == -1 { Err(step) } else { Ok(()) }
}

/// Groups, group, user, in this order: each needs the privilege that the next gives up.
///
/// # Safety
/// Only in a child.
unsafe fn become_user(who: &Credentials) -> Result<(), Step> {
    // SAFETY: plain system calls, which change this child alone where the C library's functions would change all threads.
    unsafe {
        let groups = libc::syscall(libc::SYS_setgroups, who.groups.len(), who.groups.as_ptr());
        check(groups as c_int, Step::Groups)?;
        check(
            libc::syscall(libc::SYS_setresgid, who.gid, who.gid, who.gid) as c_int,
            Step::Gid,
        )?;
        check(
            libc::syscall(libc::SYS_setresuid, who.uid, who.uid, who.uid) as c_int,
            Step::Uid,
        )
    }
}

/// # Safety
/// Only in a child.
unsafe fn enter(directory: &Directory) -> Result<(), Step> {
    // SAFETY: chdir of C strings that the parent owns.
    unsafe {
        match directory {
            Directory::Exactly(path) => check(libc::chdir(path.as_ptr()), Step::Directory),
            Directory::Rather(path) if libc::chdir(path.as_ptr()) == 0 => Ok(()),
            Directory::Rather(_) => check(libc::chdir(c"/".as_ptr()), Step::Directory),
        }
    }
}

/// Best effort: a score that cannot be set changes no outcome.
///
/// # Safety
/// Only in a child.
unsafe fn write_file(path: *const c_char, text: &CString) {
    // SAFETY: plain system calls on a path and a text that outlive them.
    unsafe {
        let fd = libc::open(path, libc::O_WRONLY | libc::O_CLOEXEC);
        if fd >= 0 {
            libc::write(fd, text.as_ptr().cast(), text.as_bytes().len());
            libc::close(fd);
        }
    }
}

/// Tries the programs in order. Returns only when none can be executed, with the error that says most.
fn execute(plan: &mut Plan<'_>) -> c_int {
    let mut errno = libc::ENOENT;
    for program in &plan.launch.programs {
        // SAFETY: null-terminated arrays of C strings that the parent owns.
        unsafe { libc::execve(program.as_ptr(), plan.argv.as_ptr(), plan.env.as_ptr()) };
        match last_errno() {
            libc::ENOENT | libc::ENOTDIR => {}
            libc::EACCES => errno = libc::EACCES,
            libc::ENOEXEC => {
                plan.script[1] = program.as_ptr();
                // SAFETY: as above.
                unsafe { libc::execve(plan.script[0], plan.script.as_ptr(), plan.env.as_ptr()) };
                return libc::ENOEXEC;
            }
            other => return other,
        }
    }
    errno
}
