//! What all schedulers of the bench are asked to do: commands of a shell, at every second, at one instant, or never.

use anyhow::{Context, Result};
use chrono::DateTime;
use tokio::process::Command;

/// The work, as it stands on the command line: `COMMAND JOBS WHEN`.
pub struct Work {
    /// What each job runs, without its number.
    pub command: String,
    /// How many there are.
    pub jobs: usize,
    /// When, as a cron expression with seconds and a year.
    pub expression: String,
}

impl Work {
    /// Reads the command line.
    pub fn from_args() -> Result<Self> {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let [command, jobs, when] = words.try_into().ok().context("COMMAND JOBS WHEN")?;
        let expression = match when.as_str() {
            "every" => "* * * * * *".to_owned(),
            "never" => "0 0 0 1 1 *".to_owned(),
            second => DateTime::from_timestamp(second.parse()?, 0)
                .context("an instant after the year 9999")?
                .format("%-S %-M %-H %-d %-m *")
                .to_string(),
        };
        Ok(Work { command, jobs: jobs.parse()?, expression })
    }

    /// The command line of a job, with its number.
    pub fn line(&self, job: usize) -> String {
        format!("CARILLON_JOB_ID={job} {}", self.command)
    }
}

/// Runs a line in a shell and waits for its end.
pub async fn run(line: String) {
    let status = Command::new("/bin/sh").arg("-c").arg(&line).status().await;
    if let Err(error) = status {
        eprintln!("{line}: {error}");
    }
}
