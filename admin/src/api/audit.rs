//! `/api/v1/audit`.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use carillon_store::{AuditEntry, AuditFilter};
use serde::Deserialize;
use serde_json::{Value, json};

use super::reply::{Paging, list};
use crate::app::App;
use crate::cursor;
use crate::faults::Fault;
use crate::moment::rfc3339;

/// Which entries to list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    object: Option<String>,
    actor: Option<String>,
}

fn write(entry: &AuditEntry) -> Value {
    let text = |text: &Option<String>| {
        text.as_deref()
            .map(|text| serde_json::from_str(text).unwrap_or_else(|_| json!(text)))
    };
    let (before, after): (Option<Value>, Option<Value>) = (text(&entry.before), text(&entry.after));
    json!({
        "id": entry.id,
        "made_at": rfc3339(entry.made_at),
        "actor": entry.actor,
        "address": entry.address,
        "verb": entry.verb,
        "object": entry.object,
        "group_id": entry.group,
        "before": before,
        "after": after,
    })
}

/// The entries, newest first.
pub(crate) async fn index(
    State(app): State<Arc<App>>,
    Query(asked): Query<Asked>,
    Query(paging): Query<Paging>,
) -> Result<Response, Fault> {
    let limit = paging.limit()?;
    let filter = AuditFilter {
        before: cursor::read(&paging.cursor)?,
        object: asked.object,
        actor: asked.actor,
    };
    let entries = app.store.audit_entries(&filter, limit + 1).await?;
    Ok(list(entries, limit, |entry| entry.id, write))
}
