//! The editor of a job: one page for a new one, an old one, and for what was refused or came too late.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use carillon_core::access::Verb;
use carillon_core::identity::JobId;
use carillon_core::job::{Job, JobDraft};
use carillon_core::run::Outcome;
use carillon_store::{JobChange, JobGroup, StoreError};

use super::document::{apply, blank, write_draft};
use super::fields::Fields;
use super::preview::{Asked, Preview};
use crate::app::App;
use crate::difference::{Line, differences};
use crate::faults::Fault;
use crate::form::FieldErrors;
use crate::page::{Chrome, go, show};
use crate::posted::Posted;
use crate::viewer::Viewer;
use crate::words::{Words, fill};

/// The outcomes that can earn another attempt.
const RETRIED: &[Outcome] = &[
    Outcome::Failed,
    Outcome::TimedOut,
    Outcome::CouldNotStart,
    Outcome::Lost,
    Outcome::Interrupted,
];

#[derive(Template)]
#[template(path = "jobs/editor.html")]
struct EditorPage {
    chrome: Chrome,
    w: &'static Words,
    /// The job that is edited; none for a new one.
    id: Option<JobId>,
    version: i64,
    v: Fields,
    errors: FieldErrors,
    groups: Vec<JobGroup>,
    zones: &'static [&'static str],
    may_run_as: bool,
    preview: Preview,
    conflict: Option<Conflict>,
}

/// Somebody saved in between.
struct Conflict {
    theirs: i64,
    by: String,
    /// What they changed, and what this form would change back.
    lines: Vec<Line>,
}

impl Conflict {
    fn told(&self, w: &Words) -> String {
        fill(w.editor.conflict_story, &[&self.by, &self.theirs])
    }
}

impl EditorPage {
    fn of(
        chrome: Chrome,
        id: Option<JobId>,
        version: i64,
        v: Fields,
        groups: Vec<JobGroup>,
    ) -> Self {
        let asked = Asked {
            schedule: v.of("schedule").to_owned(),
            zone: v.of("zone").to_owned(),
            dst: v.of("dst").to_owned(),
            id: id.map(|id| id.0),
        };
        EditorPage {
            preview: Preview::of(&asked, &chrome.moments),
            may_run_as: chrome.may(Verb::RunAs),
            w: chrome.words,
            zones: crate::zones::NAMES,
            errors: FieldErrors::default(),
            conflict: None,
            chrome,
            id,
            version,
            v,
            groups,
        }
    }

    fn refused(self, status: StatusCode) -> Result<Response, Fault> {
        Ok((status, show(&self)?).into_response())
    }
}

/// The groups in which the viewer may edit jobs.
async fn editable_groups(app: &App, viewer: &Viewer) -> Result<Vec<JobGroup>, Fault> {
    let mut groups = app.store.groups().await?;
    groups.retain(|group| viewer.rights.allows_in(Verb::Edit, group.id));
    Ok(groups)
}

/// The job to copy from.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Source {
    from: Option<i64>,
}

/// An empty editor, or one filled from another job.
pub(crate) async fn new(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    Query(source): Query<Source>,
    chrome: Chrome,
) -> Result<Response, Fault> {
    let groups = editable_groups(&app, &viewer).await?;
    let group = groups
        .first()
        .ok_or(Fault::Forbidden { verb: Verb::Edit })?
        .id;
    let v = match source.from {
        Some(id) => {
            let job = app.store.job(JobId(id)).await?;
            viewer
                .require_in(Verb::View, job.draft.group)
                .map_err(|_| Fault::not_found("job", &id.to_string()))?;
            Fields::of_draft(&job.draft)
        }
        None => {
            let mut draft = blank(group);
            "0 3 * * *".clone_into(&mut draft.schedule.expression);
            draft.schedule.zone.clone_from(&chrome.moments.zone_name);
            Fields::of_draft(&draft).without_name()
        }
    };
    show(&EditorPage::of(chrome, None, 0, v, groups))
}

/// The editor of a job.
pub(crate) async fn edit(
    State(app): State<Arc<App>>,
    Path(id): Path<JobId>,
    viewer: Viewer,
    chrome: Chrome,
) -> Result<Response, Fault> {
    let job = app.store.job(id).await?;
    let groups = editable_groups(&app, &viewer).await?;
    show(&EditorPage::of(
        chrome,
        Some(id),
        job.version,
        Fields::of_draft(&job.draft),
        groups,
    ))
}

