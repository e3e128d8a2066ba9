//! The list of jobs: by name, filtered by words, group and switch, paged by key.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use carillon_core::access::Verb;
use carillon_core::identity::{GroupId, JobId};
use carillon_store::JobGroup;
use serde::Deserialize;

use crate::app::App;
use crate::badge::Badge;
use crate::cursor::{self, query};
use crate::faults::Fault;
use crate::moment::Moment;
use crate::page::{Chrome, show as show_page};
use crate::roster::{Entry, Filter};
use crate::runs::strip::strips;
use crate::viewer::Viewer;
use crate::words::{Words, fill};

/// Jobs on one page.
const PAGE_SIZE: usize = 50;

/// The list's state, all of it in the address.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    q: String,
    group: String,
    state: String,
    after: String,
}

#[derive(Template)]
#[template(path = "jobs/list.html")]
struct ListPage {
    chrome: Chrome,
    w: &'static Words,
    asked: Asked,
    groups: Vec<JobGroup>,
    rows: Vec<Row>,
    next: Option<String>,
    count: String,
    has_filter: bool,
    may_edit: bool,
}

struct Row {
    id: JobId,
    name: String,
    group: String,
    badge: Badge,
    sentence: String,
    expression: String,
    next_fire: Option<Moment>,
    strip: String,
    command: String,
    may_run: bool,
    may_pause: bool,
    may_edit: bool,
}

/// The list.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
    chrome: Chrome,
) -> Result<Response, Fault> {
    app.roster.refresh(&app.store).await?;
    let mut groups = app.store.groups().await?;
    groups.retain(|group| viewer.rights.allows_in(Verb::View, group.id));
    let filter = Filter {
        groups: viewer.rights.groups(Verb::View),
        group: asked.group.parse::<i64>().ok().map(GroupId),
        enabled: match asked.state.as_str() {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        },
        words: asked
            .q
            .to_lowercase()
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
    };
    let after = cursor::read(&asked.after)?;
    let mut entries = app.roster.list(&filter, after.as_ref(), PAGE_SIZE + 1);
    let has_more = entries.len() > PAGE_SIZE;
    entries.truncate(PAGE_SIZE);
    let next = entries.last().filter(|_| has_more).map(|entry| {
        let after = cursor::write(&entry.place());
        query(
            "/jobs",
            &[
                ("q", &asked.q),
                ("group", &asked.group),
                ("state", &asked.state),
                ("after", &after),
            ],
        )
    });
    let ids: Vec<JobId> = entries.iter().map(|entry| entry.id).collect();
    let mut strips = strips(&app.store, &ids, chrome.words).await?;
    let rows = entries.iter().map(|entry| Row {
        strip: strips.remove(&entry.id).unwrap_or_default(),
        ..row(entry, &groups, &viewer, &chrome)
    });
    show_page(&ListPage {
        rows: rows.collect(),
        count: fill(chrome.words.jobs.count, &[&app.roster.count(&filter)]),
        has_filter: !(asked.q.is_empty() && asked.group.is_empty() && asked.state.is_empty()),
        may_edit: chrome.may(Verb::Edit),
        w: chrome.words,
        chrome,
        asked,
        groups,
        next,
    })
}

fn row(entry: &Entry, groups: &[JobGroup], viewer: &Viewer, chrome: &Chrome) -> Row {
    let may = |verb| viewer.rights.allows_in(verb, entry.group);
    let group = groups.iter().find(|group| group.id == entry.group);
    Row {
        id: entry.id,
        name: entry.name.clone(),
        group: group.map(|group| group.name.clone()).unwrap_or_default(),
        badge: switch_badge(entry.enabled, chrome.words),
        sentence: entry.schedule.as_ref().map_or_else(
            || entry.expression.clone(),
            |schedule| schedule.describe(chrome.words.lang),
        ),
        expression: format!("{} · {}", entry.expression, entry.zone),
        next_fire: entry
            .next_after(chrome.moments.now)
            .map(|time| chrome.moments.since(time)),
        strip: String::new(),
        command: entry.command.lines().next().unwrap_or_default().to_owned(),
        may_run: may(Verb::Run),
        may_pause: may(Verb::Pause),
        may_edit: may(Verb::Edit),
    }
}

/// Whether a job's schedule fires.
pub(crate) fn switch_badge(enabled: bool, words: &Words) -> Badge {
    match enabled {
        true => Badge::new("on", words.jobs.enabled),
        false => Badge::new("off", words.jobs.disabled),
    }
}
