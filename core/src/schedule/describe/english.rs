//! The English sentences.

use super::pattern::{Pattern, Span};
use super::{DaysTold, Fields, MonthDays, TimeOfDay, Told, WeekDays, clocks};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

pub(super) fn tell(told: &Told) -> String {
    let sentence = match told {
        Told::Fields(fields) => fields_told(fields),
        Told::Once {
            date: (year, month, day),
            time,
        } => {
            format!(
                "once, on {year:04}-{month:02}-{day:02} at {}",
                clocks(&[*time])[0]
            )
        }
        Told::Every { period_s } => format!("every {}", period(*period_s)),
        Told::Reboot => "at each start of the node".to_owned(),
        Told::Manual => "only when a person starts it".to_owned(),
    };
    capitalize(&sentence)
}

fn fields_told(fields: &Fields) -> String {
    let mut parts = vec![time_of_day(&fields.time)];
    let months = months(&fields.months);
    let month = months.as_deref().unwrap_or("the month");
    match &fields.days {
        DaysTold::Every => {
            if matches!(fields.time, TimeOfDay::Clock(_)) {
                parts[0].push_str(" every day");
            }
        }
        DaysTold::OfMonth(days) => parts.push(format!("on {}", month_days(days, month))),
        DaysTold::OfWeek(days) => parts.push(on_week_days(days)),
        DaysTold::Either(days, week) => {
            parts.push(format!(
                "on {} or {}",
                month_days(days, "the month"),
                on_week_days(week)
            ));
        }
        DaysTold::Both(days, week) => {
            let days = month_days(days, "the month");
            parts.push(format!("on {days} if it is {}", week_days(week, "or")));
        }
    }
    // "Day 1 of January" has said it already.
    if let Some(months) = &months
        && !matches!(fields.days, DaysTold::OfMonth(_))
    {
        let preposition = match &fields.months {
            Pattern::Spans(spans) if spans.len() == 1 && spans[0].first != spans[0].last => "from",
            Pattern::Every | Pattern::Step { .. } | Pattern::Spans(_) => "in",
        };
        parts.push(format!("{preposition} {months}"));
    }
    if !fields.years.is_empty() {
        let years = fields.years.iter().map(|range| match range.step {
            _ if range.start == range.end => range.start.to_string(),
            1 => format!("{} to {}", range.start, range.end),
            step => format!(
                "every {} year from {} to {}",
                ordinal(step as u32),
                range.start,
                range.end
            ),
        });
        parts.push(format!("in {}", list(years.collect())));
    }
    parts.join(", ")
}

fn time_of_day(time: &TimeOfDay) -> String {
    match time {
        TimeOfDay::Clock(times) => {
            format!("at {}", list(clocks(times)))
        }
        TimeOfDay::Pattern {
            seconds,
            minutes,
            hours,
        } => {
            let second = (seconds.one() != Some(0)).then(|| cadence(seconds, "second"));
            if second.is_none() && minutes.one() == Some(0) {
                return whole_hours(hours);
            }
            let flows = |pattern: &Pattern| !matches!(pattern, Pattern::Spans(_));
            let minute = match (&second, minutes) {
                (None, _) => Some(cadence(minutes, "minute")),
                (Some(_), Pattern::Every) if flows(seconds) => None,
                (Some(_), _) => Some(within(minutes, "minute")),
            };
            let hour = match (hours, flows(minutes)) {
                (Pattern::Every, true) => None,
                (Pattern::Spans(_), true) => Some(hour_spans(hours)),
                (_, _) => Some(within(hours, "hour")),
            };
            [second, minute, hour]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" ")
        }
    }
}

fn whole_hours(hours: &Pattern) -> String {
    match hours {
        Pattern::Every => "every hour on the hour".to_owned(),
        Pattern::Step { first: 0, step } => format!("every {step} hours on the hour"),
        Pattern::Step { first, step } => {
            format!("every {step} hours on the hour from {first:02}:00")
        }
        Pattern::Spans(spans) => {
            let hours = spans.iter().map(|&Span { first, last }| {
                if first == last {
                    format!("{first:02}:00")
                } else {
                    format!("{first:02}:00 to {last:02}:00")
                }
            });
            let each = if spans.len() == 1 {
                "every hour on the hour from"
            } else {
                "at"
            };
            format!("{each} {}", list(hours.collect()))
        }
    }
}

/// How often or when: `every 5 minutes`, `at minute 7`.
fn cadence(pattern: &Pattern, unit: &str) -> String {
    match pattern {
        Pattern::Every => format!("every {unit}"),
        Pattern::Step { first: 0, step } => format!("every {step} {unit}s"),
        Pattern::Step { first, step } => format!("every {step} {unit}s from {unit} {first}"),
        Pattern::Spans(spans) => format!("at {}", numbered(spans, unit)),
    }
}

