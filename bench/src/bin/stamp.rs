//! The smallest command that proves when it ran: appends CLOCK_BOOTTIME, in nanoseconds, as a line to the file it is given.

use std::io::Write;

fn main() -> std::io::Result<()> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let path = std::env::args_os().nth(1).unwrap_or_default();
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)?;
    file.write_all(format!("{}\n", now.tv_sec * 1_000_000_000 + now.tv_nsec).as_bytes())
}