/// Reads the form into a draft and judges it, the dangerous fields by the viewer's rights.
fn read_draft(
    v: &Fields,
    base: JobDraft,
    groups: &[JobGroup],
    id: JobId,
    viewer: &Viewer,
) -> (JobDraft, FieldErrors) {
    let mut errors = FieldErrors::default();
    let document = v.document(&mut errors);
    let run_as = base.spec.launch.run_as.clone();
    let mut draft = base;
    errors.append(apply(&document, &mut draft, groups, id));
    if draft.spec.launch.run_as != run_as && viewer.require_in(Verb::RunAs, draft.group).is_err() {
        errors.add("run_as", Fault::Forbidden { verb: Verb::RunAs }.to_string());
    }
    (draft, errors)
}

/// Makes a job.
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    chrome: Chrome,
    posted: Posted,
) -> Result<Response, Fault> {
    let groups = editable_groups(&app, &viewer).await?;
    let group = groups
        .first()
        .ok_or(Fault::Forbidden { verb: Verb::Edit })?
        .id;
    let v = Fields::of_posted(&posted);
    let (draft, errors) = read_draft(&v, blank(group), &groups, JobId(0), &viewer);
    let mut page = EditorPage::of(chrome, None, 0, v, groups);
    page.errors = errors;
    if !page.errors.is_empty() {
        return page.refused(StatusCode::UNPROCESSABLE_ENTITY);
    }
    match app.store.create_job(&draft, &viewer.editor()).await {
        Ok(job) => Ok(go(&format!("/jobs/{}?note=job_created", job.id))),
        Err(StoreError::NameTaken(_)) => {
            page.errors.add("name", page.w.editor.name_taken);
            page.refused(StatusCode::UNPROCESSABLE_ENTITY)
        }
        Err(error) => Err(error.into()),
    }
}

/// Saves a job at the version its editor saw; a later version is shown beside what was typed.
pub(crate) async fn save(
    State(app): State<Arc<App>>,
    Path(id): Path<JobId>,
    viewer: Viewer,
    chrome: Chrome,
    posted: Posted,
) -> Result<Response, Fault> {
    let current = app.store.job(id).await?;
    let groups = editable_groups(&app, &viewer).await?;
    let version = posted.text("version").parse().unwrap_or(0);
    let v = Fields::of_posted(&posted);
    let (draft, errors) = read_draft(&v, current.draft.clone(), &groups, id, &viewer);
    let mut page = EditorPage::of(chrome, Some(id), version, v, groups);
    page.errors = errors;
    if !page.errors.is_empty() {
        return page.refused(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let edit = JobChange::Replace(Box::new(draft.clone()));
    match app
        .store
        .change_job(id, version, &edit, &viewer.editor())
        .await
    {
        Ok(_) => Ok(go(&format!("/jobs/{id}?note=job_saved"))),
        Err(StoreError::NameTaken(_)) => {
            page.errors.add("name", page.w.editor.name_taken);
            page.refused(StatusCode::UNPROCESSABLE_ENTITY)
        }
        Err(StoreError::Conflict { current, .. }) => {
            page.conflict = Some(conflict(&app, id, current, &draft, &page.groups).await?);
            // Saving again is then a decision taken with both versions in view.
            page.version = current;
            page.refused(StatusCode::CONFLICT)
        }
        Err(error) => Err(error.into()),
    }
}

async fn conflict(
    app: &App,
    id: JobId,
    theirs: i64,
    mine: &JobDraft,
    groups: &[JobGroup],
) -> Result<Conflict, Fault> {
    let current: Job = app.store.job(id).await?;
    let versions = app.store.job_versions(id).await?;
    let newest = versions.iter().find(|version| version.version == theirs);
    Ok(Conflict {
        theirs,
        by: newest
            .map(|version| version.edited_by.clone())
            .unwrap_or_default(),
        lines: differences(
            &write_draft(&current.draft, groups),
            &write_draft(mine, groups),
        ),
    })
}

/// Shows the form again with its schedule looked at: what the script does while one types, for those without it.
pub(crate) async fn check(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    chrome: Chrome,
    posted: Posted,
) -> Result<Response, Fault> {
    let groups = editable_groups(&app, &viewer).await?;
    let id = posted.text("id").parse().ok();
    let version = posted.text("version").parse().unwrap_or(0);
    show(&EditorPage::of(
        chrome,
        id,
        version,
        Fields::of_posted(&posted),
        groups,
    ))
}
