//! Deleted jobs, the latest deletion first, and the way back.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use carillon_core::access::Verb;
use carillon_core::identity::JobId;
use carillon_core::job::Job;
use carillon_store::{JobGroup, ListedJob};
use jiff::Timestamp;
use serde::Deserialize;

use crate::app::App;
use crate::cursor::{self, query};
use crate::faults::Fault;
use crate::moment::Moment;
use crate::page::{Chrome, show as show_page};
use crate::runs::list::visible_groups;
use crate::viewer::Viewer;
use crate::words::Words;

/// Jobs on one page.
const PAGE_SIZE: u32 = 50;

/// The list's state.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    after: String,
}

#[derive(Template)]
#[template(path = "jobs/deleted.html")]
struct DeletedPage {
    chrome: Chrome,
    w: &'static Words,
    rows: Vec<Row>,
    is_first: bool,
    next: Option<String>,
}

struct Row {
    id: JobId,
    version: i64,
    name: String,
    group: String,
    schedule: String,
    command: String,
    deleted: Moment,
    may_restore: bool,
}

/// The place of a job in the list.
pub(crate) type Place = (i64, JobId);

/// Where a cursor goes on.
/// # Errors
/// When it is no cursor of this list.
pub(crate) fn read_place(text: &str) -> Result<Option<(Timestamp, JobId)>, Fault> {
    let Some((deleted_us, id)) = cursor::read::<Place>(text)? else {
        return Ok(None);
    };
    let deleted_at = Timestamp::from_microsecond(deleted_us);
    let deleted_at = deleted_at.map_err(|error| Fault::Malformed(error.to_string()))?;
    Ok(Some((deleted_at, id)))
}

/// The place of a listed job.
pub(crate) fn place_of(listed: &ListedJob) -> Place {
    let deleted_at = listed.job.as_ref().ok().and_then(|job| job.deleted_at);
    (deleted_at.map_or(0, Timestamp::as_microsecond), listed.id)
}

/// The list.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
    chrome: Chrome,
) -> Result<Response, Fault> {
    let groups = app.store.groups().await?;
    let visible = visible_groups(&viewer);
    let after = read_place(&asked.after)?;
    let deleted = app
        .store
        .deleted_jobs(visible.as_deref(), after, PAGE_SIZE + 1);
    let mut jobs = deleted.await?;
    let has_more = jobs.len() > PAGE_SIZE as usize;
    jobs.truncate(PAGE_SIZE as usize);
    let next = jobs.last().filter(|_| has_more).map(|last| {
        let after = cursor::write(&place_of(last));
        query("/jobs/deleted", &[("after", &after)])
    });
    let readable = jobs.iter().filter_map(|listed| listed.job.as_ref().ok());
    show_page(&DeletedPage {
        rows: readable
            .filter_map(|job| row(job, &groups, &viewer, &chrome))
            .collect(),
        is_first: asked.after.is_empty(),
        w: chrome.words,
        chrome,
        next,
    })
}

fn row(job: &Job, groups: &[JobGroup], viewer: &Viewer, chrome: &Chrome) -> Option<Row> {
    let draft = &job.draft;
    let group = groups.iter().find(|group| group.id == draft.group);
    let command = draft.spec.launch.command.lines().next();
    Some(Row {
        id: job.id,
        version: job.version,
        name: draft.name.to_string(),
        group: group.map(|group| group.name.clone()).unwrap_or_default(),
        schedule: format!("{} · {}", draft.schedule.expression, draft.schedule.zone),
        command: command.unwrap_or_default().to_owned(),
        deleted: chrome.moments.since(job.deleted_at?),
        may_restore: viewer.rights.allows_in(Verb::Edit, draft.group),
    })
}
