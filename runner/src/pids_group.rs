//! The place for control groups of version 1 that count processes: in the runner's own group of that hierarchy. Version 1 knows no mark of a delegation, and lets
//! groups be made below one in which processes live; whoever may make them there may have them.

use std::fs;
use std::path::{Path, PathBuf};

/// The runner's own group among those that count processes, if version 1 keeps them.
pub(crate) fn find_place() -> Option<PathBuf> {
    let cgroup = fs::read_to_string("/proc/self/cgroup").ok()?;
    let mountinfo = fs::read_to_string("/proc/self/mountinfo").ok()?;
    own_group(&cgroup, &mountinfo)
}

fn own_group(cgroup: &str, mountinfo: &str) -> Option<PathBuf> {
    let is_pids = |names: &str| names.split(',').any(|name| name == "pids");
    let group = cgroup.lines().find_map(|line| {
        let (names, path) = line.split_once(':')?.1.split_once(':')?;
        is_pids(names).then_some(path)
    })?;
    mountinfo.lines().find_map(|line| {
        let (mount, kind) = line.split_once(" - ")?;
        let mut kind = kind.split(' ');
        let (name, options) = (kind.next()?, kind.nth(1)?);
        let mut fields = mount.split(' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        let below = Path::new(group).strip_prefix(root).ok()?;
        let path = Path::new(point).components().chain(below.components());
        (name == "cgroup" && is_pids(options)).then(|| path.collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_group_is_found_behind_any_mount() {
        let mounts = "\
            26 25 0:6 / /sys/fs/cgroup/cpu rw shared:9 - cgroup cgroup rw,cpu\n\
            27 25 0:7 /box /sys/fs/cgroup/pids rw,nosuid - cgroup cgroup rw,pids\n\
            28 25 0:8 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let found = |cgroup: &str| own_group(cgroup, mounts);

        let path = |text: &str| Some(PathBuf::from(text));
        assert_eq!(
            found("8:pids:/box/a.service\n0::/\n"),
            path("/sys/fs/cgroup/pids/a.service")
        );
        assert_eq!(found("8:cpu,pids:/box\n"), path("/sys/fs/cgroup/pids"));
        assert_eq!(found("8:pids:/elsewhere\n"), None);
        assert_eq!(found("0::/\n"), None);
    }
}
