//! What a schedule costs: nanoseconds per fire time, bytes per schedule.
//!
//! Beside it stands what `jiff` needs to turn one instant into wall-clock time and back, the least
//! that any engine built on a general calendar library pays per step.
//!
//! `scripts/bench`, or `cargo build --release --workspace --bins && target/release/next_after [--write docs/BENCH.md]`

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use carillon_bench::document::with_part;
use carillon_bench::machine;
use carillon_bench::table::{Table, ratio, show};
use carillon_core::schedule::{DstRule, Schedule, time_zone};
use clap::Parser;
use jiff::{SignedDuration, Timestamp};

/// Each figure is the least of so many rounds: what disturbs a machine only ever adds.
const ROUNDS: usize = 7;

/// Schedules as people write them; steps of one follow each other.
const TYPICAL: &[(&str, &str)] = &[
    ("30 2 * * *", "UTC"),
    ("30 2 * * *", "Europe/Berlin"),
    ("*/5 * * * *", "America/New_York"),
    ("*/10 * * * * *", "Europe/Berlin"),
    ("*/15 9-17 * * MON-FRI", "Europe/Berlin"),
    ("0 0 1,15 * *", "Asia/Shanghai"),
    ("0 3 L * *", "Europe/Berlin"),
    ("0 9 * * MON#1", "America/Sao_Paulo"),
    ("15 2 * * *", "Australia/Lord_Howe"),
    ("@every 90s", "UTC"),
];

/// Fire times many years apart.
const RARE: &[(&str, &str)] = &[
    ("0 0 29 2 *", "UTC"),
    ("0 0 29 2 +MON", "UTC"),
    ("0 0 29 2 +MON", "Europe/Berlin"),
    ("0 0 31W 5 +MON#5", "Europe/Berlin"),
];

/// Never: the search goes through 100 years.
const IMPOSSIBLE: &[(&str, &str, DstRule)] = &[
    ("0 0 30 2 *", "Europe/Berlin", DstRule::Cron),
    ("0 0 31 2,4,6,9,11 *", "Europe/Berlin", DstRule::Cron),
    ("0 0 L-30 2 *", "Europe/Berlin", DstRule::Cron),
    ("0 0 1W * +1#3", "Europe/Berlin", DstRule::Cron),
    // Each of its fire times falls into a gap.
    ("30 2 * 3 SUN#2", "America/New_York", DstRule::Skip),
];

#[derive(Parser)]
struct Options {
    /// Writes the table to this file too.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let machine = machine::describe()?;
    let table = compare()?;
    show(&table);
    let Some(file) = options.write else {
        return Ok(());
    };
    let bytes = size_of::<Schedule>();
    let part =
        format!("## Fire times\n\n{OPENING}A schedule is {bytes} bytes.\n\n{machine}\n{table}");
    let old = std::fs::read_to_string(&file).unwrap_or_default();
    std::fs::write(&file, with_part(&old, &part))
        .with_context(|| format!("writing {}", file.display()))
}

const OPENING: &str = "<!-- Written by `next_after`, which `scripts/bench` calls. -->\n\n\
One step: from a fire time to the next, on one core, the least of seven rounds. *Bare* is what the calendar library takes to turn one\n\
instant into the wall clock of Berlin and back, which an engine built on such a library pays at least once for each step.\n\
*Typical* steps follow each other through forty years; *rare* ones are years apart; *never* is searched for through a hundred years.\n";

fn compare() -> anyhow::Result<Table> {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    let mut table = Table::new("The next fire time", &["", "zone", "", "ns", "× bare"]);
    let bare = jiff_there_and_back_ns("Europe/Berlin", start)?;
    let mut add = |class: &str, words: &str, zone: &str, ns: f64| {
        let words = [&format!("`{words}`"), zone, class].map(str::to_owned);
        table.add(
            words
                .into_iter()
                .chain([format!("{ns:.0}"), ratio(ns, bare)]),
        );
    };
    for (expression, zone) in TYPICAL {
        let schedule = Schedule::parse(expression, zone, DstRule::Cron, 0)?;
        add(
            "typical",
            expression,
            zone,
            walk_ns(&schedule, start, 100_000),
        );
    }
    for (expression, zone) in RARE {
        let schedule = Schedule::parse(expression, zone, DstRule::Cron, 0)?;
        add("rare", expression, zone, ask_ns(&schedule, start, 20_000));
    }
    for (expression, zone, dst) in IMPOSSIBLE {
        let schedule = Schedule::parse(expression, zone, *dst, 0)?;
        add("never", expression, zone, ask_ns(&schedule, start, 2_000));
    }
    for zone in ["UTC", "Europe/Berlin"] {
        add("bare", "instant to wall", zone, jiff_there_ns(zone, start)?);
        let back = jiff_there_and_back_ns(zone, start)?;
        add("bare", "instant to wall and back", zone, back);
    }
    add("read", "*/15 9-17 * * MON-FRI", "Europe/Berlin", parse_ns());
    Ok(table)
}

/// From one fire time to the next through some decades, and again from the start.
fn walk_ns(schedule: &Schedule, start: Timestamp, steps: usize) -> f64 {
    let end = start + SignedDuration::from_hours(24 * 365 * 40);
    best_ns(steps, || {
        let mut last = start;
        for _ in 0..steps {
            last = schedule
                .next_after(black_box(last))
                .filter(|&next| next < end)
                .unwrap_or(start);
        }
        black_box(last);
    })
}

/// Always from the same instant.
fn ask_ns(schedule: &Schedule, start: Timestamp, steps: usize) -> f64 {
    best_ns(steps, || {
        for _ in 0..steps {
            black_box(schedule.next_after(black_box(start)));
        }
    })
}

fn jiff_there_ns(zone: &str, start: Timestamp) -> anyhow::Result<f64> {
    let zone = time_zone(zone)?;
    Ok(best_ns(100_000, || {
        for _ in 0..100_000 {
            black_box(zone.to_datetime(black_box(start)));
        }
    }))
}

fn jiff_there_and_back_ns(zone: &str, start: Timestamp) -> anyhow::Result<f64> {
    let zone = time_zone(zone)?;
    Ok(best_ns(100_000, || {
        for _ in 0..100_000 {
            let wall = zone.to_datetime(black_box(start));
            black_box(zone.to_ambiguous_timestamp(wall).compatible().ok());
        }
    }))
}

fn parse_ns() -> f64 {
    best_ns(20_000, || {
        for _ in 0..20_000 {
            let parsed = Schedule::parse(
                black_box("*/15 9-17 * * MON-FRI"),
                "Europe/Berlin",
                DstRule::Cron,
                0,
            );
            black_box(parsed.is_ok());
        }
    })
}

fn best_ns(steps: usize, mut round: impl FnMut()) -> f64 {
    (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            round();
            begun.elapsed().as_secs_f64() * 1e9 / steps as f64
        })
        .fold(f64::INFINITY, f64::min)
}
