//! `/api/v1/nodes`. A node is named by its number or its name.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use carillon_core::node::{Duty, Limits};
use carillon_store::Node;
use serde_json::{Value, json};

use super::reply::{Body, whole_list};
use super::runs::find_node;
use crate::app::App;
use crate::faults::Fault;
use crate::moment::rfc3339;
use crate::viewer::Viewer;

fn write(node: &Node) -> Value {
    let peer = &node.peer;
    json!({
        "id": peer.id,
        "name": peer.name,
        "liveness": peer.liveness,
        "duty": peer.duty,
        "duty_reason": node.duty_reason,
        "drained": peer.duty == Duty::Drained,
        "labels": peer.labels,
        "running": node.running,
        "max_running": peer.running_max,
        "claiming": peer.is_claiming,
        "not_claiming_reason": node.not_claiming_reason,
        "version": node.version,
        "tzdb_version": node.tzdb_version,
        "clock_offset_s": node.clock_offset_us as f64 / 1e6,
        "clock_uncertainty_s": node.clock_uncertainty_us as f64 / 1e6,
        "load": node.load_milli as f64 / 1000.0,
        "memory_total_bytes": node.memory_total,
        "memory_available_bytes": node.memory_available,
        "disk_total_bytes": node.disk_total,
        "disk_available_bytes": node.disk_available,
        "redis_problem": node.redis_problem,
        "booted_at": rfc3339(node.booted_at),
        "last_beat_at": rfc3339(node.last_beat_at),
        "left_at": node.left_at.map(rfc3339),
        "created_at": rfc3339(node.created_at),
    })
}

/// Every node, by name.
pub(crate) async fn index(State(app): State<Arc<App>>) -> Result<Response, Fault> {
    let nodes = app.store.nodes(Limits::default()).await?;
    Ok(whole_list(nodes.iter().map(write).collect()))
}

async fn reply(app: &App, text: &str) -> Result<Response, Fault> {
    let id = find_node(app, text).await?;
    let nodes = app.store.nodes(Limits::default()).await?;
    let node = nodes.iter().find(|node| node.peer.id == id);
    let node = node.ok_or_else(|| Fault::not_found("node", text))?;
    Ok(Json(write(node)).into_response())
}

/// One node.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Response, Fault> {
    reply(&app, &id).await
}

async fn set(
    app: &App,
    id: &str,
    duty: Duty,
    viewer: &Viewer,
    reason: Option<String>,
) -> Result<Response, Fault> {
    let node = find_node(app, id).await?;
    let reason: String = reason.unwrap_or_default().chars().take(500).collect();
    app.store
        .set_duty(node, duty, &reason, &viewer.editor())
        .await?;
    reply(app, id).await
}

/// Takes nothing new there; `{"drained": false}` takes it back.
pub(crate) async fn drain(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    viewer: Viewer,
    mut body: Body,
) -> Result<Response, Fault> {
    let is_drained = body.take::<bool>("drained")?.unwrap_or(true);
    let reason = body.take("reason")?;
    body.require_empty()?;
    let duty = if is_drained {
        Duty::Drained
    } else {
        Duty::Active
    };
    set(&app, &id, duty, &viewer, reason).await
}

/// Lets the node take part again.
pub(crate) async fn activate(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    viewer: Viewer,
) -> Result<Response, Fault> {
    set(&app, &id, Duty::Active, &viewer, None).await
}

/// Gives the node up for good.
pub(crate) async fn retire(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    viewer: Viewer,
    mut body: Body,
) -> Result<Response, Fault> {
    let reason = body.take("reason")?;
    body.require_empty()?;
    set(&app, &id, Duty::Retired, &viewer, reason).await
}
