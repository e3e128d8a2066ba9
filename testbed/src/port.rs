//! Ports that stay ours, also while the server behind them is down.
//!
//! Asking the kernel for port 0 is not enough: between two lives of a server any other test could
//! be given the same number. Ports are therefore taken below the kernel's ephemeral range and each
//! is locked by a file for as long as the test process lives.

use std::fs::{self, File};
use std::net::TcpListener;
use std::sync::Mutex;

use anyhow::{Context, Result, bail};

use crate::folder::root_folder;

const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

/// Locks of the ports given out by this process; held until it ends.
static TAKEN: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A TCP port on 127.0.0.1 that nobody listens on and no other test process will be given.
///
/// # Errors
/// When the lock files cannot be written, or all 10,000 ports are in use.
pub fn free_port() -> Result<u16> {
    let (port, lock) = lock_port()?;
    TAKEN
        .lock()
        .expect("no panic happens while this lock is held")
        .push(lock);
    Ok(port)
}

/// As [`free_port`], but the caller decides how long the lock lives.
pub(crate) fn lock_port() -> Result<(u16, File)> {
    let folder = root_folder()?.join("ports");
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let start = (std::process::id() % u32::from(COUNT)) as u16;
    for step in 0..COUNT {
        // 7919 is prime and no divisor of COUNT, so that neighbours do not queue for the same ports.
        let offset = (u32::from(start) * 7_919 + u32::from(step)) % u32::from(COUNT);
        let port = FIRST + offset as u16;
        let path = folder.join(port.to_string());
        let lock = File::create(&path).with_context(|| format!("creating {}", path.display()))?;
        if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok((port, lock));
        }
    }
    bail!("all ports from {FIRST} to {} are in use", FIRST + COUNT - 1)
}
