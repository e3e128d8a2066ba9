//! A file system with little room, for what happens when there is none.

use std::ffi::CString;
use std::fs;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::mount::{MountFlags, UnmountFlags, mount, mount_remount, unmount};

/// A file system in memory with so much room, mounted on a folder for as long as this value lives.
#[derive(Debug)]
pub struct SmallDisk {
    path: PathBuf,
}

impl SmallDisk {
    /// Mounts `bytes` of room on the folder, which must exist.
    ///
    /// # Errors
    /// A sentence on why this process may not mount; a test that hears it has nothing to try.
    ///
    /// # Panics
    /// When the folder is none, or mounting fails for another reason.
    pub fn mount(path: &Path, bytes: u64) -> Result<Self, String> {
        match mount("none", path, "tmpfs", MountFlags::empty(), &*room(bytes)) {
            Ok(()) => Ok(Self {
                path: path.to_owned(),
            }),
            Err(error @ (Errno::PERM | Errno::ACCESS)) => {
                Err(format!("this user may not mount a file system: {error}"))
            }
            Err(error) => panic!("cannot mount {bytes} bytes on {}: {error}", path.display()),
        }
    }

    /// Takes all room that is left.
    ///
    /// # Panics
    /// When the file that takes it cannot be made.
    pub fn fill(&self) {
        use std::io::Write as _;
        let mut file = fs::File::create(self.filler()).expect("a file of no length needs no room");
        let block = [0xA5; 4096];
        while file.write_all(&block).is_ok() {}
    }

    /// Gives back what [`SmallDisk::fill`] took.
    ///
    /// # Panics
    /// When nothing was taken.
    pub fn free(&self) {
        fs::remove_file(self.filler()).expect("the disk was filled");
    }

    /// Gives it another size.
    ///
    /// # Panics
    /// When that is refused, such as when more is in use.
    pub fn resize(&self, bytes: u64) {
        mount_remount(&self.path, MountFlags::empty(), &*room(bytes))
            .expect("a file system of our own changes its size");
    }

    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Whoever still has a file open keeps it, but nobody finds it any more.
        let _ = unmount(&self.path, UnmountFlags::DETACH);
    }
}

fn room(bytes: u64) -> CString {
    CString::new(format!("size={bytes}")).expect("a number holds no zero byte")
}
