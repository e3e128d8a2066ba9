//! Groups of jobs: the list, and the forms to make and rename one.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use carillon_core::access::{Groups, Verb};
use carillon_core::identity::GroupId;
use carillon_store::{GroupLimits, GroupMail, JobGroup, KEEP_DAYS_MAX, KEEP_RUNS_MAX, StoreError};
use serde::Deserialize;

use crate::api::groups::judge_name;
use crate::app::App;
use crate::faults::Fault;
use crate::form::FieldErrors;
use crate::page::{Chrome, go, show as show_page};
use crate::posted::Posted;
use crate::roster::Filter;
use crate::viewer::Viewer;
use crate::words::{Words, fill};

/// How a person writes "nobody" and "never" into a field whose emptiness means "as for all".
const NOBODY: &str = "-";

#[derive(Template)]
#[template(path = "people/groups.html")]
struct GroupsPage {
    chrome: Chrome,
    w: &'static Words,
    rows: Vec<(JobGroup, usize)>,
    may_manage: bool,
    /// The group whose form is open: those of all would make the page heavy.
    edited: Option<GroupId>,
    name: String,
    description: String,
    errors: FieldErrors,
}

impl GroupsPage {
    fn is_edited(&self, group: &GroupId) -> bool {
        self.edited.as_ref() == Some(group)
    }
}

/// What the address says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    edit: String,
}

async fn page(
    app: &App,
    viewer: &Viewer,
    chrome: Chrome,
    edited: Option<GroupId>,
    (posted, errors): (&Posted, FieldErrors),
) -> Result<Response, Fault> {
    app.refresh_roster().await?;
    let mut groups = app.store.groups().await?;
    groups.retain(|group| viewer.rights.allows_in(Verb::View, group.id));
    let count = |group: &JobGroup| {
        app.roster.count(&Filter {
            group: Some(group.id),
            ..Filter::all_of(Groups::Every)
        })
    };
    let status = if errors.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let page = GroupsPage {
        rows: groups
            .into_iter()
            .map(|group| {
                let jobs = count(&group);
                (group, jobs)
            })
            .collect(),
        may_manage: chrome.may_everywhere(Verb::ManageGroups),
        edited,
        name: posted.text("name").to_owned(),
        description: posted.text("description").to_owned(),
        w: chrome.words,
        chrome,
        errors,
    };
    Ok((status, show_page(&page)?).into_response())
}

/// The list.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
    chrome: Chrome,
) -> Result<Response, Fault> {
    let nothing = (&Posted::default(), FieldErrors::default());
    let edited = asked.edit.parse().ok().map(GroupId);
    page(&app, &viewer, chrome, edited, nothing).await
}

/// Makes a group.
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    chrome: Chrome,
    posted: Posted,
) -> Result<Response, Fault> {
    let w = chrome.words;
    let mut errors = FieldErrors::default();
    let name = posted.text("name").trim();
    errors.check("name", judge_name(name), |length| {
        fill(w.people.group_name_rule, &[&length])
    });
    if errors.is_empty() {
        match app
            .store
            .create_group(name, posted.text("description").trim(), &viewer.editor())
            .await
        {
            Ok(_) => return Ok(go("/groups?note=group_created")),
            Err(StoreError::NameTaken(_)) => errors.add("name", w.people.group_taken),
            Err(error) => return Err(error.into()),
        }
    }
    page(&app, &viewer, chrome, None, (&posted, errors)).await
}

/// Gives a group another name or description, and says what it keeps and what becomes of its mail.
pub(crate) async fn rename(
    State(app): State<Arc<App>>,
    Path(id): Path<GroupId>,
    viewer: Viewer,
    chrome: Chrome,
    posted: Posted,
) -> Result<Response, Fault> {
    let name = posted.text("name").trim();
    judge_name(name)
        .map_err(|length| Fault::Invalid(fill(chrome.words.people.group_name_rule, &[&length])))?;
    let limits = GroupLimits {
        keep_runs: read_limit(&posted, "keep_runs", KEEP_RUNS_MAX, chrome.words)?,
        keep_days: read_limit(&posted, "keep_days", KEEP_DAYS_MAX, chrome.words)?,
    };
    let mail = GroupMail {
        mail_to: read_mail(&posted, "mail_to"),
        quiet_hours: read_mail(&posted, "quiet_hours"),
    };
    if app.store.group_mail(id).await? != mail {
        app.store
            .set_group_mail(id, &mail, &viewer.editor())
            .await?;
    }
    app.store
        .rename_group(
            id,
            name,
            posted.text("description").trim(),
            &viewer.editor(),
        )
        .await?;
    if app.store.group_limits(id).await? != limits {
        app.store
            .set_group_limits(id, limits, &viewer.editor())
            .await?;
    }
    Ok(go("/groups?note=saved"))
}

/// An empty field is as for all, and a dash is nobody or never.
fn read_mail(posted: &Posted, field: &str) -> Option<String> {
    match posted.text(field).trim() {
        "" => None,
        NOBODY => Some(String::new()),
        text => Some(text.to_owned()),
    }
}

/// What a field shows for what was said, the reverse of [`read_mail`].
fn show_mail(said: Option<&str>) -> &str {
    match said {
        None => "",
        Some("") => NOBODY,
        Some(text) => text,
    }
}

/// An empty field keeps as much as the cluster.
fn read_limit(posted: &Posted, field: &str, max: u32, w: &Words) -> Result<Option<u32>, Fault> {
    let text = posted.text(field).trim();
    if text.is_empty() {
        return Ok(None);
    }
    let number = text.parse::<u32>().ok();
    let number = number.filter(|number| (1..=max).contains(number));
    let wrong = || Fault::Invalid(fill(w.people.group_keep_rule, &[&text, &max]));
    number.map(Some).ok_or_else(wrong)
}
