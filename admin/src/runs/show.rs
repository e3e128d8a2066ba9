//! The page of one run: what happened when, every attempt, and the output as it is written.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use carillon_core::access::Verb;
use carillon_core::run::{Outcome, Phase};
use carillon_store::{Attempt, ListedRun, Run};
use serde::Deserialize;

use super::actions::{form_key, read_tick};
use super::output::{Shown, read_shown};
use super::row::{duration_us, lateness_us, outcome_badge, run_badge, why};
use crate::app::App;
use crate::badge::Badge;
use crate::faults::Fault;
use crate::living_parts::is_for_living_parts;
use crate::moment::{Moment, Moments, duration};
use crate::page::{Chrome, show as show_page};
use crate::viewer::Viewer;
use crate::words::{Words, fill};

#[derive(Template)]
#[template(path = "runs/show.html")]
struct RunPage {
    chrome: Chrome,
    w: &'static Words,
    id: String,
    job: i64,
    job_name: String,
    group: String,
    fire_time: String,
    badge: Badge,
    why: String,
    story: Option<&'static str>,
    hops: Vec<Hop>,
    facts: Vec<(&'static str, String)>,
    node: Option<(i64, String)>,
    attempts: Vec<AttemptRow>,
    attempt: u32,
    output: Option<Shown>,
    denied: Option<String>,
    is_live: bool,
    may_kill: bool,
    may_run: bool,
    key: String,
    events: String,
}

/// One step of the run's life and how long it took since the one before.
struct Hop {
    title: &'static str,
    at: Moment,
    after: String,
}

struct AttemptRow {
    number: u32,
    badge: Badge,
    node: String,
    started: Option<Moment>,
    duration: String,
    is_shown: bool,
}

/// Which attempt's output to show.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    attempt: Option<u32>,
}

/// The page.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
    viewer: Viewer,
    headers: HeaderMap,
    chrome: Chrome,
) -> Result<Response, Fault> {
    let tick = read_tick(&id)?;
    let listed = app.store.run(tick).await?;
    let run = &listed.run;
    let group = listed.group;
    let may = |verb| group.is_some_and(|group| viewer.rights.allows_in(verb, group));
    let w = chrome.words;
    let attempt = asked.attempt.unwrap_or(run.attempt);
    let earlier = app.store.attempts(tick).await?;
    let (output, denied) = match may(Verb::ReadOutput) {
        // Output has a stream of its own.
        true if is_for_living_parts(&headers) => (None, None),
        true => (Some(read_shown(&app.store, tick, attempt).await?), None),
        false => (
            None,
            Some(fill(w.runs.output_denied, &[&w.verb(Verb::ReadOutput)])),
        ),
    };
    let groups = app.store.groups().await?;
    let group_name = groups
        .iter()
        .find(|known| Some(known.id) == group)
        .map(|group| group.name.clone());
    let is_live = run.state != Phase::Done && attempt == run.attempt;
    let after = output.as_ref().map_or(-1, |output| output.last);
    show_page(&RunPage {
        fire_time: chrome.moments.full(tick.fire_time),
        job: tick.job.0,
        job_name: listed
            .job_name
            .clone()
            .unwrap_or_else(|| fill(w.runs.deleted_job, &[&tick.job])),
        group: group_name.unwrap_or_default(),
        badge: run_badge(run, w),
        why: why(run, &chrome.moments),
        story: story(run, w),
        hops: hops(run, &chrome.moments),
        facts: facts(run, &chrome),
        node: run
            .node
            .map(|id| (id.0, listed.node_name.clone().unwrap_or_default())),
        attempts: attempt_rows(&listed, &earlier, attempt, &chrome),
        may_kill: may(Verb::Kill) && run.state != Phase::Done,
        may_run: may(Verb::Run) && listed.job_name.is_some(),
        key: form_key(),
        events: format!("/runs/{tick}/events?attempt={attempt}&after={after}"),
        id: tick.to_string(),
        attempt,
        output,
        denied,
        is_live,
        w,
        chrome,
    })
}

fn story(run: &Run, w: &Words) -> Option<&'static str> {
    match (run.outcome, run.state) {
        (Some(Outcome::Lost), _) => Some(w.runs.lost_story),
        (None, Phase::Offered) => Some(w.runs.waiting_story),
        _ => None,
    }
}

fn hops(run: &Run, moments: &Moments) -> Vec<Hop> {
    let w = &moments.words.runs;
    let steps = [
        (w.expected, Some(run.tick.fire_time)),
        (w.claimed, run.claimed_at),
        (w.started_at, run.started_at),
        (w.ended, run.ended_at),
    ];
    let mut before = None;
    let mut hops = Vec::new();
    for (title, at) in steps {
        let Some(at) = at else { continue };
        let after = before.map(|before: jiff::Timestamp| {
            match at.as_microsecond() - before.as_microsecond() {
                ahead @ ..0 => format!("−{}", duration(-ahead)),
                later => format!("+{}", duration(later)),
            }
        });
        hops.push(Hop {
            title,
            at: moments.at(at),
            after: after.unwrap_or_default(),
        });
        before = Some(at);
    }
    hops
}

fn facts(run: &Run, chrome: &Chrome) -> Vec<(&'static str, String)> {
    let w = chrome.words;
    let facts = [
        (w.runs.trigger, w.trigger(run.trigger).to_owned()),
        (
            w.runs.lateness,
            lateness_us(run).map(duration).unwrap_or_default(),
        ),
        (
            w.runs.duration,
            duration_us(run, &chrome.moments)
                .map(duration)
                .unwrap_or_default(),
        ),
        (w.runs.version, run.version.to_string()),
        (w.runs.slot, run.tick.slot.to_string()),
        (
            w.runs.asked_by,
            run.requested_by.clone().unwrap_or_default(),
        ),
        (
            w.jobs.parameters,
            run.parameters.clone().unwrap_or_default(),
        ),
    ];
    facts
        .into_iter()
        .filter(|(_, fact)| !fact.is_empty())
        .collect()
}

fn attempt_rows(
    listed: &ListedRun,
    earlier: &[Attempt],
    shown: u32,
    chrome: &Chrome,
) -> Vec<AttemptRow> {
    let (run, w) = (&listed.run, chrome.words);
    if earlier.is_empty() {
        return Vec::new();
    }
    let lasted = |from: Option<jiff::Timestamp>, to: Option<jiff::Timestamp>| match (from, to) {
        (Some(from), Some(to)) => duration(to.as_microsecond() - from.as_microsecond()),
        _ => String::new(),
    };
    let mut rows: Vec<AttemptRow> = earlier
        .iter()
        .map(|attempt| AttemptRow {
            number: attempt.attempt,
            badge: outcome_badge(attempt.ending.outcome, w),
            node: attempt
                .node
                .map(|node| node.to_string())
                .unwrap_or_default(),
            started: attempt.started_at.map(|at| chrome.moments.at(at)),
            duration: lasted(attempt.started_at, attempt.ended_at),
            is_shown: attempt.attempt == shown,
        })
        .collect();
    rows.push(AttemptRow {
        number: run.attempt,
        badge: run_badge(run, w),
        node: listed.node_name.clone().unwrap_or_default(),
        started: run.started_at.map(|at| chrome.moments.at(at)),
        duration: lasted(run.started_at, run.ended_at),
        is_shown: run.attempt == shown,
    });
    rows
}
