//! The list of jobs: by name, filtered by words, group and switch, paged by key.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
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
use crate::living_parts::is_for_living_parts;
use crate::moment::Moment;
use crate::page::{Chrome, show as show_page};
use crate::roster::{Entry, Filter, Place};
use crate::runs::strip::{Patience, strips};
use crate::shortened::shorten;
use crate::viewer::Viewer;
use crate::views::ViewBar;
use crate::words::{Words, fill};

/// Jobs on one page.
const PAGE_SIZE: usize = 32;
/// What the rows of one page may weigh, in bytes: where names are long, a page has fewer.
const ROWS_WEIGHT_MAX: usize = 42_000;
/// Bytes of a row without its texts.
const ROW_WEIGHT: usize = 900;
/// Characters of a command that lists show where they are wide, that they show at all, and that they tell on demand.
const COMMAND_SHORT_MAX: usize = 40;
const COMMAND_MAX: usize = 100;
const COMMAND_TOLD_MAX: usize = 300;

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
    /// The last runs could not be read in time.
    is_without_strips: bool,
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
    /// More of it, where it may be cut.
    command_told: Option<String>,
    may_run: bool,
    may_pause: bool,
    may_edit: bool,
}

/// The list.
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    viewer: Viewer,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
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
    let patience = match chrome.runs_script && !is_for_living_parts(&headers) {
        true => Patience::Short,
        false => Patience::Long,
    };
    let count = found.count;
    let is_short = found.entries.len() < PAGE_SIZE;
    let listed = list(&app, &viewer, (found, patience), &groups, &chrome).await?;
    let looked_until = listed.next.as_ref().filter(|_| is_short && !listed.is_cut);
    let looked_until = looked_until.map(|(name, _)| fill(chrome.words.jobs.looked_until, &[name]));
    let next = listed
        .next
        .map(|after| asked.address(&cursor::write(&after)));
    let lists = (FilteredList::Jobs, groups.as_slice());
    let views = ViewBar::of(&app, &viewer, lists, &chrome).await?;
    let page = ListPage {
        views,
        rows: listed.rows,
        is_without_strips: listed.is_without_strips,
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

/// The rows of a page.
struct Listed {
    rows: Vec<Row>,
    /// The last runs could not be read in time.
    is_without_strips: bool,
    /// Where the next page begins.
    next: Option<Place>,
    /// More were found than have room.
    is_cut: bool,
}

async fn list(
    app: &App,
    viewer: &Viewer,
    (found, patience): (Found, Patience),
    groups: &[JobGroup],
    chrome: &Chrome,
) -> Result<Listed, Fault> {
    let entries = found.entries;
    let ids: Vec<JobId> = entries.iter().map(|entry| entry.id).collect();
    let strips = strips(&app.store, &ids, patience).await?;
    let is_without_strips = strips.is_none();
    let mut strips = strips.unwrap_or_default();
    let rows = entries.iter().map(|entry| Row {
        strip: strips.remove(&entry.id).unwrap_or_default(),
        ..row(entry, groups, viewer, chrome)
    });
    let rows = as_many_as_fit(rows);
    let is_cut = rows.len() < entries.len();
    let next = match is_cut {
        true => rows.len().checked_sub(1).map(|last| entries[last].place()),
        false => found.next,
    };
    Ok(Listed {
        rows,
        is_without_strips,
        next,
        is_cut,
    })
}

/// The first rows, until the page weighs enough; never none of some.
fn as_many_as_fit(rows: impl Iterator<Item = Row>) -> Vec<Row> {
    let mut weight = 0;
    let mut fit = Vec::new();
    for row in rows {
        weight += row.weight();
        if weight > ROWS_WEIGHT_MAX && !fit.is_empty() {
            break;
        }
        fit.push(row);
    }
    fit
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

impl Row {
    /// About how many bytes it will have.
    fn weight(&self) -> usize {
        let told = self.command_told.as_deref().unwrap_or_default();
        let texts = [&self.name, &self.group, &self.sentence, &self.expression];
        let texts = texts.into_iter().chain([&self.command]);
        let texts = texts.map(String::as_str).chain([told]);
        // What HTML gives a meaning is written with five.
        let bytes = |byte: u8| match byte {
            b'&' | b'<' | b'>' | b'"' | b'\'' => 5,
            _ => 1,
        };
        let texts: usize = texts.flat_map(str::bytes).map(bytes).sum();
        ROW_WEIGHT + self.strip.len() + texts
    }
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
        command: shorten(command, COMMAND_MAX).into_owned(),
        command_told: (command.len() > COMMAND_SHORT_MAX)
            .then(|| shorten(command, COMMAND_TOLD_MAX).into_owned()),
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
