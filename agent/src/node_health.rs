//! Whether this node may claim, and why not.

use std::fmt;

use carillon_core::node::{ClockOffset, Duty};
use jiff::{SignedDuration, Timestamp};

/// So many starts in a row that fail for the node's own reasons make it stop claiming.
const SPAWN_FAILURES_MAX: u32 = 3;

/// After this long it tries once more.
const FORGIVE_AFTER: SignedDuration = SignedDuration::from_secs(30);

/// What this node knows of its own health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeHealth {
    /// What operators want of it.
    pub duty: Duty,
    /// Whether the store answers.
    pub store: Health,
    /// Whether the runner answers and starts commands.
    pub runner: Health,
    spawn_failures: u32,
    spawn_trouble: String,
    spawn_failed_at: Timestamp,
}

/// Whether something this node needs is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It is.
    Well,
    /// It is not.
    Ill {
        /// Since when.
        since: Timestamp,
        /// Why.
        why: String,
    },
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Health::Well => f.write_str("ok"),
            Health::Ill { since, why } => write!(f, "down since {since:.0}: {why}"),
        }
    }
}

impl Default for NodeHealth {
    fn default() -> Self {
        NodeHealth {
            duty: Duty::Active,
            store: Health::Well,
            runner: Health::Ill {
                since: Timestamp::UNIX_EPOCH,
                why: "not connected yet".to_owned(),
            },
            spawn_failures: 0,
            spawn_trouble: String::new(),
            spawn_failed_at: Timestamp::UNIX_EPOCH,
        }
    }
}

impl NodeHealth {
    /// A command started: the node is able.
    pub fn count_start(&mut self) {
        self.spawn_failures = 0;
    }

    /// A start failed for the node's own reasons. True when that closes the gate.
    pub fn count_spawn_failure(&mut self, why: String, now: Timestamp) -> bool {
        self.spawn_failed_at = now;
        self.spawn_failures += 1;
        self.spawn_trouble = why;
        self.spawn_failures == SPAWN_FAILURES_MAX
    }

    /// Forgives failed starts after a while, so that the node tries again; one more failure closes the gate again.
    pub fn forgive_in_time(&mut self, now: Timestamp) {
        if self.is_cordoned() && now.duration_since(self.spawn_failed_at) > FORGIVE_AFTER {
            self.spawn_failures = SPAWN_FAILURES_MAX - 1;
        }
    }

    /// Whether failed starts keep this node from claiming.
    pub fn is_cordoned(&self) -> bool {
        self.spawn_failures >= SPAWN_FAILURES_MAX
    }

    /// Why this node claims nothing; none when it does.
    pub fn why_not_claiming(&self, clock: Option<ClockOffset>) -> Option<String> {
        match (&self.runner, self.duty, clock) {
            (_, Duty::Drained, _) => Some("it is drained".to_owned()),
            (_, Duty::Retired, _) => Some("it is retired".to_owned()),
            (Health::Ill { why, .. }, ..) => Some(format!("its runner starts nothing: {why}")),
            (.., None) => Some("the store's clock is not known yet".to_owned()),
            (.., Some(clock)) if !clock.is_trusted() => Some(format!(
                "the store's clock is only known to {:#}",
                clock.uncertainty
            )),
            _ if self.is_cordoned() => Some(format!(
                "{SPAWN_FAILURES_MAX} starts in a row failed, the last: {}",
                self.spawn_trouble
            )),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOCK: Option<ClockOffset> = Some(ClockOffset {
        offset: SignedDuration::ZERO,
        uncertainty: SignedDuration::ZERO,
    });

    #[test]
    fn node_that_cannot_start_commands_stops_claiming() {
        let mut health = NodeHealth {
            runner: Health::Well,
            ..NodeHealth::default()
        };
        assert_eq!(health.why_not_claiming(CLOCK), None);

        let closed = (0..3)
            .map(|_| health.count_spawn_failure("no memory".to_owned(), Timestamp::UNIX_EPOCH));
        assert_eq!(closed.collect::<Vec<_>>(), [false, false, true]);
        assert!(
            health
                .why_not_claiming(CLOCK)
                .unwrap()
                .contains("no memory")
        );

        health.count_start();
        assert_eq!(health.why_not_claiming(CLOCK), None);
    }

    #[test]
    fn node_without_the_time_does_not_claim() {
        let health = NodeHealth {
            runner: Health::Well,
            ..NodeHealth::default()
        };
        let vague = ClockOffset {
            offset: SignedDuration::ZERO,
            uncertainty: SignedDuration::from_secs(2),
        };

        assert!(health.why_not_claiming(None).is_some());
        assert!(health.why_not_claiming(Some(vague)).is_some());
    }
}
