//! Making an old version of a job the current one again.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use carillon_core::access::Verb;
use carillon_core::identity::JobId;
use carillon_store::JobChange;

use crate::app::App;
use crate::faults::Fault;
use crate::page::go;
use crate::posted::Posted;
use crate::viewer::Viewer;

/// Saves the old version as the newest one.
pub(crate) async fn restore(
    State(app): State<Arc<App>>,
    Path((id, number)): Path<(JobId, i64)>,
    viewer: Viewer,
    posted: Posted,
) -> Result<Response, Fault> {
    let current = app.store.job(id).await?;
    let versions = app.store.job_versions(id).await?;
    let old = versions
        .into_iter()
        .find(|version| version.version == number);
    let old = old
        .ok_or_else(|| Fault::not_found("version", &number.to_string()))?
        .draft;
    viewer.require_in(Verb::Edit, old.group)?;
    if old.spec.launch.run_as != current.draft.spec.launch.run_as {
        viewer.require_in(Verb::RunAs, old.group)?;
    }
    let version = posted.text("version").parse().unwrap_or(current.version);
    app.store
        .change_job(
            id,
            version,
            &JobChange::Replace(Box::new(old)),
            &viewer.editor(),
        )
        .await?;
    Ok(go(&format!("/jobs/{id}?note=version_restored")))
}
