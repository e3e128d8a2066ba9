//! All jobs the viewer may see, in one file: as the API says them, or with groups and calendars as `apply` reads them.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use carillon_core::access::Verb;
use serde::Deserialize;

use crate::app::App;
use crate::declaration::{standing_of, write};
use crate::faults::Fault;
use crate::viewer::Viewer;

/// Which file.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    format: String,
}

/// The file.
pub(crate) async fn download(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
) -> Result<Response, Fault> {
    let mut standing = standing_of(&app, &viewer).await?;
    standing.reveal(|group| viewer.rights.allows_in(Verb::Edit, group));
    let named = |name: &str| {
        let attachment = format!("attachment; filename=\"carillon-jobs.{name}\"");
        [(header::CONTENT_DISPOSITION, attachment)]
    };
    if asked.format == "yaml" {
        let media_type = [(header::CONTENT_TYPE, "application/yaml")];
        return Ok((named("yaml"), media_type, write(&standing)).into_response());
    }
    Ok((named("json"), Json(standing.job_documents())).into_response())
}
