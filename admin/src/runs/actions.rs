//! What can be done to a job or a run by hand: run it now, run it again, end it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use carillon_core::identity::{JobId, NodeId};
use carillon_core::parameters::Parameters;
use carillon_core::tick::Tick;
use carillon_store::{KillAnswer, RunRequest};
use jiff::SignedDuration;

use crate::app::App;
use crate::faults::Fault;
use crate::page::go;
use crate::posted::Posted;
use crate::secret;
use crate::viewer::Viewer;

/// How long a run asked for by hand waits for a node.
pub(crate) const PATIENCE: SignedDuration = SignedDuration::from_hours(1);

/// Starts a job once, now.
pub(crate) async fn run_now(
    State(app): State<Arc<App>>,
    Path(id): Path<JobId>,
    viewer: Viewer,
    posted: Posted,
) -> Result<Response, Fault> {
    let request = RunRequest {
        job: id,
        node: posted.text("node").parse().ok().map(NodeId),
        parameters: Parameters::from_lines(posted.text("parameters").lines())
            .map_err(|wrong| Fault::Invalid(wrong.to_string()))?,
        // A double click sends the same key; a page loaded anew has another.
        key: Some(posted.text("key"))
            .filter(|key| !key.is_empty())
            .map(str::to_owned),
        repeats: None,
        patience: PATIENCE,
    };
    let tick = app.store.request_run(&request, &viewer.editor()).await?;
    Ok(go(&format!("/runs/{tick}")))
}

/// Starts the job of a run again.
pub(crate) async fn run_again(
    State(app): State<Arc<App>>,
    Path(run): Path<String>,
    viewer: Viewer,
    posted: Posted,
) -> Result<Response, Fault> {
    let old = read_tick(&run)?;
    let request = RunRequest {
        job: old.job,
        node: posted.text("node").parse().ok().map(NodeId),
        parameters: parameters_of(&app, old).await?,
        key: Some(posted.text("key"))
            .filter(|key| !key.is_empty())
            .map(str::to_owned),
        repeats: Some(old),
        patience: PATIENCE,
    };
    let tick = app.store.request_run(&request, &viewer.editor()).await?;
    Ok(go(&format!("/runs/{tick}")))
}

/// What a run was given along.
pub(crate) async fn parameters_of(app: &App, run: Tick) -> Result<Parameters, Fault> {
    let given = app.store.run(run).await?.run.parameters;
    let parameters = given
        .as_deref()
        .map(serde_json::from_str::<Parameters>)
        .transpose();
    let parameters = parameters.map_err(|wrong| Fault::Invalid(wrong.to_string()))?;
    Ok(parameters.unwrap_or_default())
}

/// Ends a run.
pub(crate) async fn kill(
    State(app): State<Arc<App>>,
    Path(run): Path<String>,
    viewer: Viewer,
    _: Posted,
) -> Result<Response, Fault> {
    let tick = read_tick(&run)?;
    let note = match app.store.kill_run(tick, &viewer.editor()).await? {
        KillAnswer::Asked | KillAnswer::Killed => "kill_sent",
        KillAnswer::AlreadyDone => "already_done",
    };
    Ok(go(&format!("/runs/{tick}?note={note}")))
}

/// The run that an address names.
/// # Errors
/// When the text names no run.
pub(crate) fn read_tick(text: &str) -> Result<Tick, Fault> {
    text.parse().map_err(|_| Fault::not_found("run", text))
}

/// A key for a form: sent twice, it asks for the same run.
pub(crate) fn form_key() -> String {
    format!("page {}", &secret::draw()[..22])
}
