//! The folder of this node in which full output lies: opening files in it, and keeping it within its age and its room. It knows no attempt that writes, only names.
//!
//! The data directory belongs to the agent, which may have no privilege, and the runner may be root. So everything is done below one descriptor of a folder that is the
//! runner's own, and no link is followed.

use std::collections::HashSet;
use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, fstat, mkdirat, openat, statat, unlinkat,
};

use crate::clock::{MS, boottime_ns, moment};

/// The folder's name in the data directory.
const NAME: &str = "output";
/// Seconds of a day.
const DAY_S: i64 = 24 * 3600;
const MIB: u64 = 1024 * 1024;
/// How long a folder counts as full when nothing in it could go.
const FULL_NS: i64 = 1_000 * MS;

/// How much may lie there, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OutputLimits {
    /// Bytes after which a file is cut.
    pub(crate) part_bytes: u64,
    /// Bytes of one stream of one attempt, all its parts together.
    pub(crate) stream_bytes: u64,
    /// Bytes of the whole folder.
    pub(crate) folder_bytes: u64,
    /// Days for which files that nobody writes to any more are kept.
    pub(crate) days: u32,
}

impl OutputLimits {
    pub(crate) fn of_mib(part: u32, stream: u32, folder: u32, days: u32) -> Self {
        Self {
            part_bytes: u64::from(part) * MIB,
            stream_bytes: u64::from(stream) * MIB,
            folder_bytes: u64::from(folder) * MIB,
            days,
        }
    }
}

/// The folder and how full it is.
#[derive(Debug)]
pub(crate) struct OutputFolder {
    data_dir: PathBuf,
    pub(crate) limits: OutputLimits,
    /// Bytes in it, counted when it was last looked through and since.
    bytes: u64,
    /// Whether what lay there before this runner is among them.
    is_counted: bool,
    /// Names of the attempts that write; their files stay.
    living: HashSet<String>,
    /// Until when it need not be looked through again for room, in nanoseconds of CLOCK_BOOTTIME.
    full_until_ns: i64,
}

/// Where one attempt's files lie.
#[derive(Debug)]
pub(crate) struct Place {
    day: OwnedFd,
    /// The path of its files up to the suffix, for people.
    pub(crate) path: PathBuf,
    name: String,
}

/// A file that nobody writes to.
struct Idle {
    day: String,
    name: String,
    bytes: u64,
    changed_at_s: i64,
}

impl OutputFolder {
    pub(crate) fn new(data_dir: &Path, limits: OutputLimits) -> Self {
        Self {
            data_dir: data_dir.to_owned(),
            limits,
            bytes: 0,
            is_counted: false,
            living: HashSet::new(),
            full_until_ns: i64::MIN,
        }
    }

    /// A place for the files of this name on this day, which stay until it is given back.
    pub(crate) fn take_place(&mut self, day: &str, name: &str) -> io::Result<Place> {
        let root = self.open_root(Mode::RWXU)?;
        make_folder(&root, day)?;
        let day_fd = open_folder(&root, day)?;
        self.living.insert(name.to_owned());
        Ok(Place {
            day: day_fd,
            path: self.data_dir.join(NAME).join(day).join(name),
            name: name.to_owned(),
        })
    }

    /// Nobody writes there any more.
    pub(crate) fn give_back(&mut self, place: &Place) {
        self.living.remove(&place.name);
    }

    /// Makes room for so many bytes: what is oldest goes first, and never what is written to. How many of them have room.
    pub(crate) fn make_room(&mut self, bytes: u64) -> u64 {
        let limit = self.limits.folder_bytes;
        if !self.is_counted {
            self.tidy(limit);
        }
        let has_room = |folder: &Self| folder.bytes + bytes <= limit;
        if !has_room(self) && boottime_ns() >= self.full_until_ns {
            // A little more than asked for, so that not every write looks through the folder.
            self.tidy(limit.saturating_sub(bytes).saturating_sub(limit / 32));
            if !has_room(self) {
                self.full_until_ns = boottime_ns() + FULL_NS;
            }
        }
        bytes.min(limit.saturating_sub(self.bytes))
    }

    /// Counts bytes that were written.
    pub(crate) fn count(&mut self, bytes: u64) {
        self.bytes += bytes;
    }

