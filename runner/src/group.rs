//! The control groups (version 2) of commands: one for each attempt, where this node has delegated a place for them. A group holds whatever its command becomes,
//! limits all of it together and kills all of it at once.
//!
//! It takes a place only where the service manager marked one as delegated, and moves nobody who lives there already: see `docs/OPERATING.md`.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use carillon_core::launch::Limits;
use carillon_core::token::Token;
use rustix::fs::{Mode, OFlags, getxattr};

use crate::birth::is_born_in_groups;
use crate::protocol::Containment;

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

#[derive(Debug)]
struct Place {
    dir: PathBuf,
    /// Tells the groups of this data directory from those of others in the same place.
    prefix: String,
}

impl Groups {
    /// Looks for a place and makes it ready; removes what an earlier runner left empty.
    pub(crate) fn find(data_dir: &Path) -> Self {
        let found = find_place().and_then(|dir| Place::prepare(dir, data_dir));
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
    pub(crate) fn make(&self, token: Token, limits: &Limits) -> io::Result<Option<OwnedFd>> {
        let Some(place) = &self.place else {
            return Ok(None);
        };
        let dir = place.dir_of(token);
        fs::create_dir(&dir)?;
        let made = self.containment.impose(&dir, limits).and_then(|()| {
            let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
            Ok(rustix::fs::open(&dir, flags, Mode::empty())?)
        });
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
        if let Some(dir) = self.dir_of(token) {
            // Kernels before 5.14 cannot; signals to each process, again and again, do it there.
            let _killed = fs::write(dir.join("cgroup.kill"), "1");
        }
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
        self.dir_of(token)
            .is_some_and(|dir| read_entry(&dir.join("cgroup.events"), "populated") == Some(1))
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
    fn prepare(dir: PathBuf, data_dir: &Path) -> Result<(Self, Containment), String> {
        let blame = |error: io::Error| format!("{} cannot be used: {error}", dir.display());
        let inode = fs::metadata(data_dir).map_err(blame)?.ino();
        let prefix = format!("carillon-{inode:x}-");
        let probe = dir.join(format!("{prefix}probe"));
        fs::create_dir(&probe).map_err(blame)?;
        let control = dir.join("cgroup.subtree_control");
        for controller in ["+cpu", "+memory", "+pids"] {
            // What is absent or not delegated is refused one by one; what holds is read below.
            let _enabled = fs::write(&control, controller);
        }
        let given = |file: &str| probe.join(file).exists();
        let [cpu, memory, pids] = ["cpu.max", "memory.max", "pids.max"].map(given);
        fs::remove_dir(&probe).map_err(blame)?;
        let place = dir.display();
        let why_not = format!(
            "{place} was not given every controller, or the runner lives in it and not below"
        );
        let containment = Containment {
            groups: true,
            cpu,
            memory,
            pids,
            why_not: (!(cpu && memory && pids)).then_some(why_not),
        };
        let place = Self { prefix, dir };
        place.remove_empty();
        Ok((place, containment))
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
    let read = |path: &str| fs::read_to_string(path).map_err(|error| error.to_string());
    let own = own_group(&read("/proc/self/cgroup")?, &read("/proc/self/mountinfo")?)
        .ok_or("no control groups of version 2 are mounted")?;
    let candidates = [own.parent(), Some(&own)];
    let found = candidates
        .into_iter()
        .flatten()
        .find(|dir| is_delegated(dir));
    found.map(Path::to_path_buf).ok_or_else(|| {
        format!(
            "{} is not delegated to this service; see control groups in docs/OPERATING.md",
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

/// Where the group that `/proc/self/cgroup` names lies in the file system, by the mounts.
fn own_group(cgroup: &str, mountinfo: &str) -> Option<PathBuf> {
    let group = cgroup.lines().find_map(|line| line.strip_prefix("0::"))?;
    mountinfo.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        let below = Path::new(group).strip_prefix(root).ok()?;
        let is_second = kind.starts_with("cgroup2 ");
        // Joining nothing would end the path in a slash.
        let path = Path::new(point).components().chain(below.components());
        is_second.then(|| path.collect())
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
    fn own_group_is_found_behind_any_mount() {
        let hybrid = "\
            25 1 0:5 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n\
            26 25 0:6 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n\
            27 25 0:7 / /sys/fs/cgroup/unified rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";
        let nested = "30 1 0:7 /box /sys/fs/cgroup rw - cgroup2 cgroup2 rw";
        let cgroup = |path: &str| format!("8:pids:/x\n0::{path}\n");
        let found = |path: &str, mounts: &str| own_group(&cgroup(path), mounts);

        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(
            found("/system.slice/a.service", hybrid),
            path("/sys/fs/cgroup/unified/system.slice/a.service")
        );
        assert_eq!(found("/", hybrid), path("/sys/fs/cgroup/unified"));
        assert_eq!(found("/box/a", nested), path("/sys/fs/cgroup/a"));
        assert_eq!(found("/elsewhere", nested), None);
        assert_eq!(own_group("8:pids:/x\n", hybrid), None);
    }

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
