//! The editor of a job: one page for a new one, an old one, and for what was refused or came too late.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use carillon_core::access::Verb;
use carillon_core::identity::{GroupId, JobId};
use carillon_core::job::{Job, JobDraft};
use carillon_core::node::Limits;
use carillon_core::run::Outcome;
use carillon_store::{Calendar, JobChange, JobGroup, Node, StoreError};

use super::calendar_choice::{hold, settle};
use super::document::{apply, blank, write_draft};
use super::fields::Fields;
use super::placing::Placing;
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
    calendars: Vec<Calendar>,
    zones: &'static [&'static str],
    may_run_as: bool,
    preview: Preview,
    placing: Placing,
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
        Choices {
            groups,
            calendars,
            nodes,
        }: Choices,
    ) -> Self {
        let asked = Asked {
            schedule: v.of("schedule").to_owned(),
            zone: v.of("zone").to_owned(),
            dst: v.of("dst").to_owned(),
            id: id.map(|id| id.0),
            ..Asked::default()
        };
        let chosen = calendars
            .iter()
            .find(|one| v.is("calendar", one.draft.name.as_str()));
        let kept = chosen.map(|one| hold(one, v.of("on_blackout").parse().unwrap_or_default()));
        EditorPage {
            placing: Placing::of(&v, &nodes, chrome.words),
            preview: Preview::of(&asked, kept.as_ref(), &chrome.moments),
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
            calendars,
        }
    }

    fn refused(self, status: StatusCode) -> Result<Response, Fault> {
        Ok((status, show(&self)?).into_response())
    }
}

/// What the editor offers.
#[derive(Debug, Clone)]
struct Choices {
    /// The groups in which the viewer may edit jobs.
    groups: Vec<JobGroup>,
    calendars: Vec<Calendar>,
    nodes: Vec<Node>,
}

impl Choices {
    async fn of(app: &App, viewer: &Viewer) -> Result<Self, Fault> {
        let mut groups = app.store.groups().await?;
        groups.retain(|group| viewer.rights.allows_in(Verb::Edit, group.id));
        let calendars = app.store.calendars().await?;
        let nodes = app.store.nodes(Limits::default()).await?;
        Ok(Choices {
            groups,
            calendars,
            nodes,
        })
    }

    fn first_group(&self) -> Result<GroupId, Fault> {
        let first = self.groups.first().map(|group| group.id);
        first.ok_or(Fault::Forbidden { verb: Verb::Edit })
    }
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
    let choices = Choices::of(&app, &viewer).await?;
    let group = choices.first_group()?;
    let v = match source.from {
        Some(id) => {
            let job = app.store.job(JobId(id)).await?;
            viewer
                .require_in(Verb::View, job.draft.group)
                .map_err(|_| Fault::not_found("job", &id.to_string()))?;
            Fields::of_draft(&job.draft).without_ping()
        }
        None => {
            let mut draft = blank(group);
            "0 3 * * *".clone_into(&mut draft.schedule.expression);
            draft.schedule.zone.clone_from(&chrome.moments.zone_name);
            Fields::of_draft(&draft).without_name()
        }
    };
    show(&EditorPage::of(chrome, None, 0, v, choices))
}

/// The editor of a job.
pub(crate) async fn edit(
    State(app): State<Arc<App>>,
    Path(id): Path<JobId>,
    viewer: Viewer,
    chrome: Chrome,
) -> Result<Response, Fault> {
    let job = app.store.job(id).await?;
    let choices = Choices::of(&app, &viewer).await?;
    show(&EditorPage::of(
        chrome,
        Some(id),
        job.version,
        Fields::of_draft(&job.draft),
        choices,
    ))
}

/// Reads the form into a draft and judges it, the dangerous fields by the viewer's rights.
fn read_draft(
    v: &Fields,
    base: JobDraft,
    choices: &Choices,
    (id, w): (JobId, &'static Words),
    viewer: &Viewer,
) -> (JobDraft, FieldErrors) {
    let mut errors = FieldErrors::said_in(w);
    let document = v.document(&mut errors);
    let run_as = base.spec.launch.run_as.clone();
    let mut draft = base;
    errors.append(apply(&document, &mut draft, &choices.groups, id, w.lang));
    settle(&mut draft, &choices.calendars, id, &mut errors);
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
    let choices = Choices::of(&app, &viewer).await?;
    let group = choices.first_group()?;
    let (v, w) = (Fields::of_posted(&posted), chrome.words);
    let (draft, errors) = read_draft(&v, blank(group), &choices, (JobId(0), w), &viewer);
    let mut page = EditorPage::of(chrome, None, 0, v, choices);
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
    let choices = Choices::of(&app, &viewer).await?;
    let version = posted.text("version").parse().unwrap_or(0);
    let (v, w) = (Fields::of_posted(&posted), chrome.words);
    let (draft, errors) = read_draft(&v, current.draft.clone(), &choices, (id, w), &viewer);
    let mut page = EditorPage::of(chrome, Some(id), version, v, choices);
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
    let choices = Choices::of(&app, &viewer).await?;
    let id = posted.text("id").parse().ok();
    let version = posted.text("version").parse().unwrap_or(0);
    show(&EditorPage::of(
        chrome,
        id,
        version,
        Fields::of_posted(&posted),
        choices,
    ))
}
