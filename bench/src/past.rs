//! A past that nobody lived through: runs as agents would have left them, written straight into the tables in the
//! order of time, with the roll-ups, attempts, outputs and incidents that belong to them.

use std::collections::BTreeMap;
use std::io::Write as _;

use anyhow::{Context, Result};
use carillon_core::identity::{JobId, NodeId};
use carillon_core::tick::Tick;
use jiff::Timestamp;

use crate::pen::{Pen, Rows};

const SECOND_US: i64 = 1_000_000;
const MINUTE_US: i64 = 60 * SECOND_US;
const DAY_MINUTES: i64 = 1440;
/// Rows in one statement, and statements in one transaction.
const BATCH: usize = 1000;
const BATCHES_A_COMMIT: usize = 20;

/// How often a job is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beat {
    /// Every minute.
    Minutely,
    /// At this minute of every hour.
    Hourly(i64),
    /// At this minute of every day.
    Daily(i64),
}

impl Beat {
    /// One job in a thousand is due every minute, one in 28 every hour, the others once a day.
    pub fn of(number: usize) -> Self {
        let minute = i64::try_from(mix(number as u64) % 1440).unwrap_or(0);
        match number {
            _ if number.is_multiple_of(1000) => Beat::Minutely,
            _ if number % 28 == 1 => Beat::Hourly(minute % 60),
            _ => Beat::Daily(minute),
        }
    }

    /// The crontab's words for it.
    pub fn expression(self) -> String {
        match self {
            Beat::Minutely => "* * * * *".to_owned(),
            Beat::Hourly(minute) => format!("{minute} * * * *"),
            Beat::Daily(minute) => format!("{} {} * * *", minute % 60, minute / 60),
        }
    }

    fn fires_a_day(self) -> i64 {
        match self {
            Beat::Minutely => DAY_MINUTES,
            Beat::Hourly(_) => 24,
            Beat::Daily(_) => 1,
        }
    }
}

/// What there is to be told of the past.
pub struct Cast<'c> {
    /// The jobs.
    pub jobs: &'c [(JobId, Beat)],
    /// The nodes; the last of them has run next to nothing.
    pub nodes: &'c [NodeId],
}

/// Runs worth a look.
#[derive(Debug, Clone, Copy)]
pub struct Sights {
    /// Of a job that runs every minute, the newest that has ended.
    pub newest: Tick,
    /// The newest with several attempts.
    pub retried: Option<Tick>,
    /// A run of long ago.
    pub old: Tick,
    /// How many runs there are.
    pub runs: usize,
    /// Over how many minutes.
    pub minutes: i64,
}

/// Numbers without order, the same on every machine.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

const RUNS: &str = "runs (fire_time, job_id, kind, slot, state, outcome, reason, run_trigger, job_version, attempt, token, \
    node_id, boot_id, not_before, start_until, claimed_at, started_at, ended_at, exit_code, open_job, trouble_time)";
const ATTEMPTS: &str = "attempts (fire_time, job_id, kind, slot, attempt, token, node_id, outcome, claimed_at, started_at, ended_at, exit_code)";
const OUTPUTS: &str = "run_outputs (fire_time, job_id, kind, slot, attempt, chunk, stream, stream_offset, written_at, content)";
const TOTALS: &str =
    "run_totals (minute_time, node_id, outcome, runs, lateness_us, lateness_max_us)";

/// How one run went.
struct Story {
    outcome: &'static str,
    reason: &'static str,
    exit_code: &'static str,
    ran: bool,
    attempts: i64,
}

/// Of a thousand runs 968 succeed, 20 fail, the others end in rarer ways.
fn story(lot: u64) -> Story {
    let (outcome, reason, exit_code, ran) = match lot % 1000 {
        0..20 => ("failed", "null", "1", true),
        20..23 => ("timed_out", "null", "null", true),
        23 => ("lost", "null", "null", true),
        24..28 => ("skipped", "'overlap'", "null", false),
        28 => ("missed", "'no_capacity'", "null", false),
        29..32 => ("killed", "null", "null", true),
        _ => ("succeeded", "null", "0", true),
    };
    let attempts = match outcome {
        "failed" if lot.is_multiple_of(7) => 3,
        _ => 1,
    };
    Story {
        outcome,
        reason,
        exit_code,
        ran,
        attempts,
    }
}

