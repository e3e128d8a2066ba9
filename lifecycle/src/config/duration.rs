//! Durations as people write them: `10s`, `5m`, `1h30m`.

use std::time::Duration;

/// The text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "\"{0}\" is no duration; write a number and its unit (ms, s, m, h or d), such as 10s, 5m or 1h30m"
)]
pub struct DurationError(String);

/// Units, the longer names first so that `ms` is not read as `m`.
const UNITS: [(&str, u64); 5] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// Reads one or more numbers, each with its unit, such as `90s` or `1h30m`.
///
/// # Errors
/// When a number has no unit, a unit is unknown, or the sum does not fit.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let refuse = || DurationError(text.to_owned());
    let mut rest = text.trim();
    let mut milliseconds = 0_u64;
    if rest.is_empty() {
        return Err(refuse());
    }
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .ok_or_else(refuse)?;
        let number: u64 = rest[..end].parse().map_err(|_| refuse())?;
        let unit = UNITS.iter().find(|(name, _)| rest[end..].starts_with(name));
        let (name, worth) = unit.ok_or_else(refuse)?;
        let part = number.checked_mul(*worth).ok_or_else(refuse)?;
        milliseconds = milliseconds.checked_add(part).ok_or_else(refuse)?;
        rest = &rest[end + name.len()..];
    }
    Ok(Duration::from_millis(milliseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_add_up() {
        let cases = [
            ("10s", 10_000),
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("250ms", 250),
            ("2d", 172_800_000),
        ];
        for (text, milliseconds) in cases {
            assert_eq!(
                parse_duration(text),
                Ok(Duration::from_millis(milliseconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn bare_number_unknown_unit_and_overflow_are_refused() {
        for text in [
            "",
            "10",
            "s",
            "1.5s",
            "-1s",
            "5 m",
            "3w",
            "99999999999999999999s",
            "18446744073709551615d",
            "5é",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
