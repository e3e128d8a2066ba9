//! `/api/v1/views`: saved views of the lists of jobs and runs.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use carillon_core::identity::GroupId;
use carillon_core::saved_view::{Audience, FilteredList, ViewDraft, ViewFault};
use carillon_store::{JobGroup, SavedView};
use serde::Deserialize;
use serde_json::{Value, json};

use super::reply::{Body, created, whole_list, wrong_field};
use crate::app::App;
use crate::faults::Fault;
use crate::jobs::show::group_name;
use crate::moment::rfc3339;
use crate::viewer::Viewer;
use crate::views::actions::{keep, remove};
use crate::views::{address, filter_of, visible};

/// Which views to list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    list: Option<String>,
}

fn write(view: &SavedView, groups: &[JobGroup]) -> Value {
    let (audience, group) = match view.audience {
        Audience::Own => ("own", None),
        Audience::Group(id) => ("group", Some(group_name(groups, id))),
        Audience::Everybody => ("everybody", None),
    };
    json!({
        "id": view.id,
        "user": view.user_name,
        "list": view.list,
        "name": view.name,
        "query": view.query,
        "address": address(view.list, &view.query),
        "audience": audience,
        "group": group,
        "created_at": rfc3339(view.created_at),
    })
}

fn read_list(text: &str) -> Result<FilteredList, Fault> {
    text.parse()
        .map_err(|_| wrong_field("list", format!("{text:?} is no list; it is jobs or runs")))
}

/// The views that the caller sees, by name.
pub(crate) async fn index(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
) -> Result<Response, Fault> {
    let list = asked.list.as_deref().filter(|list| !list.is_empty());
    let views = visible(&app, &viewer, list.map(read_list).transpose()?).await?;
    let groups = app.store.groups().await?;
    Ok(whole_list(
        views.iter().map(|view| write(view, &groups)).collect(),
    ))
}

/// One of them.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    viewer: Viewer,
) -> Result<Response, Fault> {
    let view = app.store.saved_view(id).await?;
    if !viewer.sees(&view) {
        return Err(Fault::not_found("view", &id.to_string()));
    }
    Ok(Json(write(&view, &app.store.groups().await?)).into_response())
}

/// Keeps a view; one of the same name that the caller has becomes this.
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    mut body: Body,
) -> Result<Response, Fault> {
    let list: String = body.take("list")?.unwrap_or_default();
    let name: String = body.take("name")?.unwrap_or_default();
    let filter: String = body.take("query")?.unwrap_or_default();
    let audience: Option<String> = body.take("audience")?;
    let group: Option<String> = body.take("group")?;
    body.require_empty()?;
    let groups = app.store.groups().await?;
    let list = read_list(&list)?;
    let audience = read_audience(audience.as_deref(), group, &groups)?;
    let draft = ViewDraft::new(list, &name, filter_of(list, &filter), audience);
    let draft = draft.map_err(|fault| {
        let field = match fault {
            ViewFault::Name(_) => "name",
            ViewFault::NoFilter | ViewFault::Filter(_) => "query",
        };
        wrong_field(field, fault.to_string())
    })?;
    let id = keep(&app, &viewer, &draft).await?;
    let view = app.store.saved_view(id).await?;
    Ok(created(
        &format!("/api/v1/views/{id}"),
        &write(&view, &groups),
    ))
}

fn read_audience(
    word: Option<&str>,
    group: Option<String>,
    groups: &[JobGroup],
) -> Result<Audience, Fault> {
    match (word, group) {
        (None | Some("own"), None) => Ok(Audience::Own),
        (Some("everybody"), None) => Ok(Audience::Everybody),
        (None | Some("group"), Some(name)) => {
            let is_it = |group: &&JobGroup| group.name == name || group.id.to_string() == name;
            let found: Option<GroupId> = groups.iter().find(is_it).map(|group| group.id);
            found
                .map(Audience::Group)
                .ok_or_else(|| Fault::not_found("group", &name))
        }
        (Some("group"), None) => Err(wrong_field("group", "say which group sees it")),
        (Some("own" | "everybody"), Some(_)) => {
            Err(wrong_field("group", "a group goes with the audience group"))
        }
        (Some(word), _) => Err(wrong_field(
            "audience",
            format!("{word:?} is none; it is own, group or everybody"),
        )),
    }
}

/// Removes one.
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    viewer: Viewer,
) -> Result<Response, Fault> {
    remove(&app, &viewer, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
