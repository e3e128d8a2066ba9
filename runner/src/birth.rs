//! The birth of a child: a process that shares this one's memory until it executes, and that begins its life inside a control group where it has one.
//!
//! To move a process into a group afterwards would stop every fork of the host for the time of the move, some milliseconds; being born there costs nothing.
#![expect(
    unsafe_code,
    reason = "clone, and clone3, for which the C library has no function"
)]

use std::ffi::{c_int, c_void};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// What a child does. It must end or execute, and never return.
pub(crate) type Life = extern "C" fn(*mut c_void) -> c_int;

/// With these a child is cheap, and the calling thread stands still until it has executed or ended.
const FLAGS: c_int = libc::CLONE_VM | libc::CLONE_FILES | libc::CLONE_VFORK | libc::CLONE_PIDFD;

/// The C library's own constant is too narrow for it.
const CLONE_INTO_CGROUP: u64 = 1 << 33;

/// Whether children can be born inside a control group: kernels before 5.7 and some sandboxes refuse the call.
pub(crate) fn is_born_in_groups() -> bool {
    let is_known_machine = cfg!(any(target_arch = "x86_64", target_arch = "aarch64"));
    // SAFETY: a structure of size zero is refused before anything is read.
    let answer = unsafe { libc::syscall(libc::SYS_clone3, std::ptr::null_mut::<c_void>(), 0) };
    is_known_machine && answer == -1 && last_errno() == libc::EINVAL
}

/// Makes a child that lives `life(argument)` on this stack; returns its number and a descriptor of it.
///
/// # Errors
/// The error number of the kernel.
///
/// # Safety
/// What `argument` points to must be usable by `life`, on a stack that nobody else uses. `life` must not return, allocate or lock.
pub(crate) unsafe fn bear(
    life: Life,
    argument: *mut c_void,
    stack: &mut [u128],
    group: Option<BorrowedFd<'_>>,
) -> Result<(c_int, OwnedFd), c_int> {
    let mut pidfd: c_int = -1;
    // SAFETY: the caller's promises. With CLONE_VFORK this thread stands still until the child is done with argument and stack.
    let pid = unsafe {
        match group {
            None => libc::clone(
                life,
                stack.as_mut_ptr_range().end.cast(),
                FLAGS | libc::SIGCHLD,
                argument,
                &mut pidfd as *mut c_int,
            ),
            Some(group) => bear_in_group(life, argument, stack, group, &mut pidfd)?,
        }
    };
    if pid < 0 {
        return Err(last_errno());
    }
    // SAFETY: a successful clone with CLONE_PIDFD made a new descriptor that nobody owns.
    Ok((pid, unsafe { OwnedFd::from_raw_fd(pidfd) }))
}

fn last_errno() -> c_int {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

/// # Safety
/// As [`bear`].
unsafe fn bear_in_group(
    life: Life,
    argument: *mut c_void,
    stack: &mut [u128],
    group: BorrowedFd<'_>,
    pidfd: &mut c_int,
) -> Result<c_int, c_int> {
    // SAFETY: a structure of zeros is a valid one.
    let mut wish: libc::clone_args = unsafe { std::mem::zeroed() };
    wish.flags = FLAGS as u64 | CLONE_INTO_CGROUP;
    wish.exit_signal = libc::SIGCHLD as u64;
    wish.pidfd = pidfd as *mut c_int as u64;
    wish.stack = stack.as_mut_ptr() as u64;
    wish.stack_size = size_of_val(stack) as u64;
    wish.cgroup = group.as_raw_fd() as u64;
    // SAFETY: the structure lives, and the caller promised the rest.
    let result = unsafe { clone3(&wish, life, argument) };
    match c_int::try_from(result) {
        Ok(pid) if pid > 0 => Ok(pid),
        Ok(errno) => Err(-errno),
        Err(_) => Err(libc::EINVAL),
    }
}

/// The call returns twice. The child finds nothing on its new stack, so it goes to its life from here, with what lies in registers.
///
/// # Safety
/// As [`bear`]; the stack must be aligned to 16 bytes.
#[cfg(target_arch = "x86_64")]
unsafe fn clone3(wish: &libc::clone_args, life: Life, argument: *mut c_void) -> isize {
    let result;
    // SAFETY: the parent's registers are kept but for those named; the child never comes back.
    unsafe {
        core::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, {argument}",
            "call {life}",
            "ud2",
            "2:",
            argument = in(reg) argument,
            life = in(reg) life,
            inlateout("rax") libc::SYS_clone3 as isize => result,
            in("rdi") std::ptr::from_ref(wish),
            in("rsi") size_of::<libc::clone_args>(),
            // Not late: the child reads its registers after the kernel has overwritten these.
            out("rcx") _,
            out("r11") _,
        );
    }
    result
}

/// The same in the other machine's words.
///
/// # Safety
/// As above.
#[cfg(target_arch = "aarch64")]
unsafe fn clone3(wish: &libc::clone_args, life: Life, argument: *mut c_void) -> isize {
    let result;
    // SAFETY: as above.
    unsafe {
        core::arch::asm!(
            "svc 0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x0, {argument}",
            "blr {life}",
            "brk 1",
            "2:",
            argument = in(reg) argument,
            life = in(reg) life,
            inlateout("x0") std::ptr::from_ref(wish) => result,
            in("x1") size_of::<libc::clone_args>(),
            in("x8") libc::SYS_clone3,
        );
    }
    result
}

/// No group is found on other machines, so nobody comes here.
///
/// # Safety
/// Any call is safe.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
unsafe fn clone3(_: &libc::clone_args, _: Life, _: *mut c_void) -> isize {
    -(libc::ENOSYS as isize)
}
