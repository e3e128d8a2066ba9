//! A control group that is delegated to a runner as a service manager would do it, where this machine has control groups and lets the test make some.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use carillon_testbed::wait_until;
use rustix::fs::XattrFlags;

use crate::rig::{PATIENCE, Rig};

/// A delegated place, with the runner's own group in it.
pub(crate) struct Delegation {
    pub(crate) dir: PathBuf,
}

impl Delegation {
    /// A runner in such a place; none, and a line about it, where none can be made.
    pub(crate) async fn rig() -> Option<(Rig, Self)> {
        let delegation = match Self::make() {
            Ok(delegation) => delegation,
            Err(reason) => {
                eprintln!("skipped, no control group can be delegated here: {reason}");
                return None;
            }
        };
        let own = delegation.dir.join("agent/cgroup.procs");
        let rig = Rig::limited(&format!("echo $$ > {}", own.display())).await;
        assert!(rig.hello.containment.groups, "{}", rig.hello.containment);
        Some((rig, delegation))
    }

    fn make() -> std::io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        let mount = mounts
            .lines()
            .find(|line| line.contains(" - cgroup2 "))
            .and_then(|line| line.split(' ').nth(4))
            .ok_or(std::io::ErrorKind::NotFound)?;
        for controller in ["+cpu", "+memory", "+pids"] {
            // Those that this machine keeps elsewhere are done without.
            fs::write(Path::new(mount).join("cgroup.subtree_control"), controller).ok();
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("carillon-test-{}-{number}", std::process::id());
        let dir = Path::new(mount).join(name);
        fs::create_dir(&dir)?;
        let delegation = Self { dir };
        fs::create_dir(delegation.dir.join("agent"))?;
        let (mark, flags) = ("user.delegate", XattrFlags::empty());
        rustix::fs::setxattr(&delegation.dir, mark, b"1", flags)?;
        Ok(delegation)
    }

    /// The groups of attempts that are there.
    pub(crate) fn groups(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(&self.dir).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .filter(|path| path.is_dir() && !path.ends_with("agent"))
            .collect()
    }
}

impl Drop for Delegation {
    fn drop(&mut self) {
        let _killed = fs::write(self.dir.join("cgroup.kill"), "1");
        let groups: Vec<PathBuf> = match fs::read_dir(&self.dir) {
            Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
            Err(_) => Vec::new(),
        };
        let dirs = groups.iter().filter(|path| path.is_dir());
        for dir in dirs.chain([&self.dir]) {
            // Busy while the killed are going.
            wait_until("the group to be left", PATIENCE, || {
                let is_busy = fs::remove_dir(dir)
                    .is_err_and(|error| error.kind() == std::io::ErrorKind::ResourceBusy);
                (!is_busy).then_some(())
            });
        }
    }
}