    /// Drops a file of a living attempt.
    pub(crate) fn drop_file(&mut self, place: &Place, suffix: &str, bytes: u64) {
        let dropped = unlinkat(
            &place.day,
            format!("{}.{suffix}", place.name),
            AtFlags::empty(),
        );
        if dropped.is_ok() {
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }

    /// Drops what is too old, and what is too much.
    pub(crate) fn keep_house(&mut self) {
        self.tidy(self.limits.folder_bytes);
    }

    /// Looks through the folder and drops idle files, the oldest first, that are too old or stand in the way of so few bytes.
    fn tidy(&mut self, bytes_wanted: u64) {
        let Ok(root) = self.open_root(Mode::empty()) else {
            return;
        };
        let mut idle = Vec::new();
        (self.bytes, self.is_counted) = (0, true);
        for day in names(&root) {
            let Ok(folder) = open_folder(&root, &day) else {
                continue;
            };
            for name in names(&folder) {
                let Ok(found) = statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW) else {
                    continue;
                };
                let bytes = u64::try_from(found.st_size).unwrap_or(0);
                self.bytes += bytes;
                let is_living = |base: &String| {
                    let suffix = name.strip_prefix(base.as_str());
                    suffix.is_some_and(|suffix| suffix.starts_with('.'))
                };
                if !self.living.iter().any(is_living) {
                    idle.push(Idle {
                        day: day.clone(),
                        name,
                        bytes,
                        changed_at_s: found.st_mtime,
                    });
                }
            }
        }
        idle.sort_by_key(|file| file.changed_at_s);
        let too_old_s = moment().realtime_us / 1_000_000 - i64::from(self.limits.days) * DAY_S;
        for file in idle {
            if file.changed_at_s >= too_old_s && self.bytes <= bytes_wanted {
                break;
            }
            let Ok(folder) = open_folder(&root, &file.day) else {
                continue;
            };
            if unlinkat(&folder, &file.name, AtFlags::empty()).is_ok() {
                self.bytes = self.bytes.saturating_sub(file.bytes);
            }
            // Succeeds for the last file of a day alone.
            let _emptied = unlinkat(&root, &file.day, AtFlags::REMOVEDIR);
        }
    }

    /// The folder itself; made first where there is a mode to make it with.
    fn open_root(&self, make: Mode) -> io::Result<OwnedFd> {
        let path = self.data_dir.join(NAME);
        if !make.is_empty() {
            match mkdirat(CWD, &path, make) {
                Ok(()) | Err(rustix::io::Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let root = openat(CWD, &path, folder_flags(), Mode::empty())?;
        let found = fstat(&root)?;
        let own = rustix::process::geteuid().as_raw();
        if found.st_uid != own || found.st_mode & 0o077 != 0 {
            return Err(io::Error::other(format!(
                "the folder {} is not the runner's alone; remove it, the runner makes it anew",
                path.display()
            )));
        }
        Ok(root)
    }
}

impl Place {
    /// Opens a file of the attempt to write at its end, and says how long it is.
    pub(crate) fn open(&self, suffix: &str) -> io::Result<(File, u64)> {
        let flags = OFlags::WRONLY
            | OFlags::CREATE
            | OFlags::APPEND
            | OFlags::NOFOLLOW
            | OFlags::NOCTTY
            | OFlags::CLOEXEC;
        let name = format!("{}.{suffix}", self.name);
        let file = File::from(openat(&self.day, name, flags, Mode::RUSR | Mode::WUSR)?);
        let bytes = file.metadata()?.len();
        Ok((file, bytes))
    }

    /// What follows the suffix in the names of the attempt's files with that suffix, and how long they are.
    pub(crate) fn find(&self, suffix: &str) -> Vec<(String, u64)> {
        let beginning = format!("{}.{suffix}", self.name);
        let found = |name: String| {
            let rest = name.strip_prefix(&beginning)?.to_owned();
            let found = statat(&self.day, &name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
            Some((rest, u64::try_from(found.st_size).ok()?))
        };
        names(&self.day).into_iter().filter_map(found).collect()
    }
}

fn folder_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

fn make_folder(root: &OwnedFd, name: &str) -> io::Result<()> {
    match mkdirat(root, name, Mode::RWXU) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn open_folder(root: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    Ok(openat(root, name, folder_flags(), Mode::empty())?)
}

/// Names of what lies in a folder.
fn names(folder: &OwnedFd) -> Vec<String> {
    let read = Dir::read_from(folder).into_iter().flatten();
    let own = |name: &CStr| name.to_str().ok().map(str::to_owned);
    read.filter_map(Result::ok)
        .filter(|entry| entry.file_type() != FileType::Symlink)
        .filter_map(|entry| own(entry.file_name()))
        .filter(|name| name != "." && name != "..")
        .collect()
}
