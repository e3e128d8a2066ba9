//! One incident: what was seen, its course, who was told and what they answered.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use carillon_core::access::Verb;
use carillon_core::evidence::Evidence;
use carillon_core::identity::JobId;
use carillon_core::incident::Incident;
use carillon_core::rule::{Rule, SubjectKind};
use carillon_store::{Channel, DeliveryRecord, StoreError};

use super::alerts::{Row, row};
use super::commands::{HandedOver, delivery_badge};
use super::evidence::facts;
use crate::app::App;
use crate::badge::Badge;
use crate::faults::Fault;
use crate::moment::Moment;
use crate::page::{Chrome, show as show_page};
use crate::viewer::Viewer;
use crate::words::{Words, fill};

#[derive(Template)]
#[template(path = "system/incident.html")]
struct IncidentPage {
    chrome: Chrome,
    w: &'static Words,
    row: Row,
    rule: Rule,
    kind: SubjectKind,
    subject_id: i64,
    evidence: Vec<(&'static str, String)>,
    /// The last lines of the command.
    output: String,
    course: Vec<(String, Moment)>,
    counts: Vec<(&'static str, i64)>,
    deliveries: Vec<Delivery>,
    mute_story: String,
    may_manage: bool,
}

struct Delivery {
    made_at: Moment,
    channel: &'static str,
    address: String,
    href: Option<String>,
    badge: Badge,
    attempts: u32,
    try_at: Option<Moment>,
    result: HandedOver,
}

/// Passes when the viewer may see the incident's subject: of a job, its group.
///
/// # Errors
/// As if there were none.
pub(crate) async fn require_visible(
    app: &App,
    incident: &Incident,
    viewer: &Viewer,
) -> Result<(), Fault> {
    if incident.subject.kind != SubjectKind::Job || viewer.rights.allows_everywhere(Verb::View) {
        return Ok(());
    }
    let group = match app.store.job(JobId(incident.subject.id)).await {
        Ok(job) => Some(job.draft.group),
        Err(StoreError::NotFound { .. }) => None,
        Err(error) => return Err(error.into()),
    };
    match group.is_some_and(|group| viewer.rights.allows_in(Verb::View, group)) {
        true => Ok(()),
        false => Err(Fault::not_found("incident", &incident.id.to_string())),
    }
}

/// The page.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<i64>,
    viewer: Viewer,
    chrome: Chrome,
) -> Result<Response, Fault> {
    let incident = app.store.incident(id).await?;
    require_visible(&app, &incident, &viewer).await?;
    let w = chrome.words;
    let deliveries = app.store.deliveries_of(id).await?;
    let row = row(&incident, &chrome);
    show_page(&IncidentPage {
        mute_story: fill(w.system.mute_subject_story, &[&row.rule, &row.subject]),
        evidence: facts(&incident.evidence, &chrome),
        output: match &incident.evidence {
            Evidence::Run(run) => run.output.join("\n"),
            _ => String::new(),
        },
        course: course(&incident, &chrome),
        counts: vec![
            (w.system.incident_times, incident.trouble_count),
            (w.system.incident_openings, i64::from(incident.openings)),
            (w.system.told, incident.told_count),
        ],
        deliveries: deliveries
            .iter()
            .map(|record| delivery(record, &chrome))
            .collect(),
        rule: incident.rule,
        kind: incident.subject.kind,
        subject_id: incident.subject.id,
        may_manage: chrome.may_everywhere(Verb::ManageAlerts),
        row,
        w,
        chrome,
    })
}

/// What happened when, in its order.
fn course(incident: &Incident, chrome: &Chrome) -> Vec<(String, Moment)> {
    let w = &chrome.words.system;
    let by = incident.acknowledged_by.clone().unwrap_or_default();
    let mut course = vec![
        (w.incident_began.to_owned(), Some(incident.since_at)),
        (w.incident_opened.to_owned(), Some(incident.opened_at)),
        (
            w.incident_last_trouble.to_owned(),
            Some(incident.last_trouble_at),
        ),
        (w.incident_told.to_owned(), incident.told_at),
        (
            fill(w.incident_acknowledged, &[&by]),
            incident.acknowledged_at,
        ),
        (w.incident_well.to_owned(), incident.well_since),
        (w.incident_over.to_owned(), incident.resolved_at),
    ];
    course.sort_by_key(|(_, at)| *at);
    let moments = &chrome.moments;
    let told = course.into_iter();
    told.filter_map(|(what, at)| Some((what, moments.at(at?))))
        .collect()
}

fn delivery(record: &DeliveryRecord, chrome: &Chrome) -> Delivery {
    let w = &chrome.words.system;
    let address = &record.destination.address;
    let (channel, href) = match record.destination.channel {
        Channel::Mail => (w.channel_mail, None),
        Channel::Webhook => (w.channel_webhook, None),
        Channel::Command => (w.channel_command, Some(format!("/jobs/{address}"))),
    };
    Delivery {
        made_at: chrome.moments.at(record.made_at),
        channel,
        address: address.clone(),
        href,
        badge: delivery_badge(chrome.words, record.state),
        attempts: record.attempts,
        try_at: record.try_at.map(|at| chrome.moments.since(at)),
        result: HandedOver::of(record),
    }
}
