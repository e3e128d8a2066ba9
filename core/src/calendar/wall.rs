//! Between instants and the wall clock of a calendar.
//!
//! A blackout begins and ends at the first instant at which the clock shows its time or a later one: where the clock
//! jumps over a time, at the first instant after the gap, and where it shows a time twice, in the first pass. So a
//! blackout is never torn in two by a clock that is put back. It is the rule by which fixed-time schedules fire.

use crate::schedule::date::DAY_S;
use crate::schedule::zone::Zone;

/// No zone has ever shifted its clock by more than a day.
const SHIFT_MAX_S: i64 = 2 * DAY_S;

/// The latest time that the clock has shown up to the second `t`, in seconds since 1970-01-01T00:00 on the wall.
pub(super) fn reading_at(zone: &Zone, t: i64) -> i64 {
    let segment = zone.segment_at(t);
    let shown = t + segment.offset;
    if t - segment.start >= SHIFT_MAX_S {
        return shown;
    }
    let before = zone.segment_at(segment.start - 1);
    shown.max(before.civil_end() - 1)
}

/// The first instant at which the clock shows `civil` or a later time.
pub(super) fn instant_of(zone: &Zone, civil: i64) -> i64 {
    let mut segment = zone.segment_at(civil - SHIFT_MAX_S);
    while civil >= segment.civil_end() {
        match zone.segment_after(segment) {
            Some(following) => segment = following,
            None => break,
        }
    }
    segment.start.max(civil - segment.offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_never_reads_less_than_before() {
        let zone = Zone::named("Europe/Berlin").unwrap();
        // 2026-10-25T01:00:00Z: three o'clock becomes two.
        let back = 1_792_890_000;
        let three = reading_at(zone, back - 1) + 1;

        assert_eq!(reading_at(zone, back), three - 1);
        assert_eq!(reading_at(zone, back + 3599), three - 1);
        assert_eq!(reading_at(zone, back + 3600), three);
        assert_eq!(instant_of(zone, three), back + 3600);
        assert_eq!(instant_of(zone, three - 1800), back - 1800);
    }

    #[test]
    fn a_time_in_a_gap_is_the_first_instant_after_it() {
        let zone = Zone::named("Europe/Berlin").unwrap();
        // 2026-03-29T01:00:00Z: two o'clock becomes three.
        let ahead = 1_774_746_000;
        let two = reading_at(zone, ahead - 1) + 1;

        assert_eq!(instant_of(zone, two), ahead);
        assert_eq!(instant_of(zone, two + 1800), ahead);
        assert_eq!(instant_of(zone, two + 3600), ahead);
        assert_eq!(instant_of(zone, two + 3601), ahead + 1);
    }
}
