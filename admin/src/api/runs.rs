//! `/api/v1/runs`. The output of a run is served by the pages' own reader.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use carillon_core::identity::{JobId, NodeId};
use carillon_core::node::Limits;
use carillon_core::run::{Outcome, Phase, Trigger};
use carillon_core::tick::Tick;
use carillon_store::{KillAnswer, ListedRun, RunFilter, RunRequest};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::reply::{Body, Paging};
use crate::app::App;
use crate::cursor;
use crate::faults::Fault;
use crate::moment::rfc3339;
use crate::runs::actions::{PATIENCE, parameters_of, read_tick};
use crate::runs::list::visible_groups;
use crate::runs::row::lateness_us;
use crate::viewer::Viewer;

/// The document of a run. An offered run is told as claimed by nobody yet, with the reason why it waits.
pub(crate) fn run_document(listed: &ListedRun) -> Value {
    let run = &listed.run;
    let state = match run.state {
        Phase::Offered => Phase::Claimed,
        known => known,
    };
    let seconds = |us: i64| us as f64 / 1e6;
    let lasted = run.started_at.zip(run.ended_at);
    json!({
        "id": run.tick.to_string(),
        "job_id": run.tick.job,
        "job_name": listed.job_name,
        "group_id": listed.group,
        "job_version": run.version,
        "fire_time": rfc3339(run.tick.fire_time),
        "trigger": run.trigger,
        "slot": run.tick.slot,
        "state": state,
        "outcome": run.outcome,
        "reason": run.reason,
        "detail": run.detail,
        "exit_code": run.exit_code,
        "signal": run.signal,
        "node": listed.node_name,
        "node_id": run.node,
        "attempt": run.attempt,
        "claimed_at": run.claimed_at.map(rfc3339),
        "started_at": run.started_at.map(rfc3339),
        "ended_at": run.ended_at.map(rfc3339),
        "lateness_s": lateness_us(run).map(seconds),
        "duration_s": lasted.map(|(from, to)| seconds(to.as_microsecond() - from.as_microsecond())),
        "until": run.until.map(rfc3339),
        "count": run.tick_count,
        "requested_by": run.requested_by,
        "idempotency_key": run.request_key,
        "parameters": run.parameters.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok()),
    })
}

/// Which runs to list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    job: Option<String>,
    job_id: Option<String>,
    state: Option<String>,
    outcome: Option<String>,
    node: Option<String>,
    trigger: Option<String>,
    from: Option<String>,
    before: Option<String>,
}

/// The runs the caller may see, newest first.
pub(crate) async fn index(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
    Query(paging): Query<Paging>,
) -> Result<Response, Fault> {
    let limit = paging.limit()?;
    let filter = read_filter(&app, &asked, &paging, &viewer).await?;
    let page = app.store.run_page(&filter, limit).await?;
    let items: Vec<_> = page.runs.iter().map(run_document).collect();
    let next = page.next.map(|next| cursor::write(&next.to_string()));
    Ok(Json(json!({ "items": items, "next": next })).into_response())
}

async fn read_filter(
    app: &App,
    asked: &Asked,
    paging: &Paging,
    viewer: &Viewer,
) -> Result<RunFilter, Fault> {
    let mut filter = RunFilter {
        groups: visible_groups(viewer),
        outcomes: words::<Outcome>(asked.outcome.as_deref())?,
        from: instant(asked.from.as_deref())?,
        before: instant(asked.before.as_deref())?,
        trigger: words::<Trigger>(asked.trigger.as_deref())?
            .into_iter()
            .next(),
        states: words::<Phase>(asked.state.as_deref())?,
        ..RunFilter::default()
    };
    if filter.states.contains(&Phase::Claimed) {
        filter.states.push(Phase::Offered);
    }
    if let Some(text) = asked.job_id.as_ref().or(asked.job.as_ref()) {
        let id = text.parse::<JobId>();
        filter.job =
            Some(id.map_err(|_| Fault::Malformed(format!("job {text:?} is no number of a job")))?);
    }
    if let Some(text) = &asked.node {
        filter.node = Some(find_node(app, text).await?);
    }
    if let Some(text) = cursor::read::<String>(&paging.cursor)? {
        filter.after = Some(
            text.parse::<Tick>()
                .map_err(|error| Fault::Malformed(error.to_string()))?,
        );
    }
    Ok(filter)
}

