//! What processes cost, read from /proc.

use std::path::Path;

use anyhow::{Context, Result};

/// What the kernel calls a clock tick in /proc: a hundredth of a second on every Linux of today.
const TICK_US: u64 = 10_000;

/// Processor time of a process without its children, in microseconds; known to a hundredth of a second.
///
/// # Errors
/// When there is no such process.
pub fn cpu_us(pid: u32) -> Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .with_context(|| format!("process {pid} is gone"))?;
    // The name may hold blanks and brackets; what follows it is numbers.
    let (_, numbers) = text.rsplit_once(") ").context("a stat without a name")?;
    let fields: Vec<&str> = numbers.split(' ').collect();
    let ticks = |index: usize| -> Result<u64> { Ok(fields[index].parse()?) };
    // utime and stime, fields 14 and 15 of which two and the name are cut off.
    Ok((ticks(11)? + ticks(12)?) * TICK_US)
}

/// Memory of a process in KiB.
#[derive(Debug, Clone, Copy, Default)]
pub struct Memory {
    /// What it holds of the machine's: a page that several processes share counts for each with its part of it, so that
    /// the sum over processes is what they take together.
    pub proportional_kib: u64,
    /// Its own, without files.
    pub anonymous_kib: u64,
}

/// Memory of a process.
///
/// # Errors
/// When there is no such process.
pub fn memory(pid: u32) -> Result<Memory> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup"))
        .with_context(|| format!("process {pid} is gone"))?;
    let field = |name: &str| -> Result<u64> {
        let line = text.lines().find(|line| line.starts_with(name));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        Ok(number.with_context(|| format!("no {name}"))?.parse()?)
    };
    Ok(Memory {
        proportional_kib: field("Pss:")?,
        anonymous_kib: field("Anonymous:")?,
    })
}

/// The processes of a group.
///
/// # Errors
/// When /proc cannot be read.
pub fn members(group: u32) -> Result<Vec<u32>> {
    let wanted = group.to_string();
    let is_member = |&pid: &u32| stat_word(pid, 2).as_deref() == Some(&*wanted);
    Ok(pids()?.into_iter().filter(is_member).collect())
}

/// The runner whose data directory this is.
///
/// # Errors
/// When there is none.
pub fn runner_of(data_dir: &Path) -> Result<u32> {
    let wanted = data_dir.display().to_string();
    for pid in pids()? {
        // A process that ended meanwhile has no command line.
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        let is_runner = words.get(1) == Some(&b"runner".as_slice());
        if is_runner && words.contains(&wanted.as_bytes()) {
            return Ok(pid);
        }
    }
    anyhow::bail!("no runner works in {wanted}")
}

/// The processes that this one has started and that still live.
///
/// # Errors
/// When /proc cannot be read.
pub fn children(parent: u32) -> Result<Vec<u32>> {
    let wanted = parent.to_string();
    Ok(pids()?
        .into_iter()
        .filter(|&pid| stat_word(pid, 1).as_deref() == Some(&*wanted))
        .collect())
}

/// A word of what the kernel says of a process after its name: its state, its parent, its group; none when it is gone.
fn stat_word(pid: u32, number: usize) -> Option<String> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold blanks and brackets.
    let (_, words) = text.rsplit_once(") ")?;
    words.split(' ').nth(number).map(str::to_owned)
}

/// Ends a process that is not asked.
///
/// # Errors
/// When there is no such process.
pub fn kill_process(pid: u32) -> Result<()> {
    let pid = rustix::process::Pid::from_raw(pid.try_into()?).context("0 is no process")?;
    Ok(rustix::process::kill_process(
        pid,
        rustix::process::Signal::KILL,
    )?)
}

fn pids() -> Result<Vec<u32>> {
    let names = std::fs::read_dir("/proc")?.map(|entry| Ok(entry?.file_name()));
    let names: std::io::Result<Vec<_>> = names.collect();
    let pid = |name: &std::ffi::OsString| name.to_str()?.parse().ok();
    Ok(names?.iter().filter_map(pid).collect())
}
