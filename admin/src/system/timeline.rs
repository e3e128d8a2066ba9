//! The timeline: what ran and what will fire, job by job on one axis; and the load of the coming day.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use carillon_core::access::Verb;
use carillon_core::identity::JobId;
use carillon_core::run::Outcome;
use carillon_store::{Run, RunFilter};
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde::Deserialize;

use crate::app::App;
use crate::faults::Fault;
use crate::moment::{Moments, in_zone};
use crate::page::{Chrome, show as show_page};
use crate::roster::{Entry, Filter};
use crate::runs::list::visible_groups;
use crate::viewer::Viewer;
use crate::words::{Words, fill};

/// Rows, runs and planned fires drawn: a picture of more says nothing.
const ROWS_MAX: usize = 40;
const RUNS_MAX: u32 = 2000;
const FIRES_MAX: usize = 60;
/// Jobs and fires of each that are looked at for the load.
const LOAD_JOBS_MAX: usize = 20_000;
const LOAD_FIRES_MAX: usize = 1440;
const WIDTH: i64 = 1000;
const LEFT: i64 = 180;
const ROW: i64 = 22;

#[derive(Template)]
#[template(path = "system/timeline.html")]
struct TimelinePage {
    chrome: Chrome,
    w: &'static Words,
    minutes: i64,
    chart: Option<String>,
    heat: String,
}

/// The stretch shown on either side of now, in minutes.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    minutes: String,
}

/// One job's row.
#[derive(Default)]
struct Row {
    name: String,
    runs: Vec<Run>,
    fires: Vec<Timestamp>,
}

/// The page.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
    chrome: Chrome,
) -> Result<Response, Fault> {
    app.roster.refresh(&app.store).await?;
    let minutes = asked
        .minutes
        .parse()
        .ok()
        .filter(|minutes| [15, 60, 360, 1440].contains(minutes))
        .unwrap_or(60);
    let now = chrome.moments.now;
    let reach = SignedDuration::from_mins(minutes);
    let filter = RunFilter {
        groups: visible_groups(&viewer),
        from: Some(now - reach),
        ..RunFilter::default()
    };
    let runs = app.store.runs(&filter, RUNS_MAX).await?;
    let enabled = app.roster.all(&Filter {
        enabled: Some(true),
        ..Filter::all_of(viewer.rights.groups(Verb::View))
    });
    let mut rows: BTreeMap<JobId, Row> = BTreeMap::new();
    for listed in runs {
        let row = rows.entry(listed.run.tick.job).or_default();
        row.name = listed.job_name.unwrap_or_default();
        row.runs.push(listed.run);
    }
    for entry in &enabled {
        let Some(schedule) = &entry.schedule else {
            continue;
        };
        if rows.len() >= ROWS_MAX * 4 && !rows.contains_key(&entry.id) {
            continue;
        }
        let fires: Vec<_> = schedule
            .fire_times(now, now + reach)
            .take(FIRES_MAX)
            .collect();
        if !fires.is_empty() {
            let row = rows.entry(entry.id).or_default();
            row.name.clone_from(&entry.name);
            row.fires = fires;
        }
    }
    show_page(&TimelinePage {
        chart: (!rows.is_empty()).then(|| draw(&rows, &chrome.moments, minutes)),
        heat: heat(&enabled, &chrome.moments),
        w: chrome.words,
        chrome,
        minutes,
    })
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn draw(rows: &BTreeMap<JobId, Row>, moments: &Moments, minutes: i64) -> String {
    let w = moments.words;
    let (now, span_us) = (moments.now.as_microsecond(), minutes * 60_000_000);
    let place = |time: Timestamp| {
        let share = (time.as_microsecond() - now + span_us).clamp(0, 2 * span_us);
        LEFT + share * (WIDTH - LEFT) / (2 * span_us)
    };
    let mut sorted: Vec<(&JobId, &Row)> = rows.iter().collect();
    sorted.sort_by_key(|(id, row)| (row.name.to_lowercase(), **id));
    sorted.truncate(ROWS_MAX);
    let height = ROW * i64::try_from(sorted.len()).unwrap_or(0) + 30;
    let label = fill(w.system.timeline_alt, &[&sorted.len()]);
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {height}\" role=\"group\" aria-label=\"{label}\">"
    );
    for (number, (id, row)) in sorted.iter().enumerate() {
        let y = ROW * i64::try_from(number).unwrap_or(0) + 4;
        draw_row(&mut svg, **id, row, y, (&place, moments));
    }
    draw_axis(&mut svg, moments, minutes, height);
    svg
}

/// Marks the middle as the present, and says how far both sides reach.
fn draw_axis(svg: &mut String, moments: &Moments, minutes: i64, height: i64) {
    let middle = LEFT + (WIDTH - LEFT) / 2;
    let base = height - 8;
    let at = |time: Timestamp| in_zone(time, &moments.zone, "%H:%M");
    let reach = SignedDuration::from_mins(minutes);
    let _ = write!(
        svg,
        "<line class=\"nowline\" x1=\"{middle}\" y1=\"0\" x2=\"{middle}\" y2=\"{}\"/>\
         <text x=\"{LEFT}\" y=\"{base}\">{}</text><text x=\"{middle}\" y=\"{base}\" text-anchor=\"middle\">{} {}</text>\
         <text x=\"{WIDTH}\" y=\"{base}\" text-anchor=\"end\">{}</text></svg>",
        height - 20,
        at(moments.now - reach),
        moments.words.chrome.now,
        at(moments.now),
        at(moments.now + reach),
    );
}

