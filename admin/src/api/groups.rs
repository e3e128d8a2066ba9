//! `/api/v1/groups`.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use carillon_core::access::Verb;
use carillon_core::identity::GroupId;
use carillon_store::{JobGroup, KEEP_DAYS_MAX, KEEP_RUNS_MAX};
use serde_json::{Value, json};

use super::reply::{Body, created, whole_list, wrong_field};
use crate::app::App;
use crate::faults::Fault;
use crate::moment::rfc3339;
use crate::viewer::Viewer;

fn write(group: &JobGroup) -> Value {
    json!({
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "keep_runs": group.limits.keep_runs,
        "keep_days": group.limits.keep_days,
        "mail_to": group.mail.mail_to,
        "quiet_hours": group.mail.quiet_hours,
        "created_at": rfc3339(group.created_at),
    })
}

/// The groups the caller may see, by name.
pub(crate) async fn index(State(app): State<Arc<App>>, viewer: Viewer) -> Result<Response, Fault> {
    let mut groups = app.store.groups().await?;
    groups.retain(|group| viewer.rights.allows_in(Verb::View, group.id));
    Ok(whole_list(groups.iter().map(write).collect()))
}

async fn find(app: &App, viewer: &Viewer, id: GroupId) -> Result<JobGroup, Fault> {
    let groups = app.store.groups().await?;
    let found = groups
        .into_iter()
        .find(|group| group.id == id && viewer.rights.allows_in(Verb::View, id));
    found.ok_or_else(|| Fault::not_found("group", &id.to_string()))
}

/// One group.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<GroupId>,
    viewer: Viewer,
) -> Result<Response, Fault> {
    Ok(Json(write(&find(&app, &viewer, id).await?)).into_response())
}

/// Judges the name of a group.
/// # Errors
/// With its length in characters.
pub(crate) fn judge_name(name: &str) -> Result<(), usize> {
    let length = name.trim().chars().count();
    let is_plain = !name.chars().any(char::is_control);
    if (1..=190).contains(&length) && is_plain {
        Ok(())
    } else {
        Err(length)
    }
}

fn require_name(name: &str) -> Result<(), Fault> {
    judge_name(name).map_err(|length| {
        wrong_field(
            "name",
            format!("a group name has 1 to 190 printable characters; got {length}"),
        )
    })
}

/// Reads how much a group keeps.
/// # Errors
/// With the limits there are.
pub(crate) fn read_limit(value: &Value, max: u32) -> Result<Option<u32>, String> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    match number.filter(|number| (1..=max).contains(number)) {
        Some(number) => Ok(Some(number)),
        None if value.is_null() => Ok(None),
        None => Err(format!(
            "{value} is no limit; write a number from 1 to {max}, or null to keep as much as the cluster"
        )),
    }
}

fn read_text(field: &str, value: &Value) -> Result<Option<String>, Fault> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone())),
        other => Err(wrong_field(
            field,
            format!("{other} is no text; write a text, or null for what goes for all"),
        )),
    }
}

/// Makes a group.
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    mut body: Body,
) -> Result<Response, Fault> {
    let name: String = body.take("name")?.unwrap_or_default();
    let description: String = body.take("description")?.unwrap_or_default();
    body.require_empty()?;
    require_name(&name)?;
    let id = app
        .store
        .create_group(name.trim(), &description, &viewer.editor())
        .await?;
    let group = find(&app, &viewer, id).await?;
    Ok(created(&format!("/api/v1/groups/{id}"), &write(&group)))
}

/// Changes a group's name, description, what it keeps, or what becomes of its mail.
pub(crate) async fn change(
    State(app): State<Arc<App>>,
    Path(id): Path<GroupId>,
    viewer: Viewer,
    mut body: Body,
) -> Result<Response, Fault> {
    let group = find(&app, &viewer, id).await?;
    let name = body.take("name")?.unwrap_or(group.name);
    let description = body.take("description")?.unwrap_or(group.description);
    let mut limits = group.limits;
    // Named with null it is no limit, not named it stays.
    if let Some(keep) = body.take_even_null("keep_runs") {
        limits.keep_runs =
            read_limit(&keep, KEEP_RUNS_MAX).map_err(|wrong| wrong_field("keep_runs", wrong))?;
    }
    if let Some(keep) = body.take_even_null("keep_days") {
        limits.keep_days =
            read_limit(&keep, KEEP_DAYS_MAX).map_err(|wrong| wrong_field("keep_days", wrong))?;
    }
    let mut mail = group.mail.clone();
    if let Some(said) = body.take_even_null("mail_to") {
        mail.mail_to = read_text("mail_to", &said)?;
    }
    if let Some(said) = body.take_even_null("quiet_hours") {
        mail.quiet_hours = read_text("quiet_hours", &said)?;
    }
    body.require_empty()?;
    require_name(&name)?;
    if mail != group.mail {
        app.store
            .set_group_mail(id, &mail, &viewer.editor())
            .await?;
    }
    if limits != group.limits {
        app.store
            .set_group_limits(id, limits, &viewer.editor())
            .await?;
    }
    app.store
        .rename_group(id, name.trim(), &description, &viewer.editor())
        .await?;
    Ok(Json(write(&find(&app, &viewer, id).await?)).into_response())
}
