//! Slows down whoever guesses: a growing pause after the fifth failure, by name and by address, never a lock-out.

use jiff::SignedDuration;

use crate::app::App;
use crate::faults::Fault;

/// Failures without a pause: people mistype.
const FREE_FAILURES: u32 = 5;
/// The longest pause, so that guessing never locks the owner out.
const PAUSE_MAX: SignedDuration = SignedDuration::from_secs(60);
/// Addresses are shared by many people, so they get more.
const FREE_FAILURES_OF_ADDRESS: u32 = 50;

/// Where proofs are counted: the name somebody claims to be, and the address he claims it from.
#[derive(Debug, Clone)]
pub(super) struct Places {
    name: String,
    address: Option<String>,
}

impl Places {
    pub(super) fn new(name: &str, address: Option<&str>) -> Self {
        let name: String = name.trim().to_lowercase().chars().take(64).collect();
        Places {
            name: format!("name {name}"),
            address: address.map(|address| format!("address {address}")),
        }
    }

    /// Passes when no pause is due.
    /// # Errors
    /// With how long to wait.
    pub(super) async fn require_no_pause(&self, app: &App) -> Result<(), Fault> {
        let (failures, since) = app.store.failures_at(&self.name).await?;
        let mut wait = remaining(failures.saturating_sub(FREE_FAILURES), since);
        if let Some(address) = &self.address {
            let (failures, since) = app.store.failures_at(address).await?;
            wait = wait.max(remaining(
                failures.saturating_sub(FREE_FAILURES_OF_ADDRESS),
                since,
            ));
        }
        match wait.as_millis() {
            ..=0 => Ok(()),
            ms => Err(Fault::TooMany {
                wait_s: u64::try_from(ms).unwrap_or(0).div_ceil(1000),
            }),
        }
    }

    pub(super) async fn note_failure(&self, app: &App) -> Result<(), Fault> {
        app.store.note_failure(&self.name).await?;
        if let Some(address) = &self.address {
            app.store.note_failure(address).await?;
        }
        Ok(())
    }

    pub(super) async fn forget_failures(&self, app: &App) -> Result<(), Fault> {
        Ok(app.store.forget_failures(&self.name).await?)
    }
}

/// What is left of the pause that so many failures beyond the free ones cost.
fn remaining(excess: u32, since: SignedDuration) -> SignedDuration {
    if excess == 0 {
        return SignedDuration::ZERO;
    }
    let pause = SignedDuration::from_secs(1_i64 << (excess - 1).min(6)).min(PAUSE_MAX);
    (pause - since).max(SignedDuration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_a_minute_and_passes() {
        let seconds = SignedDuration::from_secs;

        assert_eq!(remaining(0, seconds(0)), seconds(0));
        assert_eq!(remaining(1, seconds(0)), seconds(1));
        assert_eq!(remaining(4, seconds(3)), seconds(5));
        assert_eq!(remaining(99, seconds(0)), seconds(60));
        assert_eq!(remaining(99, seconds(61)), seconds(0));
    }
}
