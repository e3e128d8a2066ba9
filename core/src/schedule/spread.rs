//! The stable pseudo-random choice behind `H` and `~`.
//!
//! The numbers are part of the product: every node must choose alike, today and after any upgrade,
//! so this is written out here and never taken from a library's hasher.

use super::Field;

/// A number that depends on the job's seed and the field alone, the same on every node for ever.
pub(super) fn spread_number(seed: u64, field: Field) -> u64 {
    let salt: u64 = match field {
        Field::Second => 1,
        Field::Minute => 2,
        Field::Hour => 3,
        Field::DayOfMonth => 4,
        Field::Month => 5,
        Field::DayOfWeek => 6,
        Field::Year => 7,
    };
    mix(mix(seed).wrapping_add(salt.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
}

/// The finaliser of splitmix64: neighbouring seeds, such as row ids, land far apart.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_never_change() {
        assert_eq!(spread_number(0, Field::Minute), 7_141_179_953_334_974_231);
    }

    #[test]
    fn neighbouring_jobs_spread_over_the_hour() {
        let mut minutes = [0_u32; 60];
        for job in 0..6000 {
            minutes[(spread_number(job, Field::Minute) % 60) as usize] += 1;
        }
        assert!(
            minutes.iter().all(|&count| (60..150).contains(&count)),
            "{minutes:?}"
        );
    }
}
