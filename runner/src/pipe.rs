//! The pipes behind a command's output.
//!
//! A command whose runner was killed must not die of writing to a pipe that nobody reads. So its end of the pipe is opened for reading too: the command itself keeps
//! the pipe alive, waits when it is full, and the next runner opens the other end again through `/proc`.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};

use carillon_core::launch::{Leftovers, StartFailure};
use rustix::fs::{Mode, OFlags, fcntl_setfl, fstat};
use rustix::pipe::{PipeFlags, pipe_with};

/// The pipes of standard output and standard error.
#[derive(Debug)]
pub(crate) struct OutputPipes {
    pub(crate) reading: [OwnedFd; 2],
    pub(crate) writing: [OwnedFd; 2],
    /// By which a later runner knows them again.
    pub(crate) inodes: [u64; 2],
}

/// Opens both pipes. The reading ends do not block.
///
/// # Errors
/// When the node is short of file descriptors.
pub(crate) fn open_output(leftovers: Leftovers) -> Result<OutputPipes, StartFailure> {
    let open = || {
        open_both(leftovers).map_err(|error| StartFailure::Resources {
            step: "opening the output".to_owned(),
            errno: error.raw_os_error().unwrap_or(0),
        })
    };
    open()
}

/// Opens the reading end of a pipe that a living process writes to; none if it writes elsewhere by now.
pub(crate) fn reopen_output(pid: u32, fd: u32, inode: u64) -> Option<OwnedFd> {
    let file = File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(format!("/proc/{pid}/fd/{fd}"))
        .ok()?;
    let found = file.metadata().ok()?;
    (found.file_type().is_fifo() && found.ino() == inode).then(|| file.into())
}

fn open_both(leftovers: Leftovers) -> io::Result<OutputPipes> {
    let (out_reading, out_writing, out_inode) = open_one(leftovers)?;
    let (err_reading, err_writing, err_inode) = open_one(leftovers)?;
    Ok(OutputPipes {
        reading: [out_reading, err_reading],
        writing: [out_writing, err_writing],
        inodes: [out_inode, err_inode],
    })
}

fn open_one(leftovers: Leftovers) -> io::Result<(OwnedFd, OwnedFd, u64)> {
    let (reading, writing) = pipe_with(PipeFlags::CLOEXEC)?;
    fcntl_setfl(&reading, OFlags::NONBLOCK)?;
    let inode = fstat(&reading)?.st_ino;
    let writing = match leftovers {
        Leftovers::Kill => reopen_both_ways(&writing)?,
        // What is left alone must learn that nobody reads any more, or it would wait for ever when the pipe is full.
        Leftovers::Leave => writing,
    };
    Ok((reading, writing, inode))
}

fn reopen_both_ways(writing: &OwnedFd) -> io::Result<OwnedFd> {
    let path = format!("/proc/self/fd/{}", writing.as_fd().as_raw_fd());
    Ok(rustix::fs::open(
        path,
        OFlags::RDWR | OFlags::CLOEXEC,
        Mode::empty(),
    )?)
}
