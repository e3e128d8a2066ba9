//! All jobs the viewer may see, as the API says them, in one file.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use carillon_store::JobFilter;

use crate::app::App;
use crate::faults::Fault;
use crate::jobs::document;
use crate::runs::list::visible_groups;
use crate::viewer::Viewer;

/// Jobs read at once.
const PAGE: u32 = 500;

/// The file.
pub(crate) async fn download(
    State(app): State<Arc<App>>,
    viewer: Viewer,
) -> Result<Response, Fault> {
    let groups = app.store.groups().await?;
    let mut filter = JobFilter {
        groups: visible_groups(&viewer),
        ..JobFilter::default()
    };
    let mut documents = Vec::new();
    loop {
        let page = app.store.jobs(&filter, PAGE).await?;
        let jobs = page.iter().filter_map(|listed| listed.job.as_ref().ok());
        documents.extend(jobs.map(|job| document::write(job, &groups)));
        let last = page.last().and_then(|listed| listed.job.as_ref().ok());
        match last.filter(|_| page.len() == PAGE as usize) {
            Some(job) => filter.after = Some((job.draft.name.to_string(), job.id)),
            None => break,
        }
    }
    let name = [(
        header::CONTENT_DISPOSITION,
        "attachment; filename=\"carillon-jobs.json\"",
    )];
    Ok((name, Json(documents)).into_response())
}
