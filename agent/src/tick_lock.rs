//! The tick lock: one Redis key for each tick, which thins the crowd before the claim. It is never the proof.
//!
//! Granted, denied and not knowing are three answers. While Redis does not answer, a breaker keeps everybody from
//! waiting for it: claims go on through the store alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use carillon_core::tick::Tick;
use carillon_core::token::Token;
use carillon_redis::{Connection, Place};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tracing::{info, warn};

/// The whole question may take this long; later is not knowing.
const PATIENCE: Duration = Duration::from_millis(100);

/// Nobody's tick waits for a probe.
const PROBE_PATIENCE: Duration = Duration::from_secs(1);

/// So many questions without an answer open the breaker.
const FAILURES_MAX: u32 = 3;

/// And it stays open this long before the next try.
const OPEN_FOR: SignedDuration = SignedDuration::from_secs(5);

/// A lock outlives every deadline that matters; its value is of no consequence for safety.
const LIFETIME_MS: u64 = 10 * 60 * 1000;

/// Keys of one bucket share a hash tag, so that a cluster takes a pipeline for each bucket instead of one for each key.
const BUCKETS: i64 = 16;

/// The Redis side of tick locks.
#[derive(Clone)]
pub struct TickLock {
    link: Arc<Link>,
}

struct Link {
    place: Place,
    /// Dropped after a failure where the server may have moved.
    connection: Mutex<Option<Connection>>,
    failures: AtomicU32,
    /// Microseconds since 1970 until which nobody asks.
    open_until: AtomicI64,
}

impl TickLock {
    /// A lock at this URL, as [`Place`] reads it. Nothing is connected yet.
    ///
    /// # Errors
    /// When the URL is not understood; the error does not repeat its password.
    pub fn new(url: &str) -> redis::RedisResult<Self> {
        let link = Link {
            place: Place::new(url)?,
            connection: Mutex::new(None),
            failures: AtomicU32::new(0),
            open_until: AtomicI64::new(i64::MIN),
        };
        Ok(TickLock {
            link: Arc::new(link),
        })
    }

    /// Whether asking makes sense at this time.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        now.as_microsecond() >= self.link.open_until.load(Ordering::Relaxed)
    }

    /// Asks for every lock in one round trip. None is not knowing.
    pub async fn take(&self, ticks: &[(Tick, Token)], now: Timestamp) -> Option<Vec<bool>> {
        if !self.is_usable(now) {
            return None;
        }
        match tokio::time::timeout(PATIENCE, self.set_all(ticks)).await {
            Ok(Ok(granted)) => {
                if self.link.failures.swap(0, Ordering::Relaxed) >= FAILURES_MAX {
                    info!("redis answers again, tick locks are back");
                }
                Some(granted)
            }
            Ok(Err(error)) => {
                self.forget_master().await;
                self.fail(now, &error.to_string())
            }
            Err(_) => self.fail(now, "no answer in time"),
        }
    }

    /// Asks Redis whether it is there.
    async fn ping(&self) -> redis::RedisResult<()> {
        let mut connection = self.connection().await?;
        redis::cmd("PING").query_async(&mut connection).await
    }

    /// Asks Redis, for people: what it says instead of an answer.
    pub async fn probe(&self) -> Result<(), String> {
        match tokio::time::timeout(PROBE_PATIENCE, self.ping()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => {
                self.forget_master().await;
                Err(error.to_string())
            }
            Err(_) => Err(format!("no answer within {} s", PROBE_PATIENCE.as_secs())),
        }
    }

    /// The master may be another server by now; the others find their way back themselves.
    async fn forget_master(&self) {
        let mut kept = self.link.connection.lock().await;
        if matches!(*kept, Some(Connection::Master(_))) {
            *kept = None;
        }
    }

    fn fail(&self, now: Timestamp, error: &str) -> Option<Vec<bool>> {
        let failures = self.link.failures.fetch_add(1, Ordering::Relaxed) + 1;
        if failures >= FAILURES_MAX {
            let until = now.saturating_add(OPEN_FOR).unwrap_or(now);
            self.link
                .open_until
                .store(until.as_microsecond(), Ordering::Relaxed);
        }
        if failures == FAILURES_MAX {
            warn!(
                error,
                "redis does not answer, ticks are decided by the store alone until it does"
            );
        }
        None
    }

    async fn set_all(&self, ticks: &[(Tick, Token)]) -> redis::RedisResult<Vec<bool>> {
        let mut connection = self.connection().await?;
        let answers = match connection {
            Connection::Cluster(_) => set_by_bucket(&mut connection, ticks).await?,
            Connection::Single(_) | Connection::Master(_) => {
                pipeline(ticks).query_async(&mut connection).await?
            }
        };
        Ok(answers
            .into_iter()
            .map(|answer: Option<String>| answer.is_some())
            .collect())
    }

    async fn connection(&self) -> redis::RedisResult<Connection> {
        let mut kept = self.link.connection.lock().await;
        if kept.is_none() {
            *kept = Some(self.link.place.connect(PATIENCE).await?);
        }
        Ok(kept.clone().expect("it was just made"))
    }
}

fn pipeline<'t>(ticks: impl IntoIterator<Item = &'t (Tick, Token)>) -> redis::Pipeline {
    let mut pipeline = redis::pipe();
    for (tick, token) in ticks {
        let key = format!("carillon:{{b{}}}:{tick}", tick.job.0.rem_euclid(BUCKETS));
        pipeline
            .cmd("SET")
            .arg(key)
            .arg(token.to_string())
            .arg("NX")
            .arg("PX")
            .arg(LIFETIME_MS);
    }
    pipeline
}

async fn set_by_bucket(
    connection: &mut Connection,
    ticks: &[(Tick, Token)],
) -> redis::RedisResult<Vec<Option<String>>> {
    let mut answers = vec![None; ticks.len()];
    for bucket in 0..BUCKETS {
        let (places, mine): (Vec<_>, Vec<_>) = ticks
            .iter()
            .enumerate()
            .filter(|(_, (tick, _))| tick.job.0.rem_euclid(BUCKETS) == bucket)
            .unzip();
        if mine.is_empty() {
            continue;
        }
        let part: Vec<Option<String>> = pipeline(mine).query_async(connection).await?;
        for (place, answer) in places.into_iter().zip(part) {
            answers[place] = answer;
        }
    }
    Ok(answers)
}
