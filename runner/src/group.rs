//! The control groups of commands: one for each attempt, where this node has delegated a place for them. A group holds whatever its command becomes,
//! limits all of it together and kills all of it at once.
//!
//! It takes a place only where the service manager marked one as delegated, and moves nobody who lives there already: see `docs/OPERATING.md`. Where there are
//! groups of version 1 alone, commands with a limit of processes get one that counts them.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use carillon_core::launch::Limits;
use carillon_core::token::Token;
use rustix::fs::{Mode, OFlags, getxattr};

use crate::birth::is_born_in_groups;
use crate::containment::Containment;
use crate::own_group::{Hierarchy, own_group};

/// How service managers mark what they delegate; ordinary users cannot read the second.
const MARKS: [&str; 2] = ["user.delegate", "trusted.delegate"];
/// The period of a processor limit, in microseconds: the kernel's own choice.
const PERIOD_US: u64 = 100_000;

/// The place for groups, if this node has one.
#[derive(Debug)]
pub(crate) struct Groups {
    place: Option<Place>,
    containment: Containment,
}

/// How a command comes into its group.
#[derive(Debug)]
pub(crate) enum Entrance {
    /// It is born there: the directory of the group.
    Birth(OwnedFd),
    /// It writes itself into this file, version 1's way, before it executes.
    Enlist(OwnedFd),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    First,
    Second,
}

#[derive(Debug)]
struct Place {
    version: Version,
    dir: PathBuf,
    /// Tells the groups of this data directory from those of others in the same place.
    prefix: String,
}

impl Groups {
    /// Looks for a place and makes it ready; removes what an earlier runner left empty.
    pub(crate) fn find(data_dir: &Path) -> Self {
        let found = find_place().and_then(|dir| Place::prepare(&dir, data_dir));
        let found = found.or_else(|why| Place::prepare_first(data_dir, why));
        let groups = match found {
            Ok((place, containment)) => Self {
                place: Some(place),
                containment,
            },
            Err(why) => Self::none(why),
        };
        tracing::info!("{}", groups.containment);
        groups
    }

    fn none(why: String) -> Self {
        Self {
            place: None,
            containment: Containment {
                why_not: Some(why),
                ..Containment::default()
            },
        }
    }

    /// Which limits hold for whole trees here.
    pub(crate) fn containment(&self) -> &Containment {
        &self.containment
    }

    /// Makes the group of an attempt, with its limits; none where there are no groups.
    ///
    /// # Errors
    /// When the kernel refuses another group or one of the limits.
    pub(crate) fn make(&self, token: Token, limits: &Limits) -> io::Result<Option<Entrance>> {
        let Some(place) = &self.place else {
            return Ok(None);
        };
        // To enter a group of version 1 takes milliseconds, so only who needs one gets it.
        if place.version == Version::First && limits.pids.is_none() {
            return Ok(None);
        }
        let dir = place.dir_of(token);
        fs::create_dir(&dir)?;
        let imposed = self.containment.impose(&dir, limits);
        let made = imposed.and_then(|()| place.version.open(&dir));
        if made.is_err() {
            self.remove(token);
        }
        made.map(Some)
    }

    /// Removes the group of an attempt; false while something lives in it.
    pub(crate) fn remove(&self, token: Token) -> bool {
        let Some(dir) = self.dir_of(token) else {
            return true;
        };
        match fs::remove_dir(dir) {
            Ok(()) => true,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        }
    }

    /// Kills all that lives in the group of an attempt, what is being born included.
    pub(crate) fn kill(&self, token: Token) {
        let Some(place) = &self.place else { return };
        let dir = place.dir_of(token);
        // Signals to each process, again and again, end the rest.
        let _killed = match place.version {
            // Nothing more is born.
            Version::First => fs::write(dir.join("pids.max"), "0"),
            // Kernels before 5.14 cannot.
            Version::Second => fs::write(dir.join("cgroup.kill"), "1"),
        };
    }

    /// The processes in the group of an attempt.
    pub(crate) fn members(&self, token: Token) -> Vec<u32> {
        let text = self.dir_of(token).map(|dir| dir.join("cgroup.procs"));
        let text = text.and_then(|path| fs::read_to_string(path).ok());
        let numbers = text.as_deref().unwrap_or_default().lines();
        numbers.filter_map(|pid| pid.parse().ok()).collect()
    }

    /// Whether something lives in the group of an attempt.
    pub(crate) fn is_populated(&self, token: Token) -> bool {
        self.place
            .as_ref()
            .is_some_and(|place| match place.version {
                Version::First => !self.members(token).is_empty(),
                Version::Second => {
                    let events = place.dir_of(token).join("cgroup.events");
                    read_entry(&events, "populated") == Some(1)
                }
            })
    }

    /// The bytes that were not enough, if the kernel has ended the group of an attempt for want of memory.
    pub(crate) fn exceeded_memory(&self, token: Token) -> Option<u64> {
        let dir = self.dir_of(token)?;
        let killed = read_entry(&dir.join("memory.events"), "oom_kill")?;
        let limit = fs::read_to_string(dir.join("memory.max")).ok()?;
        let limit = limit.trim().parse().ok()?;
        (killed > 0).then_some(limit)
    }

    fn dir_of(&self, token: Token) -> Option<PathBuf> {
        self.place.as_ref().map(|place| place.dir_of(token))
    }
}

