//! Enabling, disabling, deleting and restoring a job: one button each, at the version its page showed.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use carillon_core::identity::JobId;
use carillon_store::JobChange;

use crate::app::App;
use crate::faults::Fault;
use crate::page::{go, own_path};
use crate::posted::Posted;
use crate::viewer::Viewer;

/// Lets the schedule fire.
pub(crate) async fn enable(
    State(app): State<Arc<App>>,
    Path(id): Path<JobId>,
    viewer: Viewer,
    posted: Posted,
) -> Result<Response, Fault> {
    change(
        &app,
        id,
        &viewer,
        &posted,
        (JobChange::Enable, "job_resumed"),
    )
    .await
}

/// Keeps the schedule from firing.
pub(crate) async fn disable(
    State(app): State<Arc<App>>,
    Path(id): Path<JobId>,
    viewer: Viewer,
    posted: Posted,
) -> Result<Response, Fault> {
    change(
        &app,
        id,
        &viewer,
        &posted,
        (JobChange::Disable, "job_paused"),
    )
    .await
}

/// Deletes the job; its history stays, and it can be restored.
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Path(id): Path<JobId>,
    viewer: Viewer,
    posted: Posted,
) -> Result<Response, Fault> {
    change(
        &app,
        id,
        &viewer,
        &posted,
        (JobChange::Delete, "job_deleted"),
    )
    .await
}

/// Brings a deleted job back, disabled.
pub(crate) async fn restore(
    State(app): State<Arc<App>>,
    Path(id): Path<JobId>,
    viewer: Viewer,
    posted: Posted,
) -> Result<Response, Fault> {
    change(
        &app,
        id,
        &viewer,
        &posted,
        (JobChange::Restore, "job_restored"),
    )
    .await
}

async fn change(
    app: &App,
    id: JobId,
    viewer: &Viewer,
    posted: &Posted,
    (change, note): (JobChange, &str),
) -> Result<Response, Fault> {
    let version = posted.text("version").parse();
    let version = version.map_err(|_| {
        Fault::Malformed("the form lacks the job's version; open the page again".to_owned())
    })?;
    app.store
        .change_job(id, version, &change, &viewer.editor())
        .await?;
    let back = match posted.text("back") {
        "" => format!("/jobs/{id}"),
        back => own_path(back).to_owned(),
    };
    let between = if back.contains('?') { '&' } else { '?' };
    Ok(go(&format!("{back}{between}note={note}")))
}
