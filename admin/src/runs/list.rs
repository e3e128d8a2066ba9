//! The list of runs: newest first, filtered, paged by key.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use carillon_core::access::{Groups, Verb};
use carillon_core::identity::{GroupId, JobId, NodeId};
use carillon_core::node::Limits;
use carillon_core::run::{Outcome, Phase};
use carillon_core::saved_view::FilteredList;
use carillon_core::tick::Tick;
use carillon_store::{Node, RunFilter};
use jiff::Timestamp;
use jiff::civil::DateTime;
use serde::Deserialize;

use super::row::RunRow;
use crate::app::App;
use crate::cursor::query;
use crate::faults::Fault;
use crate::page::{Chrome, show as show_page};
use crate::viewer::Viewer;
use crate::views::ViewBar;
use crate::words::Words;

/// Runs on one page.
const PAGE_SIZE: u32 = 50;

/// The list's state, all of it in the address.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    job: String,
    outcome: String,
    node: String,
    from: String,
    before: String,
    after: String,
}

#[derive(Template)]
#[template(path = "runs/list.html")]
struct ListPage {
    chrome: Chrome,
    w: &'static Words,
    asked: Asked,
    views: ViewBar,
    title: String,
    runs: Vec<RunRow>,
    nodes: Vec<Node>,
    outcomes: &'static [Outcome],
    /// Where the list goes on, and how far it was looked at when nothing was found so far.
    next: Option<String>,
    looked_until: Option<String>,
    has_filter: bool,
    show_job: bool,
}

/// The list.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
    chrome: Chrome,
) -> Result<Response, Fault> {
    let filter = read_filter(&asked, &viewer, &chrome)?;
    let page = app.store.run_page(&filter, PAGE_SIZE).await?;
    let next = page.next.map(|after| {
        let after = after.to_string();
        let kept = [
            ("job", &asked.job),
            ("outcome", &asked.outcome),
            ("node", &asked.node),
            ("from", &asked.from),
            ("before", &asked.before),
        ];
        let kept = kept.map(|(name, value)| (name, value.as_str()));
        query(
            "/runs",
            &[kept.as_slice(), &[("after", after.as_str())]].concat(),
        )
    });
    let w = chrome.words;
    let is_short = page.runs.len() < PAGE_SIZE as usize;
    let looked_until = page.next.filter(|_| is_short).map(|next| {
        let time = chrome.moments.full(next.fire_time);
        crate::words::fill(w.runs.looked_until, &[&time])
    });
    let title = match filter.job {
        Some(job) => {
            let name = app
                .store
                .job(job)
                .await
                .map_or_else(|_| job.to_string(), |job| job.draft.name.to_string());
            crate::words::fill(w.runs.of_job, &[&name])
        }
        None => w.runs.title.to_owned(),
    };
    let mut groups = app.store.groups().await?;
    groups.retain(|group| viewer.rights.allows_in(Verb::View, group.id));
    let list = (FilteredList::Runs, groups.as_slice());
    let views = ViewBar::of(&app, &viewer, list, &chrome).await?;
    show_page(&ListPage {
        views,
        runs: page
            .runs
            .iter()
            .map(|run| RunRow::of(run, &chrome.moments))
            .collect(),
        nodes: app.store.nodes(Limits::default()).await?,
        outcomes: Outcome::ALL,
        has_filter: [&asked.outcome, &asked.node, &asked.from, &asked.before]
            .iter()
            .any(|text| !text.is_empty()),
        show_job: filter.job.is_none(),
        w,
        chrome,
        asked,
        title,
        next,
        looked_until,
    })
}

fn read_filter(asked: &Asked, viewer: &Viewer, chrome: &Chrome) -> Result<RunFilter, Fault> {
    let mut filter = RunFilter {
        job: asked.job.parse().ok().map(JobId),
        groups: visible_groups(viewer),
        node: asked.node.parse().ok().map(NodeId),
        from: read_instant(&asked.from, chrome)?,
        before: read_instant(&asked.before, chrome)?,
        ..RunFilter::default()
    };
    if !asked.after.is_empty() {
        let tick = asked
            .after
            .parse::<Tick>()
            .map_err(|error| Fault::Malformed(error.to_string()))?;
        filter.after = Some(tick);
    }
    match asked.outcome.as_str() {
        "" => {}
        "open" => filter.states = vec![Phase::Offered, Phase::Claimed, Phase::Running],
        "trouble" => {
            filter.outcomes = Outcome::ALL
                .iter()
                .copied()
                .filter(|outcome| outcome.is_trouble())
                .collect();
        }
        word => match word.parse::<Outcome>() {
            Ok(outcome) => filter.outcomes = vec![outcome],
            Err(error) => return Err(Fault::Malformed(error.to_string())),
        },
    }
    Ok(filter)
}

/// The groups whose runs the viewer may see; none is all of them.
pub(crate) fn visible_groups(viewer: &Viewer) -> Option<Vec<GroupId>> {
    match viewer.rights.groups(Verb::View) {
        Groups::Every => None,
        Groups::Only(groups) => Some(groups.into_iter().collect()),
    }
}

/// An instant in the viewer's zone as a browser's field writes it, or RFC 3339.
fn read_instant(text: &str, chrome: &Chrome) -> Result<Option<Timestamp>, Fault> {
    if text.is_empty() {
        return Ok(None);
    }
    let wall = || {
        text.parse::<DateTime>()
            .ok()?
            .to_zoned(chrome.moments.zone.clone())
            .ok()
    };
    let instant = text
        .parse::<Timestamp>()
        .ok()
        .or_else(|| wall().map(|zoned| zoned.timestamp()));
    instant
        .map(Some)
        .ok_or_else(|| Fault::Malformed(format!("{text:?} is no time; write 2026-12-31T23:59")))
}
