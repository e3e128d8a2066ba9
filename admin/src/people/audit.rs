//! The audit log: who changed what, newest first, with what differs.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use carillon_store::{AuditEntry, AuditFilter};
use serde::Deserialize;
use serde_json::Value;

use crate::app::App;
use crate::cursor::query;
use crate::difference::{Line, differences};
use crate::faults::Fault;
use crate::moment::Moment;
use crate::page::{Chrome, show as show_page};
use crate::words::{Words, fill};

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
    /// How far the chain of seals reaches, and its end.
    sealed: String,
}

struct Row {
    at: Moment,
    actor: String,
    address: String,
    verb: String,
    object: String,
    href: Option<String>,
    lines: Vec<Line>,
}

/// The page of what an entry is about, where there is one.
fn href(object: &str) -> Option<String> {
    let (noun, id) = object.split_once(' ')?;
    match noun {
        "job" | "run" | "node" | "user" => Some(format!("/{noun}s/{id}")),
        "group" => Some("/groups".to_owned()),
        _ => None,
    }
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
        object: some(&asked.object),
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
    let end = app.store.audit_chain_end().await?;
    let sealed = fill(chrome.words.people.audit_sealed, &[&end.place, &end]);
    let parse = |text: &Option<String>| {
        text.as_deref()
            .and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or(Value::Null)
    };
    let row = |entry: &AuditEntry| Row {
        at: chrome.moments.at(entry.made_at),
        actor: entry.actor.clone(),
        address: entry.address.clone().unwrap_or_default(),
        verb: entry.verb.clone(),
        href: href(&entry.object),
        object: entry.object.clone(),
        lines: differences(&parse(&entry.before), &parse(&entry.after)),
    };
    show_page(&AuditPage {
        rows: entries.iter().map(row).collect(),
        w: chrome.words,
        chrome,
        asked,
        next,
        sealed,
    })
}
