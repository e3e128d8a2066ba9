//! The overview, for whoever was just paged: what is wrong, what runs, what comes.

use std::fmt::Display;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use carillon_core::access::{Groups, Verb};
use carillon_core::identity::{GroupId, JobId};
use carillon_core::node::{Duty, Limits, Liveness};
use carillon_core::run::{Outcome, Phase};
use carillon_store::{ListedRun, Node, RunFilter, RunTotal, StoreError};
use jiff::{SignedDuration, Timestamp};

use crate::app::App;
use crate::charts::{self, MinuteTotals};
use crate::faults::Fault;
use crate::forecast::Forecast;
use crate::living_parts::is_for_living_parts;
use crate::moment::{Moment, duration};
use crate::page::{Chrome, show as show_page};
use crate::roster::Filter;
use crate::runs::list::visible_groups;
use crate::runs::row::RunRow;
use crate::viewer::Viewer;
use crate::words::{Words, after, fill};

/// Rows of each list.
const ROWS: usize = 8;
/// Open runs looked at: more are told as "at least so many".
const OPEN_MAX: u32 = 500;

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    chrome: Chrome,
    w: &'static Words,
    figures: Vec<Figure>,
    per_minute: String,
    lateness: String,
    lateness_told: String,
    density: String,
    attention: Vec<RunRow>,
    coming: Vec<Coming>,
    is_empty: bool,
    may_edit: bool,
}

struct Figure {
    href: &'static str,
    value: String,
    title: String,
    is_bad: bool,
}

struct Coming {
    id: JobId,
    name: String,
    time: Moment,
}

/// The overview.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    headers: HeaderMap,
    chrome: Chrome,
) -> Result<Response, Fault> {
    app.refresh_roster().await?;
    let now = chrome.moments.now;
    let groups = visible_groups(&viewer);
    let seen = match is_for_living_parts(&headers) {
        true => {
            let read = async || see(&app, groups.clone(), now).await;
            app.overviews.get(groups.clone(), read).await?
        }
        false => Arc::new(see(&app, groups, now).await?),
    };
    let visible = Filter::all_of(viewer.rights.groups(Verb::View));
    let enabled = app.roster.count(&Filter {
        enabled: Some(true),
        ..visible.clone()
    });
    let w = chrome.words;
    let running = seen
        .open
        .iter()
        .filter(|run| run.run.state == Phase::Running)
        .count();
    let facts = Facts {
        running,
        waiting: seen.open.len() - running,
        enabled,
        incidents: seen.incidents,
    };
    let minutes = MinuteTotals::of(&seen.hour, now - HOUR, now);
    let (coming, density) = app
        .roster
        .foresee(|forecast| look_ahead(forecast, &visible.groups, &chrome));
    show_page(&OverviewPage {
        figures: figures(&facts, &seen, w),
        per_minute: charts::per_minute(&minutes, w),
        lateness: charts::lateness(&minutes, w),
        lateness_told: fill(
            w.system.lateness_alt,
            &[
                &duration(minutes.lateness_mean_us()),
                &duration(minutes.lateness_max_us()),
            ],
        ),
        density,
        attention: seen
            .attention
            .iter()
            .map(|run| RunRow::of(run, &chrome.moments))
            .collect(),
        coming,
        is_empty: seen.nodes.is_empty() || app.roster.count(&visible) == 0,
        may_edit: chrome.may(Verb::Edit),
        w,
        chrome,
    })
}

/// What the store says of the present and of the last day.
#[derive(Debug)]
pub(crate) struct Seen {
    open: Vec<ListedRun>,
    attention: Vec<ListedRun>,
    hour: Vec<RunTotal>,
    missed_day: i64,
    nodes: Vec<Node>,
    incidents: usize,
}

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const DAY: SignedDuration = SignedDuration::from_hours(24);

