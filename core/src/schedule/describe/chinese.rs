//! The Chinese sentences (简体中文): the large before the small, the time last.

use std::cmp::Ordering;

use super::pattern::{Pattern, Span};
use super::{DaysTold, Fields, MonthDays, TimeOfDay, Told, WeekDays, clocks};

const WEEKDAYS: [&str; 7] = ["周日", "周一", "周二", "周三", "周四", "周五", "周六"];

pub(super) fn tell(told: &Told) -> String {
    match told {
        Told::Fields(fields) => fields_told(fields),
        Told::Once {
            date: (year, month, day),
            time,
        } => {
            format!(
                "仅一次：{year:04}-{month:02}-{day:02} {}",
                clocks(&[*time])[0]
            )
        }
        Told::Every { period_s } => format!("每隔 {}", period(*period_s)),
        Told::Reboot => "节点每次启动时".to_owned(),
        Told::Manual => "仅手动执行".to_owned(),
    }
}

fn fields_told(fields: &Fields) -> String {
    let mut parts = Vec::new();
    if !fields.years.is_empty() {
        let years = fields.years.iter().map(|range| match range.step {
            _ if range.start == range.end => format!("{} 年", range.start),
            1 => format!("{} 至 {} 年", range.start, range.end),
            step => format!("{} 至 {} 年每 {step} 年", range.start, range.end),
        });
        parts.push(years.collect::<Vec<_>>().join("、"));
    }
    let months = months(&fields.months);
    // "每月 1 日" would contradict "3 月".
    let each_month = if months.is_some() { "" } else { "每月" };
    parts.extend(months);
    match &fields.days {
        DaysTold::Every => {
            if matches!(fields.time, TimeOfDay::Clock(_)) {
                parts.push("每天".to_owned());
            }
        }
        DaysTold::OfMonth(days) => parts.push(month_days(days, each_month)),
        DaysTold::OfWeek(days) => parts.push(week_days(days, each_month)),
        DaysTold::Either(month, week) => parts.push(format!(
            "{}或{}",
            month_days(month, each_month),
            week_days(week, each_month)
        )),
        DaysTold::Both(month, week) => parts.push(format!(
            "{}且为{}",
            month_days(month, each_month),
            week_days(week, "当月")
        )),
    }
    parts.push(time_of_day(&fields.time));
    join(&parts)
}

fn time_of_day(time: &TimeOfDay) -> String {
    match time {
        TimeOfDay::Clock(times) => clocks(times).join("、"),
        TimeOfDay::Pattern {
            seconds,
            minutes,
            hours,
        } => {
            let second = (seconds.one() != Some(0)).then(|| unit_told(seconds, "秒", "秒"));
            if second.is_none() && minutes.one() == Some(0) {
                return join(&[hours_told(hours, TopOfHour::Shown), "整点".to_owned()]);
            }
            let flows = |pattern: &Pattern| !matches!(pattern, Pattern::Spans(_));
            let minute = match (&second, minutes) {
                (Some(_), Pattern::Every) if flows(seconds) => None,
                (_, _) => Some(unit_told(minutes, "分钟", "分")),
            };
            let hour = match hours {
                Pattern::Every if flows(minutes) => None,
                _ => Some(hours_told(hours, TopOfHour::Hidden)),
            };
            let told: Vec<String> = [hour, minute, second].into_iter().flatten().collect();
            join(&told)
        }
    }
}

/// Whether the hours are instants (整点) or stretches in which something else repeats.
#[derive(Clone, Copy, PartialEq)]
enum TopOfHour {
    Shown,
    Hidden,
}

fn hours_told(hours: &Pattern, top: TopOfHour) -> String {
    match hours {
        Pattern::Every => "每小时".to_owned(),
        Pattern::Step { first: 0, step } => format!("每 {step} 小时"),
        Pattern::Step { first, step } => format!("{first:02}:00 起每 {step} 小时"),
        Pattern::Spans(spans) => {
            let last_minute = if top == TopOfHour::Shown { "00" } else { "59" };
            let told = spans.iter().map(|&Span { first, last }| {
                let next_day = if last < first { "次日" } else { "" };
                match top {
                    TopOfHour::Shown if first == last => format!("{first:02}:00"),
                    TopOfHour::Shown | TopOfHour::Hidden => {
                        format!("{first:02}:00 至{next_day} {last:02}:{last_minute}")
                    }
                }
            });
            let told = told.collect::<Vec<_>>().join("、");
            if top == TopOfHour::Shown && spans.len() == 1 {
                format!("{told} 每小时")
            } else {
                told
            }
        }
    }
}