/// Writes the past.
pub struct Chronicle<'c> {
    cast: Cast<'c>,
    pen: Pen,
    runs: Rows,
    attempts: Rows,
    outputs: Rows,
    totals: BTreeMap<(i64, i64, &'static str), (i64, i64, i64)>,
    total_rows: Rows,
    /// From here on runs have kept their output.
    outputs_from: i64,
    written: usize,
    batches: usize,
    retried: Option<Tick>,
}

impl<'c> Chronicle<'c> {
    /// About to begin.
    pub fn new(pen: Pen, cast: Cast<'c>) -> Self {
        Chronicle {
            cast,
            pen,
            runs: Rows::new(RUNS),
            attempts: Rows::new(ATTEMPTS),
            outputs: Rows::new(OUTPUTS),
            totals: BTreeMap::new(),
            total_rows: Rows::new(TOTALS),
            outputs_from: 0,
            written: 0,
            batches: 0,
            retried: None,
        }
    }

    /// Writes as many minutes until `now` as give about so many runs.
    ///
    /// # Errors
    /// When the store refuses rows.
    pub async fn tell(mut self, wanted: usize, now: Timestamp) -> Result<Sights> {
        let beats = self.cast.jobs.iter().map(|(_, beat)| beat.fires_a_day());
        let a_day: i64 = beats.sum();
        let wanted_us = i64::try_from(wanted)?;
        let minutes = (wanted_us * DAY_MINUTES / a_day.max(1)).max(1);
        let end = now.as_microsecond() / MINUTE_US;
        self.outputs_from = (end - DAY_MINUTES) * MINUTE_US;
        let due = Due::of(self.cast.jobs);
        self.pen.write("begin").await?;
        for minute in end - minutes..end {
            for &job in due.at(minute) {
                self.tell_run(minute * MINUTE_US, job).await?;
            }
            if minute % 60 == 0 {
                self.write_totals(minute - 120).await?;
            }
        }
        self.write_open(end * MINUTE_US).await?;
        self.write_totals(i64::MAX / MINUTE_US).await?;
        self.flush().await?;
        self.pen.write("commit").await?;
        let busy = self.cast.jobs.first().context("there are no jobs")?.0;
        let at = |minute: i64| Timestamp::from_microsecond(minute * MINUTE_US);
        Ok(Sights {
            newest: Tick::scheduled(busy, at(end - 1)?, 0),
            retried: self.retried,
            old: Tick::scheduled(busy, at(end - minutes + minutes / 20)?, 0),
            runs: self.written,
            minutes,
        })
    }

    async fn tell_run(&mut self, fire: i64, job: JobId) -> Result<()> {
        let lot = mix(fire.cast_unsigned() ^ job.0.cast_unsigned().rotate_left(40));
        let told = story(lot);
        let (last, others) = self.cast.nodes.split_last().context("there are no nodes")?;
        let node = match lot % 50_000 {
            32 => *last,
            _ => others[usize::try_from(lot >> 8)? % others.len()],
        };
        let late = i64::try_from((lot >> 16) % 8000)?;
        let lasted = 1000 * (200 + i64::try_from(mix(job.0.cast_unsigned()) % 30_000)?);
        let started = fire + late + (told.attempts - 1) * (lasted + 10 * SECOND_US);
        let ended = if told.ran {
            started + lasted
        } else {
            fire + 15 * SECOND_US
        };
        let (id, token) = (job.0, format!("x'{lot:016x}{lot:016x}'"));
        let (outcome, reason, code) = (told.outcome, told.reason, told.exit_code);
        let trouble = match outcome {
            "succeeded" => "null".to_owned(),
            _ => fire.to_string(),
        };
        let seat = match told.ran {
            true => format!(
                "{token}, {}, x'{:032x}', {fire}, {}, {}, {started}, {ended}, {code}",
                node.0,
                node.0,
                fire + 60 * SECOND_US,
                fire - 150_000
            ),
            false => format!(
                "null, null, null, {fire}, {}, null, null, {ended}, null",
                fire + 60 * SECOND_US
            ),
        };
        self.runs.add(format_args!(
            "({fire}, {id}, 0, 0, 'done', '{outcome}', {reason}, 'schedule', 1, {}, {seat}, null, {trouble})",
            told.attempts
        ));
        let planned_late = if told.ran { started - fire } else { 0 };
        let minute = ended / MINUTE_US * MINUTE_US;
        let on = if told.ran { node.0 } else { 0 };
        let total = self.totals.entry((minute, on, outcome)).or_default();
        *total = (
            total.0 + 1,
            total.1 + planned_late,
            total.2.max(planned_late),
        );
        if told.ran {
            self.tell_details((fire, id), (&told, &token, node), (fire + late, lasted));
        }
        self.written += 1;
        if self.runs.count >= BATCH {
            self.flush().await?;
        }
        Ok(())
    }

