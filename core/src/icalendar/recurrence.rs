//! How an event recurs: the parts of an RRULE that a calendar's lines can say.

use jiff::civil::{DateTime, Weekday};
use jiff::{Span, ToSpan};

/// The most occurrences of a rule with an end that become lines of their own.
pub(super) const OCCURRENCES_MAX: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frequency {
    Yearly,
    Weekly,
    Daily,
}

/// When a rule ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Never,
    Count(usize),
    /// As written: a date or a moment.
    Until(String),
}

/// A rule that is understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recurrence {
    pub(super) frequency: Frequency,
    pub(super) interval: i64,
    pub(super) end: End,
    /// The days of a weekly rule; empty is the day of the event.
    pub(super) weekdays: Vec<Weekday>,
}

impl Recurrence {
    /// Reads a rule for an event that begins at `start`.
    ///
    /// # Errors
    /// With the part that lines of a calendar cannot say.
    pub(super) fn read(rule: &str, start: DateTime) -> Result<Recurrence, String> {
        let mut recurrence = Recurrence {
            frequency: Frequency::Daily,
            interval: 1,
            end: End::Never,
            weekdays: Vec::new(),
        };
        let mut has_frequency = false;
        let upper = rule.to_ascii_uppercase();
        // FREQ decides what the other parts mean, and may stand anywhere.
        let mut parts: Vec<&str> = upper.split(';').filter(|part| !part.is_empty()).collect();
        parts.sort_by_key(|part| !part.starts_with("FREQ="));
        for part in parts {
            let cannot = || part.to_owned();
            let (name, value) = part.split_once('=').ok_or_else(cannot)?;
            match (name, value) {
                ("FREQ", word) => {
                    has_frequency = true;
                    recurrence.frequency = match word {
                        "YEARLY" => Frequency::Yearly,
                        "WEEKLY" => Frequency::Weekly,
                        "DAILY" => Frequency::Daily,
                        _ => return Err(cannot()),
                    };
                }
                ("INTERVAL", number) => {
                    let interval = number.parse().ok().filter(|n| (1..=1000).contains(n));
                    recurrence.interval = interval.ok_or_else(cannot)?;
                }
                ("COUNT", number) => {
                    recurrence.end = End::Count(number.parse().map_err(|_| cannot())?);
                }
                ("UNTIL", _) => recurrence.end = End::Until(value.to_owned()),
                // Where a week begins matters only to every second week.
                ("WKST", _) => {}
                ("BYDAY", days) if recurrence.frequency == Frequency::Weekly => {
                    let days: Option<Vec<_>> = days.split(',').map(weekday).collect();
                    recurrence.weekdays = days.ok_or_else(cannot)?;
                }
                ("BYMONTH", month) if recurrence.frequency == Frequency::Yearly => {
                    is_number(month, start.month()).ok_or_else(cannot)?;
                }
                ("BYMONTHDAY", day) if recurrence.frequency == Frequency::Yearly => {
                    is_number(day, start.day()).ok_or_else(cannot)?;
                }
                _ => return Err(cannot()),
            }
        }
        if !has_frequency {
            return Err(rule.to_owned());
        }
        let is_many_days = recurrence.weekdays.len() > 1;
        if recurrence.frequency == Frequency::Weekly && recurrence.interval > 1 && is_many_days {
            return Err(format!(
                "INTERVAL={} with several days",
                recurrence.interval
            ));
        }
        Ok(recurrence)
    }

    /// Whether lines that recur say it.
    pub(super) fn is_plain(&self) -> bool {
        self.interval == 1 && self.end == End::Never
    }

    /// The beginnings of an event that begins at `start`, up to `until`; at most one more than lines are made of.
    pub(super) fn occurrences(&self, start: DateTime, until: Option<DateTime>) -> Vec<DateTime> {
        let max = match self.end {
            End::Count(count) => count.min(OCCURRENCES_MAX + 1),
            End::Never | End::Until(_) => OCCURRENCES_MAX + 1,
        };
        let step = |number: i64| -> Span {
            match self.frequency {
                Frequency::Yearly => (number * self.interval).years(),
                Frequency::Weekly if self.weekdays.len() > 1 => number.days(),
                Frequency::Weekly => (number * 7 * self.interval).days(),
                Frequency::Daily => (number * self.interval).days(),
            }
        };
        let is_wanted = |at: &DateTime| match self.frequency {
            // 29 February does not recur in years without one.
            Frequency::Yearly => at.day() == start.day(),
            Frequency::Weekly => {
                self.weekdays.is_empty() || self.weekdays.contains(&at.date().weekday())
            }
            Frequency::Daily => true,
        };
        (0..)
            .map_while(|number| start.checked_add(step(number)).ok())
            .take_while(|at| until.is_none_or(|until| *at <= until))
            .filter(is_wanted)
            .take(max)
            .collect()
    }
}

fn is_number(text: &str, expected: i8) -> Option<()> {
    (text.parse() == Ok(expected)).then_some(())
}

fn weekday(word: &str) -> Option<Weekday> {
    Some(match word {
        "MO" => Weekday::Monday,
        "TU" => Weekday::Tuesday,
        "WE" => Weekday::Wednesday,
        "TH" => Weekday::Thursday,
        "FR" => Weekday::Friday,
        "SA" => Weekday::Saturday,
        "SU" => Weekday::Sunday,
        _ => return None,
    })
}
