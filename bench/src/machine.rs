//! The machine that is measured, its load, and its clock.

use std::process::Command;

use anyhow::Result;
use rustix::thread::clock_nanosleep_absolute;
use rustix::time::{ClockId, Timespec, clock_gettime};

/// A second in nanoseconds.
pub const SECOND_NS: i64 = 1_000_000_000;

/// The machine in a few lines of Markdown, with what else it is doing.
///
/// # Errors
/// When /proc cannot be read.
pub fn describe() -> Result<String> {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo")?;
    let model = cpuinfo
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("an unnamed processor", |(_, model)| model);
    let cores = std::thread::available_parallelism()?;
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let niceness = rustix::process::getpriority_process(None)?;
    Ok(format!(
        "* {cores} × {model}, Linux {}\n* {}\n* {}\n* load before: {}; niceness of everything measured: {niceness}\n",
        kernel.trim(),
        first_line("mariadbd", "--version"),
        first_line("redis-server", "--version"),
        load()?,
    ))
}

/// How many processes wanted to run during the last minute, as the kernel says it.
///
/// # Errors
/// When /proc cannot be read.
pub fn load() -> Result<String> {
    let text = std::fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
}

fn first_line(program: &str, option: &str) -> String {
    let output = Command::new(program).arg(option).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let text = text.unwrap_or_else(|_| format!("no {program}"));
    text.lines().next().unwrap_or_default().to_owned()
}

/// The wall clock, in nanoseconds since 1970.
pub fn now_ns() -> i64 {
    let now = clock_gettime(ClockId::Realtime);
    now.tv_sec * SECOND_NS + now.tv_nsec
}

/// The next full second that is at least `lead_s` away.
pub fn next_second(lead_s: i64) -> i64 {
    now_ns() / SECOND_NS + 1 + lead_s
}

/// Sleeps until the wall clock says so.
pub fn sleep_until_ns(at_ns: i64) {
    let until = Timespec {
        tv_sec: at_ns / SECOND_NS,
        tv_nsec: at_ns % SECOND_NS,
    };
    // Woken by a signal it sleeps on.
    while now_ns() < at_ns {
        let _woken = clock_nanosleep_absolute(ClockId::Realtime, &until);
    }
}
