//! Ends processes that were meant to outlive their parent but not their test.
//!
//! A program under test may start others that detach from it on purpose. They give themselves away
//! by what they hold: a file, a socket's log or a working directory in the test's folder, or the
//! folder's name in their command line.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// Rounds of looking: a process may have started another while we were killing it.
const ROUNDS_MAX: usize = 5;

/// Kills every other process that has something in `folder`.
pub(crate) fn kill_users_of(folder: &Path) {
    for _ in 0..ROUNDS_MAX {
        let users = users_of(folder);
        if users.is_empty() {
            return;
        }
        for user in users {
            let _ = kill_process(user, Signal::KILL);
        }
    }
}

/// The command lines of every other process that has something in `folder`.
pub(crate) fn tell_users_of(folder: &Path) -> Vec<String> {
    let tell = |pid: Pid| {
        let line = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default();
        let words = String::from_utf8_lossy(&line).replace('\0', " ");
        format!("{} {}", pid.as_raw_nonzero(), words.trim_end())
    };
    users_of(folder).into_iter().map(tell).collect()
}

fn users_of(folder: &Path) -> Vec<Pid> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let me = rustix::process::getpid();
    entries
        .flatten()
        .filter_map(|entry| {
            let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
            (pid != me && uses(&entry.path(), folder)).then_some(pid)
        })
        .collect()
}

/// Whether the process of this `/proc` entry has something in `folder`. What we may not look into
/// belongs to another user and is not ours to kill; a zombie has nothing.
fn uses(process: &Path, folder: &Path) -> bool {
    let leads_inside = |link: &Path| fs::read_link(link).is_ok_and(|to| to.starts_with(folder));
    let names_it = || {
        let name = folder.as_os_str().as_bytes();
        fs::read(process.join("cmdline"))
            .is_ok_and(|line| line.windows(name.len()).any(|part| part == name))
    };
    let holds_it = || {
        let descriptors = fs::read_dir(process.join("fd"))
            .into_iter()
            .flatten()
            .flatten();
        descriptors
            .into_iter()
            .any(|descriptor| leads_inside(&descriptor.path()))
    };
    leads_inside(&process.join("cwd")) || names_it() || holds_it()
}
