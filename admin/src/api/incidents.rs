//! `/api/v1/incidents`: what the monitor has found.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use carillon_core::incident::Incident;
use carillon_store::IncidentFilter;
use serde::Deserialize;
use serde_json::{Value, json};

use super::command_channels::write_delivery;
use super::reply::{Paging, list};
use crate::app::App;
use crate::cursor;
use crate::faults::Fault;
use crate::moment::rfc3339;
use crate::runs::list::visible_groups;
use crate::system::incident::require_visible;
use crate::viewer::Viewer;

/// Which incidents to list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    open: Option<bool>,
    state: Option<String>,
}

fn write(incident: &Incident) -> Value {
    let mut document = json!(incident);
    document["state"] = json!(if incident.resolved_at.is_some() {
        "resolved"
    } else {
        "open"
    });
    for field in ["since_at", "opened_at", "last_trouble_at"] {
        if let Some(at) = document[field].as_str().and_then(|text| text.parse().ok()) {
            document[field] = json!(rfc3339(at));
        }
    }
    document
}

/// The incidents, newest first.
pub(crate) async fn index(
    State(app): State<Arc<App>>,
    Query(asked): Query<Asked>,
    Query(paging): Query<Paging>,
    viewer: Viewer,
) -> Result<Response, Fault> {
    let limit = paging.limit()?;
    let is_open = match asked.state.as_deref() {
        None | Some("") => asked.open,
        Some("open") => Some(true),
        Some("resolved") => Some(false),
        Some(other) => {
            return Err(Fault::Malformed(format!(
                "{other:?} is no state; it is open or resolved"
            )));
        }
    };
    let filter = IncidentFilter {
        is_open,
        groups: visible_groups(&viewer),
        before: cursor::read(&paging.cursor)?,
        ..IncidentFilter::default()
    };
    let incidents = app.store.incidents(&filter, limit + 1).await?;
    Ok(list(incidents, limit, |incident| incident.id, write))
}

/// One incident, with who was told of it.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    viewer: Viewer,
) -> Result<Response, Fault> {
    let incident = app.store.incident(id).await?;
    require_visible(&app, &incident, &viewer).await?;
    let deliveries = app.store.deliveries_of(id).await?;
    let mut document = write(&incident);
    document["deliveries"] = deliveries.iter().map(write_delivery).collect();
    Ok(Json(document).into_response())
}

/// Says that somebody looks after it: no reminders.
pub(crate) async fn acknowledge(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    viewer: Viewer,
) -> Result<Response, Fault> {
    app.store.acknowledge_incident(id, &viewer.editor()).await?;
    Ok(Json(write(&app.store.incident(id).await?)).into_response())
}
