//! Alerts: what the monitor found, who looks after it, and what is muted.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use carillon_core::access::Verb;
use carillon_core::incident::Incident;
use carillon_core::rule::{Rule, SubjectKind};
use carillon_store::{IncidentFilter, MuteDraft};
use jiff::SignedDuration;
use serde::Deserialize;

use super::commands::{self, CommandRow};
use super::evidence::told;
use crate::app::App;
use crate::badge::Badge;
use crate::faults::Fault;
use crate::moment::Moment;
use crate::page::{Chrome, go, show as show_page};
use crate::posted::Posted;
use crate::runs::list::visible_groups;
use crate::viewer::Viewer;
use crate::words::{Words, fill};

/// Incidents on one page.
const PAGE_SIZE: u32 = 50;

#[derive(Template)]
#[template(path = "system/alerts.html")]
struct AlertsPage {
    chrome: Chrome,
    w: &'static Words,
    is_past: bool,
    rows: Vec<Row>,
    mutes: Vec<MuteRow>,
    commands: Vec<CommandRow>,
    next: Option<String>,
    rules: &'static [Rule],
    has_monitor: bool,
    held: Option<Held>,
    may_manage: bool,
}

pub(super) struct Row {
    pub(super) id: i64,
    pub(super) badge: Badge,
    pub(super) rule: String,
    pub(super) subject: String,
    pub(super) href: Option<String>,
    since: Moment,
    resolved: Option<Moment>,
    told: i64,
    pub(super) acknowledged: Option<String>,
    evidence: String,
    pub(super) is_open: bool,
}

/// What waits for quiet hours to end.
struct Held {
    count: i64,
    until: Moment,
}

struct MuteRow {
    id: i64,
    what: String,
    /// Of which subject only, and its page.
    of: Option<(String, Option<String>)>,
    reason: String,
    by: String,
    until: Moment,
}

/// Which incidents to show.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    state: String,
    before: String,
}

pub(super) fn row(incident: &Incident, chrome: &Chrome) -> Row {
    let w = chrome.words;
    let subject = &incident.subject;
    let href = href(subject.kind, subject.id);
    let badge = match (incident.resolved_at, incident.acknowledged_at) {
        (Some(_), _) => Badge::new("resolved", w.system.resolved_state),
        (None, Some(_)) => Badge::new("acknowledged", w.system.acknowledged),
        (None, None) => Badge::new("open", w.system.open),
    };
    Row {
        id: incident.id,
        badge,
        rule: w.rule(incident.rule),
        subject: match subject.kind {
            SubjectKind::Cluster => w.subject_kind(subject.kind).to_owned(),
            _ => subject.name.clone(),
        },
        href,
        since: chrome.moments.at(incident.since_at),
        resolved: incident.resolved_at.map(|at| chrome.moments.at(at)),
        told: incident.told_count,
        acknowledged: incident
            .acknowledged_by
            .as_ref()
            .map(|by| fill(w.system.acknowledged_by, &[by])),
        evidence: told(&incident.evidence, chrome),
        is_open: incident.resolved_at.is_none(),
    }
}

fn href(kind: SubjectKind, id: i64) -> Option<String> {
    match kind {
        SubjectKind::Node => Some(format!("/nodes/{id}")),
        SubjectKind::Job => Some(format!("/jobs/{id}")),
        SubjectKind::Token => Some("/tokens".to_owned()),
        SubjectKind::Monitor | SubjectKind::Endpoint | SubjectKind::Cluster => None,
    }
}

/// The page.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Query(asked): Query<Asked>,
    viewer: Viewer,
    chrome: Chrome,
) -> Result<Response, Fault> {
    let w = chrome.words;
    let is_past = asked.state == "past";
    let filter = IncidentFilter {
        is_open: Some(!is_past),
        groups: visible_groups(&viewer),
        before: asked.before.parse().ok(),
        ..IncidentFilter::default()
    };
    let mut incidents = app.store.incidents(&filter, PAGE_SIZE + 1).await?;
    let has_more = incidents.len() > PAGE_SIZE as usize;
    incidents.truncate(PAGE_SIZE as usize);
    let next = incidents.last().filter(|_| has_more);
    let state = if is_past { "past" } else { "" };
    let next = next.map(|last| {
        crate::cursor::query(
            "/alerts",
            &[("state", state), ("before", &last.id.to_string())],
        )
    });
    let mutes = app.store.mutes().await?.into_iter().map(|mute| MuteRow {
        id: mute.id,
        of: mute
            .subject_kind
            .zip(mute.subject_id)
            .map(|(kind, id)| (format!("{} {id}", w.subject_kind(kind)), href(kind, id))),
        what: mute
            .rule
            .map_or_else(|| w.chrome.any.to_owned(), |rule| w.rule(rule)),
        reason: mute.reason,
        by: mute.made_by,
        until: chrome.moments.since(mute.until_time),
    });
    let held = app.store.held_deliveries().await?.map(|held| Held {
        count: held.count,
        until: chrome.moments.at(held.until),
    });
    let may_manage = chrome.may_everywhere(Verb::ManageAlerts);
    show_page(&AlertsPage {
        commands: match may_manage {
            true => commands::rows(&app, &chrome).await?,
            false => Vec::new(),
        },
        held,
        mutes: mutes.collect(),
        rows: incidents
            .iter()
            .map(|incident| row(incident, &chrome))
            .collect(),
        rules: Rule::ALL,
        has_monitor: !app.store.monitors().await?.is_empty(),
        may_manage,
        is_past,
        w,
        chrome,
        next,
    })
}

/// Says that somebody looks after it.
pub(crate) async fn acknowledge(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    viewer: Viewer,
    _: Posted,
) -> Result<Response, Fault> {
    app.store.acknowledge_incident(id, &viewer.editor()).await?;
    Ok(go("/alerts?note=saved"))
}

/// Mutes a rule, or everything, for a while.
pub(crate) async fn mute(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    posted: Posted,
) -> Result<Response, Fault> {
    let hours = posted
        .text("hours")
        .parse()
        .ok()
        .filter(|hours| (1..=24 * 30).contains(hours))
        .unwrap_or(1);
    let draft = MuteDraft {
        rule: posted.text("rule").parse().ok(),
        subject_kind: posted.text("subject_kind").parse().ok(),
        subject_id: posted.text("subject_id").parse().ok(),
        reason: posted.text("reason").trim().chars().take(500).collect(),
        until_time: app.now() + SignedDuration::from_hours(hours),
    };
    app.store.mute(&draft, &viewer.editor()).await?;
    Ok(go("/alerts?note=saved"))
}

/// Ends a mute.
pub(crate) async fn unmute(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    viewer: Viewer,
    _: Posted,
) -> Result<Response, Fault> {
    app.store.unmute(id, &viewer.editor()).await?;
    Ok(go("/alerts?note=saved"))
}
