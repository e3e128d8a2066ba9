//! `sim run` lives many worlds and counts broken laws; `sim replay` tells the story of one.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use carillon_sim::{Bug, Telling, live};
use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(about = "Simulates the cluster, seed by seed, and judges it by its laws")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Live many worlds.
    Run {
        /// How many.
        #[arg(long, default_value_t = 1000)]
        seeds: u64,
        /// The first seed.
        #[arg(long, default_value_t = 0)]
        from: u64,
        /// Stop after so many minutes.
        #[arg(long)]
        minutes: Option<f64>,
        /// Take an ingredient out of the protocol.
        #[arg(long)]
        bug: Option<Bug>,
        /// How many worlds at once; none takes every core.
        #[arg(long)]
        threads: Option<usize>,
        /// Go on after a broken law.
        #[arg(long)]
        keep_going: bool,
    },
    /// Tell the story of one world.
    Replay {
        /// Its seed.
        seed: u64,
        /// Take an ingredient out of the protocol.
        #[arg(long)]
        bug: Option<Bug>,
    },
}

fn main() -> anyhow::Result<ExitCode> {
    match Arguments::parse().verb {
        Verb::Replay { seed, bug } => Ok(replay(seed, bug)),
        Verb::Run {
            seeds,
            from,
            minutes,
            bug,
            threads,
            keep_going,
        } => {
            let threads = match threads {
                Some(threads) => threads,
                None => std::thread::available_parallelism()
                    .context("counting cores")?
                    .get(),
            };
            Ok(Night {
                seeds: from..from.saturating_add(seeds),
                until: minutes.map(|m| Instant::now() + Duration::from_secs_f64(m * 60.0)),
                bug,
                keep_going,
            }
            .run(threads))
        }
    }
}

fn replay(seed: u64, bug: Option<Bug>) -> ExitCode {
    let verdict = live(seed, bug, Telling::Aloud);
    for line in &verdict.story {
        say(line);
    }
    match verdict.broken.is_empty() {
        true => {
            say(&format!(
                "seed {seed}: every law holds, {} runs",
                verdict.runs
            ));
            ExitCode::SUCCESS
        }
        false => ExitCode::FAILURE,
    }
}

/// Many worlds.
struct Night {
    seeds: std::ops::Range<u64>,
    until: Option<Instant>,
    bug: Option<Bug>,
    keep_going: bool,
}

/// What came of them.
#[derive(Default)]
struct Tally {
    worlds: u64,
    steps: u64,
    runs: usize,
    broken: Vec<(u64, String)>,
}

impl Night {
    fn run(&self, threads: usize) -> ExitCode {
        let began = Instant::now();
        let next = std::sync::atomic::AtomicU64::new(self.seeds.start);
        let tally = std::sync::Mutex::new(Tally::default());
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| self.live_worlds(&next, &tally, began));
            }
        });
        let tally = tally.into_inner().expect("no world panics while it counts");
        let seconds = began.elapsed().as_secs_f64();
        say(&format!(
            "{} worlds, {} runs, {} steps, {} with a broken law, {seconds:.1} s",
            tally.worlds,
            tally.runs,
            tally.steps,
            tally.broken.len()
        ));
        match tally.broken.is_empty() {
            true => ExitCode::SUCCESS,
            false => ExitCode::FAILURE,
        }
    }

    fn live_worlds(
        &self,
        next: &std::sync::atomic::AtomicU64,
        tally: &std::sync::Mutex<Tally>,
        began: Instant,
    ) {
        loop {
            let seed = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let is_late = self.until.is_some_and(|until| Instant::now() > until);
            if seed >= self.seeds.end || is_late {
                return;
            }
            let verdict = live(seed, self.bug, Telling::Silent);
            let mut tally = tally.lock().expect("no world panics while it counts");
            tally.worlds += 1;
            tally.steps += verdict.steps;
            tally.runs += verdict.runs;
            for how in verdict.broken {
                say(&format!("seed {seed}: {how}"));
                tally.broken.push((seed, how));
            }
            if tally.worlds.is_multiple_of(5000) {
                let seconds = began.elapsed().as_secs_f64();
                say(&format!("{} worlds after {seconds:.0} s", tally.worlds));
            }
            if !tally.broken.is_empty() && !self.keep_going {
                return;
            }
        }
    }
}

#[expect(
    clippy::print_stdout,
    reason = "a command line tool speaks on standard output"
)]
fn say(line: &str) {
    println!("{line}");
}
