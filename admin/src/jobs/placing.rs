//! Where a job would run: the nodes that match what the editor's form says of them. A fragment, as the preview of the
//! schedule beside it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use carillon_core::node::{Duty, Limits, Liveness};
use carillon_core::placement::{Placement, Target};
use carillon_store::Node;
use serde_json::Value;

use super::fields::Fields;
use crate::app::App;
use crate::badge::Badge;
use crate::faults::Fault;
use crate::form::FieldErrors;
use crate::nodes::list::node_badge;
use crate::page::{Chrome, show};
use crate::posted::Posted;
use crate::words::{Words, fill};

/// Nodes named one by one; what is beyond is counted.
const SHOWN: usize = 24;

/// The nodes that match.
#[derive(Debug, Template)]
#[template(path = "jobs/placing.html")]
pub(crate) struct Placing {
    summary: String,
    nodes: Vec<(i64, String, Badge)>,
    /// How many more match.
    others: Option<String>,
    warnings: Vec<String>,
}

impl Placing {
    /// Looks at what the form says of nodes.
    pub(crate) fn of(v: &Fields, nodes: &[Node], w: &'static Words) -> Self {
        let e = &w.editor;
        let mut errors = FieldErrors::default();
        let document = v.document(&mut errors);
        let read = |name: &str| document.get(name).cloned().unwrap_or(Value::Null);
        let names = |name: &str| serde_json::from_value(read(name)).unwrap_or_default();
        let target = Target {
            labels: serde_json::from_value(read("labels")).unwrap_or_default(),
            nodes: names("nodes"),
            exclude: names("exclude_nodes"),
        };
        let used: Vec<&Node> = nodes
            .iter()
            .filter(|node| node.peer.duty != Duty::Retired)
            .collect();
        let allowed = |node: &&&Node| target.allows(&node.peer.name, &node.peer.labels);
        let matching: Vec<&Node> = used.iter().filter(allowed).copied().collect();
        let is_ready = |node: &&&Node| {
            node.peer.duty == Duty::Active
                && node.peer.liveness == Liveness::Fresh
                && node.left_at.is_none()
        };
        let ready = matching.iter().filter(is_ready).count();
        let mut warnings: Vec<String> =
            errors.of("labels").map(str::to_owned).into_iter().collect();
        for name in target.nodes.iter().chain(&target.exclude) {
            if !used.iter().any(|node| node.peer.name == *name) {
                warnings.push(fill(e.no_such_node, &[name]));
            }
        }
        match serde_json::from_value(read("placement")) {
            _ if ready == 0 => warnings.push(e.no_ready_node.to_owned()),
            Ok(Placement::Some(seats)) if ready < usize::from(seats) => {
                warnings.push(fill(e.too_few_nodes, &[&seats, &ready]));
            }
            _ => {}
        }
        let others = matching.len().saturating_sub(SHOWN);
        let shown = matching.iter().take(SHOWN).map(|node| {
            let name = node.peer.name.clone();
            (node.peer.id.0, name, node_badge(node, w))
        });
        Placing {
            summary: fill(e.nodes_match, &[&matching.len(), &used.len()]),
            nodes: shown.collect(),
            others: (others > 0).then(|| fill(e.more_nodes, &[&others])),
            warnings,
        }
    }
}

/// The fragment, of the form's fields in the address.
pub(crate) async fn fragment(
    State(app): State<Arc<App>>,
    chrome: Chrome,
    RawQuery(query): RawQuery,
) -> Result<Response, Fault> {
    let posted = Posted::parse(query.unwrap_or_default().as_bytes());
    let nodes = app.store.nodes(Limits::default()).await?;
    show(&Placing::of(
        &Fields::of_posted(&posted),
        &nodes,
        chrome.words,
    ))
}
