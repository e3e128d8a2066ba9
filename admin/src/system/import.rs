//! Importing a crontab: paste it, see what every line becomes, then save.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use carillon_core::access::Verb;
use carillon_core::crontab::{Form, Reading, Reason, Seconds};
use carillon_core::identity::{GroupId, JobId};
use carillon_core::import::{Arrival, Manifest, read_manifest};
use carillon_store::JobGroup;

use crate::app::App;
use crate::crontab_import::import;
use crate::faults::Fault;
use crate::form::FieldErrors;
use crate::page::{Chrome, go, show as show_page};
use crate::posted::Posted;
use crate::viewer::Viewer;
use crate::words::{Words, fill};

#[derive(Template)]
#[template(path = "system/import.html")]
struct ImportPage {
    chrome: Chrome,
    w: &'static Words,
    groups: Vec<JobGroup>,
    zones: &'static [&'static str],
    form: ImportForm,
    lines: Vec<Line>,
    jobs: usize,
    wrong: Option<String>,
    errors: FieldErrors,
}

#[derive(Debug, Clone, Default)]
struct ImportForm {
    text: String,
    group: String,
    zone: String,
    seconds: String,
    is_system: bool,
    is_paused: bool,
}

/// What a line becomes.
struct Line {
    number: usize,
    name: String,
    sentence: String,
    expression: String,
    command: String,
    wrong: Option<String>,
    ignored: Option<String>,
}

impl ImportForm {
    fn of(posted: &Posted) -> Self {
        ImportForm {
            text: posted.text("text").replace("\r\n", "\n"),
            group: posted.text("group").to_owned(),
            zone: posted.text("zone").trim().to_owned(),
            seconds: posted.text("seconds").to_owned(),
            is_system: posted.has("system"),
            is_paused: posted.has("paused"),
        }
    }

    fn read(&self, group: GroupId) -> Manifest {
        let reading = Reading {
            file: "pasted",
            form: if self.is_system {
                Form::System
            } else {
                Form::User
            },
            seconds: match self.seconds.as_str() {
                "yes" => Seconds::Always,
                "no" => Seconds::Never,
                _ => Seconds::Detect,
            },
            zone: &self.zone,
        };
        read_manifest(
            &self.text,
            &reading,
            Arrival {
                group,
                enabled: !self.is_paused,
                is_file: false,
            },
        )
    }
}

async fn editable(app: &App, viewer: &Viewer) -> Result<Vec<JobGroup>, Fault> {
    let mut groups = app.store.groups().await?;
    groups.retain(|group| viewer.rights.allows_in(Verb::Edit, group.id));
    Ok(groups)
}

/// The empty form.
pub(crate) async fn form(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    chrome: Chrome,
) -> Result<Response, Fault> {
    let form = ImportForm {
        zone: chrome.moments.zone_name.clone(),
        ..ImportForm::default()
    };
    show_page(&ImportPage {
        groups: editable(&app, &viewer).await?,
        zones: crate::zones::NAMES,
        w: chrome.words,
        lines: Vec::new(),
        jobs: 0,
        wrong: None,
        errors: FieldErrors::default(),
        chrome,
        form,
    })
}

/// Shows what every line becomes; saves when that was asked for and every line is understood.
pub(crate) async fn submit(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    chrome: Chrome,
    posted: Posted,
) -> Result<Response, Fault> {
    let w = chrome.words;
    let groups = editable(&app, &viewer).await?;
    let form = ImportForm::of(&posted);
    let group = groups
        .iter()
        .find(|group| group.id.to_string() == form.group)
        .or(groups.first());
    let group = group.ok_or(Fault::Forbidden { verb: Verb::Edit })?.id;
    let mut errors = FieldErrors::default();
    if let Err(error) = carillon_core::schedule::time_zone(&form.zone) {
        errors.add("zone", error.told(w.lang));
    }
    let manifest = form.read(group);
    if manifest
        .jobs
        .iter()
        .any(|job| job.draft.spec.launch.run_as.is_some())
    {
        viewer.require_in(Verb::RunAs, group)?;
    }
    let wrong = match (manifest.errors.len(), manifest.jobs.len()) {
        (0, 0) => Some(w.system.import_empty.to_owned()),
        (0, _) => None,
        (wrong, _) => Some(fill(w.system.import_wrong, &[&wrong])),
    };
    if posted.has("save") && wrong.is_none() && errors.is_empty() {
        import(&app.store, None, manifest.jobs, &viewer.editor()).await?;
        return Ok(go("/jobs?note=import_done"));
    }
    let status = if wrong.is_some() || !errors.is_empty() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let page = ImportPage {
        zones: crate::zones::NAMES,
        jobs: manifest.jobs.len(),
        lines: lines(&manifest, w),
        w,
        chrome,
        groups,
        form,
        wrong,
        errors,
    };
    Ok((status, show_page(&page)?).into_response())
}

fn lines(manifest: &Manifest, w: &Words) -> Vec<Line> {
    let blank = |number| Line {
        number,
        name: String::new(),
        sentence: String::new(),
        expression: String::new(),
        command: String::new(),
        wrong: None,
        ignored: None,
    };
    let jobs = manifest.jobs.iter().map(|job| {
        let schedule = &job.draft.schedule;
        Line {
            name: job.draft.name.to_string(),
            sentence: schedule
                .parse(JobId(0))
                .map(|parsed| parsed.describe(w.lang))
                .unwrap_or_default(),
            expression: format!("{} · {}", schedule.expression, schedule.zone),
            command: job.draft.spec.launch.command.clone(),
            ..blank(job.line)
        }
    });
    let wrong = manifest.errors.iter().map(|remark| Line {
        wrong: Some(remark.why.told(w.lang)),
        ..blank(remark.line)
    });
    let ignored = manifest
        .ignored
        .iter()
        .filter(|remark| remark.why != Reason::Blank);
    let ignored = ignored.map(|remark| Line {
        ignored: Some(remark.why.told(w.lang).to_owned()),
        ..blank(remark.line)
    });
    let mut lines: Vec<Line> = jobs.chain(wrong).chain(ignored).collect();
    lines.sort_by_key(|line| line.number);
    lines
}
