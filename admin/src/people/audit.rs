//! The audit log: who changed what, newest first, with what differs.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use carillon_store::{AuditEntry, AuditFilter, AuditVerb, Seal};
use serde::Deserialize;
use serde_json::Value;

use crate::app::App;
use crate::cursor::query;
use crate::difference::{Line, differences};
use crate::faults::Fault;
use crate::moment::Moment;
use crate::page::{Chrome, show as show_page};
use crate::words::{Words, fill_in};

/// Entries on one page.
const PAGE_SIZE: usize = 50;

/// The list's state.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    actor: String,
    object: String,
    before: String,
}

#[derive(Template)]
#[template(path = "people/audit.html")]
struct AuditPage {
    chrome: Chrome,
    w: &'static Words,
    asked: Asked,
    rows: Vec<Row>,
    next: Option<String>,
    /// How far the chain of seals reaches.
    sealed: String,
    chain_end: Seal,
}

struct Row {
    at: Moment,
    actor: String,
    address: String,
    verb: Cow<'static, str>,
    object: String,
    href: Option<String>,
    /// What a job is called.
    name: Option<String>,
    lines: Vec<Line>,
}

/// The page of what an entry is about, where there is one.
fn href(object: &str) -> Option<String> {
    let (noun, id) = object.split_once(' ')?;
    match noun {
        "job" | "run" | "node" | "user" => Some(format!("/{noun}s/{id}")),
        "calendar" => Some(format!("/calendars/{id}")),
        "incident" => Some(format!("/alerts/{id}")),
        "group" => Some("/groups".to_owned()),
        "token" => Some("/tokens".to_owned()),
        _ => None,
    }
}

/// What the jobs among the objects are called.
fn job_names(app: &App, entries: &[AuditEntry]) -> HashMap<String, String> {
    let objects = entries.iter().map(|entry| entry.object.as_str());
    let ids = objects.filter_map(|object| object.strip_prefix("job ")?.parse().ok());
    let jobs = app.roster.of(ids).into_iter();
    jobs.map(|job| (format!("job {}", job.id), job.name.clone()))
        .collect()
}

/// The log.
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Query(asked): Query<Asked>,
    chrome: Chrome,
) -> Result<Response, Fault> {
    let some = |text: &String| (!text.is_empty()).then(|| text.trim().to_owned());
    let filter = AuditFilter {
        actor: some(&asked.actor),
        object: some(&asked.object).map(|told| chrome.words.object_meant(&told)),
        before: asked.before.parse().ok(),
    };
    let mut entries = app
        .store
        .audit_entries(&filter, u32::try_from(PAGE_SIZE + 1).unwrap_or(51))
        .await?;
    let has_more = entries.len() > PAGE_SIZE;
    entries.truncate(PAGE_SIZE);
    let next = entries.last().filter(|_| has_more).map(|last| {
        query(
            "/audit",
            &[
                ("actor", &asked.actor),
                ("object", &asked.object),
                ("before", &last.id.to_string()),
            ],
        )
    });
    app.refresh_roster().await?;
    let names = job_names(&app, &entries);
    let chain_end = app.store.audit_chain_end().await?;
    let sealed = fill_in(chrome.words.people.audit_sealed, chain_end.place);
    let parse = |text: &Option<String>| {
        text.as_deref()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or(Value::Null)
    };
    let row = |entry: &AuditEntry| Row {
        at: chrome.moments.at(entry.made_at),
        actor: entry.actor.clone(),
        address: entry.address.clone().unwrap_or_default(),
        verb: match entry.verb.parse::<AuditVerb>() {
            Ok(verb) => chrome.words.deed(verb).into(),
            Err(_) => entry.verb.clone().into(),
        },
        href: href(&entry.object),
        name: names.get(entry.object.as_str()).cloned(),
        object: chrome.words.object(&entry.object),
        lines: differences(&parse(&entry.before), &parse(&entry.after)),
    };
    show_page(&AuditPage {
        rows: entries.iter().map(row).collect(),
        w: chrome.words,
        chrome,
        asked,
        next,
        sealed,
        chain_end,
    })
}
