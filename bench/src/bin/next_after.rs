//! What a schedule costs: nanoseconds per fire time, bytes per schedule.
//!
//! Beside it stands what `jiff` needs to turn one instant into wall-clock time and back, the least
//! that any engine built on a general calendar library pays per step.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::hint::black_box;
use std::time::Instant;

use carillon_core::schedule::{DstRule, Schedule, time_zone};
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

fn main() -> anyhow::Result<()> {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse()?;
    println!("next_after, ns a step");
    for (expression, zone) in TYPICAL {
        let schedule = Schedule::parse(expression, zone, DstRule::Cron, 0)?;
        print_line(
            "typical",
            expression,
            zone,
            walk_ns(&schedule, start, 100_000),
        );
    }
    for (expression, zone) in RARE {
        let schedule = Schedule::parse(expression, zone, DstRule::Cron, 0)?;
        print_line("rare", expression, zone, ask_ns(&schedule, start, 20_000));
    }
    for (expression, zone, dst) in IMPOSSIBLE {
        let schedule = Schedule::parse(expression, zone, *dst, 0)?;
        print_line("never", expression, zone, ask_ns(&schedule, start, 2_000));
    }
    for zone in ["UTC", "Europe/Berlin"] {
        print_line("jiff", "instant to wall", zone, jiff_there_ns(zone, start)?);
        print_line(
            "jiff",
            "instant to wall and back",
            zone,
            jiff_there_and_back_ns(zone, start)?,
        );
    }
    print_line(
        "parse",
        "*/15 9-17 * * MON-FRI",
        "Europe/Berlin",
        parse_ns(),
    );
    println!(
        "{} bytes a schedule, nothing on the heap without years",
        size_of::<Schedule>()
    );
    Ok(())
}

fn print_line(class: &str, expression: &str, zone: &str, nanoseconds: f64) {
    println!("{class:8} {expression:24} {zone:20} {nanoseconds:10.1}");
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
