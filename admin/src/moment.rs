//! Instants and durations as pages show them: in the viewer's zone, with the distance from now.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::words::{Words, fill};

/// An instant, ready for a template: it writes a whole `<time>` element, made of safe characters alone.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    iso: String,
    shown: String,
    tip: String,
}

impl askama::filters::HtmlSafe for Moment {}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Moment { iso, shown, tip } = self;
        write!(f, "<time datetime=\"{iso}\" title=\"{tip}\">{shown}</time>")
    }
}

/// How instants are shown to one viewer, at one time.
#[derive(Debug, Clone)]
pub(crate) struct Moments {
    /// The viewer's zone.
    pub(crate) zone: TimeZone,
    /// Its name.
    pub(crate) zone_name: String,
    /// The time of the request.
    pub(crate) now: Timestamp,
    /// The viewer's language.
    pub(crate) words: &'static Words,
}

impl Moments {
    /// The instant as a clock shows it, e.g. `14:03:07`, with the date where it is not today.
    pub(crate) fn at(&self, instant: Timestamp) -> Moment {
        Moment {
            iso: iso(instant),
            shown: self.clock(instant),
            tip: format!("{} · {} UTC", self.distance(instant), utc(instant)),
        }
    }

    /// The same as its distance from now, e.g. `3 min ago`; the tip has the clock.
    pub(crate) fn since(&self, instant: Timestamp) -> Moment {
        Moment {
            iso: iso(instant),
            shown: self.distance(instant),
            tip: match self.zone_name.as_str() {
                "UTC" => format!("{} UTC", utc(instant)),
                zone => format!("{} {zone} · {} UTC", self.full(instant), utc(instant)),
            },
        }
    }

    /// The instant with its date, in the viewer's zone.
    pub(crate) fn full(&self, instant: Timestamp) -> String {
        in_zone(instant, &self.zone, "%Y-%m-%d %H:%M:%S")
    }

    fn clock(&self, instant: Timestamp) -> String {
        let date = |t: Timestamp| t.to_zoned(self.zone.clone()).date();
        let format = match date(instant) {
            day if day == date(self.now) => "%H:%M:%S",
            day if day.year() == date(self.now).year() => "%m-%d %H:%M:%S",
            _ => "%Y-%m-%d %H:%M:%S",
        };
        in_zone(instant, &self.zone, format)
    }

    /// How far the instant is from now, in one unit.
    pub(crate) fn distance(&self, instant: Timestamp) -> String {
        let words = &self.words.chrome;
        let seconds = instant.duration_since(self.now).as_secs();
        let amount = self.rough(seconds.unsigned_abs());
        match seconds {
            0 => words.now.to_owned(),
            1.. => fill(words.in_distance, &[&amount]),
            _ => fill(words.ago, &[&amount]),
        }
    }

    fn rough(&self, seconds: u64) -> String {
        let words = &self.words.chrome;
        let (unit, amount) = match seconds {
            0..120 => (words.second_unit, seconds),
            120..7200 => (words.minute_unit, seconds / 60),
            7200..172_800 => (words.hour_unit, seconds / 3600),
            _ => (words.day_unit, seconds / 86_400),
        };
        fill(unit, &[&amount])
    }
}

/// The instant in a zone.
pub(crate) fn in_zone(instant: Timestamp, zone: &TimeZone, format: &str) -> String {
    instant.to_zoned(zone.clone()).strftime(format).to_string()
}

/// The instant as UTC for people.
pub(crate) fn utc(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The instant as a page says it to programs: no longer than it must be.
fn iso(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%S%.fZ").to_string()
}

/// The instant as the API says it: RFC 3339 in UTC, microseconds.
pub(crate) fn rfc3339(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// How far a clock is from another, in microseconds, for people: `+0.4 ms`, `−12.0 ms`.
pub(crate) fn offset(us: i64) -> String {
    let tenths = us.unsigned_abs().saturating_add(50) / 100;
    let sign = match (tenths, us) {
        (0, _) => "",
        (_, 1..) => "+",
        _ => "−",
    };
    format!("{sign}{}.{} ms", tenths / 10, tenths % 10)
}

/// A duration in microseconds for people: `320 ms`, `4.2 s`, `3 min 05 s`, `2 h 07 min`.
pub(crate) fn duration(us: i64) -> String {
    let us = us.max(0);
    let (ms, seconds) = (us / 1000, us / 1_000_000);
    match seconds {
        0 if us < 10_000 => format!("{}.{} ms", ms, us % 1000 / 100),
        0 => format!("{ms} ms"),
        1..60 => format!("{seconds}.{} s", ms % 1000 / 100),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3600..172_800 => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use carillon_core::lang::Lang;

    use super::*;

    fn moments(now: &str) -> Moments {
        Moments {
            zone: TimeZone::get("Europe/Berlin").unwrap(),
            zone_name: "Europe/Berlin".to_owned(),
            now: now.parse().unwrap(),
            words: crate::words::words(Lang::En),
        }
    }

    #[test]
    fn an_instant_shows_zone_distance_and_utc() {
        let moments = moments("2026-07-01T12:00:00Z");
        let at = |text: &str| moments.at(text.parse().unwrap()).to_string();

        assert_eq!(
            at("2026-07-01T11:57:00Z"),
            "<time datetime=\"2026-07-01T11:57:00Z\" title=\"3 min ago · 2026-07-01 11:57:00 UTC\">13:57:00</time>"
        );
        assert!(at("2026-06-30T11:57:00Z").contains(">06-30 13:57:00<"));
        assert!(at("2025-06-30T11:57:00Z").contains(">2025-06-30 13:57:00<"));
        assert_eq!(
            moments.distance("2026-07-01T12:00:40Z".parse().unwrap()),
            "in 40 s"
        );
    }

    #[test]
    fn a_duration_is_told_in_two_units_at_most() {
        let told = [
            1_234,
            320_000,
            4_250_000,
            185_000_000,
            7_620_000_000,
            200_000_000_000,
        ]
        .map(duration);

        assert_eq!(
            told,
            [
                "1.2 ms",
                "320 ms",
                "4.2 s",
                "3 min 05 s",
                "2 h 07 min",
                "2 d 7 h"
            ]
        );
    }
}
