//! Whether a node is silent, and what its last words tell about why.
//!
//! All instants are the store's. The monitor asks in rounds; this file judges one round.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::node::{Duty, HEARTBEAT_INTERVAL};

/// Beats that may be missing before a node counts as silent, at the least.
pub const SILENT_BEATS_MIN: i32 = 3;

/// The shortest [`crate::incident::Patience::silent_after`].
pub fn silent_after_min() -> SignedDuration {
    HEARTBEAT_INTERVAL * SILENT_BEATS_MIN
}

/// A node that ended in order is asked after only when it has not come back for so long.
pub const LEFT_GRACE: SignedDuration = SignedDuration::from_hours(1);

/// Since when the monitor has seen the store without a gap. Silence counts from there at the earliest, so that
/// nobody is taken for silent at the first start, after the store was away, after the monitor itself slept, or
/// when the store's clock jumped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    began_at: Timestamp,
    last_at: Timestamp,
}

impl View {
    /// A view that begins now.
    pub fn begin(now: Timestamp) -> Self {
        View {
            began_at: now,
            last_at: now,
        }
    }

    /// The view after a further round. A gap of a third of the patience breaks it: a node whose beats were only kept
    /// from the store for that time still has the rest to be heard again.
    #[must_use]
    pub fn extend(self, now: Timestamp, silent_after: SignedDuration) -> Self {
        let gap = now.duration_since(self.last_at);
        if gap.is_negative() || gap > silent_after / 3 {
            return View::begin(now);
        }
        View {
            last_at: now,
            ..self
        }
    }

    /// Since when nothing was overlooked.
    pub fn began_at(&self) -> Timestamp {
        self.began_at
    }
}

/// A node's last words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastWords {
    /// What operators want of it.
    pub duty: Duty,
    /// Its last beat.
    pub last_beat_at: Timestamp,
    /// When its agent ended in order, if it did after that beat.
    pub left_at: Option<Timestamp>,
    /// Whether it claimed.
    pub is_claiming: bool,
    /// Why not.
    pub not_claiming_reason: String,
    /// How well it knew the time, in microseconds: half the round trip to the store.
    pub clock_uncertainty_us: i64,
    /// Bytes of memory it had.
    pub memory_total: i64,
    /// Bytes that were free.
    pub memory_available: i64,
}

/// What a round says of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hearing {
    /// It beats.
    Heard,
    /// Too early to say.
    Unsure,
    /// It has not been heard since then.
    Silent {
        /// Its last beat or its orderly end.
        since_at: Timestamp,
    },
    /// Somebody wants it silent.
    Excused,
}

/// Judges one node at `now`.
pub fn hear(
    words: &LastWords,
    view: View,
    silent_after: SignedDuration,
    now: Timestamp,
) -> Hearing {
    match words.duty {
        Duty::Drained | Duty::Retired => return Hearing::Excused,
        Duty::Active => {}
    }
    if let Some(left_at) = words.left_at {
        return match now.duration_since(left_at.max(view.began_at())) {
            age if age >= LEFT_GRACE => Hearing::Silent { since_at: left_at },
            _ => Hearing::Excused,
        };
    }
    let missing = now.duration_since(words.last_beat_at);
    let watched = now.duration_since(view.began_at());
    match () {
        () if missing >= silent_after && watched >= silent_after => Hearing::Silent {
            since_at: words.last_beat_at,
        },
        () if missing <= HEARTBEAT_INTERVAL * 2 => Hearing::Heard,
        () => Hearing::Unsure,
    }
}

/// What probably happened to a silent node, from what the store knows. The monitor has no second way to a node
/// (agents open no port), so it says what it can tell apart and no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Cause {
    /// The agent ended in order and nobody started it again.
    Left,
    /// Nodes went together: network, power, or what else they share.
    Together {
        /// So many, this one included.
        silent: u32,
        /// Of so many that are watched.
        watched: u32,
    },
    /// Its memory was nearly used up.
    Memory {
        /// Free, in hundredths.
        available_percent: i64,
    },
    /// Its way to the store was slow already.
    SlowLink {
        /// The round trip in milliseconds.
        round_trip_ms: i64,
    },
    /// It had stopped claiming.
    NotClaiming {
        /// Why, in its own words.
        reason: String,
    },
    /// Agent down, host down or cut off: not to be told apart from here.
    Unknown,
}

