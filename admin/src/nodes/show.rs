//! The page of one node: its health, what runs there, and what may.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use carillon_core::access::Verb;
use carillon_core::identity::NodeId;
use carillon_core::node::{Duty, Limits};
use carillon_core::run::Phase;
use carillon_store::{Node, RunFilter};

use super::list::NodeRow;
use crate::app::App;
use crate::faults::Fault;
use crate::moment::{Moment, offset};
use crate::page::{Chrome, show as show_page};
use crate::runs::list::visible_groups;
use crate::runs::row::RunRow;
use crate::viewer::Viewer;
use crate::words::{Words, fill};

/// Runs shown.
const RUNS: u32 = 20;

#[derive(Template)]
#[template(path = "nodes/show.html")]
struct NodePage {
    chrome: Chrome,
    w: &'static Words,
    node: NodeRow,
    is_active: bool,
    is_retired: bool,
    duty_reason: String,
    not_claiming: Option<String>,
    redis_problem: Option<String>,
    facts: Vec<(&'static str, String)>,
    times: Vec<(&'static str, Moment)>,
    going_on: Vec<RunRow>,
    runs: Vec<RunRow>,
    show_job: bool,
    may_manage: bool,
}

/// The page.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<NodeId>,
    viewer: Viewer,
    chrome: Chrome,
) -> Result<Response, Fault> {
    let nodes = app.store.nodes(Limits::default()).await?;
    let node = nodes.into_iter().find(|node| node.peer.id == id);
    let node = node.ok_or_else(|| Fault::not_found("node", &id.to_string()))?;
    let filter = RunFilter {
        node: Some(id),
        groups: visible_groups(&viewer),
        ..RunFilter::default()
    };
    let open = RunFilter {
        states: vec![Phase::Claimed, Phase::Running],
        ..filter.clone()
    };
    let rows = |runs: &[carillon_store::ListedRun]| {
        runs.iter()
            .map(|run| RunRow::of(run, &chrome.moments))
            .collect()
    };
    let (going_on, runs) = (
        app.store.runs(&open, RUNS).await?,
        app.store.run_page(&filter, RUNS).await?.runs,
    );
    let (going_on, runs) = (rows(&going_on), rows(&runs));
    let w = chrome.words;
    let is_refusing = !node.peer.is_claiming && node.peer.duty == Duty::Active;
    show_page(&NodePage {
        is_active: node.peer.duty == Duty::Active,
        is_retired: node.peer.duty == Duty::Retired,
        duty_reason: node.duty_reason.clone(),
        not_claiming: is_refusing.then(|| fill(w.nodes.not_claiming, &[&node.not_claiming_reason])),
        redis_problem: Some(&node.redis_problem)
            .filter(|problem| !problem.is_empty())
            .map(|problem| fill(w.nodes.redis_problem, &[problem])),
        facts: facts(&node, w),
        times: times(&node, &chrome),
        may_manage: chrome.may_everywhere(Verb::ManageNodes),
        show_job: true,
        node: NodeRow::of(&node, &chrome),
        going_on,
        runs,
        w,
        chrome,
    })
}

fn facts(node: &Node, w: &Words) -> Vec<(&'static str, String)> {
    let mebibytes = |bytes: i64| match bytes >> 20 {
        mebibytes @ ..10_240 => format!("{mebibytes} MiB"),
        mebibytes => format!("{}.{} GiB", mebibytes / 1024, mebibytes % 1024 * 10 / 1024),
    };
    vec![
        (w.nodes.version, node.version.clone()),
        (w.nodes.tzdb, node.tzdb_version.clone()),
        (
            w.nodes.load,
            format!("{:.2}", node.load_milli as f64 / 1000.0),
        ),
        (
            w.nodes.memory,
            format!(
                "{} / {}",
                mebibytes(node.memory_available),
                mebibytes(node.memory_total)
            ),
        ),
        (
            w.nodes.disk,
            format!(
                "{} / {}",
                mebibytes(node.disk_available),
                mebibytes(node.disk_total)
            ),
        ),
        (w.nodes.clock_offset, offset(node.clock_offset_us)),
        (
            w.nodes.clock,
            fill(
                w.nodes.uncertainty,
                &[&format!("{:.1}", node.clock_uncertainty_us as f64 / 1000.0)],
            ),
        ),
    ]
}

fn times(node: &Node, chrome: &Chrome) -> Vec<(&'static str, Moment)> {
    let w = &chrome.words.nodes;
    vec![
        (w.last_beat, chrome.moments.since(node.last_beat_at)),
        (w.booted, chrome.moments.at(node.booted_at)),
        (w.host_booted, chrome.moments.at(node.host_booted_at)),
        (w.first_seen, chrome.moments.at(node.created_at)),
    ]
}