/// `每 5 分钟`, `第 7 分`: a length of time and a place in time have different words.
fn unit_told(pattern: &Pattern, length: &str, place: &str) -> String {
    match pattern {
        Pattern::Every => format!("每{length}"),
        Pattern::Step { first: 0, step } => format!("每 {step} {length}"),
        Pattern::Step { first, step } => format!("第 {first} {place}起每 {step} {length}"),
        Pattern::Spans(spans) => {
            format!("第 {} {place}", span_list(spans))
        }
    }
}

fn month_days(days: &MonthDays, each_month: &str) -> String {
    let mut parts = Vec::new();
    match &days.plain {
        None => {}
        Some(Pattern::Every) => parts.push("每天".to_owned()),
        Some(Pattern::Step { first, step }) => {
            parts.push(format!("{each_month} {first} 日起每 {step} 天"));
        }
        Some(Pattern::Spans(spans)) => {
            parts.push(format!("{each_month} {} 日", span_list(spans)));
        }
    }
    parts.extend(
        days.nearest
            .iter()
            .map(|day| format!("{each_month}最接近 {day} 日的工作日")),
    );
    parts.extend(days.before_last.iter().rev().map(|before| match before {
        0 => format!("{each_month}最后一天"),
        before => format!("{each_month}倒数第 {} 天", before + 1),
    }));
    if days.last_working_day {
        parts.push(format!("{each_month}最后一个工作日"));
    }
    parts.join("、").trim_start().to_owned()
}

fn week_days(days: &WeekDays, each_month: &str) -> String {
    let name = |weekday: u32| WEEKDAYS[weekday as usize].to_owned();
    let mut parts = Vec::new();
    match &days.plain {
        None => {}
        Some(Pattern::Every) => parts.push("每天".to_owned()),
        Some(Pattern::Step { first, step }) => {
            parts.extend((*first..7).step_by(*step as usize).map(name));
        }
        Some(Pattern::Spans(spans)) => parts.extend(spans.iter().map(|&Span { first, last }| {
            if first == last {
                name(first)
            } else {
                format!("{}至{}", name(first), name(last))
            }
        })),
    }
    parts.extend(
        days.nth
            .iter()
            .map(|&(nth, day)| format!("{each_month}第 {nth} 个{}", name(day))),
    );
    parts.extend(
        days.last
            .iter()
            .map(|&day| format!("{each_month}最后一个{}", name(day))),
    );
    parts.join("、")
}

fn months(pattern: &Pattern) -> Option<String> {
    let name = |month: u32| format!("{month} 月");
    match pattern {
        Pattern::Every => None,
        Pattern::Step { first, step } => {
            let months = (*first..=12).step_by(*step as usize).map(name);
            Some(months.collect::<Vec<_>>().join("、"))
        }
        Pattern::Spans(spans) => {
            let told = spans
                .iter()
                .map(|&Span { first, last }| match first.cmp(&last) {
                    Ordering::Equal => name(first),
                    Ordering::Less => format!("{first} 至 {last} 月"),
                    Ordering::Greater => format!("{first} 月至次年 {last} 月"),
                });
            Some(told.collect::<Vec<_>>().join("、"))
        }
    }
}

/// Sets a blank between Chinese and digits, as is usual, and none between Chinese and Chinese.
fn join(parts: &[String]) -> String {
    let mut sentence = String::new();
    for part in parts {
        let meets_digit = sentence.ends_with(|last: char| last.is_ascii())
            || part.starts_with(|first: char| first.is_ascii());
        if !sentence.is_empty() && meets_digit {
            sentence.push(' ');
        }
        sentence.push_str(part);
    }
    sentence
}

/// `1、15`, `1 至 7`; the unit follows once.
fn span_list(spans: &[Span]) -> String {
    let told = spans.iter().map(|&Span { first, last }| {
        if first == last {
            first.to_string()
        } else {
            format!("{first} 至 {last}")
        }
    });
    told.collect::<Vec<_>>().join("、")
}

fn period(period_s: u64) -> String {
    let units = [
        (period_s / 86_400, "天"),
        (period_s / 3600 % 24, "小时"),
        (period_s / 60 % 60, "分钟"),
        (period_s % 60, "秒"),
    ];
    let told = units.into_iter().filter(|&(count, _)| count > 0);
    told.map(|(count, unit)| format!("{count} {unit}"))
        .collect::<Vec<_>>()
        .join(" ")
}
