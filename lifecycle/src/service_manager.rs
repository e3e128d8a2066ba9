//! Talks to the service manager, where there is one; a friendly no-op where there is none.

use std::time::Duration;

use sd_notify::NotifyState;
use tracing::debug;

/// Everything is up: units that wait for this one may start.
pub fn notify_ready() {
    tell(&[NotifyState::Ready]);
}

/// Draining has begun; the manager waits its stop time-out from now.
pub fn notify_stopping() {
    tell(&[NotifyState::Stopping]);
}

/// One line that `systemctl status` shows.
pub fn notify_status(status: &str) {
    tell(&[NotifyState::Status(status)]);
}

/// Tells the watchdog that the program lives. Call it from the loop whose standstill matters.
pub fn feed_watchdog() {
    tell(&[NotifyState::Watchdog]);
}

/// How often [`feed_watchdog`] must be called, half of what the manager allows; `None` when no
/// watchdog watches.
#[must_use]
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2)
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        debug!("the service manager could not be told: {error}");
    }
}
