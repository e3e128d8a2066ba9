//! The timeline: what ran and what will fire, job by job on one axis; and the load of the coming day.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use carillon_core::access::Verb;
use carillon_core::identity::JobId;
use carillon_core::run::Outcome;
use carillon_store::RecentRun;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use super::heat_map;
use crate::app::App;
use crate::faults::Fault;
use crate::moment::{Moments, in_zone};
use crate::page::{Chrome, show as show_page};
use crate::roster::Entry;
use crate::runs::list::visible_groups;
use crate::shortened::shorten;
use crate::viewer::Viewer;
use crate::words::{Words, fill};

/// Rows, runs and planned fires drawn: a picture of more says nothing.
const ROWS_MAX: usize = 40;
const RUNS_MAX: usize = 1000;
const FIRES_MAX: usize = 40;
/// Up to so many runs each is a link to its page; more are drawn with a tenth of the bytes.
const LINKS_MAX: usize = 120;
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
    /// Said when not every job or run of the stretch is drawn.
    cut: Vec<String>,
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
    runs: Vec<RecentRun>,
    fires: Vec<Timestamp>,
}

/// What is drawn: the jobs that ran last, then those that fire next.
struct Picture {
    rows: BTreeMap<JobId, Row>,
    /// There are more jobs than rows.
    has_more_jobs: bool,
    /// So many runs of each job are drawn, and no more.
    each: usize,
}

impl Picture {
    /// Whether a job has more runs in the stretch than are drawn.
    fn has_more_runs(&self) -> bool {
        self.rows.values().any(|row| row.runs.len() > self.each)
    }
}

/// The page.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
    chrome: Chrome,
) -> Result<Response, Fault> {
    app.refresh_roster().await?;
    let minutes = asked
        .minutes
        .parse()
        .ok()
        .filter(|minutes| [15, 60, 360, 1440].contains(minutes))
        .unwrap_or(60);
    let reach = SignedDuration::from_mins(minutes);
    let picture = look(&app, &viewer, (chrome.moments.now, reach)).await?;
    let heat_from = heat_map::first_hour(&chrome.moments);
    let groups = viewer.rights.groups(Verb::View);
    let load = app
        .roster
        .foresee(|forecast| forecast.load(&groups, heat_from));
    let s = &chrome.words.system;
    let cut = [
        (picture.has_more_jobs, s.timeline_jobs, ROWS_MAX),
        (picture.has_more_runs(), s.timeline_runs, picture.each),
    ];
    let cut = cut.iter().filter(|(is_cut, ..)| *is_cut);
    show_page(&TimelinePage {
        chart: (!picture.rows.is_empty()).then(|| draw(&picture, &chrome.moments, minutes)),
        cut: cut.map(|(_, told, limit)| fill(told, &[limit])).collect(),
        heat: heat_map::draw(load, heat_from, &chrome.moments),
        w: chrome.words,
        chrome,
        minutes,
    })
}

/// Finds the jobs first, and then what ran of each: of the newest runs of all jobs most are of the few that run often.
async fn look(
    app: &App,
    viewer: &Viewer,
    (now, reach): (Timestamp, SignedDuration),
) -> Result<Picture, Fault> {
    let (from, until) = (now - reach, now + reach);
    let visible = visible_groups(viewer);
    let one_more = u32::try_from(ROWS_MAX + 1).unwrap_or(u32::MAX);
    let mut ran = app
        .store
        .jobs_ran_since(from, visible.as_deref(), one_more)
        .await?;
    let mut has_more_jobs = ran.len() > ROWS_MAX;
    ran.truncate(ROWS_MAX);
    let mut rows: BTreeMap<JobId, Row> = ran.into_iter().map(|id| (id, Row::default())).collect();
    for entry in app.roster.of(rows.keys().copied()) {
        add_fires(&mut rows, &entry, (now, until));
    }
    let groups = viewer.rights.groups(Verb::View);
    app.roster.foresee(|forecast| {
        let coming = forecast.coming(&groups);
        for (_, entry) in coming.take_while(|(time, _)| *time <= until) {
            if rows.len() >= ROWS_MAX && !rows.contains_key(&entry.id) {
                has_more_jobs = true;
                break;
            }
            add_fires(&mut rows, entry, (now, until));
        }
    });
    let ids: Vec<JobId> = rows.keys().copied().collect();
    let each = RUNS_MAX / ids.len().max(1);
    let each_and_one = u32::try_from(each + 1).unwrap_or(u32::MAX);
    for run in app.store.recent_runs(&ids, from, each_and_one).await? {
        rows.entry(run.tick.job).or_default().runs.push(run);
    }
    Ok(Picture {
        rows,
        has_more_jobs,
        each,
    })
}

