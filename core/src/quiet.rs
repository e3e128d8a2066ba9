//! Quiet hours: times at which people are not disturbed by what can wait until they end.

use std::fmt;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::calendar::Blackouts;
use crate::schedule::ScheduleError;

/// The longest text of quiet hours, in characters.
pub const QUIET_TEXT_LENGTH_MAX: usize = 190;

/// Quiet hours that never end are ended for a moment this often.
const HOLD_MAX: SignedDuration = SignedDuration::from_hours(24);

/// The times at which people are not disturbed: ranges as a calendar has them, with commas between.
#[derive(Debug, Clone)]
pub struct QuietHours {
    text: String,
    blackouts: Arc<Blackouts>,
}

impl QuietHours {
    /// Quiet hours that there are none of.
    ///
    /// # Errors
    /// When the zone is not known.
    pub fn none(zone: &str) -> Result<Self, ScheduleError> {
        Self::parse("", zone)
    }

    /// Reads ranges of the clock in `zone`, such as `22:00 .. 07:00, Sat 00:00 .. Mon 07:00`.
    ///
    /// # Errors
    /// When a range or the zone is not understood.
    pub fn parse(text: &str, zone: &str) -> Result<Self, ScheduleError> {
        let lines = text.replace([',', ';'], "\n");
        Ok(QuietHours {
            text: text.trim().to_owned(),
            blackouts: Blackouts::shared(zone, &lines)?,
        })
    }

    /// Until when what comes up at `now` is held back; none when it goes at once.
    pub fn hold_until(&self, now: Timestamp) -> Option<Timestamp> {
        let span = self.blackouts.span_at(now)?;
        let until = span.until.filter(|until| *until > now);
        Some(until.unwrap_or_else(|| now.saturating_add(HOLD_MAX).unwrap_or(now)))
    }

    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.blackouts.is_empty()
    }
}

impl fmt::Display for QuietHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn what_comes_up_at_night_waits_for_the_morning() {
        let nights = QuietHours::parse("22:00 .. 07:00", "Europe/Berlin").unwrap();
        let morning = Some(at("2026-11-22T06:00:00Z"));

        assert_eq!(nights.hold_until(at("2026-11-21T21:00:00Z")), morning);
        assert_eq!(nights.hold_until(at("2026-11-22T05:59:59Z")), morning);
        assert_eq!(nights.hold_until(at("2026-11-21T20:59:59Z")), None);
        assert_eq!(nights.hold_until(at("2026-11-22T06:00:00Z")), None);
    }

    #[test]
    fn ranges_that_touch_are_one_quiet_time() {
        let text = "22:00 .. 07:00, Sat 00:00 .. Mon 00:00";
        let quiet = QuietHours::parse(text, "UTC").unwrap();

        let friday_night = at("2026-11-20T23:00:00Z");
        assert_eq!(
            quiet.hold_until(friday_night),
            Some(at("2026-11-23T07:00:00Z"))
        );
    }

    #[test]
    fn what_is_always_quiet_is_told_once_a_day() {
        let always = QuietHours::parse("Mon .. Sun", "UTC").unwrap();
        let now = at("2026-11-21T12:00:00Z");

        assert_eq!(always.hold_until(now), Some(now + HOLD_MAX));
    }

    #[test]
    fn without_quiet_hours_nothing_waits() {
        let none = QuietHours::none("UTC").unwrap();

        assert!(none.is_empty());
        assert_eq!(none.hold_until(at("2026-11-21T02:00:00Z")), None);
        assert!(QuietHours::parse("at night", "UTC").is_err());
        assert!(QuietHours::parse("22:00 .. 07:00", "no/where").is_err());
    }
}
