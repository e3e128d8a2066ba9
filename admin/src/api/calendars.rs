//! `/api/v1/calendars`. A calendar is named by its number or its name.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use carillon_core::identity::CalendarId;
use carillon_core::lang::Lang;
use carillon_store::{Calendar, CalendarUses};
use serde_json::{Value, json};

use super::jobs::tagged_version;
use super::reply::{Body, created, whole_list, wrong_field};
use crate::app::App;
use crate::calendars::actions::judge;
use crate::calendars::hand_on::hand_on_at_once;
use crate::faults::Fault;
use crate::moment::rfc3339;
use crate::viewer::Viewer;

fn write(calendar: &Calendar, uses: CalendarUses) -> Value {
    json!({
        "id": calendar.id,
        "name": calendar.draft.name,
        "zone": calendar.draft.zone,
        "text": calendar.draft.text.to_string(),
        "version": calendar.version,
        "jobs": uses.jobs,
        "jobs_behind": uses.behind,
        "edited_by": calendar.edited_by,
        "created_at": rfc3339(calendar.created_at),
        "updated_at": rfc3339(calendar.updated_at),
    })
}

async fn reply(app: &App, calendar: &Calendar) -> Result<Response, Fault> {
    let uses = app.store.uses_of_calendar(calendar.id).await?;
    let tag = [(header::ETAG, format!("\"{}\"", calendar.version))];
    Ok((tag, Json(write(calendar, uses))).into_response())
}

/// The calendars, by name.
pub(crate) async fn index(State(app): State<Arc<App>>) -> Result<Response, Fault> {
    let uses: HashMap<_, _> = app.store.calendar_uses().await?.into_iter().collect();
    let calendars = app.store.calendars().await?;
    let documents = calendars.iter().map(|calendar| {
        let uses = uses.get(&calendar.id).copied().unwrap_or_default();
        write(calendar, uses)
    });
    Ok(whole_list(documents.collect()))
}

async fn find(app: &App, wanted: &str) -> Result<Option<Calendar>, Fault> {
    if let Ok(id) = wanted.parse::<CalendarId>() {
        match app.store.calendar(id).await {
            Ok(calendar) => return Ok(Some(calendar)),
            Err(carillon_store::StoreError::NotFound { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(app.store.calendar_named(wanted).await?)
}

async fn require(app: &App, wanted: &str) -> Result<Calendar, Fault> {
    let found = find(app, wanted).await?;
    found.ok_or_else(|| Fault::not_found("calendar", wanted))
}

/// One calendar.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(wanted): Path<String>,
) -> Result<Response, Fault> {
    reply(&app, &require(&app, &wanted).await?).await
}

/// Makes the calendar of that name, or replaces it at the version that is sent; its jobs follow.
pub(crate) async fn put(
    State(app): State<Arc<App>>,
    Path(wanted): Path<String>,
    viewer: Viewer,
    headers: HeaderMap,
    mut body: Body,
) -> Result<Response, Fault> {
    for kept in [
        "id",
        "jobs",
        "jobs_behind",
        "edited_by",
        "created_at",
        "updated_at",
    ] {
        body.0.remove(kept);
    }
    let version = body
        .take::<i64>("version")?
        .or_else(|| tagged_version(&headers));
    let name: Option<String> = body.take("name")?;
    let zone: Option<String> = body.take("zone")?;
    let text: Option<String> = body.take("text")?;
    body.require_empty()?;
    let text =
        text.ok_or_else(|| wrong_field("text", "a calendar needs a text; it may be empty"))?;
    let editor = viewer.editor();
    let Some(old) = find(&app, &wanted).await? else {
        if version.is_some() {
            return Err(Fault::not_found("calendar", &wanted));
        }
        let (name, zone) = (
            name.unwrap_or(wanted),
            zone.unwrap_or_else(|| "UTC".to_owned()),
        );
        let draft = judge((&name, &zone, &text), Lang::En).map_err(|errors| errors.into_fault())?;
        let calendar = app.store.create_calendar(&draft, &editor).await?;
        let address = format!("/api/v1/calendars/{}", calendar.id);
        return Ok(created(
            &address,
            &write(&calendar, CalendarUses::default()),
        ));
    };
    let version = version.ok_or_else(|| {
        let wrong = "send the version that you are changing, as `version` or as If-Match";
        wrong_field("version", wrong)
    })?;
    let name = name.unwrap_or_else(|| old.draft.name.to_string());
    let zone = zone.unwrap_or(old.draft.zone);
    let draft = judge((&name, &zone, &text), Lang::En).map_err(|errors| errors.into_fault())?;
    let calendar = app
        .store
        .change_calendar(old.id, version, &draft, &editor)
        .await?;
    hand_on_at_once(&app.store, calendar.id, &editor).await?;
    reply(&app, &calendar).await
}

/// Deletes a calendar that no job keeps to.
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Path(wanted): Path<String>,
    viewer: Viewer,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    let calendar = require(&app, &wanted).await?;
    let version = tagged_version(&headers).unwrap_or(calendar.version);
    app.store
        .delete_calendar(calendar.id, version, &viewer.editor())
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
