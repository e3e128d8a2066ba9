//! Finds the programs that tests need, and installs the Debian package where that is allowed.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::folder::root_folder;

/// Folders looked at besides `PATH`: servers live in `sbin`, which users often do not search.
const EXTRA_FOLDERS: [&str; 4] = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin"];

/// The path of `program`, installing `packages` if it is missing and we may.
///
/// We may when we are root and `CI=true` or `CARILLON_INSTALL=1` is set.
///
/// # Errors
/// When the program is missing and may not, or could not, be installed; the text names the cure.
pub fn require(program: &str, packages: &[&str]) -> Result<PathBuf> {
    if let Some(path) = find(program) {
        return Ok(path);
    }
    let wanted = packages.join(" ");
    if !may_install() {
        bail!(
            "{program} is not installed; run `apt-get install {wanted}`, or set CARILLON_INSTALL=1 \
             as root and the tests will"
        );
    }
    let lock = File::create(root_folder()?.join("install.lock"))?;
    lock.lock()?;
    if find(program).is_none() {
        apt_get(&["update", "-q"])?;
        let mut arguments = vec!["install", "-q", "-y", "--no-install-recommends"];
        arguments.extend(packages);
        apt_get(&arguments)?;
    }
    find(program).with_context(|| format!("{program} is missing although {wanted} is installed"))
}

/// The path of `program`, if it is installed.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let search = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&search)
        .chain(EXTRA_FOLDERS.iter().map(PathBuf::from))
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

fn may_install() -> bool {
    let set = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    rustix::process::getuid().is_root()
        && Path::new("/usr/bin/apt-get").exists()
        && (set("CI", "true") || set("CARILLON_INSTALL", "1"))
}

fn apt_get(arguments: &[&str]) -> Result<()> {
    let output = Command::new("apt-get")
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .output()
        .context("starting apt-get")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("apt-get {} failed: {}", arguments.join(" "), said.trim());
    }
    Ok(())
}
