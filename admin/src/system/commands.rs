//! Jobs that incidents start: who let them, how the last start went, and a try.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use carillon_core::access::Verb;
use carillon_core::command_channel::test_parameters;
use carillon_core::identity::JobId;
use carillon_core::tick::Tick;
use carillon_store::{CommandChannel, DeliveryRecord, DeliveryState, RunRequest, StoreError};

use crate::app::App;
use crate::badge::Badge;
use crate::faults::Fault;
use crate::moment::Moment;
use crate::page::{Chrome, go};
use crate::posted::Posted;
use crate::runs::actions::{PATIENCE, form_key};
use crate::viewer::Viewer;
use crate::words::{Words, fill};

/// A job that incidents start.
pub(super) struct CommandRow {
    pub(super) id: i64,
    pub(super) job: JobId,
    pub(super) name: String,
    pub(super) by: String,
    pub(super) made_at: Moment,
    /// What keeps it from being started.
    pub(super) refusal: Option<String>,
    pub(super) last: Option<LastStart>,
    /// A double click tries it once.
    pub(super) key: String,
}

/// How the last delivery to it went.
pub(super) struct LastStart {
    pub(super) badge: Badge,
    pub(super) at: Moment,
    pub(super) result: HandedOver,
}

/// What came of a delivery.
pub(super) struct HandedOver {
    pub(super) text: String,
    /// The run that was started by it.
    pub(super) run: Option<String>,
}

impl HandedOver {
    pub(super) fn of(record: &DeliveryRecord) -> Self {
        HandedOver {
            text: record.result.clone(),
            run: record
                .result
                .parse::<Tick>()
                .ok()
                .map(|run| run.to_string()),
        }
    }
}

/// How far a delivery has come.
pub(super) fn delivery_badge(w: &Words, state: DeliveryState) -> Badge {
    match state {
        DeliveryState::Waiting => Badge::new("waiting", w.system.delivery_waiting),
        DeliveryState::Sending => Badge::new("running", w.system.delivery_sending),
        DeliveryState::Sent => Badge::new("succeeded", w.system.delivery_sent),
        DeliveryState::GivenUp => Badge::new("failed", w.system.delivery_given_up),
    }
}

/// All of them.
pub(super) async fn rows(app: &App, chrome: &Chrome) -> Result<Vec<CommandRow>, StoreError> {
    let mut rows = Vec::new();
    for channel in app.store.command_channels().await? {
        let last = app.store.deliveries_to_job(channel.job, 1).await?;
        let last = last.first().map(|record| LastStart {
            badge: delivery_badge(chrome.words, record.state),
            at: chrome.moments.since(record.made_at),
            result: HandedOver::of(record),
        });
        rows.push(CommandRow {
            id: channel.id,
            job: channel.job,
            refusal: (!channel.is_permitted())
                .then(|| fill(chrome.words.system.command_refused, &[&channel.made_by])),
            made_at: chrome.moments.at(channel.made_at),
            name: channel.job_name,
            by: channel.made_by,
            last,
            key: form_key(),
        });
    }
    Ok(rows)
}

/// Lets incidents start `job`, where the viewer may start it himself.
///
/// # Errors
/// When there is no such job, or he may not.
pub(crate) async fn add_for(
    app: &App,
    job: JobId,
    viewer: &Viewer,
) -> Result<CommandChannel, Fault> {
    let group = app.store.job(job).await?.draft.group;
    viewer.require_in(Verb::Run, group)?;
    let editor = viewer.editor();
    let id = app
        .store
        .add_command_channel(job, Some(viewer.user), &editor)
        .await?;
    Ok(app.store.command_channel(id).await?)
}

/// Starts the job as an incident would, with a test's parameters, where the viewer may start it himself.
///
/// # Errors
/// When there is none, or he may not.
pub(crate) async fn try_for(
    app: &App,
    channel: i64,
    key: Option<String>,
    viewer: &Viewer,
) -> Result<Tick, Fault> {
    let channel = app.store.command_channel(channel).await?;
    viewer.require_in(Verb::Run, channel.group)?;
    let request = RunRequest {
        job: channel.job,
        node: None,
        parameters: test_parameters(app.now()),
        key,
        repeats: None,
        patience: PATIENCE,
    };
    Ok(app.store.request_run(&request, &viewer.editor()).await?)
}

/// Lets incidents start a job.
pub(crate) async fn add(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    posted: Posted,
) -> Result<Response, Fault> {
    let job = app.store.job_called(posted.text("job").trim()).await?;
    add_for(&app, job, &viewer).await?;
    Ok(go("/alerts?note=saved#commands"))
}

/// Tries it.
pub(crate) async fn test(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    viewer: Viewer,
    posted: Posted,
) -> Result<Response, Fault> {
    let key = Some(posted.text("key")).filter(|key| !key.is_empty());
    let run = try_for(&app, id, key.map(str::to_owned), &viewer).await?;
    Ok(go(&format!("/runs/{run}")))
}

/// Lets incidents start it no more.
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    viewer: Viewer,
    _: Posted,
) -> Result<Response, Fault> {
    app.store
        .remove_command_channel(id, &viewer.editor())
        .await?;
    Ok(go("/alerts?note=saved#commands"))
}