/// Inside of what: `of every hour`, `of minute 7`.
fn within(pattern: &Pattern, unit: &str) -> String {
    match pattern {
        Pattern::Every => format!("of every {unit}"),
        Pattern::Step { first: 0, step } => format!("of every {} {unit}", ordinal(*step)),
        Pattern::Step { first, step } => {
            format!("of every {} {unit} from {unit} {first}", ordinal(*step))
        }
        Pattern::Spans(spans) => format!("of {}", numbered(spans, unit)),
    }
}

fn hour_spans(hours: &Pattern) -> String {
    let Pattern::Spans(spans) = hours else {
        return within(hours, "hour");
    };
    let spans = spans
        .iter()
        .map(|span| format!("from {:02}:00 to {:02}:59", span.first, span.last));
    list(spans.collect())
}

fn numbered(spans: &[Span], unit: &str) -> String {
    let plural = if let [Span { first, last }] = spans
        && first == last
    {
        ""
    } else {
        "s"
    };
    format!(
        "{unit}{plural} {}",
        span_list(spans, |value| value.to_string())
    )
}

fn month_days(days: &MonthDays, month: &str) -> String {
    let mut parts = Vec::new();
    match &days.plain {
        None => {}
        Some(Pattern::Every) => parts.push("every day".to_owned()),
        Some(Pattern::Step { first, step }) => {
            parts.push(format!(
                "every {} day from day {first} of {month}",
                ordinal(*step)
            ));
        }
        Some(Pattern::Spans(spans)) => {
            parts.push(format!("{} of {month}", numbered(spans, "day")));
        }
    }
    parts.extend(
        days.nearest
            .iter()
            .map(|day| format!("the working day nearest to day {day} of {month}")),
    );
    parts.extend(days.before_last.iter().rev().map(|before| match before {
        0 => format!("the last day of {month}"),
        1 => format!("the day before the last of {month}"),
        before => format!("the day {before} days before the last of {month}"),
    }));
    if days.last_working_day {
        parts.push(format!("the last working day of {month}"));
    }
    list(parts)
}

/// `on Monday and Friday`, but `Monday to Friday`.
fn on_week_days(days: &WeekDays) -> String {
    let told = week_days(days, "and");
    match &days.plain {
        Some(Pattern::Spans(spans)) if spans[0].first != spans[0].last => told,
        Some(_) | None => format!("on {told}"),
    }
}

fn week_days(days: &WeekDays, conjunction: &str) -> String {
    let name = |weekday: u32| WEEKDAYS[weekday as usize].to_owned();
    let mut parts = Vec::new();
    match &days.plain {
        None => {}
        Some(Pattern::Every) => parts.push("every weekday".to_owned()),
        Some(Pattern::Step { first, step }) => {
            let weekdays = (*first..7).step_by(*step as usize).map(name);
            parts.extend(weekdays);
        }
        Some(Pattern::Spans(spans)) => parts.extend(spans.iter().map(|span| stretch(*span, name))),
    }
    parts.extend(
        days.nth
            .iter()
            .map(|&(nth, day)| format!("the {} {} of the month", ordinal(nth), name(day))),
    );
    parts.extend(
        days.last
            .iter()
            .map(|&day| format!("the last {} of the month", name(day))),
    );
    join(parts, conjunction)
}

fn months(pattern: &Pattern) -> Option<String> {
    let name = |month: u32| MONTHS[month as usize - 1].to_owned();
    match pattern {
        Pattern::Every => None,
        Pattern::Step { first, step } => Some(list(
            (*first..=12).step_by(*step as usize).map(name).collect(),
        )),
        Pattern::Spans(spans) => Some(span_list(spans, name)),
    }
}

fn span_list(spans: &[Span], name: impl Fn(u32) -> String) -> String {
    list(spans.iter().map(|&span| stretch(span, &name)).collect())
}

fn stretch(span: Span, name: impl Fn(u32) -> String) -> String {
    let Span { first, last } = span;
    if first == last {
        name(first)
    } else {
        format!("{} to {}", name(first), name(last))
    }
}

fn list(parts: Vec<String>) -> String {
    join(parts, "and")
}

fn join(mut parts: Vec<String>, conjunction: &str) -> String {
    match parts.pop() {
        None => String::new(),
        Some(last) if parts.is_empty() => last,
        Some(last) => format!("{} {conjunction} {last}", parts.join(", ")),
    }
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        (_, _) => "th",
    };
    format!("{number}{ending}")
}

fn period(period_s: u64) -> String {
    let units = [
        (period_s / 86_400, "day"),
        (period_s / 3600 % 24, "hour"),
        (period_s / 60 % 60, "minute"),
        (period_s % 60, "second"),
    ];
    let told: Vec<String> = units
        .into_iter()
        .filter(|&(count, _)| count > 0)
        .map(|(count, unit)| format!("{count} {unit}{}", if count == 1 { "" } else { "s" }))
        .collect();
    match &told[..] {
        [one] => one.strip_prefix("1 ").unwrap_or(one).to_owned(),
        _ => list(told),
    }
}

fn capitalize(sentence: &str) -> String {
    let mut characters = sentence.chars();
    characters
        .next()
        .map(|first| first.to_uppercase().chain(characters).collect())
        .unwrap_or_default()
}
