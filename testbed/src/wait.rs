//! Waiting for an event with a limit, instead of sleeping and hoping.

use std::time::{Duration, Instant};

/// Pause between two looks. Short against every limit in use, long against the cost of a look.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Looks until `poll` returns something, and returns it.
///
/// `event` completes the sentence "waited 5s for …" in the failure.
///
/// # Panics
/// When `limit` has passed without an answer: in a test that is the failure to report.
#[track_caller]
pub fn wait_until<T>(event: &str, limit: Duration, mut poll: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = poll() {
            return found;
        }
        assert!(
            started.elapsed() < limit,
            "waited {limit:?} for {event}, in vain"
        );
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The same for a question that has to be awaited.
///
/// # Panics
/// When `limit` has passed without an answer.
pub async fn wait_until_async<T>(
    event: &str,
    limit: Duration,
    mut poll: impl AsyncFnMut() -> Option<T>,
) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = poll().await {
            return found;
        }
        assert!(
            started.elapsed() < limit,
            "waited {limit:?} for {event}, in vain"
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
