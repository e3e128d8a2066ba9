//! What the editor of a calendar does: look at it, read a file into it, save it, delete it.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use carillon_core::calendar::{CalendarName, CalendarText};
use carillon_core::icalendar::read_icalendar;
use carillon_core::identity::CalendarId;
use carillon_core::lang::Lang;
use carillon_core::schedule::time_zone;
use carillon_store::{CalendarDraft, StoreError};

use super::editor::{Findings, Form, page};
use super::hand_on::hand_on_at_once;
use crate::app::App;
use crate::faults::Fault;
use crate::form::FieldErrors;
use crate::page::{Chrome, go};
use crate::posted::Posted;
use crate::viewer::Viewer;
use crate::words::{Words, fill};

/// Judges the name, zone and text that were typed, all at once, in the words of `lang`.
///
/// # Errors
/// Field by field.
pub(crate) fn judge(
    (name, zone, text): (&str, &str, &str),
    lang: Lang,
) -> Result<CalendarDraft, FieldErrors> {
    let mut errors = FieldErrors::default();
    let name = errors.check("name", name.parse::<CalendarName>(), |error| {
        error.to_string()
    });
    if let Err(error) = time_zone(zone) {
        errors.add("zone", error.told(lang));
    }
    let text = match CalendarText::parse(text) {
        Ok(text) => Some(text),
        Err(wrong) => {
            for error in wrong {
                errors.add("text", error.told(lang));
            }
            None
        }
    };
    match (name, text) {
        (Some(name), Some(text)) if errors.is_empty() => Ok(CalendarDraft {
            name,
            zone: zone.to_owned(),
            text,
        }),
        _ => Err(errors),
    }
}

fn posted_id(posted: &Posted) -> Option<CalendarId> {
    posted.text("id").parse().ok()
}

/// Shows the form again with its text looked at.
pub(crate) async fn check(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    chrome: Chrome,
    posted: Posted,
) -> Result<Response, Fault> {
    let form = Form::of_posted(&posted, posted_id(&posted));
    let errors = judge((&form.name, &form.zone, &form.text), chrome.words.lang).err();
    let findings = Findings {
        errors: errors.unwrap_or_default(),
        ..Findings::default()
    };
    page(&app, &viewer, chrome, (form, findings)).await
}

/// Adds the events of an iCalendar file to the text; saves nothing.
pub(crate) async fn import(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    chrome: Chrome,
    posted: Posted,
) -> Result<Response, Fault> {
    let mut form = Form::of_posted(&posted, posted_id(&posted));
    let mut findings = Findings::default();
    match read_icalendar(posted.text("ics"), &form.zone, chrome.moments.now) {
        Ok(imported) => {
            let w: &Words = chrome.words;
            let count = match CalendarText::parse(&form.text) {
                Ok(mut text) => {
                    let count = text.add(imported.blackouts);
                    form.text = text.to_string();
                    count
                }
                // What is not understood stays as it is; its lines are named beside it.
                Err(_) => {
                    let count = imported.blackouts.len();
                    let lines = CalendarText::of(imported.blackouts);
                    form.text = format!("{}\n{lines}", form.text.trim_end());
                    count
                }
            };
            findings.remarks.push(fill(w.calendars.imported, &[&count]));
            let told = imported
                .remarks
                .iter()
                .map(|remark| fill(w.calendars.remark, &[&remark.line, &remark.words]));
            findings.remarks.extend(told);
        }
        Err(error) => findings.errors.add("ics", error.to_string()),
    }
    page(&app, &viewer, chrome, (form, findings)).await
}

impl Findings {
    /// Tells of a name that is taken.
    /// # Errors
    /// With any other refusal.
    fn take_refusal(&mut self, error: StoreError, w: &Words) -> Result<(), Fault> {
        match error {
            StoreError::NameTaken(_) => {
                self.errors.add("name", w.calendars.name_taken);
                Ok(())
            }
            other => Err(other.into()),
        }
    }
}

/// Makes a calendar.
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    chrome: Chrome,
    posted: Posted,
) -> Result<Response, Fault> {
    let form = Form::of_posted(&posted, None);
    let mut findings = Findings::default();
    match judge((&form.name, &form.zone, &form.text), chrome.words.lang) {
        Ok(draft) => match app.store.create_calendar(&draft, &viewer.editor()).await {
            Ok(calendar) => {
                return Ok(go(&format!(
                    "/calendars/{}?note=calendar_created",
                    calendar.id
                )));
            }
            Err(error) => findings.take_refusal(error, chrome.words)?,
        },
        Err(errors) => findings.errors = errors,
    }
    page(&app, &viewer, chrome, (form, findings)).await
}

/// Saves a calendar at the version its editor saw, and has its jobs follow.
pub(crate) async fn save(
    State(app): State<Arc<App>>,
    Path(id): Path<CalendarId>,
    viewer: Viewer,
    chrome: Chrome,
    posted: Posted,
) -> Result<Response, Fault> {
    let mut form = Form::of_posted(&posted, Some(id));
    let mut findings = Findings::default();
    let editor = viewer.editor();
    match judge((&form.name, &form.zone, &form.text), chrome.words.lang) {
        Ok(draft) => match app
            .store
            .change_calendar(id, form.version, &draft, &editor)
            .await
        {
            Ok(_) => {
                let note = match hand_on_at_once(&app.store, id, &editor).await? {
                    0 => "calendar_saved",
                    _ => "calendar_following",
                };
                return Ok(go(&format!("/calendars/{id}?note={note}")));
            }
            Err(StoreError::Conflict { current, .. }) => {
                let theirs = app.store.calendar(id).await?;
                let told = fill(
                    chrome.words.calendars.conflict,
                    &[&theirs.edited_by, &current],
                );
                findings.refused = Some(told);
                findings.remarks = theirs
                    .draft
                    .text
                    .to_string()
                    .lines()
                    .map(str::to_owned)
                    .collect();
                // Saving again is then a decision taken with both texts in view.
                form.version = current;
            }
            Err(error) => findings.take_refusal(error, chrome.words)?,
        },
        Err(errors) => findings.errors = errors,
    }
    page(&app, &viewer, chrome, (form, findings)).await
}

/// Deletes a calendar that no job keeps to.
pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    Path(id): Path<CalendarId>,
    viewer: Viewer,
    chrome: Chrome,
    posted: Posted,
) -> Result<Response, Fault> {
    let version = posted.text("version").parse().unwrap_or(0);
    match app
        .store
        .delete_calendar(id, version, &viewer.editor())
        .await
    {
        Ok(()) => Ok(go("/calendars?note=calendar_deleted")),
        // The page names the jobs.
        Err(StoreError::Rejected(_)) => {
            let calendar = app.store.calendar(id).await?;
            let findings = Findings {
                refused: Some(chrome.words.calendars.delete_refused.to_owned()),
                ..Findings::default()
            };
            page(
                &app,
                &viewer,
                chrome,
                (Form::of_calendar(&calendar), findings),
            )
            .await
        }
        Err(error) => Err(error.into()),
    }
}
