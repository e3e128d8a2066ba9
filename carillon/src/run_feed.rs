//! The runs of this machine, line by line at the terminal, as they end.

use std::collections::VecDeque;
use std::io::{IsTerminal, Write};
use std::time::Duration;

use carillon_core::run::{Outcome, Phase};
use carillon_core::tick::Tick;
use carillon_lifecycle::shutdown::{Shutdown, Stage};
use carillon_store::{ListedRun, RunFilter, Store};

/// The list is read this often.
const READ_EVERY: Duration = Duration::from_millis(500);

/// Runs read at once; with more in between, some are not shown.
const RUNS_MAX: u32 = 50;

/// Runs remembered as shown.
const SHOWN_MAX: usize = 1000;

/// Prints each run that ends from now on, until the program drains or nobody reads any more.
pub(crate) async fn show_runs(store: Store, shutdown: Shutdown) {
    let mut shown: VecDeque<Tick> = VecDeque::new();
    let mut is_first = true;
    while shutdown.stage() == Stage::Running {
        if let Ok(runs) = store.runs(&RunFilter::default(), RUNS_MAX).await {
            for listed in runs
                .iter()
                .rev()
                .filter(|listed| listed.run.state == Phase::Done)
            {
                if shown.contains(&listed.run.tick) {
                    continue;
                }
                if !is_first && print_run(listed).is_err() {
                    return;
                }
                shown.push_back(listed.run.tick);
            }
            is_first = false;
            while shown.len() > SHOWN_MAX {
                shown.pop_front();
            }
        }
        tokio::time::sleep(READ_EVERY).await;
    }
}

fn print_run(listed: &ListedRun) -> std::io::Result<()> {
    let run = &listed.run;
    let outcome = run.outcome.unwrap_or(Outcome::Lost);
    let name = listed.job_name.as_deref().unwrap_or("a deleted job");
    let took = match (run.started_at, run.ended_at) {
        (Some(started), Some(ended)) => {
            format!("{:.2} s", ended.duration_since(started).as_secs_f64())
        }
        _ => String::new(),
    };
    let why = match (run.exit_code, run.signal, run.reason) {
        (Some(code), ..) if outcome != Outcome::Succeeded => format!("exit {code}"),
        (_, Some(signal), _) => format!("signal {signal}"),
        (.., Some(reason)) => reason.to_string().replace('_', " "),
        _ => String::new(),
    };
    let mut out = std::io::stdout().lock();
    let (on, off) = colours(outcome, out.is_terminal());
    let time = run.tick.fire_time.strftime("%H:%M:%S");
    writeln!(
        out,
        "{time}  {on}{:<16}{off} {took:>8}  {name}  {why}",
        outcome.word().replace('_', " ")
    )
}

fn colours(outcome: Outcome, is_terminal: bool) -> (&'static str, &'static str) {
    match outcome {
        _ if !is_terminal => ("", ""),
        Outcome::Succeeded => ("\x1b[32m", "\x1b[0m"),
        Outcome::Skipped => ("\x1b[2m", "\x1b[0m"),
        _ => ("\x1b[31m", "\x1b[0m"),
    }
}
