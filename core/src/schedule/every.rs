//! The period of `@every`.
//!
//! Knows how a period is written; when it fires is `Schedule`'s.

use std::ops::Range;

use super::error::{ScheduleError, Subject};
use super::flaw::Flaw;

/// The longest period: 100 years, beyond which "never" would be the answer.
const PERIOD_MAX_S: u64 = 36_525 * 86_400;

/// Reads a period such as `90s`, `5m`, `1h30m`, `2d`, the bytes `span` of `source`; in seconds.
pub(super) fn parse_period(source: &str, span: Range<usize>) -> Result<u64, ScheduleError> {
    let text = &source[span.clone()];
    let refuse =
        |span: Range<usize>, flaw| ScheduleError::new(Subject::Expression, source, span, flaw);
    let no_period = |span: Range<usize>| {
        let text = source[span.clone()].to_owned();
        refuse(span, Flaw::NoPeriod { text })
    };
    if text.is_empty() {
        return Err(refuse(span, Flaw::EveryWhat {}));
    }
    let mut period_s = 0_u64;
    let mut at = span.start;
    while at < span.end {
        let digits = digits_end(source, at..span.end);
        let unit_end = letters_end(source, digits..span.end);
        let number = &source[at..digits];
        let unit = &source[digits..unit_end];
        if number.is_empty() {
            return Err(no_period(at..span.end));
        }
        let Some(unit_s) = seconds_of(unit) else {
            return Err(match (unit, source[unit_end..span.end].chars().next()) {
                ("", None) => {
                    let number = number.to_owned();
                    refuse(at..digits, Flaw::NoUnit { number })
                }
                ("", Some(_)) => no_period(at..span.end),
                (_, _) => {
                    let unit = unit.to_owned();
                    refuse(digits..unit_end, Flaw::UnknownUnit { unit })
                }
            });
        };
        let part_s = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(unit_s));
        period_s = part_s
            .and_then(|part_s| part_s.checked_add(period_s))
            .unwrap_or(u64::MAX);
        at = unit_end;
    }
    let text = text.to_owned();
    match period_s {
        0 => Err(refuse(span, Flaw::ShortPeriod { text })),
        1..=PERIOD_MAX_S => Ok(period_s),
        _ => Err(refuse(span, Flaw::LongPeriod { text })),
    }
}

fn seconds_of(unit: &str) -> Option<u64> {
    match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3600),
        "d" => Some(86_400),
        _ => None,
    }
}

fn digits_end(source: &str, span: Range<usize>) -> usize {
    let text = &source[span.clone()];
    text.find(|character: char| !character.is_ascii_digit())
        .map_or(span.end, |end| span.start + end)
}

fn letters_end(source: &str, span: Range<usize>) -> usize {
    let text = &source[span.clone()];
    text.find(|character: char| !character.is_alphabetic())
        .map_or(span.end, |end| span.start + end)
}
