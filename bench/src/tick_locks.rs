//! Tick locks a second, as an agent takes them, beside what `redis-benchmark` gets from the same Redis.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use carillon_agent::tick_lock::TickLock;
use carillon_core::claim::CLAIM_BATCH_MAX;
use carillon_core::identity::JobId;
use carillon_core::tick::Tick;
use carillon_core::token::{Token, TokenMint};
use carillon_testbed::Redis;
use jiff::{SignedDuration, Timestamp};

use crate::machine::now_ns;
use crate::table::{Table, ratio, show};

const ROUNDS: i64 = 3;

/// Measures so many locks in each round.
///
/// # Errors
/// When Redis does not come up, or there is no `redis-benchmark`.
pub async fn measure(locks: usize) -> Result<Table> {
    let redis = Redis::start()?;
    let bare = bare_a_second(redis.port(), locks)?;
    let lock = TickLock::new(&redis.url())?;
    lock.probe().await.map_err(anyhow::Error::msg)?;
    let mut mint = TokenMint::new(1);
    let mut best = Duration::MAX;
    for round in 0..ROUNDS {
        let ticks = ticks_due(locks, round, &mut mint)?;
        best = best.min(take_all(&lock, &ticks).await?);
    }
    let own = locks as f64 / best.as_secs_f64();
    let mut table = Table::new(
        format!("{locks} tick locks in batches of {CLAIM_BATCH_MAX}"),
        &["", "a second", "× redis-benchmark"],
    );
    for (name, a_second) in [("redis-benchmark", bare), ("tick lock of an agent", own)] {
        table.add([
            name.to_owned(),
            format!("{a_second:.0}"),
            ratio(a_second, bare),
        ]);
    }
    show(&table);
    Ok(table)
}

/// Ticks of one second that no other round has.
fn ticks_due(count: usize, round: i64, mint: &mut TokenMint) -> Result<Vec<(Tick, Token)>> {
    let fire_time = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(round);
    let jobs = 0..i64::try_from(count)?;
    let tick = |job| (Tick::scheduled(JobId(job), fire_time, 0), mint.mint());
    Ok(jobs.map(tick).collect())
}

async fn take_all(lock: &TickLock, ticks: &[(Tick, Token)]) -> Result<Duration> {
    let begun = Instant::now();
    for batch in ticks.chunks(CLAIM_BATCH_MAX) {
        let now = Timestamp::from_nanosecond(now_ns().into())?;
        let granted = lock.take(batch, now).await;
        let granted = granted.context("redis did not answer in time")?;
        ensure!(
            granted.len() == batch.len() && granted.iter().all(|is_granted| *is_granted),
            "a lock was denied that nobody else asks for"
        );
    }
    Ok(begun.elapsed())
}

/// What `redis-benchmark` gets over one connection: the best of the rounds.
fn bare_a_second(port: u16, count: usize) -> Result<f64> {
    let mut best = 0_f64;
    for _ in 0..ROUNDS {
        let output = Command::new("redis-benchmark")
            .args(["-q", "-c", "1", "-r", "1000000000"])
            .args(["-p", &port.to_string(), "-n", &count.to_string()])
            .args(["-P", &CLAIM_BATCH_MAX.to_string()])
            .args(["SET", "carillon:{b1}:__rand_int__-20261122T022000Z-s0"])
            .args(["00112233445566778899aabbccddeeff", "NX", "PX", "600000"])
            .output()
            .context("starting redis-benchmark, which Debian has in redis-tools")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let told = text.split(" requests per second").next();
        let number = told.and_then(|told| told.split_whitespace().last());
        let number = number.and_then(|number| number.parse().ok());
        best = best.max(number.with_context(|| format!("redis-benchmark said {text:?}"))?);
    }
    Ok(best)
}