async fn see(app: &App, groups: Option<Vec<GroupId>>, now: Timestamp) -> Result<Seen, StoreError> {
    let open = RunFilter {
        groups: groups.clone(),
        states: vec![Phase::Offered, Phase::Claimed, Phase::Running],
        ..RunFilter::default()
    };
    let trouble = RunFilter {
        groups,
        outcomes: Outcome::ALL
            .iter()
            .copied()
            .filter(|outcome| outcome.is_trouble())
            .collect(),
        from: Some(now - DAY),
        ..RunFilter::default()
    };
    let soon = now + SignedDuration::from_mins(1);
    Ok(Seen {
        open: app.store.runs(&open, OPEN_MAX).await?,
        attention: app
            .store
            .run_page(&trouble, u32::try_from(ROWS).unwrap_or(8))
            .await?
            .runs,
        hour: app.store.run_totals(now - HOUR, soon).await?,
        missed_day: app.store.ended_since(Outcome::Missed, now - DAY).await?,
        nodes: app.store.nodes(Limits::default()).await?,
        incidents: app.store.open_incidents().await?.len(),
    })
}

struct Facts {
    running: usize,
    waiting: usize,
    enabled: usize,
    incidents: usize,
}

fn figures(facts: &Facts, seen: &Seen, w: &Words) -> Vec<Figure> {
    let sum = |totals: &[RunTotal], is_counted: &dyn Fn(Outcome) -> bool| -> i64 {
        let counted = totals.iter().filter(|total| is_counted(total.outcome));
        counted.map(|total| total.runs).sum()
    };
    let trouble = sum(&seen.hour, &Outcome::is_trouble);
    let missed = seen.missed_day;
    let wanted = seen.nodes.iter();
    let wanted = wanted.filter(|node| node.peer.duty == Duty::Active && node.left_at.is_none());
    let (silent, alive): (Vec<&Node>, Vec<&Node>) =
        wanted.partition(|node| node.peer.liveness == Liveness::Silent);
    let s = &w.system;
    vec![
        figure("/runs?outcome=open", facts.running, s.running_now, false),
        figure("/runs?outcome=open", facts.waiting, s.waiting, false),
        figure(
            "/runs?outcome=trouble",
            trouble,
            s.trouble_hour,
            trouble > 0,
        ),
        figure("/runs?outcome=missed", missed, s.missed_day, missed > 0),
        figure("/nodes", alive.len(), s.nodes_alive, alive.is_empty()),
        figure("/nodes", silent.len(), s.nodes_silent, !silent.is_empty()),
        figure("/jobs?state=on", facts.enabled, s.jobs_enabled, false),
        figure(
            "/alerts",
            facts.incidents,
            s.incidents_open,
            facts.incidents > 0,
        ),
    ]
}

fn figure(href: &'static str, value: impl Display, title: &str, is_bad: bool) -> Figure {
    Figure {
        href,
        title: after(&value, title),
        value: value.to_string(),
        is_bad,
    }
}

/// Fire times counted of a job, and of all: a page must not take longer with more.
const FIRES_MAX: usize = 900;
const ALL_FIRES_MAX: usize = 50_000;

fn look_ahead(forecast: &Forecast, groups: &Groups, chrome: &Chrome) -> (Vec<Coming>, String) {
    let now = chrome.moments.now;
    let until = now + SignedDuration::from_mins(15);
    let mut counts = [0_usize; 60];
    let mut left = ALL_FIRES_MAX;
    let soon = forecast
        .coming(groups)
        .take_while(|(time, _)| *time < until);
    for (_, entry) in soon {
        let schedule = entry.schedule.iter();
        let times = schedule.flat_map(|schedule| schedule.fire_times(now, until).take(FIRES_MAX));
        for time in times.take(left) {
            let place = usize::try_from(time.duration_since(now).as_secs() / 15).unwrap_or(0);
            counts[place.min(59)] += 1;
            left -= 1;
        }
    }
    let coming = forecast.coming(groups).take(ROWS);
    let coming = coming.map(|(time, entry)| Coming {
        id: entry.id,
        name: entry.name.clone(),
        time: chrome.moments.since(time),
    });
    (coming.collect(), charts::density(&counts, chrome.words))
}