type Place<'p> = &'p dyn Fn(Timestamp) -> i64;

/// Draws one job: its name, its runs, and the fire times to come.
fn draw_row(
    svg: &mut String,
    id: JobId,
    row: &Row,
    y: i64,
    (place, moments): (Place<'_>, &Moments),
) {
    let w = moments.words;
    let name: String = row.name.chars().take(26).collect();
    let _ = write!(
        svg,
        "<a href=\"/jobs/{id}\"><text x=\"0\" y=\"{}\">{}</text></a>",
        y + 12,
        escape(&name)
    );
    let _ = write!(
        svg,
        "<line class=\"axis\" x1=\"{LEFT}\" y1=\"{0}\" x2=\"{WIDTH}\" y2=\"{0}\"/>",
        y + 17
    );
    for run in &row.runs {
        let start = place(run.started_at.unwrap_or(run.tick.fire_time));
        let end = place(run.ended_at.or(run.until).unwrap_or(moments.now));
        let state = run.outcome.map_or(run.state.word(), Outcome::word);
        let word = run
            .outcome
            .map_or(w.phase(run.state), |outcome| w.outcome(outcome));
        let _ = write!(
            svg,
            "<a href=\"/runs/{}\"><rect x=\"{start}\" y=\"{y}\" width=\"{}\" height=\"14\" rx=\"2\" data-state=\"{state}\"><title>{} {word}</title></rect></a>",
            run.tick,
            (end - start).max(4),
            moments.full(run.tick.fire_time),
        );
    }
    // Too many to tell apart are drawn as one band up to the end.
    if row.fires.len() >= FIRES_MAX {
        let from = place(moments.now);
        let _ = write!(
            svg,
            "<rect class=\"band\" x=\"{from}\" y=\"{y}\" width=\"{}\" height=\"14\" rx=\"2\"/>",
            WIDTH - from
        );
        return;
    }
    for fire in &row.fires {
        let _ = write!(
            svg,
            "<rect class=\"planned\" x=\"{}\" y=\"{y}\" width=\"4\" height=\"14\" rx=\"2\"/>",
            place(*fire)
        );
    }
}

/// Planned fires of the next 24 hours: a column an hour, a cell five minutes.
fn heat(enabled: &[Arc<Entry>], moments: &Moments) -> String {
    let first = in_zone_hour(moments);
    let counts = count_fires(enabled, moments, first);
    let top = counts.iter().copied().max().unwrap_or(0);
    let label = fill(moments.words.system.heat_alt, &[&top]);
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} 170\" role=\"img\" aria-label=\"{label}\">"
    );
    for (cell, count) in counts.iter().enumerate() {
        let (x, y) = (40 + cell / 12 * 40, 142 - cell % 12 * 12);
        // Four steps of strength; the number itself is in the title.
        let strength = if *count == 0 {
            0
        } else {
            (count * 4).div_ceil(top.max(1)).clamp(1, 4)
        };
        let opacity = ["0.06", "0.25", "0.5", "0.75", "1"][strength];
        let _ = write!(
            svg,
            "<rect class=\"heat\" x=\"{x}\" y=\"{y}\" width=\"37\" height=\"10\" fill-opacity=\"{opacity}\"><title>{count}</title></rect>"
        );
    }
    for hour in 0..24_i64 {
        let time = first + SignedDuration::from_hours(hour);
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"167\">{}</text>",
            40 + hour * 40,
            in_zone(time, &moments.zone, "%H")
        );
    }
    for (minute, y) in [(0, 151), (15, 115), (30, 79), (45, 43)] {
        let _ = write!(
            svg,
            "<text x=\"34\" y=\"{y}\" text-anchor=\"end\">:{minute:02}</text>"
        );
    }
    svg.push_str("</svg>");
    svg
}

/// How many fire times fall into each cell of the day.
fn count_fires(enabled: &[Arc<Entry>], moments: &Moments, first: Timestamp) -> Vec<usize> {
    let until = first + SignedDuration::from_hours(24);
    let mut counts = vec![0_usize; 24 * 12];
    for entry in enabled.iter().take(LOAD_JOBS_MAX) {
        let Some(schedule) = &entry.schedule else {
            continue;
        };
        let mut last = moments.now;
        let mut seen = 0;
        for time in schedule.fire_times(moments.now, until).take(LOAD_FIRES_MAX) {
            if let Some(count) = counts.get_mut(cell_of(first, time)) {
                *count += 1;
            }
            (last, seen) = (time, seen + 1);
        }
        // A dense schedule goes on as it began: the rest of the day is told from the part that was looked at.
        if seen == LOAD_FIRES_MAX {
            let seconds = usize::try_from(last.duration_since(moments.now).as_secs())
                .unwrap_or(1)
                .max(1);
            let each = (seen * CELL_S / seconds).max(1);
            counts
                .iter_mut()
                .skip(cell_of(first, last) + 1)
                .for_each(|count| *count += each);
        }
    }
    counts
}

/// Seconds of a cell.
const CELL_S: usize = 300;

fn cell_of(first: Timestamp, time: Timestamp) -> usize {
    usize::try_from(time.duration_since(first).as_secs()).unwrap_or(0) / CELL_S
}

/// The beginning of the present hour in the viewer's zone.
fn in_zone_hour(moments: &Moments) -> Timestamp {
    let zoned = moments.now.to_zoned(moments.zone.clone());
    let past = i64::from(zoned.minute()) * 60 + i64::from(zoned.second());
    moments
        .now
        .checked_sub(past.seconds())
        .unwrap_or(moments.now)
}
