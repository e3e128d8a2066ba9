//! How an agent becomes the installed program again without changing its process id, so that no supervisor notices.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

/// Where this program lies. Asked at the start: once the file has been replaced, the kernel only knows the old one.
///
/// # Errors
/// When the kernel does not say.
pub fn own_program() -> anyhow::Result<PathBuf> {
    std::env::current_exe().context("finding this program's own file")
}

/// Replaces this process by `program` with the same arguments. Returns only when that fails.
pub fn become_again(program: &Path) -> anyhow::Error {
    let error = Command::new(program)
        .args(std::env::args_os().skip(1))
        .exec();
    anyhow::Error::new(error).context(format!("executing {} again", program.display()))
}
