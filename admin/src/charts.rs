//! Charts as inline SVG, drawn by the server: no script, no inline style, a sentence for who cannot see them.

use std::fmt::Write as _;

use carillon_store::RunTotal;
use jiff::Timestamp;

use crate::moment::duration;
use crate::words::{Words, fill};

/// Widths of a chart in the wide and in the narrow column: text keeps its size in both.
const WIDE: i64 = 660;
const NARROW: i64 = 320;
const HEIGHT: i64 = 120;
const BASE: i64 = 100;
const MINUTES: usize = 60;

/// Totals of an hour, minute by minute.
#[derive(Debug)]
pub(crate) struct MinuteTotals {
    minutes: Vec<Minute>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Minute {
    well: i64,
    trouble: i64,
    started: i64,
    lateness_us: i64,
    lateness_max_us: i64,
}

impl MinuteTotals {
    /// The totals from `from` to `now`, the oldest first.
    pub(crate) fn of(totals: &[RunTotal], from: Timestamp, now: Timestamp) -> Self {
        let mut minutes = vec![Minute::default(); MINUTES + 1];
        let first = from.as_second().div_euclid(60);
        for total in totals.iter().filter(|total| total.minute <= now) {
            let place =
                usize::try_from(total.minute.as_second().div_euclid(60) - first).unwrap_or(0);
            let minute = &mut minutes[place.min(MINUTES)];
            if total.outcome.is_trouble() {
                minute.trouble += total.runs;
            } else {
                minute.well += total.runs;
            }
            if total.outcome.may_have_run() {
                minute.started += total.runs;
                minute.lateness_us += total.lateness_us;
                minute.lateness_max_us = minute.lateness_max_us.max(total.lateness_max_us);
            }
        }
        MinuteTotals { minutes }
    }

    fn sum(&self, of: impl Fn(&Minute) -> i64) -> i64 {
        self.minutes.iter().map(of).sum()
    }

    /// The mean lateness of the hour's starts, in microseconds.
    pub(crate) fn lateness_mean_us(&self) -> i64 {
        self.sum(|minute| minute.lateness_us) / self.sum(|minute| minute.started).max(1)
    }

    /// The greatest lateness of the hour, in microseconds.
    pub(crate) fn lateness_max_us(&self) -> i64 {
        self.minutes
            .iter()
            .map(|minute| minute.lateness_max_us)
            .max()
            .unwrap_or(0)
    }
}

fn open(label: &str, width: i64) -> String {
    let label = label
        .replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;");
    format!(
        "<svg class=\"chart\" viewBox=\"0 0 {width} {HEIGHT}\" role=\"img\" aria-label=\"{label}\">"
    )
}

fn close(mut svg: String, width: i64, from: &str, to: &str) -> String {
    let _ = write!(
        svg,
        "<line class=\"axis\" x1=\"0\" y1=\"{BASE}\" x2=\"{width}\" y2=\"{BASE}\"/>\
         <text x=\"0\" y=\"116\">{from}</text><text x=\"{width}\" y=\"116\" text-anchor=\"end\">{to}</text></svg>"
    );
    svg
}

/// Ended runs of every minute: those not well on top of the others.
pub(crate) fn per_minute(totals: &MinuteTotals, words: &Words) -> String {
    let trouble = totals.sum(|minute| minute.trouble);
    let all = trouble + totals.sum(|minute| minute.well);
    let mut svg = open(&fill(words.system.per_minute_alt, &[&all, &trouble]), WIDE);
    let top = totals
        .minutes
        .iter()
        .map(|minute| minute.well + minute.trouble)
        .max()
        .unwrap_or(0)
        .max(1);
    let _ = write!(
        svg,
        "<text x=\"{WIDE}\" y=\"10\" text-anchor=\"end\">{top}</text>"
    );
    for (place, minute) in totals.minutes.iter().enumerate() {
        let x = i64::try_from(place).unwrap_or(0) * WIDE / 61;
        let height = |runs: i64| {
            if runs == 0 {
                0
            } else {
                (runs * 84 / top).max(2)
            }
        };
        let (well, trouble) = (height(minute.well), height(minute.trouble));
        if well > 0 {
            let _ = write!(
                svg,
                "<rect x=\"{x}\" y=\"{}\" width=\"8\" height=\"{well}\" data-state=\"succeeded\"/>",
                BASE - well
            );
        }
        if trouble > 0 {
            let y = BASE - well - trouble;
            let _ = write!(
                svg,
                "<rect x=\"{x}\" y=\"{y}\" width=\"8\" height=\"{trouble}\" data-state=\"failed\"/>"
            );
        }
    }
    close(svg, WIDE, "−60 min", words.chrome.now)
}

/// Mean start lateness of every minute that started something.
pub(crate) fn lateness(totals: &MinuteTotals, words: &Words) -> String {
    let (mean, max) = (
        duration(totals.lateness_mean_us()),
        duration(totals.lateness_max_us()),
    );
    let mut svg = open(&fill(words.system.lateness_alt, &[&mean, &max]), NARROW);
    let means = totals
        .minutes
        .iter()
        .enumerate()
        .filter(|(_, minute)| minute.started > 0);
    let means: Vec<_> = means
        .map(|(place, minute)| (place, minute.lateness_us / minute.started))
        .collect();
    let top = means
        .iter()
        .map(|(_, mean)| *mean)
        .max()
        .unwrap_or(0)
        .max(1000);
    let _ = write!(
        svg,
        "<text x=\"{NARROW}\" y=\"10\" text-anchor=\"end\">{}</text>",
        duration(top)
    );
    let points: Vec<String> = means
        .iter()
        .map(|(place, mean)| {
            format!(
                "{},{}",
                i64::try_from(*place).unwrap_or(0) * NARROW / 61 + 4,
                BASE - mean * 84 / top
            )
        })
        .collect();
    let _ = write!(
        svg,
        "<polyline class=\"lateness\" points=\"{}\"/>",
        points.join(" ")
    );
    if let Some((x, y)) = points.last().and_then(|point| point.split_once(',')) {
        let _ = write!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"3\"/>");
    }
    close(svg, NARROW, "−60 min", words.chrome.now)
}

/// Planned fires of the next 15 minutes, by 15 seconds.
pub(crate) fn density(counts: &[usize; 60], words: &Words) -> String {
    let all: usize = counts.iter().sum();
    let mut svg = open(&fill(words.system.density_alt, &[&all]), NARROW);
    let top = counts.iter().copied().max().unwrap_or(0).max(1);
    let _ = write!(
        svg,
        "<text x=\"{NARROW}\" y=\"10\" text-anchor=\"end\">{top}</text>"
    );
    for (place, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let height = (count * 84 / top).max(3);
        let (x, y) = (place * 16 / 3, 100 - height);
        let _ = write!(
            svg,
            "<rect class=\"heat\" x=\"{x}\" y=\"{y}\" width=\"4\" height=\"{height}\"/>"
        );
    }
    close(svg, NARROW, words.chrome.now, "+15 min")
}
