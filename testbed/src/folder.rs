//! Temporary folders that disappear with the test, or at the latest with the next one.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Once;

use anyhow::{Context, Result};
use tempfile::TempDir;

use crate::leftovers::{kill_users_of, tell_users_of};

/// The place for everything that tests of this user share: templates, port locks, shared servers.
pub(crate) fn root_folder() -> Result<PathBuf> {
    let uid = rustix::process::getuid().as_raw();
    let path = std::env::temp_dir().join(format!("carillon-testbed-{uid}"));
    fs::create_dir_all(&path).with_context(|| format!("creating {}", path.display()))?;
    Ok(path)
}

/// A private temporary folder. On drop it is removed, and whoever still works in it is killed:
/// detached programs do not outlive their test.
#[derive(Debug)]
pub struct Folder(TempDir);

impl Folder {
    /// Creates a folder whose name carries the process id, so that a later test process can sweep
    /// what a killed one left behind.
    ///
    /// # Errors
    /// When the temporary directory of the system cannot be written.
    pub fn create() -> Result<Self> {
        static SWEEP: Once = Once::new();
        let parent = root_folder()?.join("work");
        fs::create_dir_all(&parent).with_context(|| format!("creating {}", parent.display()))?;
        SWEEP.call_once(|| sweep(&parent));
        let folder = tempfile::Builder::new()
            .prefix(&own_prefix())
            .tempdir_in(&parent)
            .with_context(|| format!("creating a folder in {}", parent.display()))?;
        Ok(Self(folder))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// What the path of every folder of this process begins with.
    ///
    /// # Errors
    /// When the temporary directory of the system cannot be written.
    pub fn beginning_of_all() -> Result<PathBuf> {
        Ok(root_folder()?.join("work").join(own_prefix()))
    }

    /// The command lines of other processes that have something in it: what a test has left behind.
    #[must_use]
    pub fn users(&self) -> Vec<String> {
        tell_users_of(self.path())
    }

    /// A path inside it.
    #[must_use]
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        kill_users_of(self.path());
    }
}

fn own_prefix() -> String {
    format!("{}-", std::process::id())
}

/// Removes folders of processes that are gone. Failures do not matter: the next sweep tries again.
///
/// Many test processes sweep at once, and whoever is inside a folder to remove it looks like
/// somebody who works there. So a folder is first taken away by giving it a name of our own.
fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.split('-').next().unwrap_or_default();
        let gone = owner.parse::<u32>().is_ok() && !Path::new("/proc").join(owner).exists();
        if gone {
            kill_users_of(&entry.path());
            let taken = parent.join(format!("{}-sweeping-{name}", std::process::id()));
            if fs::rename(entry.path(), &taken).is_ok() {
                let _ = fs::remove_dir_all(taken);
            }
        }
    }
}