impl Place {
    /// Enables what can be, and removes what an earlier runner left empty.
    fn prepare(dir: &Path, data_dir: &Path) -> Result<(Self, Containment), String> {
        let blame = |error: io::Error| format!("{} cannot be used: {error}", dir.display());
        let place = Self::at(Version::Second, dir, data_dir).map_err(blame)?;
        let probe = place.probe();
        fs::create_dir(&probe).map_err(blame)?;
        let control = dir.join("cgroup.subtree_control");
        for controller in ["+cpu", "+memory", "+pids"] {
            // What is absent or not delegated is refused one by one; what holds is read below.
            let _enabled = fs::write(&control, controller);
        }
        let given = |file: &str| probe.join(file).exists();
        let [cpu, memory, pids] = ["cpu.max", "memory.max", "pids.max"].map(given);
        fs::remove_dir(&probe).map_err(blame)?;
        let why_not = format!(
            "{} was not given every controller, or the runner lives in it and not below",
            dir.display()
        );
        let containment = Containment {
            groups: true,
            cpu,
            memory,
            pids,
            why_not: (!(cpu && memory && pids)).then_some(why_not),
        };
        place.remove_empty();
        Ok((place, containment))
    }

    /// Takes a place among groups of version 1, where only processes are counted; else `why` there is none at all. They know no mark of a delegation, and let
    /// groups be made below one in which processes live: whoever may make them there may have them.
    fn prepare_first(data_dir: &Path, why: String) -> Result<(Self, Containment), String> {
        let own = own_group(Hierarchy::Pids);
        let place = own.and_then(|dir| Self::at(Version::First, &dir, data_dir).ok());
        let is_usable = |place: &Self| {
            let probe = place.probe();
            fs::create_dir(&probe).is_ok() && fs::remove_dir(&probe).is_ok()
        };
        let Some(place) = place.filter(is_usable) else {
            return Err(why);
        };
        place.remove_empty();
        let containment = Containment {
            pids: true,
            why_not: Some(format!(
                "{why}; processes are counted in {}",
                place.dir.display()
            )),
            ..Containment::default()
        };
        Ok((place, containment))
    }

    fn at(version: Version, dir: &Path, data_dir: &Path) -> io::Result<Self> {
        let inode = fs::metadata(data_dir)?.ino();
        Ok(Self {
            version,
            dir: dir.to_owned(),
            prefix: format!("carillon-{inode:x}-"),
        })
    }

    /// A group that is made to see whether one can be.
    fn probe(&self) -> PathBuf {
        self.dir.join(format!("{}probe", self.prefix))
    }

    fn dir_of(&self, token: Token) -> PathBuf {
        self.dir.join(format!("{}{token}", self.prefix))
    }

    fn remove_empty(&self) {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        for entry in entries {
            let name = entry.file_name();
            if name.to_string_lossy().starts_with(&self.prefix) {
                // Refused where something lives.
                let _removed = fs::remove_dir(entry.path());
            }
        }
    }
}

impl Version {
    fn open(self, dir: &Path) -> io::Result<Entrance> {
        let open = |path: &Path, flags: OFlags| {
            Ok(rustix::fs::open(
                path,
                flags | OFlags::CLOEXEC,
                Mode::empty(),
            )?)
        };
        match self {
            Version::First => open(&dir.join("cgroup.procs"), OFlags::WRONLY).map(Entrance::Enlist),
            Version::Second => open(dir, OFlags::DIRECTORY | OFlags::RDONLY).map(Entrance::Birth),
        }
    }
}

impl Containment {
    fn impose(&self, dir: &Path, limits: &Limits) -> io::Result<()> {
        if let (true, Some(percent)) = (self.cpu, limits.cpu_percent) {
            let quota_us = u64::from(percent) * PERIOD_US / 100;
            fs::write(dir.join("cpu.max"), format!("{quota_us} {PERIOD_US}"))?;
        }
        if let (true, Some(bytes)) = (self.memory, limits.memory_bytes) {
            fs::write(dir.join("memory.max"), bytes.to_string())?;
            // One file is absent where nothing is swapped, the other in old kernels.
            let _unswapped = fs::write(dir.join("memory.swap.max"), "0");
            let _together = fs::write(dir.join("memory.oom.group"), "1");
        }
        if let (true, Some(count)) = (self.pids, limits.pids) {
            fs::write(dir.join("pids.max"), count.to_string())?;
        }
        Ok(())
    }
}

/// The delegated group above the runner's own, which nobody lives in, or else the runner's own, in which no limit can hold.
fn find_place() -> Result<PathBuf, String> {
    if !is_born_in_groups() {
        return Err("the kernel starts no process in a group (5.7 and later do)".to_owned());
    }
    let own = own_group(Hierarchy::Unified).ok_or("no control groups of version 2 are mounted")?;
    let candidates = [own.parent(), Some(&own)];
    let found = candidates
        .into_iter()
        .flatten()
        .find(|dir| is_delegated(dir));
    found.map(Path::to_path_buf).ok_or_else(|| {
        format!(
            "{} is not delegated to this service; see *Limits* in docs/OPERATING.md",
            own.display()
        )
    })
}

fn is_delegated(dir: &Path) -> bool {
    MARKS.iter().any(|mark| {
        let mut value = [0; 1];
        getxattr(dir, *mark, &mut value) == Ok(1) && value == *b"1"
    })
}

/// The number behind a name in a file of such lines.
fn read_entry(path: &Path, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    value.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_without_delegation_says_so() {
        let groups = Groups::none("nothing is delegated".to_owned());

        assert_eq!(
            groups.containment().why_not.as_deref(),
            Some("nothing is delegated")
        );
        let token = Token::from_bytes([1; 16]);
        assert!(groups.make(token, &Limits::default()).unwrap().is_none());
        assert!(groups.remove(token));
    }
}
