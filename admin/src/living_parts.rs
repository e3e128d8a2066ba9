//! What many look at again and again is read once for all who ask within a moment.
//!
//! For the living parts of pages that are open anyway, and never for a page that somebody has just asked for: who has
//! done something sees what came of it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use tokio::sync::OnceCell;

/// How long what was read is good enough, counted from the asking.
const FRESH: Duration = Duration::from_secs(1);

/// Whether the script asks, for the living parts of a page that it shows already.
pub(crate) fn is_for_living_parts(headers: &HeaderMap) -> bool {
    headers.contains_key("carillon-live")
}

/// The last answers, by what was asked.
#[derive(Debug)]
pub(crate) struct Shared<K, V>(Mutex<HashMap<K, Arc<Reading<V>>>>);

#[derive(Debug)]
struct Reading<V> {
    begun: Instant,
    value: OnceCell<Arc<V>>,
}

impl<K, V> Default for Shared<K, V> {
    fn default() -> Self {
        Shared(Mutex::default())
    }
}

impl<K: Eq + Hash, V> Shared<K, V> {
    /// What a reading that began within the last second found, by oneself or by another; who finds one going on waits for it.
    pub(crate) async fn get<E>(
        &self,
        key: K,
        read: impl AsyncFnOnce() -> Result<V, E>,
    ) -> Result<Arc<V>, E> {
        let reading = self.reading(key);
        let value = reading
            .value
            .get_or_try_init(async || Ok(Arc::new(read().await?)))
            .await?;
        Ok(Arc::clone(value))
    }

    fn reading(&self, key: K) -> Arc<Reading<V>> {
        let mut readings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        readings.retain(|_, reading| reading.begun.elapsed() < FRESH);
        let reading = readings.entry(key).or_insert_with(|| {
            Arc::new(Reading {
                begun: Instant::now(),
                value: OnceCell::new(),
            })
        });
        Arc::clone(reading)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn who_asks_within_a_moment_shares_one_reading_of_the_same() {
        let shared: Shared<u8, u32> = Shared::default();
        let readings = AtomicU32::new(0);
        let read = async || Ok::<u32, ()>(readings.fetch_add(1, Ordering::Relaxed));

        let all = futures_util::future::join_all((0..50).map(|_| shared.get(1, read))).await;
        let other = shared.get(2, read).await;

        assert!(all.iter().all(|one| one.as_deref() == Ok(&0)), "{all:?}");
        assert_eq!(other.as_deref(), Ok(&1));
    }

    #[tokio::test]
    async fn a_reading_that_failed_is_nobody_elses() {
        let shared: Shared<u8, u32> = Shared::default();

        let failed = shared.get(1, async || Err("no answer")).await;
        let next = shared.get(1, async || Ok::<u32, &str>(7)).await;

        assert_eq!(failed, Err("no answer"));
        assert_eq!(next.as_deref(), Ok(&7));
    }
}
