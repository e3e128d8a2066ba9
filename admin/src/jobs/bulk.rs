//! One action on many jobs of the list.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use carillon_core::access::Verb;
use carillon_core::identity::JobId;
use carillon_store::JobChange;

use crate::app::App;
use crate::faults::Fault;
use crate::page::{go, own_path};
use crate::posted::Posted;
use crate::viewer::Viewer;

/// Jobs in one go: a page of the list.
const JOBS_MAX: usize = 100;

/// Enables, disables or deletes the ticked jobs. All rights are checked before anything is changed.
pub(crate) async fn apply(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    posted: Posted,
) -> Result<Response, Fault> {
    let (change, verb) = match posted.text("do") {
        "enable" => (JobChange::Enable, Verb::Pause),
        "disable" => (JobChange::Disable, Verb::Pause),
        "delete" => (JobChange::Delete, Verb::Edit),
        other => {
            return Err(Fault::Malformed(format!(
                "{other:?} is nothing that can be done to jobs"
            )));
        }
    };
    let ids: Vec<JobId> = posted
        .all("job")
        .filter_map(|id| id.parse().ok())
        .take(JOBS_MAX)
        .collect();
    let mut jobs = Vec::with_capacity(ids.len());
    for id in ids {
        let job = app.store.job(id).await?;
        viewer
            .require_in(Verb::View, job.draft.group)
            .map_err(|_| Fault::not_found("job", &id.to_string()))?;
        viewer.require_in(verb, job.draft.group)?;
        jobs.push(job);
    }
    for job in jobs {
        let is_so = match change {
            JobChange::Enable => job.draft.enabled,
            JobChange::Disable => !job.draft.enabled,
            JobChange::Replace(_)
            | JobChange::Reimport { .. }
            | JobChange::Delete
            | JobChange::Restore => job.deleted_at.is_some(),
        };
        if !is_so {
            app.store
                .change_job(job.id, job.version, &change, &viewer.editor())
                .await?;
        }
    }
    let back = own_path(posted.text("back"));
    let between = if back.contains('?') { '&' } else { '?' };
    Ok(go(&format!("{back}{between}note=bulk_done")))
}
