//! What users would otherwise run, with the same witness in the same run. Today APScheduler, the best of those that were tried.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use carillon_testbed::{Folder, Process, Witness, leashed};

use crate::machine::{SECOND_NS, next_second, sleep_until_ns};
use crate::spread::Spread;

/// The program that makes APScheduler do it.
const PROGRAM: &str = include_str!("../peers/apscheduler_peer.py");

/// What it takes to come up.
const WARM_UP_S: i64 = 4;

/// Lets APScheduler start `jobs` commands every second, and says how late each began and how many are missing.
///
/// It tells its commands no fire time, so each counts for the second in which it began: a start that is more than a second late flatters it.
///
/// # Errors
/// When this Python has no APScheduler, or nothing ran.
pub fn every_second(python: &Path, jobs: usize, seconds: i64) -> Result<(Spread, usize)> {
    let folder = Folder::create()?;
    let program = folder.join("peer.py");
    std::fs::write(&program, PROGRAM)?;
    let witness = Witness::create()?;
    let mut command = leashed(python);
    command
        .arg(&program)
        .arg(witness.command())
        .arg(jobs.to_string());
    let log = folder.join("peer.log");
    let mut process = Process::start("APScheduler", command, &log)?;
    let from = next_second(WARM_UP_S);
    let until = from + seconds;
    sleep_until_ns((until + 1) * SECOND_NS);
    ensure!(
        process.exit_status().is_none(),
        "APScheduler ended: {}",
        process.log()
    );
    process.kill();
    let mut late = Vec::new();
    for start in witness.starts()? {
        let at_ns = i64::try_from(start.at_ns).context("a time after 2262")?;
        if (from..until).contains(&(at_ns / SECOND_NS)) {
            late.push((at_ns % SECOND_NS) as f64 / 1e6);
        }
    }
    let lost = (jobs * usize::try_from(seconds)?).saturating_sub(late.len());
    Ok((Spread::of(late)?, lost))
}