/// The node of that name or number.
pub(crate) async fn find_node(app: &App, text: &str) -> Result<NodeId, Fault> {
    let nodes = app.store.nodes(Limits::default()).await?;
    let node = nodes
        .iter()
        .find(|node| node.peer.name == text || node.peer.id.to_string() == text);
    node.map(|node| node.peer.id)
        .ok_or_else(|| Fault::not_found("node", text))
}

fn words<T: std::str::FromStr>(text: Option<&str>) -> Result<Vec<T>, Fault>
where
    T::Err: std::fmt::Display,
{
    let words = text
        .unwrap_or_default()
        .split(',')
        .filter(|word| !word.is_empty());
    words
        .map(|word| {
            word.parse()
                .map_err(|error: T::Err| Fault::Malformed(error.to_string()))
        })
        .collect()
}

fn instant(text: Option<&str>) -> Result<Option<Timestamp>, Fault> {
    let read = |text: &str| {
        text.parse().map_err(|_| {
            Fault::Malformed(format!("{text:?} is no time; write 2026-12-31T23:59:59Z"))
        })
    };
    text.filter(|text| !text.is_empty()).map(read).transpose()
}

/// One run.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let listed = app.store.run(read_tick(&id)?).await?;
    Ok(Json(run_document(&listed)).into_response())
}

/// The attempts that were followed by another one, the first first.
pub(crate) async fn attempts(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    let attempts = app.store.attempts(read_tick(&id)?).await?;
    let nodes = app.store.nodes(Limits::default()).await?;
    let write = |attempt: &carillon_store::Attempt| {
        let node = nodes.iter().find(|node| Some(node.peer.id) == attempt.node);
        json!({
            "attempt": attempt.attempt,
            "node": node.map(|node| &node.peer.name),
            "outcome": attempt.ending.outcome,
            "reason": attempt.ending.reason,
            "detail": attempt.ending.detail,
            "exit_code": attempt.ending.exit_code,
            "signal": attempt.ending.signal,
            "claimed_at": attempt.claimed_at.map(rfc3339),
            "started_at": attempt.started_at.map(rfc3339),
            "ended_at": attempt.ended_at.map(rfc3339),
        })
    };
    Ok(super::reply::whole_list(
        attempts.iter().map(write).collect(),
    ))
}

/// Ends a run.
pub(crate) async fn kill(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    viewer: Viewer,
) -> Result<Response, Fault> {
    let tick = read_tick(&id)?;
    let (status, result) = match app.store.kill_run(tick, &viewer.editor()).await? {
        KillAnswer::Asked => (StatusCode::ACCEPTED, "asked"),
        KillAnswer::Killed => (StatusCode::OK, "killed"),
        KillAnswer::AlreadyDone => (StatusCode::OK, "already_done"),
    };
    let listed = app.store.run(tick).await?;
    let mut document = run_document(&listed);
    document["result"] = json!(result);
    Ok((status, Json(document)).into_response())
}

/// Starts the job of a run again.
pub(crate) async fn again(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    viewer: Viewer,
    mut body: Body,
) -> Result<Response, Fault> {
    let old = read_tick(&id)?;
    let request = RunRequest {
        job: old.job,
        node: None,
        parameters: parameters_of(&app, old).await?,
        key: body.take("idempotency_key")?,
        repeats: Some(old),
        patience: PATIENCE,
    };
    body.require_empty()?;
    let tick = app.store.request_run(&request, &viewer.editor()).await?;
    Ok((
        StatusCode::ACCEPTED,
        Json(run_document(&app.store.run(tick).await?)),
    )
        .into_response())
}
