//! `/api/v1/jobs`, but for its list.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use carillon_core::access::Verb;
use carillon_core::identity::{JobId, NodeId};
use carillon_core::job::{Job, JobDraft};
use carillon_core::lang::Lang;
use carillon_core::node::Limits;
use carillon_core::parameters::Parameters;
use carillon_store::{JobChange, JobGroup, RunRequest};
use serde::Deserialize;
use serde_json::{Value, json};

use super::reply::{Body, created, wrong_field};
use super::runs::run_document;
use crate::app::App;
use crate::faults::Fault;
use crate::jobs::calendar_choice::settle;
use crate::jobs::document::{apply, blank, require, write};
use crate::runs::actions::PATIENCE;
use crate::viewer::Viewer;

/// The document of a job, with its version as its tag.
fn reply(status: StatusCode, job: &Job, groups: &[JobGroup]) -> Response {
    let tag = format!("\"{}\"", job.version);
    (status, [(header::ETAG, tag)], Json(write(job, groups))).into_response()
}

async fn living(app: &App, id: JobId) -> Result<Job, Fault> {
    let job = app.store.job(id).await?;
    match job.deleted_at {
        None => Ok(job),
        Some(_) => Err(Fault::not_found("job", &id.to_string())),
    }
}

/// One job.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<JobId>,
) -> Result<Response, Fault> {
    let job = living(&app, id).await?;
    Ok(reply(StatusCode::OK, &job, &app.store.groups().await?))
}

/// Makes a job.
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    Body(document): Body,
) -> Result<Response, Fault> {
    let groups = app.store.groups().await?;
    let editable: Vec<JobGroup> = groups
        .iter()
        .filter(|group| viewer.rights.allows_in(Verb::Edit, group.id))
        .cloned()
        .collect();
    let named = |name: &str| editable.iter().find(|group| group.name == name);
    let first = named("default")
        .or(editable.first())
        .ok_or(Fault::Forbidden { verb: Verb::Edit })?;
    let mut draft = blank(first.id);
    let mut errors = apply(&document, &mut draft, &editable, JobId(0), Lang::En);
    if draft.spec.calendar.is_some() {
        settle(
            &mut draft,
            &app.store.calendars().await?,
            JobId(0),
            &mut errors,
        );
    }
    require(&document, &mut errors);
    if !errors.is_empty() {
        return Err(errors.into_fault());
    }
    if draft.spec.launch.run_as.is_some() {
        viewer.require_in(Verb::RunAs, draft.group)?;
    }
    let job = app.store.create_job(&draft, &viewer.editor()).await?;
    let mut response = created(&format!("/api/v1/jobs/{}", job.id), &write(&job, &groups));
    let tag = format!("\"{}\"", job.version).parse();
    if let Ok(tag) = tag {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
}

/// Changes the fields that are sent, at the version that is sent.
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    Path(id): Path<JobId>,
    viewer: Viewer,
    headers: HeaderMap,
    mut body: Body,
) -> Result<Response, Fault> {
    let version = body
        .take::<i64>("version")?
        .or_else(|| tagged_version(&headers));
    for kept in ["id", "created_at", "updated_at", "deleted_at"] {
        body.0.remove(kept);
    }
    let version = version.ok_or_else(|| {
        wrong_field(
            "version",
            "send the version that you are changing, as `version` or as If-Match",
        )
    })?;
    let job = living(&app, id).await?;
    if version != job.version {
        return Err(Fault::Conflict {
            expected: version,
            current: job.version,
        });
    }
    let groups = app.store.groups().await?;
    let is_switch = body.0.len() == 1 && body.0.contains_key("enabled");
    viewer.require_in(
        if is_switch { Verb::Pause } else { Verb::Edit },
        job.draft.group,
    )?;
    let mut draft = job.draft.clone();
    let mut errors = apply(&body.0, &mut draft, &groups, id, Lang::En);
    if draft.spec.calendar.is_some() && !is_switch {
        settle(&mut draft, &app.store.calendars().await?, id, &mut errors);
    }
    if !errors.is_empty() {
        return Err(errors.into_fault());
    }
    require_rights(&viewer, &job.draft, &draft)?;
    let edit = match (is_switch, draft.enabled) {
        (true, true) => JobChange::Enable,
        (true, false) => JobChange::Disable,
        (false, _) => JobChange::Replace(Box::new(draft)),
    };
    let job = app
        .store
        .change_job(id, version, &edit, &viewer.editor())
        .await?;
    Ok(reply(StatusCode::OK, &job, &groups))
}

