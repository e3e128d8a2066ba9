//! `carillon next`: the fire times of an expression, for people and for scripts.

use std::io::{self, Write};
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use carillon_core::calendar::{Blackouts, OnBlackout};
use carillon_core::schedule::{DstRule, Schedule, time_zone};
use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::failure::{Failure, finish_output};

/// Prints the next fire times of a schedule, one RFC 3339 time per line.
///
/// After the last fire time a schedule will ever have, the line `never` follows.
#[derive(Args)]
pub(crate) struct Next {
    /// The schedule: 5 fields (minute hour day month weekday), 6 with seconds first, 7 with the
    /// year last, or @daily, @every 90s, @at 2026-12-31T23:59:59, …
    #[arg(value_name = "EXPR", allow_hyphen_values = true)]
    expression: String,

    /// The time zone on whose wall clock the schedule runs, an IANA name.
    #[arg(long, default_value = "UTC")]
    zone: String,

    /// What happens when the clocks change: cron, literal, skip or second.
    #[arg(long, value_name = "RULE", default_value = "cron")]
    dst: String,

    /// A calendar's text, whose blackouts hold fire times back; it is read in the zone of the schedule.
    #[arg(long, value_name = "FILE")]
    calendar: Option<PathBuf>,

    /// What becomes of fire times inside a blackout: skip or shift.
    #[arg(long, value_name = "ANSWER", default_value = "skip")]
    on_blackout: String,

    /// Print the fire times after this RFC 3339 time [default: now].
    #[arg(long, value_name = "TIME")]
    from: Option<String>,

    /// How many fire times to print.
    #[arg(short = 'n', value_name = "N", default_value_t = 5)]
    count: usize,

    /// The job's id, which chooses the values of H and ~.
    #[arg(long, value_name = "ID", default_value_t = 0)]
    seed: u64,
}

impl Next {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let dst: DstRule = self.dst.parse().map_err(Failure::usage)?;
        let schedule = Schedule::parse(&self.expression, &self.zone, dst, self.seed)
            .map_err(Failure::usage)?;
        let schedule = self.keep_to_calendar(schedule)?;
        let time_zone = time_zone(&self.zone).map_err(Failure::usage)?;
        let from = match &self.from {
            Some(text) => parse_time(text).map_err(Failure::Usage)?,
            None => present(),
        };
        finish_output(print_fire_times(&schedule, &time_zone, from, self.count))
    }

    fn keep_to_calendar(&self, schedule: Schedule) -> Result<Schedule, Failure> {
        let on_blackout: OnBlackout = self.on_blackout.parse().map_err(Failure::usage)?;
        let Some(file) = &self.calendar else {
            return Ok(schedule);
        };
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("reading {}", file.display()))
            .map_err(Failure::Usage)?;
        let blackouts = Blackouts::shared(&self.zone, &text).map_err(Failure::usage)?;
        Ok(schedule.with_calendar(blackouts, on_blackout))
    }
}

fn parse_time(text: &str) -> anyhow::Result<Timestamp> {
    // jiff's own words explain its parser, not what to write.
    text.parse()
        .map_err(|_| anyhow!("write it as 2026-03-29T00:00:00Z or with an offset such as +01:00"))
        .with_context(|| format!("--from \"{text}\" is no RFC 3339 time"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the present is what --from stands for when it is not given"
)]
fn present() -> Timestamp {
    Timestamp::now()
}

fn print_fire_times(
    schedule: &Schedule,
    time_zone: &TimeZone,
    from: Timestamp,
    count: usize,
) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut last = from;
    for _ in 0..count {
        let Some(fire_time) = schedule.next_after(last) else {
            writeln!(out, "never")?;
            break;
        };
        let shown = fire_time.to_zoned(time_zone.clone());
        writeln!(out, "{}", shown.strftime("%Y-%m-%dT%H:%M:%S%:z"))?;
        last = fire_time;
    }
    out.flush()
}
