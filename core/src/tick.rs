//! The identity of one due occurrence. Whoever notices it, whenever, gives it the same name.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use crate::identity::JobId;
use crate::retry::ATTEMPTS_MAX;

/// Why a tick exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TickKind {
    /// The schedule asked for it, also when it starts late or is caught up.
    Scheduled,
    /// A person or a program asked for it; its fire time is when the store was asked.
    Manual,
}

/// One due occurrence: job, fire time and slot. It is also the name of the run that decides it, so the text form
/// is the run's id everywhere: `17-20261121T030000Z-s0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tick {
    /// The planned instant; whole seconds when scheduled, whole microseconds when manual.
    pub fire_time: Timestamp,
    /// The job that is due.
    pub job: JobId,
    /// Scheduled or manual.
    pub kind: TickKind,
    /// The seat that is claimed: 0 for one node, 0…n−1 for n nodes, the node's number for every node.
    pub slot: i64,
}

impl Tick {
    /// The scheduled tick of `job` at `fire_time` in seat `slot`.
    pub fn scheduled(job: JobId, fire_time: Timestamp, slot: i64) -> Self {
        Tick {
            fire_time,
            job,
            kind: TickKind::Scheduled,
            slot,
        }
    }

    /// The first seat of the same occurrence.
    #[must_use]
    pub fn first_seat(self) -> Tick {
        Tick { slot: 0, ..self }
    }

    /// A number for whoever must refuse the leftovers of an older attempt: it grows from attempt to attempt of a run, and
    /// from fire time to fire time of a job. Seats of one occurrence have the same.
    pub fn fencing_token(self, attempt: u32) -> i64 {
        let attempt = i64::from(attempt.min(ATTEMPTS_MAX));
        let fire_time = self.fire_time.as_microsecond();
        fire_time.saturating_mul(i64::from(ATTEMPTS_MAX) + 1) + attempt
    }

    /// Whether both are seats of one occurrence, and not the same one.
    pub fn is_other_seat(self, other: Tick) -> bool {
        self.first_seat() == other.first_seat() && self.slot != other.slot
    }
}

impl fmt::Display for Tick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            TickKind::Scheduled => 's',
            TickKind::Manual => 'm',
        };
        let (job, slot) = (self.job, self.slot);
        let format = match self.fire_time.subsec_microsecond() {
            0 if self.fire_time.subsec_millisecond() == 0 => "%Y%m%dT%H%M%SZ",
            _ => "%Y%m%dT%H%M%S%.6fZ",
        };
        write!(f, "{job}-{}-{kind}{slot}", self.fire_time.strftime(format))
    }
}

/// The text does not name a run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no run id; one looks like 17-20261121T030000Z-s0")]
pub struct TickError(String);

impl FromStr for Tick {
    type Err = TickError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (job, rest) = text.split_once('-')?;
            let (time, seat) = rest.split_once('-')?;
            let (kind, slot) = match seat.split_at_checked(1)? {
                ("s", slot) => (TickKind::Scheduled, slot),
                ("m", slot) => (TickKind::Manual, slot),
                _ => return None,
            };
            Some(Tick {
                fire_time: time.parse().ok()?,
                job: job.parse().ok()?,
                kind,
                slot: slot.parse().ok()?,
            })
        };
        // Only the one spelling that Display gives is an id, so that no run has two addresses.
        parse()
            .filter(|tick: &Tick| tick.to_string() == text)
            .ok_or_else(|| TickError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_reads_back_from_its_text() {
        for text in [
            "17-20261121T030000Z-s0",
            "1-20261121T030000.123456Z-m0",
            "9-19700101T000000Z-s42",
        ] {
            let tick: Tick = text.parse().unwrap();

            assert_eq!(tick.to_string(), text);
        }
    }

    #[test]
    fn fencing_tokens_grow_with_attempt_and_fire_time() {
        let token = |text: &str, attempt| text.parse::<Tick>().unwrap().fencing_token(attempt);
        let first = token("17-20261121T030000Z-s0", 1);

        assert!(first < token("17-20261121T030000Z-s0", 2));
        assert!(
            token("17-20261121T030000Z-s0", ATTEMPTS_MAX)
                < token("17-20261121T030000.000001Z-m0", 1)
        );
        assert!(
            token("17-40000101T000000Z-s0", 1) > first,
            "it fits for long"
        );
    }

    #[test]
    fn only_one_spelling_names_a_run() {
        for text in [
            "",
            "17",
            "17-now-s0",
            "017-20261121T030000Z-s0",
            "17-2026-11-21T03:00:00Z-s0",
            "17-20261121T030000Z-x0",
        ] {
            assert!(text.parse::<Tick>().is_err(), "{text:?}");
        }
    }
}