/// What will fire of a job, in its row.
fn add_fires(rows: &mut BTreeMap<JobId, Row>, entry: &Entry, (now, until): (Timestamp, Timestamp)) {
    let row = rows.entry(entry.id).or_default();
    row.name.clone_from(&entry.name);
    if !entry.enabled {
        return;
    }
    let fires = entry.schedule.iter();
    let fires = fires.flat_map(|schedule| schedule.fire_times(now, until).take(FIRES_MAX));
    row.fires = fires.collect();
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn draw(picture: &Picture, moments: &Moments, minutes: i64) -> String {
    let (w, rows) = (moments.words, &picture.rows);
    let (now, span_us) = (moments.now.as_microsecond(), minutes * 60_000_000);
    let place = |time: Timestamp| {
        let share = (time.as_microsecond() - now + span_us).clamp(0, 2 * span_us);
        LEFT + share * (WIDTH - LEFT) / (2 * span_us)
    };
    let mut sorted: Vec<(&JobId, &Row)> = rows.iter().collect();
    sorted.sort_by_key(|(id, row)| (row.name.to_lowercase(), **id));
    let is_linked = rows.values().map(|row| row.runs.len()).sum::<usize>() <= LINKS_MAX;
    let height = ROW * i64::try_from(sorted.len()).unwrap_or(0) + 30;
    let label = fill(w.system.timeline_alt, &[&sorted.len()]);
    let mut svg = format!(
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {height}\" role=\"group\" aria-label=\"{label}\">"
    );
    for (number, (id, row)) in sorted.iter().enumerate() {
        let y = ROW * i64::try_from(number).unwrap_or(0) + 4;
        match row.name.as_str() {
            "" => draw_name(&mut svg, **id, &fill(w.runs.deleted_job, &[id]), y),
            name => draw_name(&mut svg, **id, name, y),
        }
        let runs = &row.runs[..row.runs.len().min(picture.each)];
        match is_linked {
            true => draw_runs(&mut svg, runs, y, (&place, moments)),
            false => sketch_runs(&mut svg, runs, y, (&place, moments)),
        }
        draw_fires(&mut svg, &row.fires, y, place(moments.now), &place);
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

/// Characters of a name that have room.
const NAME_LENGTH_MAX: usize = 26;

/// Draws the name of a job and the line on which its runs stand.
fn draw_name(svg: &mut String, id: JobId, whole: &str, y: i64) {
    let name = shorten(whole, NAME_LENGTH_MAX);
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
}

/// Where a run begins and how wide it is.
fn stretch(run: &RecentRun, place: Place<'_>, now: Timestamp) -> (i64, i64) {
    let start = place(run.started_at.unwrap_or(run.tick.fire_time));
    let end = place(run.ended_at.or(run.until).unwrap_or(now));
    (start, (end - start).max(4))
}

/// Draws runs, each a link that tells its time and outcome.
fn draw_runs(
    svg: &mut String,
    runs: &[RecentRun],
    y: i64,
    (place, moments): (Place<'_>, &Moments),
) {
    let w = moments.words;
    for run in runs {
        let (start, width) = stretch(run, place, moments.now);
        let state = run.outcome.map_or(run.state.word(), Outcome::word);
        let word = run
            .outcome
            .map_or(w.phase(run.state), |outcome| w.outcome(outcome));
        let _ = write!(
            svg,
            "<a href=\"/runs/{}\"><rect x=\"{start}\" y=\"{y}\" width=\"{width}\" height=\"14\" rx=\"2\" data-state=\"{state}\"><title>{} {word}</title></rect></a>",
            run.tick,
            moments.full(run.tick.fire_time),
        );
    }
}

/// Draws runs as one path a state, and none twice in one place.
fn sketch_runs(
    svg: &mut String,
    runs: &[RecentRun],
    y: i64,
    (place, moments): (Place<'_>, &Moments),
) {
    let mut paths: BTreeMap<&str, BTreeSet<(i64, i64)>> = BTreeMap::new();
    for run in runs {
        let state = run.outcome.map_or(run.state.word(), Outcome::word);
        let bars = paths.entry(state).or_default();
        bars.insert(stretch(run, place, moments.now));
    }
    for (state, bars) in paths {
        let _ = write!(svg, "<path data-state=\"{state}\" d=\"");
        for (start, width) in bars {
            let _ = write!(svg, "M{start} {y}h{width}v14h-{width}z");
        }
        svg.push_str("\"/>");
    }
}

fn draw_fires(svg: &mut String, fires: &[Timestamp], y: i64, from: i64, place: Place<'_>) {
    // Too many to tell apart are drawn as one band up to the end.
    if fires.len() >= FIRES_MAX {
        let _ = write!(
            svg,
            "<rect class=\"band\" x=\"{from}\" y=\"{y}\" width=\"{}\" height=\"14\" rx=\"2\"/>",
            WIDTH - from
        );
        return;
    }
    let places: BTreeSet<i64> = fires.iter().map(|fire| place(*fire)).collect();
    if places.is_empty() {
        return;
    }
    svg.push_str("<path class=\"planned\" d=\"");
    for start in places {
        let _ = write!(svg, "M{start} {y}h4v14h-4z");
    }
    svg.push_str("\"/>");
}
