//! The bare limit: a timer to the second and a loop that spawns the same witness. No journal, no record, no output, one thread.

use std::process::{Child, Command, Stdio};

use anyhow::Result;
use carillon_testbed::Witness;
use jiff::Timestamp;

use crate::machine::{SECOND_NS, next_second, sleep_until_ns};
use crate::spread::Spread;

/// By which way a bare loop starts a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The program itself.
    Direct,
    /// `sh -c`, as every scheduler of the peers does it.
    Shell,
}

impl Way {
    /// What tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Way::Direct => "limit",
            Way::Shell => "limit-sh",
        }
    }
}

/// Starts `jobs` commands at each of `seconds` seconds and says how late each began.
///
/// # Errors
/// When a command cannot be started or did not testify.
pub fn every_second(way: Way, jobs: usize, seconds: i64) -> Result<Spread> {
    let witness = Witness::create()?;
    let from = next_second(1);
    for second in from..from + seconds {
        spawn_at(way, &witness, jobs, second)?;
    }
    lateness(&witness, jobs * usize::try_from(seconds)?)
}

/// Starts `jobs` commands at one second and says how late each began.
///
/// # Errors
/// When a command cannot be started or did not testify.
pub fn burst(way: Way, jobs: usize) -> Result<Spread> {
    let witness = Witness::create()?;
    spawn_at(way, &witness, jobs, next_second(1))?;
    lateness(&witness, jobs)
}

fn spawn_at(way: Way, witness: &Witness, jobs: usize, second: i64) -> Result<()> {
    let fire_time = Timestamp::from_second(second)?.to_string();
    let mut commands: Vec<Command> = (0..jobs)
        .map(|job| command(way, witness, job, &fire_time))
        .collect();
    sleep_until_ns(second * SECOND_NS);
    let mut children: Vec<Child> = Vec::with_capacity(jobs);
    for command in &mut commands {
        children.push(command.spawn()?);
        // Ten thousand unburied processes would slow down the loop that is the limit.
        if children.len() >= 64 {
            children.retain_mut(|child| !matches!(child.try_wait(), Ok(Some(_))));
        }
    }
    for child in &mut children {
        child.wait()?;
    }
    Ok(())
}

/// With as many variables as a command of Carillon gets.
fn command(way: Way, witness: &Witness, job: usize, fire_time: &str) -> Command {
    let line = witness.command();
    let mut command = match way {
        Way::Direct => {
            let mut words = line.split(' ');
            let mut command = Command::new(words.next().unwrap_or_default());
            command.args(words);
            command
        }
        Way::Shell => {
            let mut command = Command::new("/bin/sh");
            command.arg("-c").arg(&line);
            command
        }
    };
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("CARILLON_JOB_ID", job.to_string())
        .env("CARILLON_FIRE_TIME", fire_time);
    for name in ["RUN_ID", "TOKEN", "ATTEMPT", "NODE", "SLOT", "SLOTS"] {
        command.env(format!("CARILLON_{name}"), "1");
    }
    command
}

fn lateness(witness: &Witness, wanted: usize) -> Result<Spread> {
    let starts = witness.starts()?;
    anyhow::ensure!(
        starts.len() == wanted,
        "{} of {wanted} commands ran",
        starts.len()
    );
    let late: Result<Vec<f64>> = starts.iter().map(crate::cluster::lateness_ms).collect();
    Spread::of(late?)
}
