//! What the kernel says of this host.

use std::fs;
use std::path::Path;

/// Load and memory, as the heartbeat carries them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Strain {
    /// The load average of a minute, in thousandths.
    pub load_milli: i64,
    /// Memory in bytes.
    pub memory_total: i64,
    /// What of it is free for use, in bytes.
    pub memory_available: i64,
}

/// Load and memory of this moment; zero where the kernel does not say.
pub fn strain() -> Strain {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: f64 = load
        .split(' ')
        .next()
        .and_then(|first| first.parse().ok())
        .unwrap_or(0.0);
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kilobytes = |name: &str| -> i64 {
        let line = memory
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_default();
        line.trim_matches(|c: char| !c.is_ascii_digit())
            .parse()
            .unwrap_or(0)
    };
    Strain {
        load_milli: (load * 1000.0) as i64,
        memory_total: kilobytes("MemTotal:") * 1024,
        memory_available: kilobytes("MemAvailable:") * 1024,
    }
}

/// A disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Disk {
    /// What there is.
    pub total: i64,
    /// What of it we may still write.
    pub available: i64,
}

/// The disk that `folder` is on; zero where the kernel does not say.
pub fn disk(folder: &Path) -> Disk {
    let Ok(said) = rustix::fs::statvfs(folder) else {
        return Disk::default();
    };
    let bytes = |blocks: u64| {
        i64::try_from(u128::from(blocks) * u128::from(said.f_frsize)).unwrap_or(i64::MAX)
    };
    // What is kept for root counts as used: nobody else can write there.
    let kept = said.f_bfree.saturating_sub(said.f_bavail);
    Disk {
        total: bytes(said.f_blocks.saturating_sub(kept)),
        available: bytes(said.f_bavail),
    }
}

/// The kernel's name for this life of the host.
pub fn host_boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .unwrap_or_default()
        .trim()
        .to_owned()
}

/// How long the host has been up, in seconds.
pub fn uptime_s() -> f64 {
    let text = fs::read_to_string("/proc/uptime").unwrap_or_default();
    text.split(' ')
        .next()
        .and_then(|first| first.parse().ok())
        .unwrap_or(0.0)
}

/// The host's own name.
pub fn host_name() -> String {
    gethostname::gethostname().to_string_lossy().into_owned()
}
