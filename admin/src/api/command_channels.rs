//! `/api/v1/command-channels`: jobs that incidents start.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use carillon_store::{CommandChannel, DeliveryRecord};
use serde_json::{Value, json};

use super::reply::{Body, created, whole_list, wrong_field};
use super::run_document;
use crate::app::App;
use crate::faults::Fault;
use crate::moment::rfc3339;
use crate::system::commands::{add_for, try_for};
use crate::viewer::Viewer;

/// Deliveries that a document tells of.
const DELIVERIES: u32 = 10;

async fn write(app: &App, channel: &CommandChannel) -> Result<Value, Fault> {
    let deliveries = app.store.deliveries_to_job(channel.job, DELIVERIES).await?;
    Ok(json!({
        "id": channel.id,
        "job_id": channel.job,
        "job": channel.job_name,
        "made_by": channel.made_by,
        "made_at": rfc3339(channel.made_at),
        "permitted": channel.is_permitted(),
        "deliveries": deliveries.iter().map(write_delivery).collect::<Vec<_>>(),
    }))
}

/// A delivery as documents tell it.
pub(crate) fn write_delivery(record: &DeliveryRecord) -> Value {
    json!({
        "id": record.id,
        "channel": record.destination.channel.word(),
        "address": record.destination.address,
        "state": record.state.word(),
        "attempts": record.attempts,
        "made_at": rfc3339(record.made_at),
        "try_at": record.try_at.map(rfc3339),
        "ended_at": record.ended_at.map(rfc3339),
        "result": record.result,
    })
}

/// The jobs that incidents start, by name.
pub(crate) async fn index(State(app): State<Arc<App>>) -> Result<Response, Fault> {
    let mut documents = Vec::new();
    for channel in app.store.command_channels().await? {
        documents.push(write(&app, &channel).await?);
    }
    Ok(whole_list(documents))
}

/// One of them.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
) -> Result<Response, Fault> {
    let channel = app.store.command_channel(id).await?;
    Ok(Json(write(&app, &channel).await?).into_response())
}

/// Lets incidents start the job of that number or name.
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    mut body: Body,
) -> Result<Response, Fault> {
    let job = body.take::<Value>("job")?;
    body.require_empty()?;
    let job = match job {
        Some(Value::String(name)) => name,
        Some(Value::Number(id)) => id.to_string(),
        _ => return Err(wrong_field("job", "name the job, or give its number")),
    };
    let job = app.store.job_called(&job).await?;
    let channel = add_for(&app, job, &viewer).await?;
    let address = format!("/api/v1/command-channels/{}", channel.id);
    Ok(created(&address, &write(&app, &channel).await?))
}

/// Starts the job as an incident would, with a test's parameters.
pub(crate) async fn test(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    viewer: Viewer,
    body: Body,
) -> Result<Response, Fault> {
    body.require_empty()?;
    let run = try_for(&app, id, None, &viewer).await?;
    let listed = app.store.run(run).await?;
    let location = [(header::LOCATION, format!("/api/v1/runs/{run}"))];
    Ok((StatusCode::ACCEPTED, location, Json(run_document(&listed))).into_response())
}

/// Lets incidents start it no more.
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    viewer: Viewer,
) -> Result<Response, Fault> {
    app.store
        .remove_command_channel(id, &viewer.editor())
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