    /// Earlier attempts, and what the last one wrote.
    fn tell_details(
        &mut self,
        (fire, job): (i64, i64),
        (told, token, node): (&Story, &str, NodeId),
        (first, lasted): (i64, i64),
    ) {
        for attempt in 1..told.attempts {
            let started = first + (attempt - 1) * (lasted + 10 * SECOND_US);
            let ended = started + lasted;
            self.attempts.add(format_args!(
                "({fire}, {job}, 0, 0, {attempt}, {token}, {}, 'failed', {started}, {started}, {ended}, 1)",
                node.0
            ));
            self.retried = Timestamp::from_microsecond(fire)
                .ok()
                .map(|at| Tick::scheduled(JobId(job), at, 0));
        }
        if fire >= self.outputs_from {
            let line = "a line of output like any other that a command of every day writes\n";
            self.outputs.add(format_args!(
                "({fire}, {job}, 0, 0, {}, 0, 1, 0, {fire}, '{}')",
                told.attempts,
                line.repeat(12)
            ));
        }
    }

    /// What runs and what waits now.
    async fn write_open(&mut self, fire: i64) -> Result<()> {
        let jobs = self.cast.jobs.iter().take(60).enumerate();
        for (place, (job, _)) in jobs {
            let id = job.0;
            let node = self.cast.nodes[place % self.cast.nodes.len()].0;
            let claim = format!("x'{id:032x}', {node}, x'{node:032x}'");
            let (state, owner, at) = match place % 4 {
                0 => ("offered", "null, null, null".to_owned(), "null".to_owned()),
                _ => ("running", claim, fire.to_string()),
            };
            self.runs.add(format_args!(
                "({fire}, {id}, 0, 0, '{state}', null, null, 'schedule', 1, 1, {owner}, {fire}, {}, {at}, {at}, null, null, {id}, null)",
                fire + 60 * SECOND_US
            ));
        }
        self.flush().await
    }

    /// The totals of the minutes that no run can end in any more.
    async fn write_totals(&mut self, before_minute: i64) -> Result<()> {
        let rest = self.totals.split_off(&(before_minute * MINUTE_US, 0, ""));
        for ((minute, node, outcome), (runs, sum, max)) in std::mem::replace(&mut self.totals, rest)
        {
            let row = format_args!("({minute}, {node}, '{outcome}', {runs}, {sum}, {max})");
            self.total_rows.add(row);
            if self.total_rows.count >= BATCH {
                self.total_rows.flush(&mut self.pen).await?;
            }
        }
        self.total_rows.flush(&mut self.pen).await
    }

    async fn flush(&mut self) -> Result<()> {
        self.runs.flush(&mut self.pen).await?;
        self.attempts.flush(&mut self.pen).await?;
        self.outputs.flush(&mut self.pen).await?;
        self.batches += 1;
        if self.batches.is_multiple_of(BATCHES_A_COMMIT) {
            self.pen.write("commit").await?;
            self.pen.write("begin").await?;
            let _ = write!(std::io::stderr(), "\r{} runs written", self.written);
        }
        Ok(())
    }
}

/// The jobs of each minute of a day.
struct Due {
    by_minute: Vec<Vec<JobId>>,
}

impl Due {
    fn of(jobs: &[(JobId, Beat)]) -> Self {
        let mut by_minute = vec![Vec::new(); 1440];
        for (job, beat) in jobs {
            for (minute, due) in (0..DAY_MINUTES).zip(&mut by_minute) {
                let is_due = match beat {
                    Beat::Minutely => true,
                    Beat::Hourly(at) => minute % 60 == *at,
                    Beat::Daily(at) => minute == *at,
                };
                if is_due {
                    due.push(*job);
                }
            }
        }
        Due { by_minute }
    }

    fn at(&self, minute: i64) -> &[JobId] {
        &self.by_minute[usize::try_from(minute % DAY_MINUTES).unwrap_or(0)]
    }
}
