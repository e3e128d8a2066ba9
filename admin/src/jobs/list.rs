//! The list of jobs: by name, filtered by words, group and switch, paged by key.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use carillon_core::access::Verb;
use carillon_core::identity::{GroupId, JobId};
use carillon_core::node::Limits;
use carillon_core::saved_view::FilteredList;
use carillon_store::JobGroup;
use serde::Deserialize;

use super::query::{FILTERS, Known, Query as JobQuery, completions};
use super::search::{Found, search};
use crate::app::App;
use crate::badge::Badge;
use crate::cursor::{self, query};
use crate::faults::Fault;
use crate::moment::Moment;
use crate::page::{Chrome, show as show_page};
use crate::roster::{Entry, Filter};
use crate::runs::strip::strips;
use crate::viewer::Viewer;
use crate::views::ViewBar;
use crate::words::{Words, fill};

/// Jobs on one page.
const PAGE_SIZE: usize = 32;
/// Bytes of a command that lists show whole.
const COMMAND_SHORT_MAX: usize = 40;

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
    views: ViewBar,
    groups: Vec<JobGroup>,
    rows: Vec<Row>,
    next: Option<String>,
    /// How far it was looked, when what matches is rare.
    looked_until: Option<String>,
    count: String,
    has_filter: bool,
    may_edit: bool,
    /// What of the query is not understood.
    wrong: Option<String>,
    completions: Vec<String>,
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
    /// Whether it may be cut where the list is narrow.
    is_long: bool,
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
    app.refresh_roster().await?;
    let mut groups = app.store.groups().await?;
    groups.retain(|group| viewer.rights.allows_in(Verb::View, group.id));
    let nodes = app.store.nodes(Limits::default()).await?;
    let known = Known {
        groups: &groups,
        nodes: &nodes,
    };
    let calendars = app.store.calendars().await?.into_iter();
    let completions = completions(known, calendars.map(|one| one.draft.name.to_string()));
    let read = JobQuery::parse(&asked.q, known);
    let wrong = read
        .as_ref()
        .err()
        .map(|refused| refused.told(chrome.words));
    let found = match read {
        Ok(query) => find(&app, &viewer, &asked, query).await?,
        Err(_) => Found::default(),
    };
    let status = match wrong {
        None => StatusCode::OK,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let entries = found.entries;
    let looked_until = (entries.len() < PAGE_SIZE).then_some(found.next.as_ref());
    let looked_until = looked_until
        .flatten()
        .map(|(name, _)| fill(chrome.words.jobs.looked_until, &[name]));
    let next = found
        .next
        .map(|after| asked.address(&cursor::write(&after)));
    let ids: Vec<JobId> = entries.iter().map(|entry| entry.id).collect();
    let mut strips = strips(&app.store, &ids).await?;
    let rows = entries.iter().map(|entry| Row {
        strip: strips.remove(&entry.id).unwrap_or_default(),
        ..row(entry, &groups, &viewer, &chrome)
    });
    let count = found.count;
    let list = (FilteredList::Jobs, groups.as_slice());
    let views = ViewBar::of(&app, &viewer, list, &chrome).await?;
    let page = ListPage {
        views,
        rows: rows.collect(),
        count: count.map_or_else(String::new, |count| {
            fill(chrome.words.jobs.count, &[&count])
        }),
        has_filter: !(asked.q.is_empty() && asked.group.is_empty() && asked.state.is_empty()),
        may_edit: chrome.may(Verb::Edit),
        w: chrome.words,
        chrome,
        asked,
        groups,
        next,
        looked_until,
        wrong,
        completions,
    };
    Ok((status, show_page(&page)?).into_response())
}

async fn find(app: &App, viewer: &Viewer, asked: &Asked, query: JobQuery) -> Result<Found, Fault> {
    let filter = Filter {
        groups: viewer.rights.groups(Verb::View),
        group: asked.group.parse::<i64>().ok().map(GroupId),
        enabled: match asked.state.as_str() {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        },
        tests: query.tests.clone(),
    };
    let after = cursor::read(&asked.after)?;
    Ok(search(app, (&filter, &query), after, PAGE_SIZE).await?)
}

impl Asked {
    /// The address of the page after that place.
    fn address(&self, after: &str) -> String {
        query(
            "/jobs",
            &[
                ("q", &self.q),
                ("group", &self.group),
                ("state", &self.state),
                ("after", after),
            ],
        )
    }
}

fn row(entry: &Entry, groups: &[JobGroup], viewer: &Viewer, chrome: &Chrome) -> Row {
    let may = |verb| viewer.rights.allows_in(verb, entry.group);
    let group = groups.iter().find(|group| group.id == entry.group);
    let command = entry.command.lines().next().unwrap_or_default();
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
        command: command.to_owned(),
        is_long: command.len() > COMMAND_SHORT_MAX,
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