/// A round trip that long is slow, in microseconds.
const SLOW_ROUND_TRIP_US: i64 = 1_000_000;
/// Less free memory than this is nearly none, in hundredths.
const MEMORY_LOW_PERCENT: i64 = 3;

/// Finds the likely cause. `silent` of `watched` nodes went within a moment of each other.
pub fn diagnose(words: &LastWords, silent: u32, watched: u32) -> Cause {
    let round_trip_us = words.clock_uncertainty_us.saturating_mul(2);
    let available_percent = match words.memory_total {
        total if total > 0 => words.memory_available.saturating_mul(100) / total,
        _ => 100,
    };
    match () {
        () if words.left_at.is_some() => Cause::Left,
        () if silent > 1 => Cause::Together { silent, watched },
        () if available_percent < MEMORY_LOW_PERCENT => Cause::Memory { available_percent },
        () if round_trip_us > SLOW_ROUND_TRIP_US => Cause::SlowLink {
            round_trip_ms: round_trip_us / 1000,
        },
        () if !words.is_claiming => Cause::NotClaiming {
            reason: words.not_claiming_reason.clone(),
        },
        () => Cause::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn words() -> LastWords {
        LastWords {
            duty: Duty::Active,
            last_beat_at: at(100),
            left_at: None,
            is_claiming: true,
            not_claiming_reason: String::new(),
            clock_uncertainty_us: 500,
            memory_total: 1000,
            memory_available: 500,
        }
    }

    fn hear_at(words: &LastWords, view_began: i64, now: i64) -> Hearing {
        let silent_after = SignedDuration::from_secs(30);
        hear(words, View::begin(at(view_began)), silent_after, at(now))
    }

    #[test]
    fn a_node_is_silent_once_its_beats_are_missing_for_long_enough() {
        assert_eq!(hear_at(&words(), 0, 103), Hearing::Heard);
        assert_eq!(hear_at(&words(), 0, 129), Hearing::Unsure);
        assert_eq!(
            hear_at(&words(), 0, 130),
            Hearing::Silent { since_at: at(100) }
        );
    }

    #[test]
    fn nobody_is_silent_before_it_was_watched_for_long_enough() {
        assert_eq!(hear_at(&words(), 5000, 5029), Hearing::Unsure);
        assert_eq!(
            hear_at(&words(), 5000, 5030),
            Hearing::Silent { since_at: at(100) }
        );
    }

    #[test]
    fn drained_and_retired_nodes_may_be_silent() {
        for duty in [Duty::Drained, Duty::Retired] {
            let words = LastWords { duty, ..words() };

            assert_eq!(hear_at(&words, 0, 99_999), Hearing::Excused);
        }
    }

    #[test]
    fn a_node_that_left_in_order_is_asked_after_later() {
        let words = LastWords {
            left_at: Some(at(101)),
            ..words()
        };

        assert_eq!(hear_at(&words, 0, 3700), Hearing::Excused);
        assert_eq!(
            hear_at(&words, 0, 3701),
            Hearing::Silent { since_at: at(101) }
        );
        assert_eq!(hear_at(&words, 3700, 3701), Hearing::Excused);
    }

    #[test]
    fn a_gap_or_a_jump_begins_the_view_anew() {
        let patience = SignedDuration::from_secs(30);
        let view = View::begin(at(0))
            .extend(at(5), patience)
            .extend(at(15), patience);
        assert_eq!(view.began_at(), at(0));

        assert_eq!(view.extend(at(26), patience).began_at(), at(26));
        assert_eq!(view.extend(at(14), patience).began_at(), at(14));
    }

    #[test]
    fn the_cause_is_the_first_that_explains_it() {
        let left = LastWords {
            left_at: Some(at(101)),
            ..words()
        };
        let hungry = LastWords {
            memory_available: 10,
            ..words()
        };
        let cordoned = LastWords {
            is_claiming: false,
            not_claiming_reason: "three spawns failed".to_owned(),
            ..words()
        };

        assert_eq!(diagnose(&words(), 1, 5), Cause::Unknown);
        assert_eq!(diagnose(&left, 3, 5), Cause::Left);
        assert_eq!(
            diagnose(&hungry, 3, 5),
            Cause::Together {
                silent: 3,
                watched: 5
            }
        );
        assert_eq!(
            diagnose(&hungry, 1, 5),
            Cause::Memory {
                available_percent: 1
            }
        );
        assert_eq!(
            diagnose(&cordoned, 1, 5),
            Cause::NotClaiming {
                reason: "three spawns failed".to_owned()
            }
        );
    }
}
