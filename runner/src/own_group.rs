//! Which control group the runner itself lives in, in each of the ways in which a kernel keeps them.

use std::fs;
use std::path::{Path, PathBuf};

/// A tree of control groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hierarchy {
    /// The one of version 2.
    Unified,
    /// The one of version 1 in which processes are counted.
    Pids,
}

/// The directory of the runner's own group, if the hierarchy is mounted here.
pub(crate) fn own_group(hierarchy: Hierarchy) -> Option<PathBuf> {
    let cgroup = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mountinfo = fs::read_to_string("/proc/self/mountinfo").ok()?;
    hierarchy.find(&cgroup, &mountinfo)
}

impl Hierarchy {
    /// Where the group that `/proc/self/cgroup` names lies in the file system, by the mounts.
    fn find(self, cgroup: &str, mountinfo: &str) -> Option<PathBuf> {
        let group = cgroup.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            self.is_of(controllers).then_some(path)
        })?;
        mountinfo.lines().find_map(|line| {
            let (mount, kind) = line.split_once(" - ")?;
            let mut fields = mount.split(' ').skip(3);
            let (root, point) = (fields.next()?, fields.next()?);
            let below = Path::new(group).strip_prefix(root).ok()?;
            // Joining nothing would end the path in a slash.
            let path = Path::new(point).components().chain(below.components());
            self.is_mounted_as(kind).then(|| path.collect())
        })
    }

    fn is_of(self, controllers: &str) -> bool {
        match self {
            Hierarchy::Unified => controllers.is_empty(),
            Hierarchy::Pids => controllers.split(',').any(|name| name == "pids"),
        }
    }

    /// By the kind of file system and its options, the first and the last word of a line of mounts.
    fn is_mounted_as(self, kind: &str) -> bool {
        let name = kind.split(' ').next();
        let options = kind.rsplit(' ').next().unwrap_or_default();
        match self {
            Hierarchy::Unified => name == Some("cgroup2"),
            Hierarchy::Pids => name == Some("cgroup") && self.is_of(options),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
        25 1 0:5 / /sys/fs/cgroup ro - tmpfs tmpfs ro\n\
        26 25 0:6 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu\n\
        27 25 0:7 /box /sys/fs/cgroup/pids rw,nosuid - cgroup cgroup rw,pids\n\
        28 25 0:8 / /sys/fs/cgroup/unified rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";

    fn path(text: &str) -> Option<PathBuf> {
        Some(PathBuf::from(text))
    }

    #[test]
    fn own_group_of_version_two_is_found_behind_any_mount() {
        let found = |group: &str, mounts: &str| {
            Hierarchy::Unified.find(&format!("8:pids:/x\n0::{group}\n"), mounts)
        };
        let nested = "30 1 0:7 /box /sys/fs/cgroup rw - cgroup2 cgroup2 rw";

        assert_eq!(
            found("/system.slice/a.service", MOUNTS),
            path("/sys/fs/cgroup/unified/system.slice/a.service")
        );
        assert_eq!(found("/", MOUNTS), path("/sys/fs/cgroup/unified"));
        assert_eq!(found("/box/a", nested), path("/sys/fs/cgroup/a"));
        assert_eq!(found("/elsewhere", nested), None);
        assert_eq!(Hierarchy::Unified.find("8:pids:/x\n", MOUNTS), None);
    }

    #[test]
    fn own_group_among_those_that_count_processes_is_found() {
        let found = |cgroup: &str| Hierarchy::Pids.find(cgroup, MOUNTS);

        assert_eq!(
            found("8:pids:/box/a.service\n0::/\n"),
            path("/sys/fs/cgroup/pids/a.service")
        );
        assert_eq!(found("8:cpu,pids:/box\n"), path("/sys/fs/cgroup/pids"));
        assert_eq!(found("8:pids:/elsewhere\n"), None);
        assert_eq!(found("0::/\n"), None);
    }
}
