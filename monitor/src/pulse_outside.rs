//! Tells somebody outside that this monitor lives and sees the store, so that its own silence is noticed, too.

use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tracing::warn;

use crate::webhook::Webhook;

/// A ping goes out this often.
const PING_EVERY: Duration = Duration::from_secs(60);

/// Pings one address.
pub(crate) struct Pinger {
    address: Webhook,
    pinged_at: Option<Instant>,
    on_its_way: Option<JoinHandle<()>>,
}

impl Pinger {
    pub(crate) fn new(address: Webhook) -> Self {
        Pinger {
            address,
            pinged_at: None,
            on_its_way: None,
        }
    }

    /// Pings if it is time. A round that sees the store calls this; one that does not keeps quiet, and is missed.
    pub(crate) fn ping(&mut self) {
        let is_busy = self
            .on_its_way
            .as_ref()
            .is_some_and(|task| !task.is_finished());
        if is_busy || self.pinged_at.is_some_and(|at| at.elapsed() < PING_EVERY) {
            return;
        }
        self.pinged_at = Some(Instant::now());
        let address = self.address.clone();
        // On a task of its own: a slow address must not slow the rounds.
        self.on_its_way = Some(tokio::spawn(async move {
            if let Err(error) = address.ping().await {
                warn!("nobody outside was told that this monitor lives: {error}");
            }
        }));
    }
}

impl Drop for Pinger {
    fn drop(&mut self) {
        if let Some(task) = &self.on_its_way {
            task.abort();
        }
    }
}
