//! What the figures of a bench mean, and what to change.

use std::fmt;

use carillon_lifecycle::config::Config;
use serde::Serialize;

use super::pace::Pace;

/// Seconds of a day.
const DAY_S: u64 = 86_400;

/// A round trip that takes longer is felt in every claim.
const FAR_MS: f64 = 5.0;

/// What this machine and its stores bear.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    /// The most ticks a second at which every tick started in its second; none when there is no such rate.
    pub borne: Option<u32>,
    /// Whether the largest rate that was tried was borne, so that more may be.
    pub is_open: bool,
    /// Bytes that one run took in the database.
    pub bytes_a_run: f64,
    /// Runs a day at the rate that was borne.
    pub runs_a_day: u64,
    /// Bytes a day at that rate.
    pub bytes_a_day: f64,
    /// Days for which records are kept, as configured.
    pub days_kept: u64,
    /// What to change, one sentence each.
    pub advice: Vec<String>,
}

impl Verdict {
    pub(super) fn of(
        paces: &[Pace],
        bytes_a_run: f64,
        config: &Config,
        round_trip_ms: f64,
    ) -> Self {
        let borne = paces.iter().rev().find(|pace| pace.is_borne());
        let rate = borne.map_or(0, |pace| u64::from(pace.rate));
        let too_many = paces.last().filter(|pace| !pace.is_borne());
        let mut advice = Vec::new();
        if let Some(pace) = too_many {
            advice.push(what_gave_way(pace, config));
        }
        if round_trip_ms > FAR_MS {
            advice.push(format!(
                "the database is {round_trip_ms:.0} ms away: each claim takes two round trips and more; run agents nearer to it"
            ));
        }
        if config.redis.url.is_none() && config.database.url.is_some() {
            advice.push(
                "with more than one agent set redis.url: what a node has locked there the others need not ask the database for"
                    .to_owned(),
            );
        }
        Verdict {
            borne: borne.map(|pace| pace.rate),
            is_open: too_many.is_none(),
            bytes_a_run,
            runs_a_day: rate * DAY_S,
            bytes_a_day: bytes_a_run * (rate * DAY_S) as f64,
            days_kept: config.retention.runs.as_secs() / DAY_S,
            advice,
        }
    }
}

fn what_gave_way(pace: &Pace, config: &Config) -> String {
    let missing = pace.ticks - pace.succeeded;
    match missing {
        0 => format!(
            "at {} a second one start in a hundred is {:.0} ms late or more: this machine cannot start so many in a second; \
             spread them over the minute (H in place of a number), or add a node",
            pace.rate, pace.p99_ms
        ),
        _ => format!(
            "at {} a second {missing} of {} ticks did not start in time: add a node, or raise node.max_running ({}) if \
             commands wait for a place",
            pace.rate, pace.ticks, config.node.max_running
        ),
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        match (self.borne, self.is_open) {
            (None, _) => writeln!(f, "One agent on this machine bears none of these rates.")?,
            (Some(rate), true) => writeln!(
                f,
                "One agent on this machine bears {rate} ticks a second, and perhaps more: try larger --rates."
            )?,
            (Some(rate), false) => {
                writeln!(f, "One agent on this machine bears {rate} ticks a second.")?;
            }
        }
        if let Some(rate) = self.borne {
            writeln!(
                f,
                "A run takes {:.0} bytes in the database: {rate} a second are {:.1} million runs and {} a day, {} in the {} days that are kept.",
                self.bytes_a_run,
                self.runs_a_day as f64 / 1e6,
                size(self.bytes_a_day),
                size(self.bytes_a_day * self.days_kept as f64),
                self.days_kept,
            )?;
        }
        for sentence in &self.advice {
            writeln!(f, "* {sentence}")?;
        }
        Ok(())
    }
}

/// Bytes as people say them.
fn size(bytes: f64) -> String {
    match bytes {
        small if small < 1e6 => format!("{:.0} kB", bytes / 1e3),
        middle if middle < 1e9 => format!("{:.0} MB", bytes / 1e6),
        large if large < 1e12 => format!("{:.1} GB", bytes / 1e9),
        _ => format!("{:.1} TB", bytes / 1e12),
    }
}
