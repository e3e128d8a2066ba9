//! The page of a calendar: what it blacks out and who keeps to it, and for those who may, its editor.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use carillon_core::access::Verb;
use carillon_core::calendar::CalendarText;
use carillon_core::identity::CalendarId;
use carillon_store::{Calendar, CalendarJob, CalendarUses};

use super::preview::Preview;
use crate::app::App;
use crate::faults::Fault;
use crate::form::FieldErrors;
use crate::page::{Chrome, show as show_page};
use crate::posted::Posted;
use crate::viewer::Viewer;
use crate::words::{Words, fill};

/// Jobs named on the page.
const JOBS_SHOWN: usize = 20;
/// Jobs looked at to find those that the viewer may see.
const JOBS_READ: u32 = 500;

/// The form, as typed.
#[derive(Debug, Clone, Default)]
pub(super) struct Form {
    pub(super) id: Option<CalendarId>,
    pub(super) version: i64,
    pub(super) name: String,
    pub(super) zone: String,
    pub(super) text: String,
}

impl Form {
    /// The form as it was sent.
    pub(super) fn of_posted(posted: &Posted, id: Option<CalendarId>) -> Self {
        Form {
            id,
            version: posted.text("version").parse().unwrap_or(0),
            name: posted.text("name").trim().to_owned(),
            zone: posted.text("zone").trim().to_owned(),
            text: posted.text("text").replace("\r\n", "\n"),
        }
    }

    /// The form of a calendar as it is.
    pub(super) fn of_calendar(calendar: &Calendar) -> Self {
        Form {
            id: Some(calendar.id),
            version: calendar.version,
            name: calendar.draft.name.to_string(),
            zone: calendar.draft.zone.clone(),
            text: calendar.draft.text.to_string(),
        }
    }
}

/// What stands above the form.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) errors: FieldErrors,
    /// Why it was not saved or deleted.
    pub(super) refused: Option<String>,
    /// What an import did not take over.
    pub(super) remarks: Vec<String>,
}

#[derive(Template)]
#[template(path = "calendars/editor.html")]
struct EditorPage {
    chrome: Chrome,
    w: &'static Words,
    form: Form,
    findings: Findings,
    preview: Preview,
    zones: &'static [&'static str],
    may_manage: bool,
    uses: CalendarUses,
    /// Those that the viewer may see.
    jobs: Vec<CalendarJob>,
    hidden: u64,
}

impl EditorPage {
    fn affects(&self) -> String {
        fill(self.w.calendars.affects, &[&self.uses.jobs])
    }

    fn behind(&self) -> String {
        let numbers: [&dyn std::fmt::Display; 2] = [&self.uses.behind, &self.uses.jobs];
        fill(self.w.calendars.behind, &numbers)
    }
}

/// Shows the editor with what was found.
pub(super) async fn page(
    app: &App,
    viewer: &Viewer,
    chrome: Chrome,
    (form, findings): (Form, Findings),
) -> Result<Response, Fault> {
    let (uses, mut jobs) = match form.id {
        Some(id) => (
            app.store.uses_of_calendar(id).await?,
            app.store.jobs_of_calendar(id, JOBS_READ).await?,
        ),
        None => Default::default(),
    };
    jobs.retain(|job| viewer.rights.allows_in(Verb::View, job.group));
    jobs.sort_by(|one, other| one.name.cmp(&other.name));
    jobs.truncate(JOBS_SHOWN);
    let is_refused = !findings.errors.is_empty() || findings.refused.is_some();
    let preview = match CalendarText::parse(&form.text) {
        Ok(text) => Preview::of(&form.zone, &text, &chrome.moments),
        Err(errors) => Preview::wrong(&form.text, &errors, chrome.words.lang),
    };
    let page = EditorPage {
        w: chrome.words,
        may_manage: chrome.may_everywhere(Verb::ManageCalendars),
        zones: crate::zones::NAMES,
        hidden: uses.jobs.saturating_sub(jobs.len() as u64),
        chrome,
        form,
        findings,
        preview,
        uses,
        jobs,
    };
    let status = match is_refused {
        true => StatusCode::UNPROCESSABLE_ENTITY,
        false => StatusCode::OK,
    };
    Ok((status, show_page(&page)?).into_response())
}

/// An empty editor.
pub(crate) async fn new(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    chrome: Chrome,
) -> Result<Response, Fault> {
    let form = Form {
        zone: chrome.moments.zone_name.clone(),
        ..Form::default()
    };
    page(&app, &viewer, chrome, (form, Findings::default())).await
}

/// A calendar.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<CalendarId>,
    viewer: Viewer,
    chrome: Chrome,
) -> Result<Response, Fault> {
    let form = Form::of_calendar(&app.store.calendar(id).await?);
    page(&app, &viewer, chrome, (form, Findings::default())).await
}
