//! What operators want of a node: drain it, take it back, retire it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use carillon_core::identity::NodeId;
use carillon_core::node::Duty;

use crate::app::App;
use crate::faults::Fault;
use crate::page::go;
use crate::posted::Posted;
use crate::viewer::Viewer;

/// The longest reason, in characters.
const REASON_LENGTH_MAX: usize = 500;

/// Takes nothing new there; what runs may end.
pub(crate) async fn drain(
    State(app): State<Arc<App>>,
    Path(id): Path<NodeId>,
    viewer: Viewer,
    posted: Posted,
) -> Result<Response, Fault> {
    set(&app, id, &viewer, &posted, (Duty::Drained, "node_drained")).await
}

/// Lets the node take part again.
pub(crate) async fn activate(
    State(app): State<Arc<App>>,
    Path(id): Path<NodeId>,
    viewer: Viewer,
    posted: Posted,
) -> Result<Response, Fault> {
    set(&app, id, &viewer, &posted, (Duty::Active, "node_active")).await
}

/// Gives the node up for good.
pub(crate) async fn retire(
    State(app): State<Arc<App>>,
    Path(id): Path<NodeId>,
    viewer: Viewer,
    posted: Posted,
) -> Result<Response, Fault> {
    set(&app, id, &viewer, &posted, (Duty::Retired, "node_retired")).await
}

async fn set(
    app: &App,
    id: NodeId,
    viewer: &Viewer,
    posted: &Posted,
    (duty, note): (Duty, &str),
) -> Result<Response, Fault> {
    let reason: String = posted
        .text("reason")
        .trim()
        .chars()
        .take(REASON_LENGTH_MAX)
        .collect();
    app.store
        .set_duty(id, duty, &reason, &viewer.editor())
        .await?;
    Ok(go(&format!("/nodes/{id}?note={note}")))
}