fn require_rights(viewer: &Viewer, old: &JobDraft, new: &JobDraft) -> Result<(), Fault> {
    if new.group != old.group {
        viewer.require_in(Verb::Edit, new.group)?;
    }
    if new.spec.launch.run_as != old.spec.launch.run_as {
        viewer.require_in(Verb::RunAs, new.group)?;
    }
    Ok(())
}

/// The version in `If-Match`.
pub(super) fn tagged_version(headers: &HeaderMap) -> Option<i64> {
    let tag = headers.get(header::IF_MATCH)?.to_str().ok()?;
    tag.trim_start_matches("W/").trim_matches('"').parse().ok()
}

/// The version to delete or restore.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct At {
    version: Option<i64>,
}

/// Deletes a job; its history stays.
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Path(id): Path<JobId>,
    Query(at): Query<At>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let job = living(&app, id).await?;
    let version = at
        .version
        .or_else(|| tagged_version(&headers))
        .unwrap_or(job.version);
    app.store
        .change_job(id, version, &JobChange::Delete, &viewer.editor())
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Brings a deleted job back, disabled.
pub(crate) async fn restore(
    State(app): State<Arc<App>>,
    Path(id): Path<JobId>,
    viewer: Viewer,
) -> Result<Response, Fault> {
    let version = app.store.job(id).await?.version;
    let job = app
        .store
        .change_job(id, version, &JobChange::Restore, &viewer.editor())
        .await?;
    Ok(reply(StatusCode::OK, &job, &app.store.groups().await?))
}

/// Starts a job once, now. The same idempotency key asks for the same run.
pub(crate) async fn run(
    State(app): State<Arc<App>>,
    Path(id): Path<JobId>,
    viewer: Viewer,
    headers: HeaderMap,
    mut body: Body,
) -> Result<Response, Fault> {
    let header = headers
        .get("idempotency-key")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let key = body.take::<String>("idempotency_key")?.or(header);
    if key
        .as_ref()
        .is_some_and(|key| key.is_empty() || key.chars().count() > 190)
    {
        return Err(wrong_field(
            "idempotency_key",
            "a key has 1 to 190 characters",
        ));
    }
    let node = match body.take::<Value>("node")? {
        None => None,
        Some(node) => Some(find_node(&app, &node).await?),
    };
    let parameters = body.take::<Parameters>("parameters")?;
    body.require_empty()?;
    let request = RunRequest {
        job: id,
        node,
        parameters: parameters.unwrap_or_default(),
        key,
        repeats: None,
        patience: PATIENCE,
    };
    let tick = app.store.request_run(&request, &viewer.editor()).await?;
    let listed = app.store.run(tick).await?;
    let location = [(header::LOCATION, format!("/api/v1/runs/{tick}"))];
    Ok((StatusCode::ACCEPTED, location, Json(run_document(&listed))).into_response())
}

async fn find_node(app: &App, wanted: &Value) -> Result<NodeId, Fault> {
    let nodes = app.store.nodes(Limits::default()).await?;
    let is_it = |node: &&carillon_store::Node| match wanted {
        Value::String(name) => *name == node.peer.name || *name == node.peer.id.to_string(),
        Value::Number(id) => id.as_i64() == Some(node.peer.id.0),
        _ => false,
    };
    let node = nodes.iter().find(is_it);
    node.map(|node| node.peer.id)
        .ok_or_else(|| wrong_field("node", format!("there is no node {wanted}")))
}

/// The versions of a job, newest first.
pub(crate) async fn versions(
    State(app): State<Arc<App>>,
    Path(id): Path<JobId>,
) -> Result<Response, Fault> {
    let groups = app.store.groups().await?;
    let mut versions = app.store.job_versions(id).await?;
    versions.sort_by_key(|version| std::cmp::Reverse(version.version));
    let write = |version: &carillon_store::JobVersion| {
        let mut document = crate::jobs::document::write_draft(&version.draft, &groups);
        document["version"] = json!(version.version);
        document["valid_from"] = json!(crate::moment::rfc3339(version.valid_from));
        document["valid_until"] = json!(version.valid_until.map(crate::moment::rfc3339));
        document["edited_by"] = json!(version.edited_by);
        document
    };
    Ok(super::reply::whole_list(
        versions.iter().map(write).collect(),
    ))
}
